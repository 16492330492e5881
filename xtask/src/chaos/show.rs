//! The result, for scripts and for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::leaks::Leaks;
use super::reckon::Reckoning;
use super::run::Run;
use crate::rig::upstream::Upstream;

/// Things that are wrong and shown; the rest is counted.
const SHOWN: usize = 40;

/// What `--json` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Result<'a> {
    seed: u64,
    seconds: f64,
    /// The profile of the programs.
    profile: &'static str,
    faults: u32,
    #[serde(flatten)]
    reckoning: &'a Reckoning,
    /// Commits of killed modules that were found in the ledger alone.
    silent_commits: u64,
    upstream_messages: u64,
    image_bytes: u64,
    /// Secrets and parts of pictures in logs and records.
    leaks: usize,
    /// What was looked for, and in how many bytes.
    secrets: usize,
    searched_bytes: u64,
    kinds: BTreeMap<&'static str, u64>,
    moments: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    /// How many things are wrong.
    wrong: usize,
}

impl<'a> Result<'a> {
    pub(super) fn new(
        seed: u64,
        seconds: f64,
        run: &Run,
        (upstream, leaks): (&Upstream, &Leaks),
        reckoning: &'a Reckoning,
    ) -> Self {
        Self {
            seed,
            seconds,
            profile: "dev",
            faults: run.done,
            reckoning,
            silent_commits: run.records.silent,
            upstream_messages: upstream.messages,
            image_bytes: upstream.image_bytes,
            leaks: leaks.found.len(),
            secrets: leaks.looked_for,
            searched_bytes: leaks.searched,
            kinds: run.faults.clone(),
            moments: run.moments.clone(),
            wrong: reckoning.wrong.len(),
        }
    }

    /// For people.
    pub(super) fn words(&self, reckoning: &Reckoning) -> String {
        let mut text = String::new();
        for (kind, count) in &self.kinds {
            let moments: Vec<String> = self
                .moments
                .get(kind)
                .into_iter()
                .flatten()
                .map(|(moment, count)| format!("{moment} {count}"))
                .collect();
            let _ = writeln!(text, "  {kind:<16}{count:>5}   {}", moments.join(", "));
        }
        let all = self.reckoning;
        let _ = writeln!(
            text,
            "chaos: {} faults in {} s; {} cameras, {} pictures, {} confirmed by the hub",
            self.faults, self.seconds, all.cameras, all.frames, all.acknowledged
        );
        let _ = writeln!(
            text,
            "chaos: {} deliveries: {} acknowledged by the module, {} more known to be committed ({} by the ledger of a killed module alone); {} cameras without any doubt",
            all.handed,
            all.handed_acknowledged,
            all.handed_witnessed,
            self.silent_commits,
            all.cameras_without_doubt
        );
        let _ = write!(
            text,
            "chaos: lost {}, doubled {}, rejected {}, wrong labels {}, duplicates {} of {} repeated deliveries, upstream {} messages",
            all.lost,
            all.doubled,
            all.rejected,
            all.wrong_labels,
            all.duplicate,
            all.repeated_deliveries,
            self.upstream_messages
        );
        let _ = write!(
            text,
            "\nchaos: leaks {}: {} secrets and parts of pictures looked for in {} bytes of logs",
            self.leaks, self.secrets, self.searched_bytes
        );
        for wrong in reckoning.wrong.iter().take(SHOWN) {
            let _ = write!(text, "\nWRONG: {wrong}");
        }
        if reckoning.wrong.len() > SHOWN {
            let _ = write!(text, "\nand {} more", reckoning.wrong.len() - SHOWN);
        }
        if !reckoning.wrong.is_empty() {
            let _ = write!(text, "\nchaos: FAILED with seed {}", self.seed);
        }
        text
    }
}
