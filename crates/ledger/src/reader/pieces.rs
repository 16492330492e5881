//! A report that is too large for a page, divided into pieces that add up to it.
//!
//! The same report always gives the same pieces, so that a page can go on in the middle of one. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::rows::{Piece, WindowRow};
use crate::frame::{Clock, ModelInfo, Software};
use crate::report::{self, Report, SCHEMA};
use crate::split;
use crate::sums::Sums;
use crate::window::instant;

/// A report above this many bytes comes in pieces of at most as many. Beside one there is room for
/// all else that a page has.
pub(super) const PIECE_BYTES: usize = 60 << 10;

/// A report, or the pieces of one that is too large. The same report gives the same pieces.
pub(super) fn pieces(row: WindowRow) -> serde_json::Result<Vec<WindowRow>> {
    let whole = size(&row);
    if whole <= PIECE_BYTES {
        return Ok(vec![row]);
    }
    let cameras = row.cameras.clone().unwrap_or_default();
    // A number in a piece is no larger than the whole report's. The totals themselves are not in a
    // piece, so that their bytes are added to the limit.
    let totals = Sums {
        counts: row.counts.clone(),
        frames: row.frames.clone(),
    };
    let limit = PIECE_BYTES + size(&totals);
    let parts = split::split(cameras, &heading(&row, totals), limit)?;
    let of = parts.len();
    let piece = |(number, cameras)| {
        let Sums { counts, frames } = report::whole(&cameras);
        WindowRow {
            piece: Some(Piece { number, of }),
            counts,
            frames,
            cameras: Some(cameras),
            ..row.clone()
        }
    };
    Ok((1..).zip(parts).map(piece).collect())
}

/// What the pieces have in common, at least as long as a row's.
fn heading(row: &WindowRow, totals: Sums) -> Report {
    let nothing = Sums::default();
    Report {
        schema: SCHEMA.to_owned(),
        report_id: row.report_id.clone().unwrap_or_default(),
        sequence: row.sequence.unwrap_or_default(),
        // In place of the names that a row has beside those of a report.
        ledger: " ".repeat(100),
        window_start: row.window_start.unwrap_or_else(|| instant(0)),
        window_end: row.window_end.unwrap_or_else(|| instant(0)),
        clock: row.clock.unwrap_or(Clock::Unsure),
        lot: row.lot.clone(),
        counts: nothing.counts,
        frames: nothing.frames,
        cameras: BTreeMap::new(),
        totals,
        model: row.model.clone().unwrap_or_else(|| ModelInfo {
            name: String::new(),
            version: String::new(),
            sha256: String::new(),
        }),
        module: row.module.clone().unwrap_or_else(|| Software {
            version: String::new(),
        }),
    }
}

/// Bytes of compact JSON. What cannot be written is larger than anything.
pub(super) fn size<T: Serialize>(value: &T) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |json| json.len())
}
