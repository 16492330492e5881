//! The reckoning: camera by camera and picture by picture, from records that do not know each
//! other. Pure; docs/chaos.md says the rule in words.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::journal::{Deliveries, Frame};
use super::witness::Held;
use super::words::{Outcomes, Words};
use crate::rig::upstream::Counted;

/// A picture that a camera sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    /// Its message id.
    pub(super) id: String,
    /// What `fruit-counter classify` says of it: a label, `unsure` or `ignored`.
    pub(super) label: String,
    /// Whether the hub confirmed it to the camera.
    pub(super) confirmed: bool,
}

/// All records of a run.
#[derive(Debug, Clone, Default)]
pub(super) struct Evidence {
    /// By camera: its own report.
    pub(super) sent: Vec<(String, Vec<Sent>)>,
    /// By picture: the hub's journal.
    pub(super) deliveries: BTreeMap<Frame, Deliveries>,
    /// By picture: the module's log, and the commits that kills left without a line.
    pub(super) outcomes: Words,
    /// By camera: the sum of the reports that went upstream.
    pub(super) reported: BTreeMap<String, Counted>,
    /// By camera: the ledger at the end.
    pub(super) held: BTreeMap<String, Held>,
}

/// What came out.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reckoning {
    pub(super) cameras: u64,
    /// Pictures sent.
    pub(super) frames: u64,
    /// Of those, confirmed by the hub.
    pub(super) acknowledged: u64,
    /// Pictures without an outcome that counts, in log or reports, summed over cameras.
    pub(super) lost: u64,
    /// Such outcomes beyond one for each picture, summed over cameras.
    pub(super) doubled: u64,
    /// Duplicates in the reports.
    pub(super) duplicate: u64,
    /// Committed deliveries of pictures that were committed before, by journal and witnesses.
    pub(super) repeated_deliveries: u64,
    pub(super) rejected: u64,
    /// Pictures counted under another label than they have.
    pub(super) wrong_labels: u64,
    /// Deliveries to the module.
    pub(super) handed: u64,
    /// Of those, acknowledged by it.
    pub(super) handed_acknowledged: u64,
    /// Of the others, known to be committed by the log or by a look into a dead module's ledger.
    pub(super) handed_witnessed: u64,
    /// Cameras of which every delivery was acknowledged, so that the journal alone says it all.
    pub(super) cameras_without_doubt: u64,
    /// Each thing that is wrong, with its camera; empty when all is right.
    #[serde(skip)]
    pub(super) wrong: Vec<String>,
}

/// Holds the records against each other.
pub(super) fn reckon(evidence: &Evidence) -> Reckoning {
    let mut all = Reckoning::default();
    let mut known = BTreeSet::new();
    for (camera, sent) in &evidence.sent {
        known.insert(camera.as_str());
        one_camera(evidence, camera, sent, &mut all);
    }
    let strangers = evidence
        .reported
        .keys()
        .chain(evidence.held.keys())
        .chain(evidence.deliveries.keys().map(|(camera, _)| camera))
        .filter(|camera| !known.contains(camera.as_str()));
    for stranger in strangers.collect::<BTreeSet<_>>() {
        all.wrong
            .push(format!("{stranger}: no such camera was started"));
    }
    all
}

fn one_camera(evidence: &Evidence, camera: &str, sent: &[Sent], all: &mut Reckoning) {
    let reported = evidence.reported.get(camera).cloned().unwrap_or_default();
    let held = evidence.held.get(camera).copied().unwrap_or_default();
    let mut wrong = Vec::new();
    let mut expect = |what: &str, expected: u64, found: u64| {
        if expected != found {
            wrong.push(format!(
                "{camera}: {what}: expected {expected}, found {found}"
            ));
        }
    };

    let distinct: BTreeSet<&str> = sent.iter().map(|sent| sent.id.as_str()).collect();
    let frames = distinct.len() as u64;
    expect(
        "pictures with an id of their own",
        sent.len() as u64,
        frames,
    );
    let confirmed = sent.iter().filter(|sent| sent.confirmed).count() as u64;
    expect("pictures confirmed by the hub", frames, confirmed);

    // Picture by picture: one outcome that counts, and as many in all as deliveries allow.
    let sums = pictures(evidence, camera, &distinct, &mut expect);
    let (handed, acknowledged, committed) = (sums.handed, sums.acknowledged, sums.committed);

    // The camera: reports against deliveries, ledger against reports.
    let frames_reported = &reported.frames;
    expect(
        "outcomes in the reports, by deliveries",
        committed,
        frames_reported.received,
    );
    let repeated = committed.saturating_sub(frames);
    expect(
        "duplicates, by deliveries",
        repeated,
        frames_reported.duplicate,
    );
    expect("pictures counted", frames, frames_reported.distinct());
    expect("rejected", 0, frames_reported.rejected());
    expect(
        "outcomes in the ledger",
        frames_reported.received,
        held.received,
    );
    expect(
        "duplicates in the ledger",
        frames_reported.duplicate,
        held.duplicate,
    );
    // Without the witnesses: what the journal alone allows.
    if frames_reported.received < acknowledged || frames_reported.received > handed {
        expect("outcomes, at least", acknowledged, frames_reported.received);
        expect("outcomes, at most", handed, frames_reported.received);
    }

    let mut labels: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for sent in sent {
        labels.entry(&sent.label).or_default().0 += 1;
    }
    for (label, count) in &reported.counts {
        labels.entry(label).or_default().1 += count;
    }
    for (label, count) in [
        ("unsure", frames_reported.unsure),
        ("ignored", frames_reported.ignored),
    ] {
        labels.entry(label).or_default().1 += count;
    }
    for (label, (right, found)) in labels {
        expect(&format!("pictures that are {label}"), right, found);
        all.wrong_labels += right.saturating_sub(found);
    }

    all.cameras += 1;
    all.frames += frames;
    all.acknowledged += confirmed;
    let distinct = frames_reported.distinct();
    all.lost += frames.saturating_sub(distinct).max(sums.lost);
    all.doubled += distinct.saturating_sub(frames).max(sums.doubled);
    all.duplicate += frames_reported.duplicate;
    all.repeated_deliveries += repeated;
    all.rejected += frames_reported.rejected();
    all.handed += handed;
    all.handed_acknowledged += acknowledged;
    all.handed_witnessed += committed.saturating_sub(acknowledged);
    all.cameras_without_doubt += u64::from(handed == acknowledged);
    all.wrong.append(&mut wrong);
}

/// The pictures of a camera.
#[derive(Debug, Default)]
struct Sums {
    /// Deliveries.
    handed: u64,
    acknowledged: u64,
    committed: u64,
    /// Pictures sent without an outcome that counts, and such outcomes beyond one each.
    lost: u64,
    doubled: u64,
}

/// Checks each picture of a camera.
fn pictures(
    evidence: &Evidence,
    camera: &str,
    distinct: &BTreeSet<&str>,
    expect: &mut impl FnMut(&str, u64, u64),
) -> Sums {
    let mut sums = Sums::default();
    let mut ids = distinct.clone();
    let of_camera = (camera.to_owned(), String::new())..;
    let is_of = |frame: &&Frame| frame.0 == camera;
    let handed = evidence
        .deliveries
        .range(of_camera.clone())
        .map(|(frame, _)| frame);
    ids.extend(handed.take_while(is_of).map(|(_, id)| id.as_str()));
    let recorded = evidence.outcomes.range(of_camera).map(|(frame, _)| frame);
    ids.extend(recorded.take_while(is_of).map(|(_, id)| id.as_str()));
    for id in ids {
        let frame = (camera.to_owned(), id.to_owned());
        let deliveries = evidence.deliveries.get(&frame).copied().unwrap_or_default();
        let outcomes = evidence.outcomes.get(&frame).copied().unwrap_or_default();
        let was_sent = u64::from(distinct.contains(id));
        expect(
            &format!("{id}: outcomes that count"),
            was_sent,
            outcomes.counted,
        );
        let committed = Outcomes::all(outcomes);
        if committed < deliveries.acknowledged {
            expect(
                &format!("{id}: outcomes, as many as acknowledged deliveries at least"),
                deliveries.acknowledged,
                committed,
            );
        }
        if committed > deliveries.handed {
            expect(
                &format!("{id}: outcomes, as many as deliveries at most"),
                deliveries.handed,
                committed,
            );
        }
        sums.handed += deliveries.handed;
        sums.acknowledged += deliveries.acknowledged;
        sums.committed += committed;
        sums.lost += was_sent.saturating_sub(outcomes.counted);
        sums.doubled += outcomes.counted.saturating_sub(was_sent);
    }
    sums
}

#[cfg(test)]
#[path = "reckon_tests.rs"]
mod tests;
