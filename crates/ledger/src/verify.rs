//! The proof that the sums agree.
//!
//! [`CHECKS`] says what is proved. Reads the reports' own bytes, as the hub got them, and adds them up anew. Of reports that are not
//! kept any more their carried-forward sum is taken; the first report that is kept proves that one,
//! since its totals say the sum of all before it. Writes nothing.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::Connection;
use serde::Serialize;

use crate::error::{LedgerError, store_failed};
use crate::report::{self, Report, SCHEMA, report_id};
use crate::retention;
use crate::seal::next_sequence;
use crate::sums::{self, CameraSums, Scope, Sums, number};
use crate::totals::ledger_id;
use crate::window::instant;

/// What a [verification](crate::Ledger::verify) saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Reports that were read and added up.
    pub reports: u64,
    /// Reports before those that are not kept any more; their sum was taken as it is.
    pub carried_forward: u64,
    /// Windows that are not sealed yet.
    pub open_windows: u64,
    /// Cameras that were compared.
    pub cameras: u64,
    /// Frames received since the ledger began.
    pub received: u64,
    /// What does not agree; empty when the counts are right. At most [`MAX_FINDINGS`].
    pub findings: Vec<String>,
}

impl Verification {
    /// Whether everything agreed.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.findings.is_empty()
    }
}

/// What a verification proves, a sentence each.
pub const CHECKS: [&str; 7] = [
    "received is the sum of the outcomes, in every stored sum and for each camera of every report",
    "the sequence of the reports has no gap, and each id is that of its ledger and sequence",
    "each report's bytes parse, and its window is the one it is stored under",
    "each report's own sums are those of its cameras, and its totals those of all up to it",
    "for each camera, carried forward and all reports are what the ledger says is sealed",
    "for each camera, these and the open windows are the totals",
    "no frame that is remembered was counted twice",
];

/// After this many findings no more are written down.
pub const MAX_FINDINGS: usize = 100;

pub(crate) fn verify(connection: &Connection, path: &Path) -> Result<Verification, LedgerError> {
    let failed = || store_failed(path, "verify the sums");
    let moment = connection.unchecked_transaction().map_err(failed())?;
    let mut findings = Findings::default();

    let ledger = ledger_id(&moment).map_err(failed())?;
    check_rows(&moment, &mut findings).map_err(failed())?;
    let carried = retention::carried_through(&moment).map_err(failed())?;
    let carried_sums = sums::of_cameras(&moment, Scope::Carried).map_err(failed())?;
    for (camera, sums) in &carried_sums {
        let what = format!("carried forward of camera {camera:?}");
        check_outcomes(&what, sums, &mut findings);
    }
    let before = Reported {
        last: carried,
        reports: 0,
        cameras: carried_sums,
    };
    let reported = add_reports(&moment, path, &ledger, before, &mut findings)?;
    let next = next_sequence(&moment).map_err(failed())?;
    let expected = next.saturating_sub(carried + 1);
    if reported.reports != expected {
        findings.add(|| format!("{} reports, expected {expected}", reported.reports));
    }

    let sealed = sums::of_cameras(&moment, Scope::Sealed).map_err(failed())?;
    compare(
        "sealed sums",
        &sealed,
        "reports and what is carried forward",
        &reported.cameras,
        &mut findings,
    );

    let mut counted = reported.cameras;
    let open = open_windows(&moment).map_err(failed())?;
    for open_window in &open {
        let of_window = sums::of_cameras(&moment, Scope::Open(*open_window)).map_err(failed())?;
        for (camera, sums) in &of_window {
            check_outcomes(
                &format!("open window of camera {camera:?}"),
                sums,
                &mut findings,
            );
        }
        add_cameras(&mut counted, &of_window);
    }
    check_remembered(&moment, &mut findings).map_err(failed())?;
    let recorded = sums::of_cameras(&moment, Scope::Recorded).map_err(failed())?;
    for (camera, sums) in &recorded {
        check_outcomes(&format!("totals of camera {camera:?}"), sums, &mut findings);
    }
    compare(
        "totals",
        &recorded,
        "reports, what is carried forward and open windows",
        &counted,
        &mut findings,
    );

    Ok(Verification {
        reports: reported.reports,
        carried_forward: carried,
        open_windows: open.len() as u64,
        cameras: recorded.len() as u64,
        received: sums::whole(&recorded).frames.received,
        findings: findings.texts,
    })
}

/// The copy by which frames are known must agree with the store: where it did not, a frame was taken
/// for a new one.
fn check_remembered(connection: &Connection, findings: &mut Findings) -> rusqlite::Result<()> {
    let mut twice = connection.prepare(
        "SELECT name, count(*) FROM
            (SELECT camera FROM remembered GROUP BY camera, id, content HAVING count(*) > 1)
         JOIN camera USING (camera) GROUP BY camera",
    )?;
    let mut rows = twice.query([])?;
    while let Some(row) = rows.next()? {
        let (camera, frames): (String, u64) = (row.get(0)?, number(row, 1)?);
        findings.add(|| format!("{frames} frames of camera {camera:?} were counted twice"));
    }
    Ok(())
}

/// What reports say, from the first of the ledger on.
struct Reported {
    /// The sequence of the last one.
    last: u64,
    /// How many of them were read.
    reports: u64,
    cameras: CameraSums,
}

fn add_reports(
    connection: &Connection,
    path: &Path,
    ledger: &str,
    before: Reported,
    findings: &mut Findings,
) -> Result<Reported, LedgerError> {
    let failed = || store_failed(path, "read the reports");
    let mut statement = connection
        .prepare_cached(
            "SELECT sequence, report_id, starts_at, ends_at, body FROM report ORDER BY sequence",
        )
        .map_err(failed())?;
    let mut rows = statement.query([]).map_err(failed())?;
    let mut reported = before;
    let mut running = sums::whole(&reported.cameras);
    while let Some(row) = rows.next().map_err(failed())? {
        let sequence = number(row, 0).map_err(failed())?;
        let id: String = row.get(1).map_err(failed())?;
        let window: (i64, i64) = read_window(row).map_err(failed())?;
        let body = row
            .get_ref(4)
            .and_then(|body| Ok(body.as_blob()?))
            .map_err(failed())?;
        reported.reports += 1;
        reported.last += 1;
        let expected = reported.last;
        let expected_id = report_id(ledger, expected);
        if (sequence, id.as_str()) != (expected, expected_id.as_str()) {
            findings.add(|| format!("report {sequence} ({id}), expected {expected_id}"));
        }
        let report: Report = match serde_json::from_slice(body) {
            Ok(report) => report,
            Err(cause) => {
                findings.add(|| format!("the bytes of report {id} are no report: {cause}"));
                continue;
            }
        };
        check_heading(&report, ledger, expected, window, findings);
        for (name, camera) in &report.cameras {
            let what = format!("camera {name:?} in report {id}");
            check_outcomes(&what, &camera.sums, findings);
        }
        let own = Sums {
            counts: report.counts,
            frames: report.frames,
        };
        if own != report::whole(&report.cameras) {
            findings.add(|| format!("report {id} is not the sum of its cameras"));
        }
        running.add(&own);
        if running != report.totals {
            findings.add(|| format!("totals of report {id} are not the sum of all up to it"));
        }
        for (name, camera) in report.cameras {
            reported.cameras.entry(name).or_default().add(&camera.sums);
        }
    }
    Ok(reported)
}

fn read_window(row: &rusqlite::Row<'_>) -> rusqlite::Result<(i64, i64)> {
    Ok((row.get(2)?, row.get(3)?))
}

/// What the bytes say of themselves, against the row that they lie in.
fn check_heading(
    report: &Report,
    ledger: &str,
    sequence: u64,
    (starts_at, ends_at): (i64, i64),
    findings: &mut Findings,
) {
    let id = report_id(ledger, sequence);
    if (report.sequence, &report.report_id) != (sequence, &id) {
        let (seen, own) = (&report.report_id, report.sequence);
        findings.add(|| format!("report {id} calls itself {seen} with the sequence {own}"));
    }
    if (report.schema.as_str(), report.ledger.as_str()) != (SCHEMA, ledger) {
        findings.add(|| {
            let (schema, of) = (&report.schema, &report.ledger);
            format!("report {id} is a {schema} of {of}, expected a {SCHEMA} of {ledger}")
        });
    }
    if (report.window_start, report.window_end) != (instant(starts_at), instant(ends_at)) {
        findings.add(|| format!("report {id} is stored under another window than its own"));
    }
}

/// What no sum that is read by name shows: the stored outcomes of each row.
fn check_rows(connection: &Connection, findings: &mut Findings) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT scope, name, received, CAST(classified + unsure + ignored + duplicate AS TEXT), rejected,
            coalesce((SELECT sum(number) FROM named_sum AS of_reason
                WHERE of_reason.scope = frame_sum.scope
                AND of_reason.camera = frame_sum.camera AND kind = 'rejected'), 0) AS by_reason
         FROM frame_sum JOIN camera USING (camera)
         WHERE received <> classified + unsure + ignored + duplicate + rejected
            OR rejected <> by_reason",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (scope, camera): (i64, String) = (row.get(0)?, row.get(1)?);
        // As text: a sum that is too great for a number is a finding too.
        let others: String = row.get(3)?;
        let numbers: [i64; 3] = [row.get(2)?, row.get(4)?, row.get(5)?];
        let [received, rejected, by_reason] = numbers;
        findings.add(|| {
            format!(
                "stored frames of camera {camera:?} in scope {scope}: received {received}, \
                 expected {others} and {rejected} rejected, which are {by_reason} by reason"
            )
        });
    }
    Ok(())
}

fn open_windows(connection: &Connection) -> rusqlite::Result<Vec<i64>> {
    // From the sums too, so that one without its window is found.
    connection
        .prepare_cached(
            "SELECT open_window FROM open_window
             UNION SELECT scope FROM frame_sum WHERE scope > 0
             UNION SELECT scope FROM named_sum WHERE scope > 0",
        )?
        .query_map([], |row| row.get(0))?
        .collect()
}

fn add_cameras(into: &mut CameraSums, from: &CameraSums) {
    for (camera, sums) in from {
        into.entry(camera.clone()).or_default().add(sums);
    }
}

fn check_outcomes(what: &str, sums: &Sums, findings: &mut Findings) {
    let (received, outcomes) = (sums.frames.received, sums.frames.outcomes());
    if received != outcomes {
        findings
            .add(|| format!("{what}: received {received}, expected {outcomes} as the outcomes"));
    }
}

fn compare(
    what: &str,
    seen: &CameraSums,
    by: &str,
    expected: &CameraSums,
    findings: &mut Findings,
) {
    let nothing = Sums::default();
    let cameras: BTreeMap<&String, ()> = seen
        .keys()
        .chain(expected.keys())
        .map(|camera| (camera, ()))
        .collect();
    for camera in cameras.into_keys() {
        let seen = seen.get(camera).unwrap_or(&nothing);
        let expected = expected.get(camera).unwrap_or(&nothing);
        if seen != expected {
            findings.add(|| {
                format!("{what} of camera {camera:?} are {seen:?}, expected {expected:?} by {by}")
            });
        }
    }
}

#[derive(Default)]
struct Findings {
    texts: Vec<String>,
}

impl Findings {
    fn add(&mut self, text: impl FnOnce() -> String) {
        if self.texts.len() < MAX_FINDINGS {
            self.texts.push(text());
        }
    }
}
