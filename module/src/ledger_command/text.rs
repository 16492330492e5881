//! Sums and windows as text for people. Names from outside cannot move the cursor.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ledger::{FrameSums, RowKind, WindowRow};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The head of a table of [`window_line`]s.
pub(super) const WINDOW_HEAD: &str =
    "window start          window end            what                received  counts";

/// One window on one line.
pub(super) fn window_line(row: &WindowRow) -> String {
    let sequence = row.sequence.unwrap_or_default();
    let what = match (row.kind, row.sent) {
        (RowKind::CarriedForward, _) => format!("reports 1 to {sequence}"),
        (RowKind::Open, _) => "open".to_owned(),
        (RowKind::Report, Some(true)) => format!("report {sequence}"),
        (RowKind::Report, _) => format!("report {sequence}, unsent"),
    };
    let mut line = format!(
        "{:20}  {:20}  {what:18}  {:>8}  {}",
        instant(row.window_start),
        instant(row.window_end),
        row.frames.received,
        counts(&row.counts, &row.frames),
    );
    if row.clock == Some(ledger::Clock::Unsure) {
        line.push_str("; clock unsure");
    }
    if let Some(lot) = &row.lot {
        let _ = write!(line, "; lot {}", plain(lot));
    }
    line.trim_end().to_owned()
}

/// One camera of a window.
pub(super) fn camera_line(name: &str, sums: &ledger::Sums) -> String {
    let line = format!(
        "    {:58}  {:>8}  {}",
        plain(name),
        sums.frames.received,
        counts(&sums.counts, &sums.frames)
    );
    line.trim_end().to_owned()
}

/// `ripe 12, unripe 3; unsure 1, rejected 2 (empty 2)`: what is zero is left out.
pub(super) fn counts(fruits: &BTreeMap<String, u64>, frames: &FrameSums) -> String {
    let mut others: Vec<String> = [
        ("unsure", frames.unsure),
        ("ignored", frames.ignored),
        ("duplicate", frames.duplicate),
    ]
    .into_iter()
    .filter(|(_, number)| *number > 0)
    .map(|(name, number)| format!("{name} {number}"))
    .collect();
    if frames.all_rejected() > 0 {
        others.push(format!(
            "rejected {} ({})",
            frames.all_rejected(),
            named(&frames.rejected)
        ));
    }
    let parts = [named(fruits), others.join(", ")];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("; ")
}

fn named(numbers: &BTreeMap<String, u64>) -> String {
    let named: Vec<String> = numbers
        .iter()
        .map(|(name, number)| format!("{} {number}", plain(name)))
        .collect();
    named.join(", ")
}

/// RFC 3339 in UTC; empty where there is none.
pub(super) fn instant(at: Option<OffsetDateTime>) -> String {
    at.and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// A name with its control characters written out.
pub(super) fn plain(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for character in name.chars() {
        if character.is_control() {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_left_out_and_reasons_are_named() {
        let fruits = BTreeMap::from([("ripe".to_owned(), 12), ("unripe".to_owned(), 3)]);
        let mut frames = FrameSums {
            received: 18,
            classified: 15,
            unsure: 1,
            ..FrameSums::default()
        };
        assert_eq!(counts(&fruits, &frames), "ripe 12, unripe 3; unsure 1");
        frames.rejected.insert("empty".to_owned(), 2);
        assert_eq!(
            counts(&BTreeMap::new(), &frames),
            "unsure 1, rejected 2 (empty 2)"
        );
        assert_eq!(counts(&BTreeMap::new(), &FrameSums::default()), "");
    }

    #[test]
    fn a_name_cannot_command_the_terminal() {
        assert_eq!(plain("cam\u{1b}[2J\n\"é\""), "cam\\u{1b}[2J\\n\"é\"");
    }
}
