//! A change of the reported properties, held to the hub's limits before it is sent.
//!
//! edgeHub answers a patch over a limit with status 400 and an empty body, which says
//! nothing about where. Here the error gives the path. [edgeHub
//! `ReportedPropertiesValidator`, with the limits of IoT Hub]

use std::fmt;

use bytes::Bytes;
use serde_json::{Map, Number, Value};
use thiserror::Error;

/// Objects inside objects, at most, the patch itself not counted.
pub const DEPTH_LIMIT: usize = 10;
/// Longest name of a property, in bytes.
pub const NAME_LIMIT: usize = 1024;
/// Longest string value, in bytes.
pub const STRING_LIMIT: usize = 4096;
/// Smallest integer: −2⁵².
pub const INTEGER_MIN: i64 = -(1 << 52);
/// Largest integer: 2⁵² − 1.
pub const INTEGER_MAX: i64 = (1 << 52) - 1;
/// Largest patch, in bytes of compact JSON: 32 KiB. Far below the gate for packets.
pub const PATCH_LIMIT: usize = 32 * 1024;

/// A checked change of the reported properties: its members are set, null removes one.
#[derive(Clone, PartialEq, Eq)]
pub struct ReportedPatch {
    body: Bytes,
}

/// Says how long the body is, and not what is in it: that may be a picture.
impl fmt::Debug for ReportedPatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReportedPatch")
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

impl ReportedPatch {
    /// Checks `patch` against the hub's limits.
    ///
    /// What is inside an array is held to the same limits as the rest. edgeHub looks
    /// there for null only.
    ///
    /// # Errors
    ///
    /// [`PatchError`] with the path of the first member that breaks a limit; the same
    /// patch never passes.
    pub fn new(patch: &Value) -> Result<Self, PatchError> {
        let mut path = Path::default();
        match patch {
            Value::Object(members) => check_object(members, 0, &mut path)?,
            _ => return Err(path.error(PatchProblem::NotAnObject)),
        }
        let body = patch.to_string();
        if body.len() > PATCH_LIMIT {
            return Err(path.error(PatchProblem::TooLarge { bytes: body.len() }));
        }
        Ok(ReportedPatch { body: body.into() })
    }

    /// The body to send, compact JSON.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

fn check_object(
    members: &Map<String, Value>,
    depth: usize,
    path: &mut Path,
) -> Result<(), PatchError> {
    if depth > DEPTH_LIMIT {
        return Err(path.error(PatchProblem::TooDeep));
    }
    for (name, value) in members {
        path.enter(format!(".{name}"));
        check_name(name).map_err(|problem| path.error(problem))?;
        check_value(value, depth, path)?;
        path.leave();
    }
    Ok(())
}

fn check_value(value: &Value, depth: usize, path: &mut Path) -> Result<(), PatchError> {
    match value {
        Value::Null | Value::Bool(_) => Ok(()),
        Value::Number(number) if is_out_of_range(number) => {
            Err(path.error(PatchProblem::IntegerOutOfRange))
        }
        Value::Number(_) => Ok(()),
        Value::String(text) if text.len() > STRING_LIMIT => {
            Err(path.error(PatchProblem::StringTooLong { bytes: text.len() }))
        }
        Value::String(_) => Ok(()),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.enter(format!("[{index}]"));
                if item.is_null() {
                    return Err(path.error(PatchProblem::NullInArray));
                }
                check_value(item, depth, path)?;
                path.leave();
            }
            Ok(())
        }
        Value::Object(members) => check_object(members, depth + 1, path),
    }
}

fn check_name(name: &str) -> Result<(), PatchProblem> {
    if name.is_empty() {
        return Err(PatchProblem::EmptyName);
    }
    if name.len() > NAME_LIMIT {
        return Err(PatchProblem::NameTooLong { bytes: name.len() });
    }
    let forbidden = |c: &char| matches!(c, '.' | '$' | '#') || c.is_control() || c.is_whitespace();
    match name.chars().find(forbidden) {
        Some(character) => Err(PatchProblem::NameCharacter { character }),
        None => Ok(()),
    }
}

fn is_out_of_range(number: &Number) -> bool {
    match (number.as_i64(), number.as_u64()) {
        (Some(integer), _) => !(INTEGER_MIN..=INTEGER_MAX).contains(&integer),
        (None, Some(_)) => true,
        // Not an integer.
        (None, None) => false,
    }
}

/// Where in the patch we are.
#[derive(Debug, Default)]
struct Path(Vec<String>);

impl Path {
    fn enter(&mut self, step: String) {
        self.0.push(step);
    }

    fn leave(&mut self) {
        self.0.pop();
    }

    fn error(&self, problem: PatchProblem) -> PatchError {
        const LONGEST_STEP: usize = 64;
        let step = |step: &String| step.chars().take(LONGEST_STEP).collect::<String>();
        let path: String = self.0.iter().map(step).collect();
        PatchError {
            path: path.strip_prefix('.').unwrap_or(&path).to_owned(),
            problem,
        }
    }
}

/// Why a patch cannot be reported, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the reported property {path:?} {problem}")]
pub struct PatchError {
    /// Path of the member, such as `camera.lenses[2].name`, each step cut at 64
    /// characters; empty for the patch itself.
    pub path: String,
    /// What is wrong with it.
    pub problem: PatchProblem,
}

/// Limits a patch can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PatchProblem {
    /// The patch is not a JSON object.
    #[error("is not a JSON object")]
    NotAnObject,
    /// Nested too deep.
    #[error("is nested deeper than {DEPTH_LIMIT} objects")]
    TooDeep,
    /// A name without characters.
    #[error("has an empty name")]
    EmptyName,
    /// A name over [`NAME_LIMIT`].
    #[error("has a name of {bytes} bytes, at most {NAME_LIMIT} are allowed")]
    NameTooLong {
        /// Its length.
        bytes: usize,
    },
    /// A name with a control character, whitespace, `.`, `$` or `#`.
    #[error("has {character:?} in its name, which is not allowed")]
    NameCharacter {
        /// The first such character.
        character: char,
    },
    /// A string over [`STRING_LIMIT`].
    #[error("is a string of {bytes} bytes, at most {STRING_LIMIT} are allowed")]
    StringTooLong {
        /// Its length.
        bytes: usize,
    },
    /// An integer outside [`INTEGER_MIN`] to [`INTEGER_MAX`].
    #[error("is an integer outside {INTEGER_MIN} to {INTEGER_MAX}")]
    IntegerOutOfRange,
    /// Null inside an array.
    #[error("is null inside an array")]
    NullInArray,
    /// The whole patch is over [`PATCH_LIMIT`].
    #[error("makes a patch of {bytes} bytes, at most {PATCH_LIMIT} are allowed")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(patch: &Value) -> (String, PatchProblem) {
        let error = ReportedPatch::new(patch).expect_err("a refusal");
        (error.path, error.problem)
    }

    /// An object inside `depth` others.
    fn nested(depth: usize) -> Value {
        (0..depth).fold(json!({}), |inner, _| json!({ "n": inner }))
    }

    #[test]
    fn an_ordinary_patch_is_compact_json() {
        let patch = json!({"a": null, "b": [1, {"c": "ä"}], "d": 1.5, "e": true});
        let checked = ReportedPatch::new(&patch).unwrap();
        assert_eq!(
            checked.body().as_ref(),
            r#"{"a":null,"b":[1,{"c":"ä"}],"d":1.5,"e":true}"#.as_bytes()
        );
    }

    #[test]
    fn every_limit_is_exact() {
        let ok = |patch: Value| assert!(ReportedPatch::new(&patch).is_ok(), "{patch}");
        ok(nested(DEPTH_LIMIT));
        assert_eq!(refusal(&nested(DEPTH_LIMIT + 1)).1, PatchProblem::TooDeep);
        ok(json!({ "n".repeat(NAME_LIMIT): 1 }));
        let problem = PatchProblem::NameTooLong {
            bytes: NAME_LIMIT + 1,
        };
        assert_eq!(
            refusal(&json!({ "n".repeat(NAME_LIMIT + 1): 1 })).1,
            problem
        );
        ok(json!({ "s": "x".repeat(STRING_LIMIT) }));
        let problem = PatchProblem::StringTooLong {
            bytes: STRING_LIMIT + 2,
        };
        assert_eq!(
            refusal(&json!({ "s": "ä".repeat(STRING_LIMIT / 2 + 1) })).1,
            problem
        );
        ok(json!({ "min": INTEGER_MIN, "max": INTEGER_MAX, "float": 1e300 }));
        for integer in [
            json!(INTEGER_MIN - 1),
            json!(INTEGER_MAX + 1),
            json!(u64::MAX),
        ] {
            assert_eq!(
                refusal(&json!({ "i": integer })).1,
                PatchProblem::IntegerOutOfRange
            );
        }
        let strings = |count: usize| -> Value {
            (0..count)
                .map(|n| (n.to_string(), json!("x".repeat(4000))))
                .collect()
        };
        ok(strings(8));
        assert!(matches!(
            refusal(&strings(9)).1,
            PatchProblem::TooLarge { bytes } if bytes > PATCH_LIMIT
        ));
    }

    #[test]
    fn names_the_hub_refuses_are_named_by_path() {
        for character in ['.', '$', '#', ' ', '\n', '\u{7}', '\u{a0}'] {
            let name = format!("a{character}");
            let (path, problem) = refusal(&json!({ "outer": { name.clone(): 1 } }));
            assert_eq!(path, format!("outer.{name}"));
            assert_eq!(problem, PatchProblem::NameCharacter { character });
        }
        assert_eq!(refusal(&json!({ "": 1 })).1, PatchProblem::EmptyName);
    }

    #[test]
    fn null_is_refused_inside_arrays_only() {
        let patch = json!({"a": {"b": [[1], [2, null]]}});
        assert_eq!(
            refusal(&patch),
            ("a.b[1][1]".to_owned(), PatchProblem::NullInArray)
        );
        let error = ReportedPatch::new(&patch).unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"the reported property "a.b[1][1]" is null inside an array"#
        );
    }

    #[test]
    fn only_an_object_is_a_patch() {
        for patch in [json!(null), json!([]), json!("a")] {
            assert_eq!(refusal(&patch), (String::new(), PatchProblem::NotAnObject));
        }
    }
}
