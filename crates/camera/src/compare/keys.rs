//! Which key goes to which endpoint.
//!
//! A key pays for somebody's cloud, so it goes only where it is clear that it is meant to. A key
//! that names its side goes to that side. A key that names none goes to the side whose path is
//! that of the cloud's prediction API, if there is one such side, and never unencrypted over a
//! network.

use super::endpoint::Endpoint;
use super::{Both, Side};
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// Characters of a key; the cloud's have 32 or 84.
const LONGEST: usize = 256;

/// A `Prediction-Key`. It is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// The key itself, for the one header that it is for.
    #[must_use]
    pub(super) fn secret(&self) -> &str {
        &self.0
    }

    /// A text of others without it, also as JSON would write it.
    pub(super) fn left_out_of(&self, text: &str) -> String {
        const INSTEAD: &str = "[key]";
        let escaped = self.0.replace('\\', "\\\\").replace('"', "\\\"");
        text.replace(&self.0, INSTEAD)
            .replace(&escaped, INSTEAD)
            .replace(&escaped.replace('/', "\\/"), INSTEAD)
    }

    /// Given, and nothing: as a variable that is set to an empty text where there is no secret.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn is_sendable(&self) -> bool {
        let visible = self.0.bytes().all(|byte| byte.is_ascii_graphic());
        !self.0.is_empty() && self.0.len() <= LONGEST && visible
    }
}

/// Takes any text, so that no parser quotes a mistyped secret; [`assign`] looks at it.
impl FromStr for Key {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// The keys that were given.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// For whichever side is the cloud.
    pub any: Option<Key>,
    /// For the left side.
    pub left: Option<Key>,
    /// For the right side.
    pub right: Option<Key>,
}

/// Keys that cannot be told where to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A key with a side and one without.
    #[error(
        "a key for any side (--key) and one for a side (--left-key, --right-key) are given; leave --key out"
    )]
    Mixed,
    /// No side is the cloud.
    #[error(
        "--key is for an endpoint with the cloud's path (/customvision/v3.0/Prediction/…), and neither is one; say which side it is for: --left-key or --right-key"
    )]
    NoCloud,
    /// Both sides are the cloud, on two hosts.
    #[error(
        "both endpoints have the cloud's path on different hosts, and --key must not go to the wrong one; use --left-key and --right-key"
    )]
    TwoClouds,
    /// It would go over a network in the clear.
    #[error(
        "--key would go unencrypted to the {0} endpoint; use https, or --{0}-key if that is meant"
    )]
    Unencrypted(Side),
    /// Empty, too long, or not visible ASCII.
    #[error(
        "the key `{0}` is empty or has characters that no key has; expected 1 to {LONGEST} visible ASCII characters"
    )]
    Form(&'static str),
}

/// The key of each side.
///
/// # Errors
/// [`KeyError`] if it is not clear where a key belongs, or it is none.
pub fn assign(given: &Given, endpoints: &Both<Endpoint>) -> Result<Both<Option<Key>>, KeyError> {
    let names = [
        ("--key", &given.any),
        ("--left-key", &given.left),
        ("--right-key", &given.right),
    ];
    for (name, key) in names {
        if key.as_ref().is_some_and(|key| !key.is_sendable()) {
            return Err(KeyError::Form(name));
        }
    }
    let Some(key) = &given.any else {
        return Ok(Both {
            left: given.left.clone(),
            right: given.right.clone(),
        });
    };
    if given.left.is_some() || given.right.is_some() {
        return Err(KeyError::Mixed);
    }
    let Both { left, right } = endpoints;
    let clouds = (left.is_prediction_api(), right.is_prediction_api());
    let same = (left.is_secure(), left.host(), left.port())
        == (right.is_secure(), right.host(), right.port());
    match clouds {
        (false, false) => return Err(KeyError::NoCloud),
        (true, true) if !same => return Err(KeyError::TwoClouds),
        (true, _) | (_, true) => {}
    }
    let for_side = |side: Side, is_cloud: bool| match is_cloud {
        true if is_open(endpoints.of(side)) => Err(KeyError::Unencrypted(side)),
        true => Ok(Some(key.clone())),
        false => Ok(None),
    };
    Ok(Both {
        left: for_side(Side::Left, clouds.0)?,
        right: for_side(Side::Right, clouds.1)?,
    })
}

/// Whether what is sent there can be read on the way.
#[must_use]
pub fn is_open(endpoint: &Endpoint) -> bool {
    !endpoint.is_secure() && !endpoint.is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOUD: &str =
        "https://a.example/customvision/v3.0/Prediction/p/classify/iterations/1/image";
    const CLOUD_NEXT: &str =
        "https://a.example/customvision/v3.0/Prediction/p/classify/iterations/2/image";
    const OTHER_CLOUD: &str =
        "https://b.example/customvision/v3.0/Prediction/p/classify/iterations/1/image";
    const OPEN_CLOUD: &str =
        "http://box/customvision/v3.0/Prediction/p/classify/iterations/1/image";
    const LOCAL_CLOUD: &str =
        "http://127.0.0.1/customvision/v3.0/Prediction/p/classify/iterations/1/image";
    const BOX: &str = "http://box/image";

    fn given(any: &str, left: &str, right: &str) -> Given {
        let key = |text: &str| (!text.is_empty()).then(|| Key(text.to_owned()));
        Given {
            any: key(any),
            left: key(left),
            right: key(right),
        }
    }

    fn assigned(left: &str, right: &str, given: &Given) -> Result<(String, String), KeyError> {
        let endpoints = Both {
            left: left.parse().unwrap(),
            right: right.parse().unwrap(),
        };
        let shown = |key: Option<Key>| key.map_or(String::new(), |key| key.0);
        assign(given, &endpoints).map(|keys| (shown(keys.left), shown(keys.right)))
    }

    #[test]
    fn a_key_goes_only_where_it_is_clear_that_it_belongs() {
        let any = given("k", "", "");
        let cases = [
            (BOX, CLOUD, given("", "", ""), Ok(("", ""))),
            (BOX, CLOUD, any.clone(), Ok(("", "k"))),
            (CLOUD, BOX, any.clone(), Ok(("k", ""))),
            (CLOUD, CLOUD_NEXT, any.clone(), Ok(("k", "k"))),
            (CLOUD, OTHER_CLOUD, any.clone(), Err(KeyError::TwoClouds)),
            (BOX, "http://b/image", any.clone(), Err(KeyError::NoCloud)),
            (
                BOX,
                OPEN_CLOUD,
                any.clone(),
                Err(KeyError::Unencrypted(Side::Right)),
            ),
            (LOCAL_CLOUD, BOX, any.clone(), Ok(("k", ""))),
            (LOCAL_CLOUD, CLOUD, any, Err(KeyError::TwoClouds)),
            (BOX, CLOUD, given("", "a", "b"), Ok(("a", "b"))),
            (BOX, CLOUD, given("", "", "b"), Ok(("", "b"))),
            (BOX, OPEN_CLOUD, given("", "", "b"), Ok(("", "b"))),
            (BOX, CLOUD, given("k", "a", ""), Err(KeyError::Mixed)),
            (
                BOX,
                CLOUD,
                given("", "two words", ""),
                Err(KeyError::Form("--left-key")),
            ),
            (
                BOX,
                CLOUD,
                given("k\n", "", ""),
                Err(KeyError::Form("--key")),
            ),
        ];
        for (left, right, given, expected) in cases {
            let expected = expected.map(|(l, r)| (l.to_owned(), r.to_owned()));
            assert_eq!(assigned(left, right, &given), expected, "{left} {right}");
        }
        let empty = Given {
            any: Some(Key(String::new())),
            ..Given::default()
        };
        assert_eq!(assigned(BOX, CLOUD, &empty), Err(KeyError::Form("--key")));
    }

    #[test]
    fn a_key_is_not_shown() {
        let key: Key = "very-secret".parse().unwrap();
        assert!(!format!("{key:?}").contains("secret"));
    }
}
