//! A point on the caller's monotonic clock.
//!
//! The core has no clock. The shell picks an origin once (its own start will do) and
//! hands in how far away from it "now" is; tests simply count. Wall-clock time never
//! enters: a stepped clock must not close a connection or hold one open.

use std::ops::Add;
use std::time::Duration;

/// A point in time, as the time passed since an origin that one shell keeps for life.
///
/// Moments from different origins must not be mixed; nothing here can notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(Duration);

impl Moment {
    /// The origin itself.
    pub const ORIGIN: Moment = Moment(Duration::ZERO);

    /// The moment `elapsed` after the origin.
    #[must_use]
    pub const fn after_origin(elapsed: Duration) -> Self {
        Moment(elapsed)
    }

    /// How long after the origin this moment is.
    #[must_use]
    pub const fn since_origin(self) -> Duration {
        self.0
    }

    /// How long after `earlier` this moment is; zero when it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Moment) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;

    /// The later moment; stays at the last representable one instead of overflowing.
    fn add(self, duration: Duration) -> Moment {
        Moment(self.0.saturating_add(duration))
    }
}
