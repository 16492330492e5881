//! What the ledger is told about one frame: which one it is, when, and how it ended.
//!
//! Plain values without a store or a clock. A [`FrameKey`] is made from the bytes that arrived, so
//! that a second delivery of the same frame makes an equal key. This room must never hold a
//! picture: a key carries the digest of the bytes, not the bytes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// What makes two deliveries the same frame.
///
/// With a message id, two deliveries are one frame when camera, message id, creation stamp and
/// digest are all equal. Without one, camera, creation stamp and digest are compared, and only
/// where a second delivery can be, see [`Repeat`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FrameKey {
    /// Who took the picture: `$.cdid`, `$.cdid/$.cmid`, or `http:NAME`. At most
    /// [`MAX_NAME_BYTES`] bytes.
    pub camera: String,
    /// Through which input it came; frames without a message id are compared within one input.
    pub input: String,
    /// The camera's own id of the message (`$.mid`, or an `Idempotency-Key`), if it set one.
    pub message_id: Option<String>,
    /// The camera's creation stamp exactly as it arrived, if it set one. Text that is no time at
    /// all is compared all the same.
    pub created: Option<String>,
    /// SHA-256 of the picture's bytes as they arrived.
    pub digest: [u8; 32],
    /// Whether this may be a further delivery. Matters only without a message id.
    pub repeat: Repeat,
    /// What the same message id with other content means. Matters only with a message id.
    pub reused_id: ReusedId,
}

/// What it means when a camera uses a message id again for another frame.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum ReusedId {
    /// A new frame, with a warning: cameras exist that number from 1 after each boot.
    #[default]
    CountsAsNew,
    /// A mistake of the sender: nothing is counted. An `Idempotency-Key` is chosen for one request.
    IsConflict,
}

/// Whether a delivery may be a further one of a frame, and from whom. A frame without a message id
/// is compared only then, because a fixed camera may honestly send equal pictures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Repeat {
    /// A first delivery: it counts, however much it looks like another.
    #[default]
    No,
    /// The hub may be delivering again: one of the first ten deliveries of its input after a
    /// connect, one after a PUBACK that took over 30 s, or one that came after a time-out of the
    /// hub which no PUBACK of ours shows. Compared with the last ten frames of its
    /// input over all cameras, which is what the hub can have in flight.
    InBatch,
    /// The camera marked it as sent again (`mqtt-dup`). Any number of frames of other cameras may
    /// have come since its first try, so it is compared with what is remembered of its own camera,
    /// see [`LedgerOptions::dedupe_per_camera`](crate::LedgerOptions::dedupe_per_camera). The hub
    /// may deliver a marked frame again too, so it is compared like `InBatch` as well.
    MarkedBySender,
}

/// The longest camera name and label that the ledger takes, in bytes: `$.cdid/$.cmid` is at most
/// 128 + 1 + 128. Longer ones are refused, so that every camera fits into a report.
pub const MAX_NAME_BYTES: usize = 300;

/// One frame with its outcome, ready to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameRecord {
    /// Which frame it is.
    pub key: FrameKey,
    /// When the camera says that it took the picture; `None` when it does not say or the text
    /// cannot be read.
    pub stamp: Option<OffsetDateTime>,
    /// When the frame arrived, by the wall clock of the box.
    pub arrival: OffsetDateTime,
    /// Whether the wall clock could be trusted at arrival.
    pub clock: Clock,
    /// How it ended.
    pub outcome: Outcome,
    /// What the sender was answered, to be kept with the frame while it is remembered and given
    /// back when it comes again. At most [`MAX_REPLY_BYTES`] bytes; only for a frame with a message
    /// id, otherwise it is not kept.
    pub reply: Option<Vec<u8>>,
}

/// The longest reply that is kept with a frame, in bytes.
pub const MAX_REPLY_BYTES: usize = 16 << 10;

/// How a frame ended. Closed; `duplicate` is missing because it is the ledger's own finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The model named a fruit that counts.
    Classified {
        /// The label, as the model has it. At most [`MAX_NAME_BYTES`] bytes.
        label: String,
    },
    /// No label reached the minimum confidence.
    Unsure,
    /// The model named something that does not count, such as Custom Vision's Negative.
    Ignored,
    /// The bytes were no picture that could be classified.
    Rejected(RejectReason),
}

/// Why a frame was rejected. Closed, with a stable snake_case name for reports and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RejectReason {
    /// No bytes at all.
    Empty,
    /// A known format whose content does not decode.
    Undecodable,
    /// A picture that ends before its end.
    Truncated,
    /// More bytes or pixels than the limits allow.
    TooLarge,
    /// Bytes of a format that is not decoded here.
    UnsupportedFormat,
    /// Decoded, but the model could not be run on it.
    ModelFailed,
    /// The process ended while working on it, three times.
    Crashed,
}

impl RejectReason {
    /// Every reason, for metrics that show zeros too.
    pub const ALL: [RejectReason; 7] = [
        RejectReason::Empty,
        RejectReason::Undecodable,
        RejectReason::Truncated,
        RejectReason::TooLarge,
        RejectReason::UnsupportedFormat,
        RejectReason::ModelFailed,
        RejectReason::Crashed,
    ];

    /// The stable name, as reports, metrics and the stored rows have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            RejectReason::Empty => "empty",
            RejectReason::Undecodable => "undecodable",
            RejectReason::Truncated => "truncated",
            RejectReason::TooLarge => "too_large",
            RejectReason::UnsupportedFormat => "unsupported_format",
            RejectReason::ModelFailed => "model_failed",
            RejectReason::Crashed => "crashed",
        }
    }
}

impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RejectReason {
    type Err = UnknownRejectReason;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        RejectReason::ALL
            .into_iter()
            .find(|reason| reason.as_str() == text)
            .ok_or_else(|| UnknownRejectReason {
                found: text.to_owned(),
            })
    }
}

/// A name that is no [`RejectReason`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no reject reason is called {found:?}, expected one such as \"undecodable\"")]
pub struct UnknownRejectReason {
    /// The name that was seen.
    pub found: String,
}

/// The model that gave an outcome. A report names exactly one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ModelInfo {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the model file in lower-case hexadecimal.
    #[cfg_attr(test, schemars(extend("pattern" = "^[0-9a-f]{64}$")))]
    pub sha256: String,
}

/// The program that seals a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Software {
    /// Version of the module, such as `0.1.0`.
    pub version: String,
}

/// The wall clock, as the caller reads it. The ledger never asks a clock itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Wall time; any offset, it is taken as UTC.
    pub wall: OffsetDateTime,
    /// Whether it can be trusted.
    pub clock: Clock,
}

/// Whether the wall clock can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// Not known to be wrong. It may be all the same.
    Plausible,
    /// Wrong, or with nothing to vouch for it. The module says so before the date of its build, until
    /// the kernel's clock was synchronised since the boot, and after a step that no time server
    /// explains; see its `clock` room.
    Unsure,
}

impl Clock {
    /// The name in reports and in the stored rows: `plausible` or `unsure`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Clock::Plausible => "plausible",
            Clock::Unsure => "unsure",
        }
    }
}

/// What recording a frame came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// A new frame: its outcome is counted.
    Counted {
        /// The camera used this message id before for another frame (other bytes or another
        /// creation stamp). The frame counts; the caller should warn, since such a camera is
        /// protected by its digest alone.
        reused_id: bool,
    },
    /// A frame that is already counted: only `duplicate` (and `received`) went up.
    Duplicate {
        /// The reply that was kept with it when it was counted.
        reply: Option<Vec<u8>>,
    },
    /// The message id belongs to another frame, and the key says that this is a
    /// [conflict](ReusedId::IsConflict): nothing was counted or written.
    Conflict,
}

/// What is known of a frame before it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It would be counted.
    No,
    /// It is counted already.
    Counted {
        /// The reply that was kept with it.
        reply: Option<Vec<u8>>,
    },
    /// As [`Recorded::Conflict`].
    Conflict,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_found_by_its_own_name() {
        for reason in RejectReason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(reason));
        }
    }

    #[test]
    fn another_name_is_refused_with_the_name() {
        let refused = "Undecodable".parse::<RejectReason>();
        assert_eq!(
            refused,
            Err(UnknownRejectReason {
                found: "Undecodable".into()
            })
        );
    }
}
