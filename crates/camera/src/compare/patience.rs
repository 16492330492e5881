//! How long a busy endpoint is waited for.

use std::time::Duration;

/// How often one picture is sent again to an endpoint that is busy.
const MOST_WAITS: u32 = 4;
/// The longest wait that an endpoint can ask for.
const LONGEST: Duration = Duration::from_secs(60);
/// The first wait if it asks for none; each further one is twice as long.
const FIRST: Duration = Duration::from_secs(1);

/// The pause before a picture is sent once more, after `waited` pauses for it; `None` to give up.
pub(super) fn pause(waited: u32, retry_after: Option<Duration>) -> Option<Duration> {
    if waited >= MOST_WAITS {
        return None;
    }
    let pause = retry_after.unwrap_or(FIRST * 2_u32.pow(waited));
    (pause <= LONGEST).then_some(pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_waited_for_as_it_asks_but_not_for_ever() {
        let seconds = Duration::from_secs;
        let cases = [
            (0, None, Some(seconds(1))),
            (3, None, Some(seconds(8))),
            (4, None, None),
            (0, Some(seconds(0)), Some(seconds(0))),
            (3, Some(seconds(60)), Some(seconds(60))),
            (0, Some(seconds(61)), None),
            (0, Some(Duration::MAX), None),
            (4, Some(seconds(1)), None),
        ];
        for (waited, asked, expected) in cases {
            assert_eq!(pause(waited, asked), expected, "{waited} {asked:?}");
        }
    }
}
