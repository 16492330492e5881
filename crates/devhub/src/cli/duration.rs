//! Durations on the command line: a number and its unit.

use std::time::Duration;

use devhub::agent::parse_duration;

/// One that is not zero.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text)
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "expected a number with a unit: 500ms, 30s, 5m, 1h".to_owned())
}

/// One that may be zero.
pub(super) fn any_duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "expected a number with a unit: 0s, 30s, 5m".to_owned())
}
