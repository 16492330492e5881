//! `fruit-counter ledger show`: the counts at a glance.

use std::collections::BTreeMap;
use std::io::Write;

use ledger::{LedgerReader, RowKind, Span, Summary, Sums};
use serde::Serialize;
use time::OffsetDateTime;

use super::export::{table, without_cameras};
use super::{Outcome, Place, When, json_line, text};

/// Show what was counted: totals, open windows, the last reports, what waits to be sent.
///
/// With --from or --to also the sum of that span.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  fruit-counter ledger show --cameras\n  \
    fruit-counter ledger show --json --from 2026-11-23 --to 2026-11-24 | jq .span.counts\n\n\
    Exit codes: 0 done, 1 the ledger cannot be read, 2 bad arguments.")]
pub(super) struct Arguments {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    when: When,
    /// Give every camera, too.
    #[arg(long)]
    cameras: bool,
    /// How many of the last reports are shown, 0 to 100.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(0..=100))]
    last: u8,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// The sum of a span of time: its sealed reports that are kept, and its open windows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SpanSums {
    #[serde(with = "time::serde::rfc3339::option")]
    from: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    to: Option<OffsetDateTime>,
    reports: u64,
    open_windows: u64,
    #[serde(flatten)]
    sums: Sums,
    #[serde(skip_serializing_if = "Option::is_none")]
    cameras: Option<BTreeMap<String, Sums>>,
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    summary: &'a Summary,
    #[serde(skip_serializing_if = "Option::is_none")]
    span: Option<&'a SpanSums>,
}

pub(super) fn run(arguments: &Arguments, out: &mut impl Write) -> anyhow::Result<Outcome> {
    let span = match arguments.when.span() {
        Ok(span) => span,
        Err(why) => return Ok(Outcome::BadArguments(why.to_string())),
    };
    let reader = arguments.place.open()?;
    let mut summary = reader.summary(usize::from(arguments.last))?;
    let in_span = (!span.is_always())
        .then(|| add_up(&reader, span, arguments))
        .transpose()?;
    if arguments.json {
        if !arguments.cameras {
            summary.cameras.clear();
            summary.open = summary.open.into_iter().map(without_cameras).collect();
            summary.last = summary.last.into_iter().map(without_cameras).collect();
        }
        let shown = Shown {
            summary: &summary,
            span: in_span.as_ref(),
        };
        json_line(out, &shown)?;
    } else {
        people(out, arguments, &summary, in_span.as_ref())?;
    }
    Ok(Outcome::Done)
}

fn add_up(reader: &LedgerReader, span: Span, arguments: &Arguments) -> anyhow::Result<SpanSums> {
    let mut seen = SpanSums {
        from: arguments.when.from,
        to: arguments.when.to,
        reports: 0,
        open_windows: 0,
        sums: Sums::default(),
        cameras: arguments.cameras.then(BTreeMap::new),
    };
    let mut export = reader.export(span)?;
    while let Some(rows) = export.next_chunk()? {
        for row in rows {
            match row.kind {
                RowKind::Report => seen.reports += 1,
                RowKind::Open => seen.open_windows += 1,
                // It has no place in a span.
                RowKind::CarriedForward => {}
            }
            seen.sums.add(&Sums {
                counts: row.counts,
                frames: row.frames,
            });
            if let Some(cameras) = &mut seen.cameras {
                for (id, camera) in row.cameras.into_iter().flatten() {
                    cameras.entry(id).or_default().add(&camera.sums);
                }
            }
        }
    }
    Ok(seen)
}

fn people(
    out: &mut impl Write,
    arguments: &Arguments,
    summary: &Summary,
    span: Option<&SpanSums>,
) -> anyhow::Result<()> {
    let folder = arguments.place.ledger.display();
    writeln!(
        out,
        "ledger    {} in {folder}, format {}",
        summary.ledger, summary.format
    )?;
    writeln!(out, "began     {}", text::instant(Some(summary.since)))?;
    if let Some(aside) = &summary.set_aside {
        writeln!(
            out,
            "replaces  {}, whose counts are not in here: {}",
            text::plain(&aside.file),
            text::plain(&aside.finding)
        )?;
    }
    writeln!(
        out,
        "reports   {} sealed, the first {} of them carried forward, {} unsent",
        summary.sealed_reports, summary.carried_forward, summary.unsent_reports
    )?;
    sums(out, "totals", &summary.totals)?;
    if arguments.cameras {
        cameras(out, &summary.cameras)?;
    }
    if let Some(span) = span {
        writeln!(
            out,
            "\nfrom {} to {}: {} reports, {} open windows",
            span.from
                .map_or("the beginning".to_owned(), |at| text::instant(Some(at))),
            span.to
                .map_or("now".to_owned(), |at| text::instant(Some(at))),
            span.reports,
            span.open_windows
        )?;
        sums(out, "sum", &span.sums)?;
        cameras(out, span.cameras.as_ref().unwrap_or(&BTreeMap::new()))?;
    }
    let rows = [
        ("last reports", &summary.last),
        ("open windows", &summary.open),
    ];
    for (title, rows) in rows {
        if !rows.is_empty() {
            writeln!(out, "\n{title}\n{}", text::WINDOW_HEAD)?;
        }
        for row in rows {
            table(out, row, arguments.cameras)?;
        }
    }
    Ok(())
}

fn sums(out: &mut impl Write, name: &str, sums: &Sums) -> anyhow::Result<()> {
    let counts = text::counts(&sums.counts, &sums.frames);
    let line = format!("{name:8}  {} received: {counts}", sums.frames.received);
    writeln!(out, "{}", line.trim_end().trim_end_matches(':'))?;
    Ok(())
}

fn cameras(out: &mut impl Write, cameras: &BTreeMap<String, Sums>) -> anyhow::Result<()> {
    for (name, sums) in cameras {
        writeln!(out, "{}", text::camera_line(name, sums))?;
    }
    Ok(())
}
