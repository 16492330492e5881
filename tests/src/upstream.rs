//! What arrived upstream, read from the hub's JSON lines.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;

/// Sums over all reports, each counted once by its `reportId`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CameraSums {
    /// Pictures that reached the ledger.
    pub received: u64,
    /// Of them, repeats.
    pub duplicate: u64,
    /// Of them, below the minimum confidence.
    pub unsure: u64,
    /// Of them, with a label that does not count.
    pub ignored: u64,
    /// Fruits by label.
    pub counts: BTreeMap<String, u64>,
    /// Rejected pictures by reason.
    pub rejected: BTreeMap<String, u64>,
}

impl CameraSums {
    /// Pictures that were counted in some way, repeats left out.
    #[must_use]
    pub fn distinct(&self) -> u64 {
        self.received - self.duplicate
    }
}

/// The hub's file of upstream messages.
#[derive(Debug)]
pub struct Upstream {
    path: PathBuf,
}

impl Upstream {
    pub(crate) fn new(path: &Path) -> Self {
        Upstream {
            path: path.to_owned(),
        }
    }

    /// Every message so far, as the hub wrote it.
    ///
    /// # Errors
    /// When a whole line is not JSON.
    pub fn messages(&self) -> anyhow::Result<Vec<Value>> {
        let text = std::fs::read_to_string(&self.path).unwrap_or_default();
        // The last line may still be in the writing.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole
            .lines()
            .map(|line| serde_json::from_str(line).with_context(|| format!("reading {line}")))
            .collect()
    }

    /// Every distinct report so far.
    ///
    /// # Errors
    /// When a message is not readable.
    pub fn reports(&self) -> anyhow::Result<Vec<Value>> {
        let mut seen = BTreeSet::new();
        let bodies = self
            .messages()?
            .into_iter()
            .map(|mut message| message["body"].take());
        Ok(bodies
            .filter(|body| seen.insert(body["reportId"].to_string()))
            .collect())
    }

    /// The sums of one camera over all reports.
    ///
    /// # Errors
    /// When a message is not readable.
    pub fn camera(&self, name: &str) -> anyhow::Result<CameraSums> {
        let mut sums = CameraSums::default();
        for report in self.reports()? {
            let camera = &report["cameras"][name];
            let frames = &camera["frames"];
            sums.received += frames["received"].as_u64().unwrap_or(0);
            sums.duplicate += frames["duplicate"].as_u64().unwrap_or(0);
            sums.unsure += frames["unsure"].as_u64().unwrap_or(0);
            sums.ignored += frames["ignored"].as_u64().unwrap_or(0);
            add(&mut sums.counts, &camera["counts"]);
            add(&mut sums.rejected, &frames["rejected"]);
        }
        Ok(sums)
    }
}

fn add(sums: &mut BTreeMap<String, u64>, more: &Value) {
    for (name, count) in more.as_object().into_iter().flatten() {
        *sums.entry(name.clone()).or_default() += count.as_u64().unwrap_or(0);
    }
}
