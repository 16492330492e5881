//! The answer to the direct method `getReports`: reports of a span of time, page by page.
//!
//! What may be asked is in `question`, how a report that is too large is divided in `pieces`.
//!
//! The first page fixes the last report that belongs to the answer; pages go by sequence, so that
//! reports that are sealed meanwhile come in no page and each earlier one in exactly one. One that is
//! let go before its page comes is named in `letGo` there; it is in the `carriedForward` of that
//! page. So `carriedForward` of the last page and the reports after its `through` add up to
//! everything that was sealed up to the first page.
//!
//! A report that is too large for a page comes in pieces that add up to it. Nothing here may make a
//! page larger than [`MAX_ANSWER_BYTES`].

use std::collections::BTreeMap;

use serde::Serialize;

use super::LedgerReader;
use super::pieces::{pieces, size};
use super::question::{QueryError, ReportsQuery, shown};
use super::rows::{self, Bounds, Range, WindowRow};
use super::token::Token;
use crate::error::{LedgerError, store_failed};
use crate::sums::{self, FrameSums, Scope};

/// The largest page in bytes of compact JSON. The hub takes answers of 128 KiB; the rest is for what
/// the way there puts around it.
pub const MAX_ANSWER_BYTES: usize = 127 << 10;

/// The value of [`ReportsPage::schema`].
const ANSWER_SCHEMA: &str = "fruit-reports/1";
/// So many bytes may what is carried forward, and the open windows, take of a page.
const SUMS_BYTES: usize = 24 << 10;
/// So many sequence numbers one page looks at, so that a page of a sparse span is soon there.
const PAGE_REPORTS: u64 = 20_000;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum ReportsError {
    /// The caller's mistake.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The store's failure.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// One page. As compact JSON at most [`MAX_ANSWER_BYTES`] long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReportsPage {
    /// Always `fruit-reports/1`.
    #[cfg_attr(test, schemars(extend("const" = ANSWER_SCHEMA)))]
    pub schema: &'static str,
    /// Id of the ledger.
    pub ledger: String,
    /// The last report that belongs to the answer; all its pages say the same.
    pub through: u64,
    /// The reports, by sequence. May be empty although there is a next page.
    pub reports: Vec<WindowRow>,
    /// For the next page; null on the last.
    pub next: Option<String>,
    /// Reports that are not kept any more, together.
    pub carried_forward: CarriedForward,
    /// Reports that belonged to the answer and were let go before their page came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub let_go: Option<LetGo>,
    /// The windows that are not sealed yet, oldest first; absent where they were not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_windows: Option<OpenWindows>,
}

/// The sum of reports 1 to `through`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CarriedForward {
    /// The last of them; 0 when there is none.
    pub through: u64,
    /// Fruits by label; absent where they would not fit (hundreds of labels).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<BTreeMap<String, u64>>,
    /// Frames by outcome.
    pub frames: FrameSums,
}

/// Reports that came in no page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LetGo {
    /// The first one's sequence.
    pub first: u64,
    /// The last one's.
    pub last: u64,
}

/// Windows that are not sealed yet, without their cameras.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OpenWindows {
    /// As many as fit.
    pub windows: Vec<WindowRow>,
    /// How many more there are.
    pub left_out: usize,
}

/// Reads one page at one moment.
pub(super) fn page(
    reader: &LedgerReader,
    query: &ReportsQuery,
) -> Result<ReportsPage, ReportsError> {
    if let Some(token) = query
        .after
        .as_ref()
        .filter(|token| token.ledger != reader.id)
    {
        return Err(ReportsError::Query(QueryError::OtherLedger {
            seen: shown(&token.ledger),
            ledger: reader.id.clone(),
        }));
    }
    let failed = || store_failed(&reader.path, "read reports");
    let moment = reader
        .connection
        .unchecked_transaction()
        .map_err(failed())?;
    let bounds = rows::bounds(&moment).map_err(failed())?;
    let (mut place, let_go) = place(reader, query, bounds);
    let open_windows = if query.open {
        let open = rows::open(&moment, query.span).map_err(failed())?;
        Some(fitting(open)?)
    } else {
        None
    };
    let carried = sums::of_all(&moment, Scope::Carried).map_err(failed())?;
    let mut page = ReportsPage {
        schema: ANSWER_SCHEMA,
        ledger: reader.id.clone(),
        through: place.through,
        reports: Vec::new(),
        // The longest that there is, until the real one is known.
        next: Some(longest(&place).to_string()),
        carried_forward: CarriedForward {
            through: bounds.carried,
            counts: Some(carried.counts).filter(|counts| size(counts) <= SUMS_BYTES),
            frames: carried.frames,
        },
        let_go,
        open_windows,
    };
    let mut left = MAX_ANSWER_BYTES.saturating_sub(size(&page));
    let range = Range {
        after: place.after,
        through: place.through.min(place.after + PAGE_REPORTS),
        span: query.span,
    };
    let reports = &mut page.reports;
    let at_end = rows::reports(&moment, &reader.path, range, |row, _bytes| {
        let sequence = row.sequence.unwrap_or(place.after + 1);
        if sequence > place.after + 1 {
            // The one that the token meant is gone; its pieces are nobody's.
            place.pieces = 0;
        }
        let pieces = pieces(row).map_err(not_written(reader))?;
        for piece in pieces.into_iter().skip(place.pieces) {
            // And a comma.
            let Some(rest) = left.checked_sub(size(&piece) + 1) else {
                if reports.is_empty() {
                    return Err(too_large(sequence, size(&piece)));
                }
                place.after = sequence - 1;
                return Ok(false);
            };
            left = rest;
            reports.push(piece);
            place.pieces += 1;
        }
        place.after = sequence;
        place.pieces = 0;
        Ok(true)
    })?;
    if at_end {
        place.after = range.through;
        place.pieces = 0;
    }
    page.next = Some(place)
        .filter(|place| place.after < place.through)
        .map(|place| place.to_string());
    Ok(page)
}

/// Where to begin, and what was let go since the page before.
fn place(reader: &LedgerReader, query: &ReportsQuery, bounds: Bounds) -> (Token, Option<LetGo>) {
    let Some(token) = query.after.clone() else {
        let first = Token {
            ledger: reader.id.clone(),
            span: query.span,
            through: bounds.sealed,
            after: bounds.carried,
            pieces: 0,
        };
        return (first, None);
    };
    // Of a token that was made by hand: there is nothing behind the last report.
    let through = token.through.min(bounds.sealed);
    if bounds.carried <= token.after {
        return (Token { through, ..token }, None);
    }
    let let_go = LetGo {
        first: token.after + 1,
        last: bounds.carried.min(through),
    };
    let next = Token {
        through,
        after: bounds.carried,
        pieces: 0,
        ..token
    };
    (next, (let_go.first <= let_go.last).then_some(let_go))
}

fn longest(place: &Token) -> Token {
    Token {
        after: place.through,
        pieces: usize::MAX,
        ..place.clone()
    }
}

/// As many of the open windows as may be, without their cameras.
fn fitting(open: Vec<WindowRow>) -> Result<OpenWindows, LedgerError> {
    let all = open.len();
    let mut left = SUMS_BYTES;
    let mut windows = Vec::new();
    for window in open {
        let window = WindowRow {
            cameras: None,
            ..window
        };
        let Some(rest) = left.checked_sub(size(&window) + 1) else {
            break;
        };
        left = rest;
        windows.push(window);
    }
    Ok(OpenWindows {
        left_out: all - windows.len(),
        windows,
    })
}

fn not_written(reader: &LedgerReader) -> impl FnOnce(serde_json::Error) -> LedgerError {
    move |source| {
        store_failed(&reader.path, "write a report")(rusqlite::Error::ToSqlConversionFailure(
            Box::new(source),
        ))
    }
}

/// Only names that no camera and no label can have, such as a model's of 60 KB, come to this.
fn too_large(sequence: u64, bytes: usize) -> LedgerError {
    LedgerError::Argument {
        name: "the smallest piece of a report",
        seen: format!("{bytes} bytes long (report {sequence})"),
        expected: "at most 61440 bytes: read it with `fruit-counter ledger export`",
    }
}
