//! The key that a request for a prediction must carry, where one is set.

use hyper::HeaderMap;

use super::refusal::Refusal;
use crate::settings::PredictionKey;

/// The cloud's header for it.
const HEADER: &str = "prediction-key";

/// Lets a request through whose key is the one that is set.
pub(super) fn check(set: Option<PredictionKey>, headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(set) = set else {
        return Ok(());
    };
    let mut given = headers.get_all(HEADER).iter();
    let key = given.next().ok_or(Refusal::Unauthorized)?;
    let is_right = PredictionKey::new(key.as_bytes()) == set;
    if is_right && given.next().is_none() {
        Ok(())
    } else {
        Err(Refusal::Unauthorized)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(keys: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for key in keys {
            headers.append(HEADER, key.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_the_key_that_is_set_lets_through_and_none_is_asked_for_where_none_is_set() {
        let set = Some(PredictionKey::new(b"secret"));
        assert_eq!(check(set, &with(&["secret"])), Ok(()));
        for keys in [
            &[][..],
            &["Secret"],
            &[""],
            &["secret", "secret"],
            &["secret", "x"],
        ] {
            assert_eq!(
                check(set, &with(keys)),
                Err(Refusal::Unauthorized),
                "{keys:?}"
            );
        }
        assert_eq!(check(None, &with(&[])), Ok(()));
        assert_eq!(check(None, &with(&["anything"])), Ok(()));
    }
}
