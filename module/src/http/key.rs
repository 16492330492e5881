//! The key that a request for a prediction must carry, where one is set.

use std::fmt;

use hyper::HeaderMap;
use sha2::{Digest, Sha256};

use super::refusal::Refusal;

/// The cloud's header for it.
const HEADER: &str = "prediction-key";

/// A key as it is compared: its hash, so that neither the time of a comparison nor a log can tell
/// anything of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PredictionKey([u8; 32]);

impl PredictionKey {
    /// Of the key itself.
    #[must_use]
    pub fn new(key: &str) -> Self {
        PredictionKey(Sha256::digest(key.as_bytes()).into())
    }
}

/// Never the key, nor its hash.
impl fmt::Debug for PredictionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PredictionKey(..)")
    }
}

/// Lets a request through whose key is the one that is set.
pub(super) fn check(set: Option<PredictionKey>, headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(set) = set else {
        return Ok(());
    };
    let mut given = headers.get_all(HEADER).iter();
    let key = given.next().ok_or(Refusal::Unauthorized)?;
    let is_right = PredictionKey(Sha256::digest(key.as_bytes()).into()) == set;
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
        let set = Some(PredictionKey::new("secret"));
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

    #[test]
    fn what_is_shown_of_a_key_says_nothing_of_it() {
        assert_eq!(
            format!("{:?}", PredictionKey::new("secret")),
            "PredictionKey(..)"
        );
    }
}
