//! The comparison at the end: what was sent with what was counted, camera by
//! camera. Pure: takes what was read, gives numbers and a verdict.
//!
//! Lost and doubled frames are found for each camera alone and then summed, so
//! that one camera's loss never hides behind another's double.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::baseline::{self, Baseline};
use super::plan::{Camera, RENDERED_TRUTHS};
use super::sent::Sent;
use crate::rig::upstream::{Counted, Upstream};

/// What the demo found. Its JSON form is the last line of `demo --json`; the
/// names and the nesting are a contract with scripts.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    /// Distinct frames that the hub confirmed, by truth.
    pub(super) sent: BTreeMap<String, u64>,
    /// Fruits by label, and frames that ended in another outcome.
    pub(super) counted: Outcomes,
    /// For each truth: fruits by label, and `unsure` frames.
    pub(super) confusion: BTreeMap<String, BTreeMap<String, u64>>,
    /// What went to the cloud.
    pub(super) upstream: Traffic,
    /// Frames that no report accounts for.
    pub(super) lost: u64,
    /// Frames counted more than once.
    pub(super) doubled: u64,
    /// How long the demo ran, set-up and compilation not included.
    pub(super) seconds: f64,
    /// The part of the sent frames that got the right label, 0 to 1; `unsure`
    /// is not right. `None` if nothing was sent.
    pub(super) accuracy: Option<f64>,
    /// What the best single threshold would have reached on these frames.
    pub(super) baseline: Option<Baseline>,
    /// Repeats the rendered pictures.
    pub(super) seed: u64,
    /// How often something ended and was started again.
    pub(super) restarts: Restarts,
    /// What went wrong on purpose, and how often.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) faults: BTreeMap<String, u64>,
    /// The cameras one by one, for people.
    #[serde(skip)]
    pub(super) cameras: Vec<Row>,
    /// What was wrong beside the numbers above.
    #[serde(skip)]
    pub(super) complaints: Vec<String>,
}

/// Labels beside the outcomes that are not a label.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Outcomes {
    /// Fruits by label.
    #[serde(flatten)]
    pub(super) labels: BTreeMap<String, u64>,
    unsure: u64,
    ignored: u64,
    duplicate: u64,
    rejected: u64,
}

/// What went to the cloud.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Traffic {
    /// Messages.
    pub(super) messages: u64,
    /// Bytes of their bodies.
    pub(super) bytes: u64,
    /// Bytes that are or may be a picture.
    pub(super) image_bytes: u64,
}

/// How often a process ended and was started again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Restarts {
    /// The hub, by the demo.
    pub(super) hub: u64,
    /// The agent, by the demo.
    pub(super) agent: u64,
    /// The module, by the agent.
    pub(super) module: u64,
}

/// One camera.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// Its device id.
    pub(super) id: String,
    /// What it showed.
    pub(super) truth: String,
    /// Distinct frames the hub confirmed.
    pub(super) sent: u64,
    /// What the reports say.
    pub(super) counted: Counted,
    /// Frames missing in the reports.
    pub(super) lost: u64,
    /// Frames too many in them.
    pub(super) doubled: u64,
}

/// What the processes did, as far as the summary needs it.
#[derive(Debug, Clone, Default)]
pub(super) struct Run {
    /// How long it took.
    pub(super) seconds: f64,
    /// The seed of the demo.
    pub(super) seed: u64,
    /// What had to be started again.
    pub(super) restarts: Restarts,
    /// What went wrong on purpose, and how often.
    pub(super) faults: BTreeMap<String, u64>,
    /// What went wrong with the processes.
    pub(super) complaints: Vec<String>,
}

impl Summary {
    /// Compares. `sent` has the report of each camera of the plan, in its order.
    pub(super) fn new(plan: &[Camera], sent: &[Sent], upstream: &Upstream, run: Run) -> Self {
        let rows: Vec<Row> = plan
            .iter()
            .zip(sent)
            .map(|(camera, sent)| row(camera, sent, upstream))
            .collect();
        let mut complaints = run.complaints;
        complaints.extend(upstream.complaints.iter().cloned());
        for id in upstream
            .cameras
            .keys()
            .filter(|id| !plan.iter().any(|camera| &camera.id == *id))
        {
            complaints.push(format!(
                "reports name a camera {id}, which this demo has not started"
            ));
        }
        for (camera, sent) in plan
            .iter()
            .zip(sent)
            .filter(|(_, sent)| sent.unconfirmed() > 0)
        {
            let count = sent.unconfirmed();
            complaints.push(format!(
                "the hub never confirmed {count} frames of {}",
                camera.id
            ));
        }

        let confusion = confusion(&rows);
        let total: u64 = rows.iter().map(|row| row.sent).sum();
        let right: u64 = confusion
            .iter()
            .map(|(truth, row)| row.get(truth).copied().unwrap_or(0))
            .sum();
        Self {
            sent: sums(rows.iter().map(|row| (&row.truth, row.sent))),
            counted: Outcomes::of(&upstream.total()),
            upstream: Traffic {
                messages: upstream.messages,
                bytes: upstream.bytes,
                image_bytes: upstream.image_bytes,
            },
            lost: rows.iter().map(|row| row.lost).sum(),
            doubled: rows.iter().map(|row| row.doubled).sum(),
            seconds: run.seconds,
            accuracy: part(right, total),
            baseline: threshold(plan, sent),
            seed: run.seed,
            restarts: run.restarts,
            faults: run.faults,
            cameras: rows,
            confusion,
            complaints,
        }
    }

    /// Why the demo failed, one sentence each; empty if it did not.
    pub(super) fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        let mut must_be_zero = |count: u64, what: &str| {
            if count > 0 {
                failures.push(format!("{what}: {count}"));
            }
        };
        must_be_zero(
            self.lost,
            "frames lost (confirmed by the hub, in no report)",
        );
        must_be_zero(self.doubled, "frames counted twice");
        must_be_zero(
            self.upstream.image_bytes,
            "bytes of pictures that went upstream",
        );
        if self.sent.values().all(|&sent| sent == 0) {
            failures.push("no frame was sent".to_owned());
        }
        failures.extend(self.complaints.iter().cloned());
        failures
    }
}

impl Outcomes {
    fn of(total: &Counted) -> Self {
        let none = "";
        let mut labels = sums(std::iter::once((none, 0)));
        labels.remove(none);
        for (label, count) in &total.counts {
            *labels.entry(label.clone()).or_default() += count;
        }
        Self {
            labels,
            unsure: total.frames.unsure,
            ignored: total.frames.ignored,
            duplicate: total.frames.duplicate,
            rejected: total.frames.rejected(),
        }
    }
}

fn row(camera: &Camera, sent: &Sent, upstream: &Upstream) -> Row {
    let counted = upstream
        .cameras
        .get(&camera.id)
        .cloned()
        .unwrap_or_default();
    let distinct = counted.frames.distinct();
    Row {
        id: camera.id.clone(),
        truth: camera.truth.clone(),
        sent: sent.confirmed(),
        lost: sent.confirmed().saturating_sub(distinct),
        // A frame the camera gave up on may have arrived all the same.
        doubled: distinct.saturating_sub(sent.confirmed() + sent.unconfirmed()),
        counted,
    }
}

/// Every truth against every label that occurs, and `unsure`.
fn confusion(rows: &[Row]) -> BTreeMap<String, BTreeMap<String, u64>> {
    let mut table = BTreeMap::new();
    let labels = sums(rows.iter().flat_map(|row| {
        row.counted
            .counts
            .keys()
            .chain(std::iter::once(&row.truth))
            .map(|label| (label, 0))
    }));
    let truths = sums(rows.iter().map(|row| (&row.truth, 0)));
    for truth in truths.keys() {
        let mut cells = labels.clone();
        let mut unsure = 0;
        for row in rows.iter().filter(|row| &row.truth == truth) {
            for (label, count) in &row.counted.counts {
                *cells.entry(label.clone()).or_default() += count;
            }
            unsure += row.counted.frames.unsure;
        }
        cells.insert("unsure".to_owned(), unsure);
        table.insert(truth.clone(), cells);
    }
    table
}

/// Sums by name; the two names that scripts rely on are always there.
fn sums<'a>(of: impl Iterator<Item = (impl AsRef<str> + 'a, u64)>) -> BTreeMap<String, u64> {
    let mut sums: BTreeMap<String, u64> = RENDERED_TRUTHS
        .iter()
        .map(|truth| ((*truth).to_owned(), 0))
        .collect();
    for (name, count) in of {
        *sums.entry(name.as_ref().to_owned()).or_default() += count;
    }
    sums
}

/// The baseline, where there are exactly two truths to tell apart.
fn threshold(plan: &[Camera], sent: &[Sent]) -> Option<Baseline> {
    let first = &plan.first()?.truth;
    let mut others = plan
        .iter()
        .map(|camera| &camera.truth)
        .filter(|truth| *truth != first);
    let second = others.next()?;
    if others.any(|truth| truth != second) {
        return None;
    }
    let examples: Vec<_> = plan
        .iter()
        .zip(sent)
        .flat_map(|(camera, sent)| {
            sent.means
                .iter()
                .map(|means| (*means, &camera.truth == first))
        })
        .collect();
    baseline::best(&examples)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a run has far fewer than 2^53 frames"
)]
fn part(of: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| of as f64 / whole as f64)
}

#[cfg(test)]
#[path = "summary_tests.rs"]
mod tests;
