//! The frames that the benchmarks record.

use ledger::{Clock, FrameKey, FrameRecord, ModelInfo, Now, Outcome, Repeat, ReusedId};
use time::macros::datetime;

/// Cameras that send in turn.
pub(crate) const CAMERAS: u64 = 100;

pub(crate) fn now() -> Now {
    Now {
        wall: datetime!(2026-11-23 10:00:00 UTC),
        clock: Clock::Plausible,
    }
}

pub(crate) fn model() -> ModelInfo {
    ModelInfo {
        name: "m".into(),
        version: "1".into(),
        sha256: "ab".repeat(32),
    }
}

/// The frame of this number, unlike all others.
pub(crate) fn frame(number: u64) -> FrameRecord {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&number.to_be_bytes());
    FrameRecord {
        key: FrameKey {
            camera: format!("cam-{}", number % CAMERAS),
            input: "images".into(),
            message_id: Some(format!("8c1f9a-{number}")),
            created: Some("2026-11-23T10:00:00.123Z".into()),
            digest,
            repeat: Repeat::No,
            reused_id: ReusedId::CountsAsNew,
        },
        stamp: Some(now().wall),
        arrival: now().wall,
        clock: Clock::Plausible,
        outcome: Outcome::Classified {
            label: "ripe".into(),
        },
        reply: None,
    }
}
