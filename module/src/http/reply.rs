//! What is answered to a picture that was looked at, and how that is kept with its key.
//!
//! Under the container's paths a good picture gets what the exported Custom Vision container says, to
//! the letter: keys in alphabetical order, predictions in the order of the labels, probabilities
//! rounded to 8 places, those up to 1e-8 left out (not by the container of 2024, where its preprocessing
//! is set), `created` in UTC without a mark of the zone. Under
//! the cloud's paths it gets what the cloud says: its order of keys, the likeliest label first, all of
//! them, and ids that its SDKs can read. A bad one gets an error as the cloud writes it, where the
//! container answers 500, or 200 with a text.

mod cloud;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use ledger::{MAX_REPLY_BYTES, Outcome, RejectReason};
use serde::Serialize;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};
use vision::{NamedRecipe, Origin, Scores};

use super::refusal::error_json;
use super::route::Family;
use crate::eyes::Sight;
use cloud::CloudAnswer;

/// Said with a reply that was given before.
const REPLAYED: &str = "idempotency-replayed";

/// Probabilities up to this are left out.
const NEXT_TO_NOTHING: f64 = 1e-8;

/// Which labels a container lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listed {
    /// Each, as the container of 2024.
    All,
    /// Those above [`NEXT_TO_NOTHING`], as the containers before it.
    AboveNothing,
}

impl Listed {
    /// As the container whose preprocessing is set; the older ones' way where none is.
    pub(super) fn by(origin: Origin) -> Self {
        match origin {
            Origin::Named(NamedRecipe::Docker2024) => Self::All,
            _ => Self::AboveNothing,
        }
    }
}

/// How a picture is answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Voice {
    pub(super) family: Family,
    /// Under the container's paths; the cloud lists all.
    pub(super) listed: Listed,
}

/// Between the status and the body of a kept reply.
const BREAK: u8 = b'\n';

/// Status and body; the body is always JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    status: StatusCode,
    json: Bytes,
}

/// In this order: the container sorts its keys.
#[derive(Serialize)]
struct Prediction<'a> {
    #[serde(rename = "boundingBox")]
    bounding_box: Option<()>,
    probability: f64,
    #[serde(rename = "tagId")]
    tag_id: &'static str,
    #[serde(rename = "tagName")]
    tag_name: &'a str,
}

#[derive(Serialize)]
struct Answer<'a> {
    created: String,
    id: &'static str,
    iteration: &'static str,
    predictions: Vec<Prediction<'a>>,
    project: &'static str,
}

impl Reply {
    /// The reply to a picture that was looked at now.
    pub(super) fn to(sight: &Sight, now: OffsetDateTime, voice: Voice) -> Self {
        let why = sight.refusal.as_deref().unwrap_or("it was not looked at");
        match (&sight.outcome, &sight.scores) {
            (Outcome::Rejected(reason), _) => Self::rejected(*reason, why),
            (Outcome::Classified { .. } | Outcome::Unsure | Outcome::Ignored, Some(scores)) => {
                Self::predicted(scores, now, voice)
            }
            (Outcome::Classified { .. } | Outcome::Unsure | Outcome::Ignored, None) => {
                Self::rejected(RejectReason::ModelFailed, why)
            }
        }
    }

    fn predicted(scores: &Scores, now: OffsetDateTime, voice: Voice) -> Self {
        let json = match voice.family {
            Family::Container => serde_json::to_vec(&Answer::of(scores, now, voice.listed)),
            Family::Cloud => serde_json::to_vec(&CloudAnswer::of(scores, now)),
        };
        match json {
            Ok(json) => Reply {
                status: StatusCode::OK,
                json: json.into(),
            },
            Err(error) => Self::rejected(RejectReason::ModelFailed, &error.to_string()),
        }
    }

    fn rejected(reason: RejectReason, why: &str) -> Self {
        let (status, code) = match reason {
            RejectReason::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "BadRequestImageSizeBytes"),
            RejectReason::Empty
            | RejectReason::Undecodable
            | RejectReason::Truncated
            | RejectReason::UnsupportedFormat
            | RejectReason::Crashed => (StatusCode::BAD_REQUEST, "BadRequestImageFormat"),
            RejectReason::ModelFailed => (StatusCode::INTERNAL_SERVER_ERROR, "ErrorUnknown"),
        };
        Reply {
            status,
            json: error_json(code, &format!("{reason}: {why}")),
        }
    }

    /// As it is kept with its key; `None` when it is longer than the ledger keeps.
    pub(super) fn kept(&self) -> Option<Vec<u8>> {
        let mut kept = Vec::with_capacity(4 + self.json.len());
        kept.extend_from_slice(self.status.as_str().as_bytes());
        kept.push(BREAK);
        kept.extend_from_slice(&self.json);
        (kept.len() <= MAX_REPLY_BYTES).then_some(kept)
    }

    /// From what was kept; `None` when that is no reply of ours.
    pub(super) fn restored(kept: &[u8]) -> Option<Self> {
        let (status, rest) = kept.split_at_checked(3)?;
        let (line_end, json) = rest.split_first()?;
        let status = StatusCode::from_bytes(status).ok()?;
        (*line_end == BREAK).then(|| Reply {
            status,
            json: Bytes::copy_from_slice(json),
        })
    }

    pub(super) fn into_response(self, replayed: bool) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::from(self.json));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if replayed {
            headers.insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

impl<'a> Answer<'a> {
    fn of(scores: &'a Scores, now: OffsetDateTime, listed: Listed) -> Self {
        let predictions = scores
            .iter()
            .map(|(tag_name, score)| Prediction {
                bounding_box: None,
                probability: rounded(score),
                tag_id: "",
                tag_name,
            })
            // Not a number is left out too.
            .filter(|prediction| listed == Listed::All || prediction.probability > NEXT_TO_NOTHING)
            .collect();
        Answer {
            created: stamp(now),
            id: "",
            iteration: "",
            predictions,
            project: "",
        }
    }
}

/// Eight places, half to even on the exact value, as Python rounds.
fn rounded(score: f32) -> f64 {
    let exact = f64::from(score);
    format!("{exact:.8}").parse().unwrap_or(exact)
}

/// `2026-11-23T07:29:52.143911`, UTC.
fn stamp(now: OffsetDateTime) -> String {
    let form =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]");
    // A year outside 0 to 9999 is the only way to fail.
    now.to_offset(UtcOffset::UTC)
        .format(form)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use time::macros::datetime;

    use super::*;

    const CONTAINER: Voice = Voice {
        family: Family::Container,
        listed: Listed::AboveNothing,
    };
    const CLOUD: Voice = Voice {
        family: Family::Cloud,
        ..CONTAINER
    };

    const NOW: OffsetDateTime = datetime!(2026-11-23 08:29:52.143911999 +1);

    fn sight(values: &[(&str, f32)]) -> Sight {
        let labels: Arc<[String]> = values
            .iter()
            .map(|(label, _)| (*label).to_owned())
            .collect();
        let scores = values.iter().map(|(_, score)| *score).collect();
        Sight {
            outcome: Outcome::Unsure,
            scores: Scores::new(labels, scores),
            refusal: None,
        }
    }

    fn bad(reason: RejectReason) -> Reply {
        let sight = Sight {
            outcome: Outcome::Rejected(reason),
            scores: None,
            refusal: Some("the \"reason\"".to_owned()),
        };
        Reply::to(&sight, NOW, CONTAINER)
    }

    #[test]
    fn the_reply_is_the_containers_to_the_letter() {
        let reply = Reply::to(&sight(&[("unripe", 0.1), ("ripe", 0.9)]), NOW, CONTAINER);
        assert_eq!(reply.status, StatusCode::OK);
        assert_eq!(
            std::str::from_utf8(&reply.json).unwrap(),
            "{\"created\":\"2026-11-23T07:29:52.143911\",\"id\":\"\",\"iteration\":\"\",\
             \"predictions\":[{\"boundingBox\":null,\"probability\":0.1,\"tagId\":\"\",\
             \"tagName\":\"unripe\"},{\"boundingBox\":null,\"probability\":0.89999998,\
             \"tagId\":\"\",\"tagName\":\"ripe\"}],\"project\":\"\"}"
        );
    }

    #[test]
    fn under_the_clouds_paths_the_reply_is_the_clouds() {
        let scores = [("unripe", 0.1), ("Negative", 0.0), ("ripe", 0.9)];
        let reply = Reply::to(&sight(&scores), NOW, CLOUD);
        let text = std::str::from_utf8(&reply.json).unwrap();
        let nil = "00000000-0000-0000-0000-000000000000";
        let start = format!(
            "{{\"id\":\"{nil}\",\"project\":\"{nil}\",\"iteration\":\"{nil}\",\
             \"created\":\"2026-11-23T07:29:52.143911Z\",\"predictions\":[{{\
             \"probability\":0.89999998,\"tagId\":\""
        );
        assert!(text.starts_with(&start), "{text}");
        let json: serde_json::Value = serde_json::from_str(text).unwrap();
        let tags = json["predictions"].as_array().unwrap().iter();
        let tags: Vec<_> = tags
            .map(|tag| {
                (
                    tag["tagName"].as_str().unwrap(),
                    tag["tagType"].as_str().unwrap(),
                )
            })
            .collect();
        let expected = [
            ("ripe", "Regular"),
            ("unripe", "Regular"),
            ("Negative", "Negative"),
        ];
        assert_eq!(tags, expected);
    }

    #[test]
    fn what_is_next_to_nothing_or_no_number_is_left_out() {
        let scores = [
            ("a", 1.0),
            ("b", 1e-8),
            ("c", f32::NAN),
            ("d", 2e-8),
            ("e", 0.0),
        ];
        let reply = Reply::to(&sight(&scores), NOW, CONTAINER);
        let json: serde_json::Value = serde_json::from_slice(&reply.json).unwrap();
        let names: Vec<_> = json["predictions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|prediction| prediction["tagName"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["a", "d"]);
        assert_eq!(json["predictions"][1]["probability"], 2e-8);
    }

    #[test]
    fn the_container_of_2024_leaves_nothing_out() {
        let listed = Listed::by(Origin::Named(NamedRecipe::Docker2024));
        let voice = Voice {
            listed,
            ..CONTAINER
        };
        let reply = Reply::to(&sight(&[("a", 1.0), ("b", 0.0)]), NOW, voice);
        let json: serde_json::Value = serde_json::from_slice(&reply.json).unwrap();
        assert_eq!(json["predictions"][1]["tagName"], "b");
        assert_eq!(json["predictions"][1]["probability"], 0.0);
        for older in [Origin::Properties, Origin::Named(NamedRecipe::Docker2020)] {
            assert_eq!(Listed::by(older), Listed::AboveNothing);
        }
    }

    #[test]
    fn a_bad_picture_gets_an_error_as_the_cloud_writes_it() {
        let reply = bad(RejectReason::Truncated);
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
        assert_eq!(
            std::str::from_utf8(&reply.json).unwrap(),
            r#"{"code":"BadRequestImageFormat","message":"truncated: the \"reason\""}"#
        );
        assert_eq!(bad(RejectReason::TooLarge).status.as_u16(), 413);
        assert_eq!(bad(RejectReason::Crashed).status.as_u16(), 400);
        assert_eq!(bad(RejectReason::ModelFailed).status.as_u16(), 500);
    }

    #[test]
    fn a_kept_reply_comes_back_as_it_was() {
        for reply in [
            Reply::to(&sight(&[("ripe", 0.5)]), NOW, CONTAINER),
            bad(RejectReason::Empty),
        ] {
            assert_eq!(Reply::restored(&reply.kept().unwrap()), Some(reply));
        }
        for other in ["", "20", "200", "200 {}", "abc\n{}"] {
            assert_eq!(Reply::restored(other.as_bytes()), None, "{other:?}");
        }
    }

    #[test]
    fn a_reply_of_thousands_of_labels_is_not_kept() {
        let many: Vec<String> = (0..1000).map(|n| format!("label {n}")).collect();
        let scores: Vec<_> = many.iter().map(|label| (label.as_str(), 0.5)).collect();
        assert_eq!(Reply::to(&sight(&scores), NOW, CONTAINER).kept(), None);
    }
}
