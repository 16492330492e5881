//! What people see: one line for each message upstream, a line of progress, and
//! the table at the end. Text only; nothing is decided here.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::summary::Summary;
use crate::rig::upstream::{Arrival, Kind, Upstream};

/// A message upstream, as `az iot hub monitor-events` would show it but on one
/// line, with the sums so far.
pub(super) fn arrival(arrival: &Arrival, upstream: &Upstream) -> String {
    let time = arrival.at.get(11..19).unwrap_or("        ");
    let head = format!("{time}  {}", arrival.from);
    match &arrival.kind {
        Kind::Counts { sequence, counts } => {
            let total = upstream.total();
            let so_far = labelled(&total.counts, |label, sum| {
                let more = counts.get(label).copied().unwrap_or(0);
                format!("{label} {sum} (+{more})")
            });
            let unsure = total.frames.unsure;
            format!(
                "{head}  report {sequence}  {so_far}  unsure {unsure}  ({} bytes)",
                arrival.bytes
            )
        }
        Kind::SameAgain => format!(
            "{head}  a report that came before ({} bytes)",
            arrival.bytes
        ),
        Kind::Other => format!("{head}  something else ({} bytes)", arrival.bytes),
    }
}

fn labelled(counts: &BTreeMap<String, u64>, cell: impl Fn(&str, u64) -> String) -> String {
    let cells: Vec<String> = counts
        .iter()
        .map(|(label, count)| cell(label, *count))
        .collect();
    if cells.is_empty() {
        "no fruit yet".to_owned()
    } else {
        cells.join("  ")
    }
}

/// How far the demo is: confirmed frames, accounted frames, seconds.
pub(super) fn progress(what: &str, confirmed: u64, counted: u64, seconds: u64) -> String {
    format!("{what}: {confirmed} pictures delivered, {counted} counted, {seconds} s")
}

/// The summary for people.
pub(super) fn summary(summary: &Summary) -> String {
    let mut text = format!("\n{}\n", table(summary));
    let mut say = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    if let Some(accuracy) = summary.accuracy {
        let sent: u64 = summary.sent.values().sum();
        say(format!(
            "labels right    {} of {sent} pictures",
            percent(accuracy)
        ));
    }
    if let Some(baseline) = &summary.baseline {
        say(format!(
            "for comparison  {} is the best that one threshold on the {} can do on these very pictures",
            percent(baseline.accuracy),
            baseline.feature
        ));
    }
    let traffic = &summary.upstream;
    say(format!(
        "went upstream   {} messages with {} bytes, of which pictures: {} bytes",
        traffic.messages, traffic.bytes, traffic.image_bytes
    ));
    let restarts = summary.restarts;
    if restarts != Default::default() {
        say(format!(
            "restarts        hub {}, agent {}, module {}",
            restarts.hub, restarts.agent, restarts.module
        ));
    }
    if !summary.faults.is_empty() {
        let faults: Vec<_> = summary
            .faults
            .iter()
            .map(|(name, count)| format!("{count} {name}"))
            .collect();
        say(format!("went wrong      {}", faults.join(", ")));
    }
    say(format!(
        "took            {:.1} s with seed {}",
        summary.seconds, summary.seed
    ));
    let failures = summary.failures();
    if failures.is_empty() {
        say("result          every picture counted once, none left the box".to_owned());
    }
    for failure in failures {
        say(format!("FAILED          {failure}"));
    }
    text
}

fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

fn table(summary: &Summary) -> String {
    let labels: Vec<&String> = summary.counted.labels.keys().collect();
    let mut rows = vec![
        ["camera", "shown", "sent"]
            .into_iter()
            .chain(labels.iter().map(|label| label.as_str()))
            .chain([
                "unsure",
                "ignored",
                "rejected",
                "duplicate",
                "lost",
                "doubled",
            ])
            .map(str::to_owned)
            .collect::<Vec<_>>(),
    ];
    for row in &summary.cameras {
        let frames = &row.counted.frames;
        let counts = labels
            .iter()
            .map(|label| row.counted.counts.get(*label).copied().unwrap_or(0));
        let numbers = std::iter::once(row.sent).chain(counts).chain([
            frames.unsure,
            frames.ignored,
            frames.rejected(),
            frames.duplicate,
            row.lost,
            row.doubled,
        ]);
        let mut cells = vec![row.id.clone(), row.truth.clone()];
        cells.extend(numbers.map(|number| number.to_string()));
        rows.push(cells);
    }
    let widths: Vec<usize> = (0..rows[0].len())
        .map(|column| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            // Names to the left, numbers to the right; writing to a String cannot fail.
            let _ = if column < 2 {
                write!(line, "{cell:<width$}  ")
            } else {
                write!(line, "{cell:>width$}  ")
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::plan;
    use super::super::sent::tests::sent;
    use super::super::summary::Run;
    use super::*;
    use crate::rig::upstream::tests::line;

    #[test]
    fn arrival_shows_sender_and_sums_so_far() {
        let mut upstream = Upstream::default();
        upstream.take(&line(1, &[("cam-ripe-1", [3, 1, 0, 0, 0])]));
        let second = upstream
            .take(&line(2, &[("cam-ripe-1", [2, 0, 1, 0, 0])]))
            .unwrap();
        assert_eq!(
            arrival(&second, &upstream),
            "10:00:02  edge-dev/FruitCounter  report 2  ripe 5 (+2)  unripe 1 (+0)  unsure 1  (1000 bytes)"
        );
    }

    #[test]
    fn table_compares_camera_by_camera() {
        let mut upstream = Upstream::default();
        upstream.take(&line(
            1,
            &[
                ("cam-ripe-1", [9, 1, 0, 0, 0]),
                ("cam-unripe-1", [0, 7, 1, 0, 0]),
            ],
        ));
        let plan = plan::rendered(2, 1);
        let run = Run {
            seconds: 1.25,
            seed: 3,
            ..Run::default()
        };
        let result = Summary::new(&plan, &[sent(10, 0), sent(9, 0)], &upstream, run);
        let text = summary(&result);
        let expected = "
camera        shown   sent  ripe  unripe  unsure  ignored  rejected  duplicate  lost  doubled
cam-ripe-1    ripe      10     9       1       0        0         0          0     0        0
cam-unripe-1  unripe     9     0       7       1        0         0          0     1        0

labels right    84.2 % of 19 pictures
went upstream   1 messages with 1000 bytes, of which pictures: 0 bytes
took            1.2 s with seed 3
FAILED          frames lost (confirmed by the hub, in no report): 1
";
        assert_eq!(text, expected);
    }
}
