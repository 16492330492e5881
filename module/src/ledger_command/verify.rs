//! `fruit-counter ledger verify`: the proof that the counts are right.

use std::io::Write;

use ledger::{CHECKS, MAX_FINDINGS, Verification};
use serde::Serialize;

use super::{Outcome, Place, json_line};

/// What [`ledger::LedgerReader::verify`] does before its checks.
const PAGES: &str = "every page of the file can be read and is in its place";

/// Prove the sums: every report and every stored sum is read and added up anew.
///
/// Beside a running module it proves one moment; the module goes on meanwhile.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 all agrees, 1 the ledger cannot be read, 2 bad arguments, \
    3 some sums do not agree."
)]
pub(super) struct Arguments {
    #[command(flatten)]
    place: Place,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verdict<'a> {
    ledger: &'a str,
    right: bool,
    reports: u64,
    carried_forward: u64,
    open_windows: u64,
    cameras: u64,
    received: u64,
    checked: Vec<&'static str>,
    findings: &'a [String],
}

pub(super) fn run(arguments: &Arguments, out: &mut impl Write) -> anyhow::Result<Outcome> {
    let reader = arguments.place.open()?;
    let seen = reader.verify()?;
    let checked: Vec<&'static str> = std::iter::once(PAGES).chain(CHECKS).collect();
    if arguments.json {
        let verdict = Verdict {
            ledger: reader.id(),
            right: seen.is_right(),
            reports: seen.reports,
            carried_forward: seen.carried_forward,
            open_windows: seen.open_windows,
            cameras: seen.cameras,
            received: seen.received,
            checked,
            findings: &seen.findings,
        };
        json_line(out, &verdict)?;
    } else {
        writeln!(out, "ledger {}", reader.id())?;
        for check in checked {
            writeln!(out, "checked: {check}")?;
        }
        people(out, &seen)?;
    }
    Ok(if seen.is_right() {
        Outcome::Done
    } else {
        Outcome::WrongSums
    })
}

fn people(out: &mut impl Write, seen: &Verification) -> std::io::Result<()> {
    let Verification {
        reports,
        carried_forward,
        open_windows,
        cameras,
        received,
        findings,
    } = seen;
    writeln!(
        out,
        "read: reports {reports}, before them carried forward {carried_forward}, \
         open windows {open_windows}, cameras {cameras}, frames {received}"
    )?;
    if findings.is_empty() {
        return writeln!(out, "right: all of it agrees");
    }
    let number = findings.len();
    let more = if number == MAX_FINDINGS {
        " or more"
    } else {
        ""
    };
    writeln!(out, "WRONG: {number}{more} findings")?;
    for finding in findings {
        // Names in findings are quoted and escaped already.
        writeln!(out, "  - {finding}")?;
    }
    Ok(())
}
