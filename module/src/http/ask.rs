//! What a request for a picture asks, beside the picture: its camera and its key.
//!
//! Pure: from a query and headers to values or a refusal. Without a camera a picture is answered
//! and not counted, so that trying the door with curl does not distort the counts, unless a setting
//! says whose it is then (`whose`). Where nothing is counted a key has nothing to protect and is only
//! checked for its form.

use hyper::HeaderMap;
use hyper::header::HeaderValue;
use percent_encoding::percent_decode_str;

use super::names::Name;
use super::refusal::Refusal;

/// The header that names the camera, like the parameter `camera` of the query.
const CAMERA_HEADER: &str = "x-camera";
const CAMERA_PARAMETER: &str = "camera";

/// The header that makes a retry count once.
const KEY_HEADER: &str = "idempotency-key";

/// Longest key, in characters.
const LONGEST_KEY: usize = 256;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ask {
    /// What is in the picture? Nothing is counted.
    Answer,
    /// The same, and count it.
    Count {
        /// Whose picture it is.
        camera: Name,
        /// What its sender calls this request, however often it is made.
        key: Option<String>,
    },
}

/// Reads a request's query and headers. `otherwise` is the camera of one that names none.
pub(super) fn read(
    query: Option<&str>,
    headers: &HeaderMap,
    otherwise: Option<Name>,
) -> Result<Ask, Refusal> {
    let key = key(headers)?;
    let named = [
        in_query(query.unwrap_or_default())?,
        one(headers, CAMERA_HEADER)
            .map_err(|_twice| Refusal::Cameras)?
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
    ];
    let mut names = named.into_iter().flatten();
    let name = names.next();
    if names.any(|other| Some(&other) != name.as_ref()) {
        return Err(Refusal::Cameras);
    }
    let camera = match name {
        Some(name) => Some(Name::parse(&name).map_err(Refusal::Camera)?),
        None => otherwise,
    };
    Ok(match camera {
        Some(camera) => Ask::Count { camera, key },
        None => Ask::Answer,
    })
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(value) = one(headers, KEY_HEADER).map_err(|_twice| Refusal::Key)? else {
        return Ok(None);
    };
    let bytes = value.as_bytes();
    let fits = (1..=LONGEST_KEY).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
    if !fits {
        return Err(Refusal::Key);
    }
    Ok(Some(String::from_utf8_lossy(bytes).into_owned()))
}

/// Several values that differ mean that the request contradicts itself.
struct Twice;

fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a HeaderValue>, Twice> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.any(|other| Some(other) != first) {
        return Err(Twice);
    }
    Ok(first)
}

fn in_query(query: &str) -> Result<Option<String>, Refusal> {
    let mut found = None;
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if name != CAMERA_PARAMETER {
            continue;
        }
        // A '+' stays one: no name may have a blank either.
        let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
        if found.as_ref().is_some_and(|first| *first != value) {
            return Err(Refusal::Cameras);
        }
        found = Some(value);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn camera_of(query: Option<&str>, pairs: &[(&'static str, &str)]) -> Option<Name> {
        match read(query, &headers(pairs), None).unwrap() {
            Ask::Answer => None,
            Ask::Count { camera, .. } => Some(camera),
        }
    }

    fn key_of(key: &str) -> Result<Option<String>, Refusal> {
        match read(
            Some("camera=c"),
            &headers(&[("idempotency-key", key)]),
            None,
        )? {
            Ask::Answer => panic!("the camera is named"),
            Ask::Count { key, .. } => Ok(key),
        }
    }

    #[test]
    fn a_request_that_names_no_camera_is_only_answered() {
        assert_eq!(read(None, &headers(&[]), None).unwrap(), Ask::Answer);
        assert_eq!(camera_of(Some("cam=a&x=camera"), &[]), None);
        assert_eq!(camera_of(None, &[("idempotency-key", "k")]), None);
    }

    #[test]
    fn a_name_in_the_request_wins_over_what_is_taken_otherwise() {
        let otherwise = Name::parse("project").unwrap();
        let camera = |query| {
            let asked = read(query, &headers(&[]), Some(otherwise.clone())).unwrap();
            let Ask::Count { camera, key: None } = asked else {
                panic!("{asked:?}")
            };
            camera
        };
        assert_eq!(camera(None), otherwise);
        assert_eq!(camera(Some("camera=gate")), Name::parse("gate").unwrap());
        let bad = read(Some("camera="), &headers(&[]), Some(otherwise));
        assert!(matches!(bad, Err(Refusal::Camera(_))), "{bad:?}");
    }

    #[test]
    fn query_or_header_name_the_camera() {
        let expected = Some(Name::parse("cam-01").unwrap());
        assert_eq!(camera_of(Some("camera=cam-01"), &[]), expected);
        assert_eq!(camera_of(Some("a=b&camera=cam%2D01"), &[]), expected);
        assert_eq!(camera_of(None, &[("x-camera", "cam-01")]), expected);
        let both = camera_of(Some("camera=cam-01"), &[("x-camera", "cam-01")]);
        assert_eq!(both, expected);
    }

    #[test]
    fn two_names_are_refused() {
        let refused = |query, pairs| read(Some(query), &headers(pairs), None).unwrap_err();
        assert_eq!(refused("camera=a", &[("x-camera", "b")]), Refusal::Cameras);
        assert_eq!(refused("camera=a&camera=b", &[]), Refusal::Cameras);
        let twice = [("x-camera", "a"), ("x-camera", "b")];
        assert_eq!(refused("", &twice), Refusal::Cameras);
    }

    #[test]
    fn a_bad_name_is_refused_and_not_taken_for_none() {
        for query in [
            "camera=",
            "camera",
            "camera=a%20b",
            "camera=a+b",
            "camera=%ff",
        ] {
            let refused = read(Some(query), &headers(&[]), None).unwrap_err();
            assert!(
                matches!(refused, Refusal::Camera(_)),
                "{query}: {refused:?}"
            );
        }
    }

    #[test]
    fn a_key_is_1_to_256_visible_ascii_characters() {
        let longest = "k".repeat(256);
        for good in ["1", "8f14e45f-ceea-467f-a0e6", "~!\"{}", longest.as_str()] {
            assert_eq!(key_of(good), Ok(Some(good.to_owned())));
        }
        for bad in ["", "two words", "tab\there", &"k".repeat(257), "k\u{e4}se"] {
            assert_eq!(key_of(bad), Err(Refusal::Key), "{bad:?}");
        }
    }

    #[test]
    fn a_bad_key_is_refused_also_where_nothing_is_counted() {
        let bad = headers(&[("idempotency-key", "two words")]);
        assert_eq!(read(None, &bad, None), Err(Refusal::Key));
        let two = headers(&[("idempotency-key", "a"), ("idempotency-key", "b")]);
        assert_eq!(read(None, &two, None), Err(Refusal::Key));
    }
}
