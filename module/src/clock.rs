//! The one place that reads the wall clock for counting.
//!
//! A box without a battery starts in the past until it finds a time server. A
//! date before this program was built cannot be right, and what is stamped under
//! it is marked `unsure`.

use ledger::{Clock, Now};
use time::OffsetDateTime;
use time::macros::datetime;

/// No release of this program is older; moved forward with each release.
const BUILT_AFTER: OffsetDateTime = datetime!(2026-11-01 00:00:00 UTC);

/// The wall clock's reading and whether it can be believed.
#[must_use]
pub fn now() -> Now {
    judge(OffsetDateTime::now_utc())
}

fn judge(wall: OffsetDateTime) -> Now {
    let clock = if wall < BUILT_AFTER {
        Clock::Unsure
    } else {
        Clock::Plausible
    };
    Now { wall, clock }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_before_the_build_is_unsure() {
        assert_eq!(judge(datetime!(1970-01-01 00:01 UTC)).clock, Clock::Unsure);
        assert_eq!(judge(BUILT_AFTER).clock, Clock::Plausible);
    }
}
