//! Names of cameras for people.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::LedgerError;
use crate::frame::MAX_NAME_BYTES;
use crate::wording;

/// Cameras that have a name at most.
const MAX_NAMES: usize = 1000;

/// What people call cameras, by the id under which each is counted. A name of 1 to 128 bytes without
/// control characters for each of at most 1000 cameras; two may have the same one, since nothing is
/// told apart by it. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CameraNames(Arc<BTreeMap<String, String>>);

impl CameraNames {
    /// The name of a camera, if it has one.
    #[must_use]
    pub fn get(&self, camera: &str) -> Option<&str> {
        self.0.get(camera).map(String::as_str)
    }

    /// How many cameras have a name.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Cameras with their names, by the camera's id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(camera, name)| (camera.as_str(), name.as_str()))
    }
}

/// Names by the camera's id.
///
/// # Errors
/// `Argument` for too many, for a name that is none, and for an id that no camera can have.
impl TryFrom<BTreeMap<String, String>> for CameraNames {
    type Error = LedgerError;

    fn try_from(names: BTreeMap<String, String>) -> Result<Self, Self::Error> {
        if names.len() > MAX_NAMES {
            return Err(LedgerError::Argument {
                name: "the number of cameras with a name",
                seen: names.len().to_string(),
                expected: "at most 1000",
            });
        }
        for (camera, name) in &names {
            if !(1..=MAX_NAME_BYTES).contains(&camera.len()) {
                return Err(LedgerError::Argument {
                    name: "the id of a camera with a name",
                    seen: format!("{} bytes long", camera.len()),
                    expected: "1 to 300 bytes",
                });
            }
            if !wording::is_short(name) {
                return Err(LedgerError::Argument {
                    name: "the name of a camera",
                    seen: format!("{} (of {camera:?})", wording::shown(name)),
                    expected: "1 to 128 bytes without control characters",
                });
            }
        }
        Ok(Self(Arc::new(names)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pairs: &[(&str, &str)]) -> Result<CameraNames, LedgerError> {
        let owned = pairs
            .iter()
            .map(|(camera, name)| ((*camera).to_owned(), (*name).to_owned()));
        owned.collect::<BTreeMap<_, _>>().try_into()
    }

    #[test]
    fn a_camera_has_its_name_and_another_has_none() {
        let names = names(&[("cam-1", "Gate 2"), ("cam-2", "Gate 2")]).unwrap();
        assert_eq!(names.get("cam-1"), Some("Gate 2"));
        assert_eq!(names.get("cam-3"), None);
        assert_eq!((names.len(), names.is_empty()), (2, false));
        let all: Vec<_> = names.iter().collect();
        assert_eq!(all, [("cam-1", "Gate 2"), ("cam-2", "Gate 2")]);
    }

    #[test]
    fn what_is_no_name_is_refused_with_its_camera() {
        let long = "x".repeat(129);
        for (name, seen) in [
            ("", "\"\""),
            ("a\tb", "\"a\\tb\""),
            (&long, "129 bytes long"),
        ] {
            assert_eq!(
                names(&[("cam-1", name)]).unwrap_err().to_string(),
                format!(
                    "the name of a camera is {seen} (of \"cam-1\"), expected 1 to 128 bytes without \
                     control characters"
                )
            );
        }
        assert!(names(&[("cam-1", &"x".repeat(128))]).is_ok());
        for camera in ["", &"c".repeat(301)] {
            let refused = names(&[(camera, "a")]).unwrap_err().to_string();
            assert!(refused.contains("expected 1 to 300 bytes"), "{refused}");
        }
    }

    #[test]
    fn a_thousand_cameras_may_have_a_name_and_no_more() {
        let many = |number: u32| {
            let names = (0..number).map(|camera| (camera.to_string(), "a".to_owned()));
            CameraNames::try_from(names.collect::<BTreeMap<_, _>>())
        };
        assert_eq!(many(1000).unwrap().len(), 1000);
        assert_eq!(
            many(1001).unwrap_err().to_string(),
            "the number of cameras with a name is 1001, expected at most 1000"
        );
    }
}
