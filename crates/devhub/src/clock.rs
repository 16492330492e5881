//! The two clocks of the hub as one argument: a monotonic one for waiting, the wall clock for
//! stamps, token ends and times to live (which outlive a restart).
//!
//! The core never asks for the time; the shell, or a test, brings it.

use std::time::{Duration, Instant, SystemTime};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// One moment on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Monotonic time since the hub started.
    pub elapsed: Duration,
    /// Wall time.
    pub wall: SystemTime,
}

/// Reads both clocks; the monotonic one counts from the making of this value.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// Starts counting.
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    /// This moment.
    pub fn now(&self) -> Now {
        Now {
            elapsed: self.started.elapsed(),
            wall: SystemTime::now(),
        }
    }

    /// The instant at which [`Now::elapsed`] will be `elapsed`.
    pub fn instant(&self, elapsed: Duration) -> Instant {
        self.started + elapsed
    }
}

/// RFC 3339 in UTC with a `Z`; years beyond 9999 come out as the Unix epoch.
pub fn rfc3339(moment: SystemTime) -> String {
    OffsetDateTime::from(moment)
        .format(&Rfc3339)
        .unwrap_or_else(|_| "1970-01-01T00:00:00Z".to_owned())
}

/// Serde form of a wall time in records: milliseconds since the Unix epoch.
pub(crate) mod milliseconds {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(at: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        to.serialize_u64(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
        let millis = u64::deserialize(from)?;
        UNIX_EPOCH
            .checked_add(Duration::from_millis(millis))
            .ok_or_else(|| serde::de::Error::custom("a time too far ahead"))
    }
}
