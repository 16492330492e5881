//! `fruit-counter ledger export`: a row for each window, or for each camera of each window.

use std::collections::BTreeMap;
use std::io::Write;

use ledger::{FrameSums, LedgerReader, Sums, WindowRow};

use super::{Format, Outcome, Place, When, csv, json_line, text};

/// Write a row for each window: sealed reports by sequence, then the windows that are still open.
///
/// Without --from and --to the first row is the sum of the reports that are not kept any more, if
/// there are some, so that all rows add up to the totals. Memory does not grow with the rows.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  fruit-counter ledger export --format csv --cameras > counts.csv\n  \
    fruit-counter ledger export --json --from 2026-11-23 --to 2026-11-24 | jq .counts\n\n\
    Exit codes: 0 done, 1 the ledger cannot be read, 2 bad arguments."
)]
pub(super) struct Arguments {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    when: When,
    /// Give every camera of a window. In CSV there is then a row for each camera in place of the
    /// window's own, and none for a report without cameras.
    #[arg(long)]
    cameras: bool,
    /// How the rows are written.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// The same as --format json.
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, out: &mut impl Write) -> anyhow::Result<Outcome> {
    let span = match arguments.when.span() {
        Ok(span) => span,
        Err(why) => return Ok(Outcome::BadArguments(why.to_string())),
    };
    let reader: LedgerReader = arguments.place.open()?;
    let mut export = reader.export(span)?;
    if export.carried_forward() > 0 && !span.is_always() {
        eprintln!(
            "fruit-counter: note: reports 1 to {} are not kept any more and are in no row here; \
             their sum is the first row of an export without --from and --to",
            export.carried_forward()
        );
    }
    let format = if arguments.json {
        Format::Json
    } else {
        arguments.format
    };
    let columns = Columns {
        cameras: arguments.cameras,
        labels: export.labels().to_vec(),
        reasons: export.reasons().to_vec(),
    };
    match format {
        Format::Table => writeln!(out, "{}", text::WINDOW_HEAD)?,
        Format::Csv => csv::record(out, &columns.head())?,
        Format::Json => {}
    }
    while let Some(rows) = export.next_chunk()? {
        for row in rows {
            match format {
                Format::Table => table(out, &row, arguments.cameras)?,
                Format::Csv => columns.write(out, &row)?,
                Format::Json if arguments.cameras => json_line(out, &row)?,
                Format::Json => json_line(out, &without_cameras(row))?,
            }
        }
    }
    Ok(Outcome::Done)
}

pub(super) fn table(out: &mut impl Write, row: &WindowRow, cameras: bool) -> anyhow::Result<()> {
    writeln!(out, "{}", text::window_line(row))?;
    if cameras {
        for (id, camera) in row.cameras.iter().flatten() {
            writeln!(out, "{}", text::camera_line(id, &camera.sums))?;
        }
    }
    Ok(())
}

pub(super) fn without_cameras(row: WindowRow) -> WindowRow {
    WindowRow {
        cameras: None,
        ..row
    }
}

/// The columns of a CSV file, fixed before its first row.
struct Columns {
    cameras: bool,
    labels: Vec<String>,
    reasons: Vec<String>,
}

const OF_WINDOW: [&str; 10] = [
    "kind",
    "sequence",
    "report_id",
    "window_start",
    "window_end",
    "clock",
    "lot",
    "sent",
    "model",
    "model_version",
];
const OF_FRAMES: [&str; 6] = [
    "received",
    "classified",
    "unsure",
    "ignored",
    "duplicate",
    "rejected",
];

impl Columns {
    fn head(&self) -> Vec<String> {
        let plain = |name: &&str| (*name).to_owned();
        let mut head: Vec<String> = OF_WINDOW.iter().map(plain).collect();
        head.extend(self.cameras.then(|| "camera".to_owned()));
        head.extend(OF_FRAMES.iter().map(plain));
        let prefixed =
            |prefix: &'static str| move |name: &String| csv::text(&format!("{prefix}.{name}"));
        head.extend(self.reasons.iter().map(prefixed("rejected")));
        head.extend(self.labels.iter().map(prefixed("count")));
        head
    }

    fn write(&self, out: &mut impl Write, row: &WindowRow) -> anyhow::Result<()> {
        if !self.cameras {
            let cells = self.cells(row, None, &row.counts, &row.frames);
            return Ok(csv::record(out, &cells)?);
        }
        for (id, camera) in row.cameras.iter().flatten() {
            let Sums { counts, frames } = &camera.sums;
            csv::record(out, &self.cells(row, Some(id), counts, frames))?;
        }
        Ok(())
    }

    fn cells(
        &self,
        row: &WindowRow,
        camera: Option<&str>,
        counts: &BTreeMap<String, u64>,
        frames: &FrameSums,
    ) -> Vec<String> {
        let model = row.model.as_ref();
        let mut cells = vec![
            row.kind.as_str().to_owned(),
            row.sequence.map(|it| it.to_string()).unwrap_or_default(),
            row.report_id.clone().unwrap_or_default(),
            text::instant(row.window_start),
            text::instant(row.window_end),
            row.clock
                .map(|clock| clock.as_str().to_owned())
                .unwrap_or_default(),
            csv::text(row.lot.as_deref().unwrap_or_default()),
            row.sent.map(|sent| sent.to_string()).unwrap_or_default(),
            csv::text(model.map(|model| model.name.as_str()).unwrap_or_default()),
            csv::text(
                model
                    .map(|model| model.version.as_str())
                    .unwrap_or_default(),
            ),
        ];
        cells.extend(camera.map(csv::text));
        let numbers = [
            frames.received,
            frames.classified,
            frames.unsure,
            frames.ignored,
            frames.duplicate,
            frames.all_rejected(),
        ];
        cells.extend(numbers.map(|number| number.to_string()));
        let of = |numbers: &BTreeMap<String, u64>, names: &[String]| -> Vec<String> {
            names
                .iter()
                .map(|name| numbers.get(name).copied().unwrap_or(0).to_string())
                .collect()
        };
        cells.extend(of(&frames.rejected, &self.reasons));
        cells.extend(of(counts, &self.labels));
        cells
    }
}
