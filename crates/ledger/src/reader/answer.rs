//! The answer to the direct method `getReports`: reports of a span of time, page by page.
//!
//! The question is a JSON object, all of whose keys may be missing (`docs/counts.md` has the whole):
//!
//! | key | what it says |
//! |---|---|
//! | `from`, `to` | RFC 3339 or a date; windows that start from the one on and before the other |
//! | `open` | `true`: the windows that are not sealed yet too, on the first page |
//! | `token` | `next` of the page before, alone |
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
use serde_json::Value;

use super::LedgerReader;
use super::rows::{self, Bounds, Piece, Range, WindowRow};
use super::span::{Span, SpanError, parse_instant};
use super::token::Token;
use crate::error::{LedgerError, store_failed};
use crate::frame::{Clock, ModelInfo, Software};
use crate::report::{Report, SCHEMA};
use crate::split;
use crate::sums::{self, FrameSums, Scope, Sums};
use crate::window::instant;

/// The largest page in bytes of compact JSON. The hub takes answers of 128 KiB; the rest is for what
/// the way there puts around it.
pub const MAX_ANSWER_BYTES: usize = 127 << 10;

/// The value of [`ReportsPage::schema`].
const ANSWER_SCHEMA: &str = "fruit-reports/1";
/// A report above this many bytes comes in pieces of at most as many. Beside one there is room for
/// all else that a page has.
const PIECE_BYTES: usize = 60 << 10;
/// So many bytes may what is carried forward, and the open windows, take of a page.
const SUMS_BYTES: usize = 24 << 10;
/// So many sequence numbers one page looks at, so that a page of a sparse span is soon there.
const PAGE_REPORTS: u64 = 20_000;
/// Texts of the caller are shown up to so many characters.
const SHOWN: usize = 60;

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportsQuery {
    span: Span,
    open: bool,
    after: Option<Token>,
}

/// A question that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The payload is no object.
    #[error(
        "the payload is {seen}, expected an object such as {{\"from\":\"2026-11-23\"}}, or null"
    )]
    NoObject {
        /// Its kind.
        seen: &'static str,
    },
    /// A key that there is not.
    #[error("{key:?} is no key of getReports, expected from, to, open or token")]
    UnknownKey {
        /// The key, cut short.
        key: String,
    },
    /// A value of another kind.
    #[error("{key} is {seen}, expected {expected}")]
    Kind {
        /// The key.
        key: &'static str,
        /// The kind of its value.
        seen: &'static str,
        /// The kind that is taken.
        expected: &'static str,
    },
    /// A time that is none, or a span that has no moment.
    #[error(transparent)]
    Span(#[from] SpanError),
    /// A token that no page gave.
    #[error("token is {seen:?}, expected `next` of the page before as it is, or no token")]
    Token {
        /// The token, cut short.
        seen: String,
    },
    /// A token beside other keys.
    #[error("token says what was asked for first, expected no other key beside it")]
    NotAlone,
    /// A token of another ledger.
    #[error(
        "token is of the ledger {seen:?}, expected {ledger:?}: a new ledger began, ask again \
         without a token"
    )]
    OtherLedger {
        /// The one of the token, cut short.
        seen: String,
        /// The one that is read.
        ledger: String,
    },
}

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

impl ReportsQuery {
    /// Reads the payload of the method. `null` asks for everything.
    ///
    /// # Errors
    /// [`QueryError`], which says what was seen and what is taken, in at most a few hundred bytes.
    pub fn parse(payload: &Value) -> Result<Self, QueryError> {
        let object = match payload {
            Value::Null => return Ok(Self::default()),
            Value::Object(object) => object,
            other => return Err(QueryError::NoObject { seen: kind(other) }),
        };
        let known = ["from", "to", "open", "token"];
        if let Some(key) = object.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(QueryError::UnknownKey { key: shown(key) });
        }
        let text = |key: &'static str| match object.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(other) => Err(QueryError::Kind {
                key,
                seen: kind(other),
                expected: "text",
            }),
        };
        if let Some(token) = text("token")? {
            if object.len() > 1 {
                return Err(QueryError::NotAlone);
            }
            let after: Token = token
                .parse()
                .ok()
                .ok_or_else(|| QueryError::Token { seen: shown(token) })?;
            return Ok(Self {
                span: after.span,
                open: false,
                after: Some(after),
            });
        }
        let open = match object.get("open") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(open)) => *open,
            Some(other) => {
                return Err(QueryError::Kind {
                    key: "open",
                    seen: kind(other),
                    expected: "true or false",
                });
            }
        };
        let from = text("from")?.map(parse_instant).transpose()?;
        let to = text("to")?.map(parse_instant).transpose()?;
        Ok(Self {
            span: Span::new(from, to)?,
            open,
            after: None,
        })
    }
}

/// One page. As compact JSON at most [`MAX_ANSWER_BYTES`] long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportsPage {
    /// Always `fruit-reports/1`.
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
pub struct LetGo {
    /// The first one's sequence.
    pub first: u64,
    /// The last one's.
    pub last: u64,
}

/// Windows that are not sealed yet, without their cameras.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

/// A report, or the pieces of one that is too large. The same report gives the same pieces.
fn pieces(row: WindowRow) -> serde_json::Result<Vec<WindowRow>> {
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
        let Sums { counts, frames } = sums::whole(&cameras);
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
fn size<T: Serialize>(value: &T) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |json| json.len())
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

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}
