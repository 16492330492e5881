//! What an endpoint said, read leniently: the exported container of several years, the cloud of
//! several versions, and this module.

use super::keys::Key;
use super::text::one_line;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::time::Duration;

/// Labels of one answer; Custom Vision has 500 at most.
const MOST_LABELS: usize = 1000;
/// Characters of a label that are kept.
const LONGEST_LABEL: usize = 128;
/// Characters of a message that are kept.
const LONGEST_MESSAGE: usize = 160;

/// Statuses by which an endpoint asks for patience.
const TOO_MANY_REQUESTS: u16 = 429;
const UNAVAILABLE: u16 = 503;

/// A reply as it came.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) status: u16,
    /// The header `Retry-After`.
    pub(super) retry_after: Option<String>,
    /// The header `Location`.
    pub(super) location: Option<String>,
    pub(super) body: Vec<u8>,
}

/// What a reply says.
#[derive(Debug, PartialEq)]
pub(super) enum Reply {
    Answer(Answer),
    /// Not this picture.
    Refused(Refusal),
    /// Not now.
    Busy {
        refusal: Refusal,
        retry_after: Option<Duration>,
    },
    /// This is no endpoint for pictures, or not for us.
    Unusable(Unusable),
}

/// The probability of each label.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Answer {
    probabilities: BTreeMap<String, f64>,
}

impl Answer {
    /// Labels and their probabilities, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.probabilities.iter().map(|(l, p)| (l.as_str(), *p))
    }

    /// The probability of a label; 0 for one that is not named, since containers leave out what
    /// is next to nothing.
    #[must_use]
    pub fn probability(&self, label: &str) -> f64 {
        self.probabilities.get(label).copied().unwrap_or(0.0)
    }

    /// The likeliest label; of equals the first by name.
    #[must_use]
    pub fn top(&self) -> Option<(&str, f64)> {
        self.iter().reduce(|best, next| match next.1 > best.1 {
            true => next,
            false => best,
        })
    }
}

impl<L: Into<String>> FromIterator<(L, f64)> for Answer {
    fn from_iter<T: IntoIterator<Item = (L, f64)>>(labels: T) -> Self {
        let labels = labels.into_iter().map(|(label, p)| (label.into(), p));
        Self {
            probabilities: labels.collect(),
        }
    }
}

/// Why a picture has no answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Refusal {
    /// The status of HTTP; absent if no reply came.
    pub status: Option<u16>,
    /// The code in the reply, such as `BadRequestImageFormat`.
    pub code: Option<String>,
    /// What it said, shortened, or what happened.
    pub message: String,
}

/// A reply that no other picture would change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// 401 or 403.
    #[error(
        "the key is missing or wrong ({status}: {said}); give the prediction key of this endpoint, by --left-key or --right-key"
    )]
    Key {
        /// The status of HTTP.
        status: u16,
        /// What the endpoint said.
        said: String,
    },
    /// 404 or 405.
    #[error(
        "no pictures are taken at this path ({status}: {said}); check project and iteration, or take /image"
    )]
    Path {
        /// The status of HTTP.
        status: u16,
        /// What the endpoint said.
        said: String,
    },
    /// A redirect, which is not followed: it could carry a key elsewhere.
    #[error(
        "it sends us elsewhere ({status}), which is not followed; if that is right, give the address itself: {location}"
    )]
    Moved {
        /// The status of HTTP.
        status: u16,
        /// Where to.
        location: String,
    },
    /// A success that is no answer of a classifier.
    #[error("the reply is not JSON with predictions, but begins: {excerpt}")]
    Foreign {
        /// Its beginning.
        excerpt: String,
    },
}

/// Reads a reply. `key` is what was sent along; it is shown nowhere, should it come back.
pub(super) fn read(raw: &Raw, key: Option<&Key>) -> Reply {
    let text = String::from_utf8_lossy(&raw.body);
    let without_key = |text: &str| key.map_or_else(|| text.to_owned(), |key| key.left_out_of(text));
    let said = |text: &str| match one_line(&without_key(text), LONGEST_MESSAGE) {
        line if line.is_empty() => "nothing".to_owned(),
        line => line,
    };
    let json: Option<Value> = serde_json::from_slice(&raw.body).ok();
    let status = raw.status;
    if (200..300).contains(&status) {
        return match json {
            // The container answers 200 with a string for a picture that it cannot read.
            Some(Value::String(message)) => Reply::Refused(Refusal {
                status: Some(status),
                code: None,
                message: said(&message),
            }),
            json => match json.as_ref().and_then(|json| answer(json, without_key)) {
                Some(answer) => Reply::Answer(answer),
                None => Reply::Unusable(Unusable::Foreign {
                    excerpt: said(&text),
                }),
            },
        };
    }
    let (code, message) = json.as_ref().map(error).unwrap_or_default();
    let message = said(message.as_deref().unwrap_or(&text));
    let refusal = Refusal {
        status: Some(status),
        code: code.as_deref().map(said),
        message: message.clone(),
    };
    match status {
        300..=399 => Reply::Unusable(Unusable::Moved {
            status,
            location: said(raw.location.as_deref().unwrap_or_default()),
        }),
        401 | 403 => Reply::Unusable(Unusable::Key {
            status,
            said: message,
        }),
        404 | 405 => Reply::Unusable(Unusable::Path {
            status,
            said: message,
        }),
        TOO_MANY_REQUESTS | UNAVAILABLE => Reply::Busy {
            refusal,
            retry_after: raw.retry_after.as_deref().and_then(seconds),
        },
        _ => Reply::Refused(refusal),
    }
}

/// `Retry-After` in seconds. Its other form, a date, would need two clocks to agree.
fn seconds(text: &str) -> Option<Duration> {
    text.trim().parse().ok().map(Duration::from_secs)
}

/// The predictions, if this is an answer; labels are shown, too.
fn answer(json: &Value, without_key: impl Fn(&str) -> String) -> Option<Answer> {
    let predictions = member(json.as_object()?, &["predictions"])?.as_array()?;
    if predictions.len() > MOST_LABELS {
        return None;
    }
    let mut probabilities = BTreeMap::new();
    for prediction in predictions {
        let prediction = prediction.as_object()?;
        let label = member(prediction, &["tagname", "tag"])?.as_str()?;
        let probability = member(prediction, &["probability"])?.as_f64()?;
        // A detector names a label once for each box; the likeliest stands for it.
        let best = probabilities
            .entry(one_line(&without_key(label), LONGEST_LABEL))
            .or_insert(probability);
        *best = probability.max(*best);
    }
    Some(Answer { probabilities })
}

/// Code and message: `{"code","message"}`, the same inside `error`, or a gateway's
/// `{"statusCode","message"}`.
fn error(json: &Value) -> (Option<String>, Option<String>) {
    let Some(object) = json.as_object() else {
        return (None, json.as_str().map(str::to_owned));
    };
    let inner = member(object, &["error"]).and_then(Value::as_object);
    let object = inner.unwrap_or(object);
    let text = |names: &[&str]| match member(object, names)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    (text(&["code", "statuscode"]), text(&["message"]))
}

/// A member by one of its names, in any case.
fn member<'a>(object: &'a Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| {
        let named = object.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value)
    })
}

#[cfg(test)]
mod tests;
