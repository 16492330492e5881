//! What the cloud says of a picture that was looked at.

use serde::Serialize;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use vision::Scores;

use super::{rounded, stamp};

/// In the cloud's order.
#[derive(Serialize)]
pub(super) struct CloudAnswer<'a> {
    id: &'static str,
    project: &'static str,
    iteration: &'static str,
    created: String,
    predictions: Vec<CloudPrediction<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CloudPrediction<'a> {
    probability: f64,
    tag_id: String,
    tag_name: &'a str,
    tag_type: &'static str,
}

/// Some of the cloud's SDKs read ids as UUIDs and fail over anything else.
const NO_ID: &str = "00000000-0000-0000-0000-000000000000";

/// The tag of pictures that show none of the others.
const NEGATIVE: &str = "Negative";

impl<'a> CloudAnswer<'a> {
    pub(super) fn of(scores: &'a Scores, now: OffsetDateTime) -> Self {
        let mut predictions: Vec<CloudPrediction<'_>> = scores
            .iter()
            .map(|(tag_name, score)| CloudPrediction {
                // What is no number could not be written.
                probability: Some(rounded(score))
                    .filter(|it| it.is_finite())
                    .unwrap_or(0.0),
                tag_id: tag_id(tag_name),
                tag_name,
                tag_type: if tag_name == NEGATIVE {
                    NEGATIVE
                } else {
                    "Regular"
                },
            })
            .collect();
        // Stable: equal ones stay in the order of the labels.
        predictions.sort_by(|one, other| other.probability.total_cmp(&one.probability));
        CloudAnswer {
            id: NO_ID,
            project: NO_ID,
            iteration: NO_ID,
            created: format!("{}Z", stamp(now)),
            predictions,
        }
    }
}

/// A UUID that a label has wherever it occurs (version 8: of our own making).
fn tag_id(label: &str) -> String {
    let hash: [u8; 32] = Sha256::digest(label.as_bytes()).into();
    let mut hex = String::with_capacity(36);
    for (at, byte) in hash.iter().take(16).enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            hex.push('-');
        }
        let byte = match at {
            6 => 0x80 | byte & 0x0f,
            8 => 0x80 | byte & 0x3f,
            _ => *byte,
        };
        hex.push_str(&format!("{byte:02x}"));
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_has_one_uuid_and_another_label_another() {
        let id = tag_id("ripe");
        assert_eq!(id, tag_id("ripe"));
        assert_ne!(id, tag_id("unripe"));
        let lengths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(&id[14..15], "8");
        assert!("89ab".contains(&id[19..20]), "{id}");
    }
}
