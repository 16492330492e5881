//! What a call asks for: a name and a payload, read into one value. Pure.
//!
//! | method | keys |
//! |---|---|
//! | `ping` | |
//! | `getCounts` | `from`, `to`, `camera`, `cameras`, `after` |
//! | `getReports` | `from`, `to`, `open`, `token`; or `sequence` or `last`, and `limit` |
//! | `getDiagnostics` | |

use ledger::{ReportsQuery, SealedFrom, Span};
use serde_json::Value;

use super::counts::CountsQuery;
use super::payload::{Keys, PayloadError, Taken};
use super::refusal::Refusal;
use super::reports::{MOST_REPORTS, SealedQuery};

/// The methods there are.
pub(super) const NAMES: [&str; 4] = [
    PING.method,
    COUNTS.method,
    REPORTS.method,
    DIAGNOSTICS.method,
];

const PING: Taken = Taken {
    method: "ping",
    keys: &[],
    example: "{}",
};
const COUNTS: Taken = Taken {
    method: "getCounts",
    keys: &["from", "to", "camera", "cameras", "after"],
    example: "{\"from\":\"2026-11-23\",\"cameras\":true}",
};
const REPORTS: Taken = Taken {
    method: "getReports",
    keys: &["from", "to", "open", "token", "sequence", "last", "limit"],
    example: "{\"from\":\"2026-11-23\"} or {\"sequence\":17}",
};
const DIAGNOSTICS: Taken = Taken {
    method: "getDiagnostics",
    keys: &[],
    example: "{}",
};

/// The largest sequence that the store could hold.
const LAST_SEQUENCE: u64 = i64::MAX.unsigned_abs();

/// A call that makes sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Is it there?
    Ping,
    /// The counts of a span.
    Counts(CountsQuery),
    /// The windows of a span, page by page.
    Reports(ReportsQuery),
    /// Sealed reports as they are sent.
    SealedReports(SealedQuery),
    /// One page for whoever is asked for help.
    Diagnostics,
}

impl Request {
    /// Reads a call.
    ///
    /// # Errors
    /// [`Refusal`] of a name that there is not, or of a payload that makes no sense.
    pub fn parse(name: &str, payload: &Value) -> Result<Self, Refusal> {
        Ok(match name {
            "ping" => {
                Keys::read(payload, PING)?;
                Request::Ping
            }
            "getCounts" => Request::Counts(counts(Keys::read(payload, COUNTS)?)?),
            "getReports" => reports(Keys::read(payload, REPORTS)?)?,
            "getDiagnostics" => {
                Keys::read(payload, DIAGNOSTICS)?;
                Request::Diagnostics
            }
            other => return Err(Refusal::UnknownMethod(other.to_owned())),
        })
    }
}

fn counts(keys: Keys<'_>) -> Result<CountsQuery, PayloadError> {
    let (from, to) = (keys.instant("from")?, keys.instant("to")?);
    Span::new(from, to)?;
    let query = CountsQuery {
        from,
        to,
        camera: keys.text("camera")?.map(str::to_owned),
        cameras: keys.flag("cameras")?.unwrap_or(false),
        after: keys.text("after")?.map(str::to_owned),
    };
    if query.camera.is_some()
        && let Some(other) = keys.any_of(&["cameras", "after"])
    {
        return Err(PayloadError::Together {
            key: "camera",
            other,
            expected: "camera alone for one camera, or cameras for a list of them",
        });
    }
    if query.after.is_some() && !query.cameras {
        return Err(PayloadError::Value {
            key: "cameras",
            seen: "false".to_owned(),
            expected: "true beside after, which goes on in the list of cameras".to_owned(),
        });
    }
    Ok(query)
}

fn reports(keys: Keys<'_>) -> Result<Request, PayloadError> {
    let of_span = ["from", "to", "open", "token"];
    let by_span = keys.any_of(&of_span);
    let by_sequence = keys.any_of(&["sequence", "last", "limit"]);
    if let (Some(key), Some(other)) = (by_sequence, by_span) {
        return Err(PayloadError::Together {
            key,
            other,
            expected: "sequence or last, with limit, for reports as they are sent; or from, to, \
                       open or token for windows",
        });
    }
    if by_sequence.is_none() {
        // Here for their sentences, which name the key and the value.
        keys.instant("from")?;
        keys.instant("to")?;
        keys.flag("open")?;
        keys.text("token")?;
        return Ok(Request::Reports(ReportsQuery::parse(&keys.only(&of_span))?));
    }
    let sequence = keys.whole("sequence", &(1..=LAST_SEQUENCE))?;
    let last = keys.whole("last", &(1..=MOST_REPORTS))?;
    let limit = keys.whole("limit", &(1..=MOST_REPORTS))?;
    let from = match (sequence, last) {
        (Some(_), Some(_)) => {
            return Err(PayloadError::Together {
                key: "last",
                other: "sequence",
                expected: "one of them",
            });
        }
        (None, Some(last)) => SealedFrom::Last(last),
        (sequence, None) => SealedFrom::Sequence(sequence.unwrap_or(1)),
    };
    Ok(Request::SealedReports(SealedQuery {
        from,
        limit: limit.unwrap_or(MOST_REPORTS),
    }))
}
