//! Names of cameras that come from outside: their form, and how many there may be.
//!
//! A name is a row in the ledger for ever and a line in reports, and anybody who reaches the port
//! can make one up. So it has a character set, a length and a maximum number; names beyond that
//! share one. They live in a space of their own, `http:`, since nobody vouches for them, and must
//! not be taken for a device that edgeHub knows.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Before every name.
const SPACE: &str = "http:";

/// Who is counted when there are too many names.
const OTHER: &str = "http:other";

/// What a camera is called that nothing names.
const UNNAMED: &str = "unnamed";

/// Longest name, in characters.
const LONGEST: usize = 64;

/// A well-formed name, without its space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name(String);

/// A name that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NameError {
    #[error("the camera's name is {0} characters long, expected 1 to 64")]
    Length(usize),
    #[error("the camera's name has {0:?} in it, expected letters A to Z, digits, '-', '_' and '.'")]
    Character(char),
}

impl Name {
    /// Reads a name: 1 to 64 ASCII letters, digits, `-`, `_` or `.`.
    pub(super) fn parse(text: &str) -> Result<Self, NameError> {
        let taken = |c: &char| c.is_ascii_alphanumeric() || "-_.".contains(*c);
        if let Some(other) = text.chars().find(|c| !taken(c)) {
            return Err(NameError::Character(other));
        }
        if (1..=LONGEST).contains(&text.len()) {
            Ok(Name(text.to_owned()))
        } else {
            Err(NameError::Length(text.len()))
        }
    }

    /// Whose pictures are counted though nothing says whose they are. It is a name like others.
    pub(super) fn unnamed() -> Self {
        Name(UNNAMED.to_owned())
    }
}

/// The names that are in use.
#[derive(Debug)]
pub(super) struct Names {
    known: Mutex<BTreeSet<String>>,
    most: usize,
}

impl Names {
    /// With those of the ledger's cameras that came by HTTP, so that a start forgets none. `most`
    /// holds for new ones.
    pub(super) fn new<'a>(cameras: impl Iterator<Item = &'a String>, most: usize) -> Self {
        let known = cameras
            .filter(|camera| camera.starts_with(SPACE) && *camera != OTHER)
            .cloned()
            .collect();
        Names {
            known: Mutex::new(known),
            most,
        }
    }

    /// What a camera's key is called beside the keys of its `camera`, see [`Names::camera`]: names
    /// that share one camera must not share their keys.
    pub(super) fn key(camera: &str, name: &Name, key: String) -> String {
        if camera == OTHER {
            // Neither a name nor a key has a zero byte.
            format!("{}\0{key}", name.0)
        } else {
            key
        }
    }

    /// The camera that a name is counted as; a new name is known from now on.
    pub(super) fn camera(&self, name: &Name) -> String {
        let camera = format!("{SPACE}{}", name.0);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if camera == OTHER || known.contains(&camera) {
            return camera;
        }
        if known.len() >= self.most {
            return OTHER.to_owned();
        }
        known.insert(camera.clone());
        camera
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    #[test]
    fn a_name_has_a_length_and_a_character_set() {
        for good in ["a", "cam-01", "Gate_2.left", &"x".repeat(64)] {
            assert!(Name::parse(good).is_ok(), "{good}");
        }
        assert_eq!(Name::parse(""), Err(NameError::Length(0)));
        assert_eq!(Name::parse(&"x".repeat(65)), Err(NameError::Length(65)));
        for (bad, seen) in [
            ("a b", ' '),
            ("a/b", '/'),
            ("k\u{fc}he", '\u{fc}'),
            ("a\n", '\n'),
        ] {
            assert_eq!(Name::parse(bad), Err(NameError::Character(seen)));
        }
    }

    #[test]
    fn names_beyond_the_maximum_share_one() {
        let names = Names::new([].iter(), 2);
        assert_eq!(names.camera(&name("a")), "http:a");
        assert_eq!(names.camera(&name("b")), "http:b");
        assert_eq!(names.camera(&name("c")), OTHER);
        assert_eq!(names.camera(&name("a")), "http:a");
        assert_eq!(names.camera(&name("c")), OTHER);
    }

    #[test]
    fn names_that_share_one_do_not_share_their_keys() {
        let key = |camera: &str, text: &str| Names::key(camera, &name(text), "1".to_owned());
        assert_ne!(key(OTHER, "a"), key(OTHER, "b"));
        assert_eq!(key(OTHER, "a"), key(OTHER, "a"));
        assert_eq!(key("http:a", "a"), "1");
    }

    #[test]
    fn the_shared_name_takes_no_place() {
        let names = Names::new([].iter(), 1);
        assert_eq!(names.camera(&name("other")), OTHER);
        assert_eq!(names.camera(&name("a")), "http:a");
    }

    #[test]
    fn the_ledgers_own_http_names_are_known_and_keep_their_places() {
        let cameras = ["cam-01", "http:old", "http:other"].map(str::to_owned);
        let names = Names::new(cameras.iter(), 1);
        assert_eq!(names.camera(&name("old")), "http:old");
        assert_eq!(names.camera(&name("new")), OTHER);
        assert_eq!(names.camera(&name("cam-01")), OTHER);
    }

    #[test]
    fn with_a_maximum_of_none_all_share_one() {
        let names = Names::new([].iter(), 0);
        assert_eq!(names.camera(&name("a")), OTHER);
    }
}
