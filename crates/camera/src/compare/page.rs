//! The result on one page, for people. Lines have at most 100 characters, but for long addresses.

use super::summary::{Pair, RefusedSummary, SideSummary, Summary};
use super::text::{one_line, shortened};
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

/// Characters of a label in a table.
const LABEL: usize = 14;
/// Labels of a side that the table of tops has room for; more are shown as pairs.
const MOST_COLUMNS: usize = 5;
const MOST_ROWS: usize = 10;
/// Pairs, one-sided labels and refusals that are shown.
const MOST_PAIRS: usize = 10;
const MOST_LABELS: usize = 8;
const MOST_REFUSALS: usize = 5;
/// Characters of a line with a message, and of a picture's name.
const LINE: usize = 100;
const NAME: usize = 80;

/// The page.
#[must_use]
pub fn page(summary: &Summary) -> String {
    let mut page = String::new();
    // A text takes whatever is written to it.
    let _ = write_page(&mut page, summary);
    page
}

fn write_page(page: &mut String, s: &Summary) -> fmt::Result {
    for (name, side) in [("left ", &s.left), ("right", &s.right)] {
        let key = if side.key_sent {
            "  (with its key)"
        } else {
            ""
        };
        writeln!(page, "{name}  {}{key}", side.url)?;
    }
    write_scope(page, s)?;
    write_agreement(page, s)?;
    write_tops(page, &s.tops)?;
    write_times(page, s)?;
    write_traffic(page, s)?;
    write_refusals(page, s)
}

fn write_scope(page: &mut String, s: &Summary) -> fmt::Result {
    let times = match s.repeat {
        1 => String::new(),
        repeat => format!(", each timed {repeat} times"),
    };
    let left_out = match s.left_out {
        0 => String::new(),
        files => format!("; {files} files left out"),
    };
    let pictures = counted(s.pictures, "picture", "pictures");
    writeln!(
        page,
        "\n{pictures}{times}, after a warm-up of {}{left_out}",
        s.warm_up
    )
}

fn write_agreement(page: &mut String, s: &Summary) -> fmt::Result {
    let a = &s.agreement;
    write!(page, "\nAgreement   ")?;
    match a.share {
        Some(share) => writeln!(
            page,
            "{} of {} have the same top label ({:.1} %)",
            a.same,
            counted(a.of, "picture", "pictures"),
            share * 100.0
        )?,
        None => writeln!(page, "no picture was answered")?,
    }
    if a.both != s.pictures {
        writeln!(
            page,
            "            answered by both {}, by left alone {}, by right alone {}, by neither {}",
            a.both, a.left_only, a.right_only, a.neither
        )?;
    }
    let number = counted(s.difference.probabilities, "probability", "probabilities");
    if let (Some(apart), Some(mean)) = (&s.difference.largest, s.difference.mean)
        && apart.value > 0.0
    {
        writeln!(
            page,
            "Difference  largest {} for `{}`: left {:.6}, right {:.6}",
            small(apart.value),
            shortened(&apart.label, LABEL * 2),
            apart.left,
            apart.right
        )?;
        writeln!(page, "            in {}", ending(&apart.picture))?;
        writeln!(page, "            mean {} over {number}", small(mean))?;
    } else if s.difference.probabilities > 0 {
        writeln!(page, "Difference  none in {number}")?;
    }
    for (side, labels) in [("left", &s.labels.left), ("right", &s.labels.right)] {
        if labels.is_empty() {
            continue;
        }
        let shown: Vec<_> = labels.iter().take(MOST_LABELS).map(|l| short(l)).collect();
        let more = match labels.len().saturating_sub(MOST_LABELS) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        writeln!(
            page,
            "Labels      named by {side} alone: {}{more}",
            shown.join(", ")
        )?;
    }
    Ok(())
}

/// A table of left by right, or what was most frequent where that would be too wide.
fn write_tops(page: &mut String, tops: &[Pair]) -> fmt::Result {
    if tops.is_empty() {
        return Ok(());
    }
    let mut rows: Vec<_> = tops.iter().map(|pair| pair.left.as_deref()).collect();
    let mut columns: Vec<_> = tops.iter().map(|pair| pair.right.as_deref()).collect();
    for labels in [&mut rows, &mut columns] {
        // No answer comes last.
        labels.sort_unstable_by_key(|label| (label.is_none(), *label));
        labels.dedup();
    }
    if rows.len() > MOST_ROWS || columns.len() > MOST_COLUMNS {
        return write_pairs(page, tops);
    }
    let cells: BTreeMap<_, _> = tops
        .iter()
        .map(|pair| ((pair.left.as_deref(), pair.right.as_deref()), pair.pictures))
        .collect();
    write!(page, "\nTop labels\n{:LABEL$}", "left ↓ right →")?;
    for column in &columns {
        write!(page, "  {:>LABEL$}", name(*column))?;
    }
    writeln!(page)?;
    for row in &rows {
        write!(page, "{:LABEL$}", name(*row))?;
        for column in &columns {
            let pictures = cells.get(&(*row, *column)).copied().unwrap_or_default();
            write!(page, "  {pictures:>LABEL$}")?;
        }
        writeln!(page)?;
    }
    Ok(())
}

fn write_pairs(page: &mut String, tops: &[Pair]) -> fmt::Result {
    let mut apart: Vec<_> = tops.iter().filter(|pair| pair.left != pair.right).collect();
    apart.sort_by_key(|pair| std::cmp::Reverse(pair.pictures));
    writeln!(page, "\nTop labels that differ (left, right, pictures)")?;
    for pair in apart.iter().take(MOST_PAIRS) {
        let (left, right) = (name(pair.left.as_deref()), name(pair.right.as_deref()));
        writeln!(
            page,
            "  {left:LABEL$}  {right:LABEL$}  {:>6}",
            pair.pictures
        )?;
    }
    match apart.len().saturating_sub(MOST_PAIRS) {
        0 => Ok(()),
        more => writeln!(page, "  and {more} more pairs"),
    }
}

fn write_times(page: &mut String, s: &Summary) -> fmt::Result {
    writeln!(
        page,
        "\n{:14}{:>9}{:>11}{:>11}{:>11}{:>11}",
        "Time, ms", "answers", "p50", "p90", "p99", "max"
    )?;
    for (name, side) in sides(s) {
        let t = &side.milliseconds;
        writeln!(
            page,
            "{name:14}{:>9}{:>11.1}{:>11.1}{:>11.1}{:>11.1}",
            t.samples, t.p50, t.p90, t.p99, t.max
        )?;
    }
    for (name, side) in sides(s) {
        let c = &side.connections;
        let opened = counted(c.opened, "connection", "connections");
        write!(
            page,
            "{name:14}{opened}, not in these times: {:.1} ms",
            c.tcp_milliseconds
        )?;
        if let Some(tls) = c.tls_milliseconds {
            write!(page, ", TLS {tls:.1} ms")?;
        }
        if side.waits > 0 {
            write!(page, "; busy {}", counted(side.waits, "time", "times"))?;
        }
        writeln!(page)?;
    }
    Ok(())
}

fn write_traffic(page: &mut String, s: &Summary) -> fmt::Result {
    writeln!(
        page,
        "\n{:14}{:>14}{:>14}{:>17}{:>17}",
        "Bytes", "sent", "received", "sent/picture", "received/picture"
    )?;
    for (name, side) in sides(s) {
        let b = &side.bytes;
        writeln!(
            page,
            "{name:14}{:>14}{:>14}{:>17}{:>17}",
            b.sent, b.received, b.sent_per_picture, b.received_per_picture
        )?;
    }
    Ok(())
}

fn write_refusals(page: &mut String, s: &Summary) -> fmt::Result {
    if sides(s).iter().all(|(_, side)| side.refused.is_empty()) {
        return Ok(());
    }
    writeln!(page, "\nWithout an answer")?;
    for (name, side) in sides(s) {
        for refused in side.refused.iter().take(MOST_REFUSALS) {
            let RefusedSummary {
                refusal,
                pictures,
                first,
            } = refused;
            let status = refusal.status.map(|status| format!("{status} "));
            let code = refusal
                .code
                .as_ref()
                .map(|code| format!("{} ", shortened(code, 30)));
            let line = format!(
                "  {name:5}  {}: {}{}{}",
                counted(*pictures, "picture", "pictures"),
                status.unwrap_or_default(),
                code.unwrap_or_default(),
                one_line(&refusal.message, LINE),
            );
            writeln!(page, "{}", shortened(&line, LINE))?;
            writeln!(page, "         first {}", ending(first))?;
        }
        let hidden = side.refused.len().saturating_sub(MOST_REFUSALS);
        if hidden > 0 {
            writeln!(page, "  {name:5}  and {hidden} more reasons")?;
        }
    }
    Ok(())
}

fn sides(s: &Summary) -> [(&'static str, &SideSummary); 2] {
    [("left", &s.left), ("right", &s.right)]
}

fn name(label: Option<&str>) -> String {
    label.map_or_else(|| "(no answer)".to_owned(), short)
}

fn short(label: &str) -> String {
    shortened(label, LABEL)
}

/// The end of a path, which says more than its beginning.
fn ending(name: &str) -> String {
    let length = name.chars().count();
    if length <= NAME {
        return name.to_owned();
    }
    let end: String = name.chars().skip(length - NAME + 1).collect();
    format!("…{end}")
}

fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A difference: as people write it, or as a power of ten where that would be noughts alone.
fn small(value: f64) -> String {
    if value >= 1e-6 {
        format!("{value:.6}")
    } else {
        format!("{value:.1e}")
    }
}

#[cfg(test)]
mod tests;
