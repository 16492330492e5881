//! Numbers of a client's life, for metrics: how often a connection ended and why, and how old the
//! token is.
//!
//! [`crate::Status`] can change twice before somebody looks; these miss nothing. Counting costs one
//! atomic addition, and nothing waits here.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::status::FailureKind;

/// See [`crate::Client::vitals`].
#[derive(Debug, Default)]
pub struct Vitals {
    ended: [AtomicU64; FailureKind::ALL.len()],
    connected: AtomicU64,
    signed_at: Mutex<Option<Instant>>,
}

impl Vitals {
    /// How many attempts and connections ended for this since the client was started. Each is
    /// followed by a new attempt, unless the client is held or closed.
    #[must_use]
    pub fn ended(&self, kind: FailureKind) -> u64 {
        self.ended[kind as usize].load(Ordering::Relaxed)
    }

    /// How often the hub accepted us.
    #[must_use]
    pub fn connected(&self) -> u64 {
        self.connected.load(Ordering::Relaxed)
    }

    /// How old the token of the last connection is; `None` before the first one.
    #[must_use]
    pub fn token_age(&self, now: Instant) -> Option<Duration> {
        self.signed_at()
            .map(|signed_at| now.saturating_duration_since(signed_at))
    }

    pub(crate) fn count_end(&self, kind: FailureKind) {
        self.ended[kind as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_connected(&self) {
        self.connected.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn token_signed(&self, at: Instant) {
        *self.signed_at() = Some(at);
    }

    fn signed_at(&self) -> MutexGuard<'_, Option<Instant>> {
        self.signed_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_end_has_a_count_and_a_name_of_its_own() {
        let vitals = Vitals::default();
        for (times, kind) in (1..).zip(FailureKind::ALL) {
            for _ in 0..times {
                vitals.count_end(kind);
            }
        }
        let counts = FailureKind::ALL.map(|kind| vitals.ended(kind));
        assert!(
            counts.iter().copied().eq(1..=counts.len() as u64),
            "{counts:?}"
        );
        let mut names = FailureKind::ALL.map(FailureKind::as_str);
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
    }

    #[test]
    fn a_token_grows_older_until_the_next_one() {
        let vitals = Vitals::default();
        let start = Instant::now();
        assert_eq!(vitals.token_age(start), None);
        vitals.token_signed(start);
        let minute = Duration::from_secs(60);
        assert_eq!(vitals.token_age(start + minute), Some(minute));
        vitals.token_signed(start + minute);
        assert_eq!(vitals.token_age(start + minute), Some(Duration::ZERO));
    }
}
