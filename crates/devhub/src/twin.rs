//! A twin: desired properties of the manifest, reported ones of the module (sheet 9.1).
//!
//! Pure. Patches are merged as JSON merge patches do (null removes); the limits are edgeHub's.
//! Source: `ReportedPropertiesValidator.cs`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use thiserror::Error;

/// Most levels of objects and arrays in a patch.
const MAX_DEPTH: usize = 10;
/// Longest property name, in bytes.
const MAX_NAME: usize = 1024;
/// Longest string value, in bytes.
const MAX_STRING: usize = 4096;
/// Largest patch, in bytes of JSON.
const MAX_PATCH: usize = 32 * 1024;
/// Largest desired or reported document, in bytes of JSON: IoT Hub's. The real hub finds out later,
/// when the cloud refuses.
const MAX_DOCUMENT: usize = 32 * 1024;
/// Integers reach from `-MAX_INTEGER` to `MAX_INTEGER - 1`.
const MAX_INTEGER: i64 = 1 << 52;

/// Why a reported patch was refused; the client gets status 400.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PatchError {
    /// Not JSON, or not an object.
    #[error("a reported patch is a JSON object")]
    NotAnObject,
    /// More than 32 KiB.
    #[error("the patch has {0} bytes, at most {MAX_PATCH} are taken")]
    TooLarge(usize),
    /// The properties as they would become have more than 32 KiB.
    #[error("the properties would have {0} bytes, at most {MAX_DOCUMENT} are kept")]
    DocumentTooLarge(usize),
    /// More than ten levels.
    #[error("the patch is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// A name with `$`, `.`, `#`, white space or control characters, or too long.
    #[error("`{0}` is not a property name: no `$`, `.`, `#`, white space or control characters")]
    BadName(String),
    /// A string of more than 4096 bytes.
    #[error("the string in `{0}` has more than {MAX_STRING} bytes")]
    StringTooLong(String),
    /// An integer beyond ±2⁵².
    #[error("the integer in `{0}` is beyond ±2^52")]
    IntegerTooLarge(String),
    /// Null within an array.
    #[error("the array in `{0}` holds null")]
    NullInArray(String),
}

/// One identity's twin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Twin {
    desired: Map<String, Value>,
    desired_version: u64,
    reported: Map<String, Value>,
    reported_version: u64,
    /// The deployment's desired properties as they were last put in place; patches since then
    /// stand until the deployment itself changes.
    #[serde(default)]
    deployed: Map<String, Value>,
}

impl Default for Twin {
    fn default() -> Self {
        Self {
            desired: Map::new(),
            desired_version: 1,
            reported: Map::new(),
            reported_version: 1,
            deployed: Map::new(),
        }
    }
}

impl Twin {
    /// Puts the deployment's desired properties in place if the deployment has changed since the
    /// last time; returns whether it had, and then the version rises. `$`-members of the manifest
    /// are the hub's own and left out.
    pub fn replace_desired(&mut self, desired: Option<&Value>) -> bool {
        let mut wanted = desired
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        wanted.retain(|name, _| !name.starts_with('$'));
        if wanted == self.deployed {
            return false;
        }
        self.deployed.clone_from(&wanted);
        self.desired = wanted;
        self.desired_version += 1;
        true
    }

    /// The answer to a GET: `{"desired":{…,"$version":n},"reported":{…,"$version":m}}`.
    pub fn document(&self) -> Value {
        let with_version = |properties: &Map<String, Value>, version: u64| {
            let mut properties = properties.clone();
            properties.insert("$version".into(), version.into());
            properties
        };
        json!({
            "desired": with_version(&self.desired, self.desired_version),
            "reported": with_version(&self.reported, self.reported_version),
        })
    }

    /// Merges a change of desired properties and returns their new version.
    ///
    /// # Errors
    /// [`PatchError`]; nothing is changed then.
    pub fn patch_desired(&mut self, patch: &Map<String, Value>) -> Result<u64, PatchError> {
        check_members(patch, 1)?;
        self.desired = merged(&self.desired, patch)?;
        self.desired_version += 1;
        Ok(self.desired_version)
    }

    /// Merges a reported patch and returns it.
    ///
    /// # Errors
    /// [`PatchError`]; nothing is changed then.
    pub fn report(&mut self, patch: &[u8]) -> Result<Value, PatchError> {
        if patch.len() > MAX_PATCH {
            return Err(PatchError::TooLarge(patch.len()));
        }
        let Ok(Value::Object(patch)) = serde_json::from_slice(patch) else {
            return Err(PatchError::NotAnObject);
        };
        check_members(&patch, 1)?;
        self.reported = merged(&self.reported, &patch)?;
        self.reported_version += 1;
        Ok(Value::Object(patch))
    }
}

/// The properties as a patch makes them.
fn merged(
    properties: &Map<String, Value>,
    patch: &Map<String, Value>,
) -> Result<Map<String, Value>, PatchError> {
    let mut merged = properties.clone();
    merge(&mut merged, patch);
    let bytes = serde_json::to_string(&merged).map_or(usize::MAX, |text| text.len());
    if bytes > MAX_DOCUMENT {
        return Err(PatchError::DocumentTooLarge(bytes));
    }
    Ok(merged)
}

fn merge(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, change) in patch {
        match (change, target.get_mut(name)) {
            (Value::Null, _) => {
                target.remove(name);
            }
            (Value::Object(change), Some(Value::Object(held))) => merge(held, change),
            (Value::Object(change), _) => {
                let mut fresh = Map::new();
                merge(&mut fresh, change);
                target.insert(name.clone(), Value::Object(fresh));
            }
            (change, _) => {
                target.insert(name.clone(), change.clone());
            }
        }
    }
}

fn check_members(members: &Map<String, Value>, depth: usize) -> Result<(), PatchError> {
    let forbidden = |c: char| c.is_control() || c.is_whitespace() || "$.#".contains(c);
    for (name, value) in members {
        if name.is_empty() || name.len() > MAX_NAME || name.contains(forbidden) {
            return Err(PatchError::BadName(name.chars().take(64).collect()));
        }
        check_value(name, value, depth)?;
    }
    Ok(())
}

fn check_value(name: &str, value: &Value, depth: usize) -> Result<(), PatchError> {
    match value {
        Value::Null | Value::Bool(_) => Ok(()),
        Value::String(text) if text.len() > MAX_STRING => {
            Err(PatchError::StringTooLong(name.to_owned()))
        }
        Value::String(_) => Ok(()),
        Value::Number(number) if number.is_f64() => Ok(()),
        Value::Number(number) => match number.as_i64() {
            Some(integer) if (-MAX_INTEGER..MAX_INTEGER).contains(&integer) => Ok(()),
            _ => Err(PatchError::IntegerTooLarge(name.to_owned())),
        },
        Value::Array(_) | Value::Object(_) if depth >= MAX_DEPTH => Err(PatchError::TooDeep),
        Value::Array(items) => items.iter().try_for_each(|item| match item {
            Value::Null => Err(PatchError::NullInArray(name.to_owned())),
            item => check_value(name, item, depth + 1),
        }),
        Value::Object(members) => check_members(members, depth + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize) -> String {
        let mut text = "1".to_owned();
        for _ in 0..levels {
            text = format!("{{\"a\":{text}}}");
        }
        text
    }

    #[test]
    fn checklist_36_patches_merge_and_null_removes() {
        let mut twin = Twin::default();
        twin.report(br#"{"a":{"x":1,"y":2},"b":[1]}"#).unwrap();
        twin.report(br#"{"a":{"x":null,"z":{"q":null,"r":3}},"b":null,"c":true}"#)
            .unwrap();
        assert_eq!(
            twin.document()["reported"],
            json!({"a":{"y":2,"z":{"r":3}},"c":true,"$version":3})
        );
    }

    #[test]
    fn many_small_patches_cannot_make_a_document_that_no_answer_holds() {
        let mut twin = Twin::default();
        let outcomes: Vec<_> = (0..12)
            .map(|n| {
                let patch = json!({ format!("p{n}"): "x".repeat(4000) });
                twin.report(patch.to_string().as_bytes()).is_ok()
            })
            .collect();
        assert_eq!(outcomes.iter().filter(|taken| **taken).count(), 8);
        assert!(twin.document().to_string().len() < 40_000);
    }

    #[test]
    fn desired_rises_only_when_it_changes() {
        let mut twin = Twin::default();
        let desired = json!({"$version": 9, "limit": 3});
        assert!(twin.replace_desired(Some(&desired)));
        assert!(!twin.replace_desired(Some(&desired)));
        assert_eq!(twin.document()["desired"], json!({"limit":3,"$version":2}));
        assert!(twin.replace_desired(None));
    }

    #[test]
    fn checklist_36_limits_are_the_sheets() {
        let refused = |patch: &str| Twin::default().report(patch.as_bytes()).unwrap_err();
        assert!(Twin::default().report(nested(10).as_bytes()).is_ok());
        assert_eq!(refused(&nested(11)), PatchError::TooDeep);
        assert_eq!(refused("[]"), PatchError::NotAnObject);
        assert_eq!(refused("{"), PatchError::NotAnObject);
        for name in ["$a", "a.b", "a#", "a b", ""] {
            assert_eq!(
                refused(&json!({name: 1}).to_string()),
                PatchError::BadName(name.into())
            );
        }
        assert_eq!(
            refused(&json!({"a": "x".repeat(4097)}).to_string()),
            PatchError::StringTooLong("a".into())
        );
        assert_eq!(
            refused("{\"a\":4503599627370496}"),
            PatchError::IntegerTooLarge("a".into())
        );
        assert!(
            Twin::default()
                .report(b"{\"a\":-4503599627370496,\"b\":1e300}")
                .is_ok()
        );
        assert_eq!(
            refused("{\"a\":[null]}"),
            PatchError::NullInArray("a".into())
        );
        let large = json!({"a": vec!["x".repeat(4096); 8]}).to_string();
        assert_eq!(refused(&large), PatchError::TooLarge(large.len()));
    }
}
