//! The answer to `getReports` where reports are asked for as they are sent.
//!
//! Windows of a span are `ledger::LedgerReader::reports`; this is for whoever misses a message, by
//! its sequence.

use ledger::{LedgerReader, MAX_ANSWER_BYTES, SealedBounds, SealedFrom, TooLargeReport};
use serde::Serialize;
use serde_json::Value;

use super::refusal::Refusal;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedQuery {
    /// From which on.
    pub from: SealedFrom,
    /// So many at most.
    pub limit: u64,
}

/// So many reports one page has at most.
pub(super) const MOST_REPORTS: u64 = 200;

/// What a page has beside reports: names of those that are too large, each below 50 bytes.
const BESIDE: usize = 12 << 10;

/// The payload of `getReports`, for its schema; [`super::request`] reads it.
#[cfg(test)]
#[derive(Debug, schemars::JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "described, not made")]
pub(super) struct ReportsPayload {
    /// Only windows that start at this time or later: RFC 3339, or a date, which is its midnight in
    /// UTC.
    from: Option<String>,
    /// Only windows that start before this time.
    to: Option<String>,
    /// True: also the windows that are not sealed yet, on the first page.
    open: Option<bool>,
    /// `next` of the page before, as it is, and then no other key.
    token: Option<String>,
    /// Reports as they are sent, from this sequence on; not beside the keys above.
    #[schemars(range(min = 1))]
    sequence: Option<u64>,
    /// The last so many reports as they are sent; in place of `sequence`.
    #[schemars(range(min = 1, max = 200))]
    last: Option<u64>,
    /// So many reports at most; beside `sequence` or `last`.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u64>,
}

/// Some reports as they are sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct SealedReports {
    /// Always `fruit-sealed-reports/1`.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    schema: &'static str,
    /// Id of the ledger.
    ledger: String,
    /// The last report that is sealed; 0 when there is none.
    sealed: u64,
    /// Reports up to this one are not kept any more.
    carried_forward: u64,
    /// The messages as they are sent, by sequence.
    #[cfg_attr(test, schemars(schema_with = "super::described::messages"))]
    reports: Vec<Value>,
    /// Reports that alone are larger than an answer: ask for their windows, which come in pieces.
    too_large: Vec<TooLarge>,
    /// Ask on with this `sequence`; null on the last page.
    next: Option<u64>,
}

pub(super) const SCHEMA: &str = "fruit-sealed-reports/1";

/// A report that no answer can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct TooLarge {
    /// Its sequence.
    sequence: u64,
    /// Its size.
    bytes: usize,
}

impl From<TooLargeReport> for TooLarge {
    fn from(TooLargeReport { sequence, bytes }: TooLargeReport) -> Self {
        TooLarge { sequence, bytes }
    }
}

/// Reads one page.
pub(super) fn sealed(reader: &LedgerReader, query: SealedQuery) -> Result<SealedReports, Refusal> {
    let bounds = SealedBounds {
        reports: query.limit,
        bytes: MAX_ANSWER_BYTES - BESIDE,
    };
    let page = reader.sealed(query.from, bounds)?;
    let read = |report: &ledger::SealedReport| {
        serde_json::from_slice(&report.body).map_err(|source| Refusal::Report {
            sequence: report.sequence,
            source,
        })
    };
    Ok(SealedReports {
        schema: SCHEMA,
        ledger: reader.id().to_owned(),
        sealed: page.sealed,
        carried_forward: page.carried_forward,
        reports: page.reports.iter().map(read).collect::<Result<_, _>>()?,
        too_large: page.too_large.into_iter().map(TooLarge::from).collect(),
        next: page.next,
    })
}
