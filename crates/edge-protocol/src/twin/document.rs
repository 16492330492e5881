//! What the hub sends about a twin, read from JSON.
//!
//! Members whose names begin with `$` are the hub's own (`$version`, `$metadata`): names
//! of properties cannot hold one. They are taken out of the properties.

use serde_json::{Map, Value};
use thiserror::Error;

/// The whole twin, the answer to a GET: `{"desired":{…},"reported":{…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TwinDocument {
    /// What the operator wants.
    pub desired: Section,
    /// What the module has reported, as far as the hub knows.
    pub reported: Section,
}

/// One half of a twin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Section {
    /// `$version`. Absent when the hub has never seen the twin, as after a first start
    /// without the cloud.
    pub version: Option<u64>,
    /// The properties.
    pub properties: Map<String, Value>,
}

/// A change of the desired properties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredChange {
    /// The version it leads to.
    pub version: u64,
    /// The changed members; null removes one.
    pub changes: Map<String, Value>,
}

impl TwinDocument {
    /// Reads the body of an answer to a GET.
    ///
    /// # Errors
    ///
    /// [`DocumentError`] when it is not a JSON object with an object `desired`, or when a
    /// version is not a whole number. `reported` may be absent.
    pub fn parse(body: &[u8]) -> Result<Self, DocumentError> {
        let mut members = object(body)?;
        let desired = match members.remove("desired") {
            Some(desired) => section("desired", desired)?,
            None => return Err(DocumentError::NoDesired),
        };
        let reported = match members.remove("reported") {
            Some(reported) => section("reported", reported)?,
            None => Section::default(),
        };
        Ok(TwinDocument { desired, reported })
    }
}

impl DesiredChange {
    /// Reads a change. `topic_version` is the one its topic carries; without it the
    /// body's own counts.
    ///
    /// # Errors
    ///
    /// [`DocumentError`] when the body is not a JSON object or no version is found.
    pub fn parse(topic_version: Option<u64>, body: &[u8]) -> Result<Self, DocumentError> {
        let section = section("the change", Value::Object(object(body)?))?;
        let version = topic_version.or(section.version);
        Ok(DesiredChange {
            version: version.ok_or(DocumentError::NoVersion)?,
            changes: section.properties,
        })
    }
}

fn object(body: &[u8]) -> Result<Map<String, Value>, DocumentError> {
    let value: Value = serde_json::from_slice(body).map_err(|error| DocumentError::NotJson {
        line: error.line(),
        column: error.column(),
    })?;
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(DocumentError::NotAnObject {
            member: "the document",
        }),
    }
}

fn section(member: &'static str, value: Value) -> Result<Section, DocumentError> {
    let Value::Object(mut properties) = value else {
        return Err(DocumentError::NotAnObject { member });
    };
    let version = match properties.remove("$version") {
        Some(version) => Some(
            version
                .as_u64()
                .ok_or(DocumentError::BadVersion { member })?,
        ),
        None => None,
    };
    properties.retain(|name, _| !name.starts_with('$'));
    Ok(Section {
        version,
        properties,
    })
}

/// Why a document about a twin cannot be used. It shows no value of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DocumentError {
    /// Not JSON, or nested more than 128 deep. An empty body is not JSON either.
    #[error("the twin is not JSON (line {line}, column {column})")]
    NotJson {
        /// Where, counted from 1; 0 for an empty body.
        line: usize,
        /// Where, counted from 1; 0 for an empty body.
        column: usize,
    },
    /// Another kind of JSON value where an object belongs.
    #[error("{member} of the twin is not a JSON object")]
    NotAnObject {
        /// Which.
        member: &'static str,
    },
    /// No `desired`.
    #[error("the twin has no member \"desired\"")]
    NoDesired,
    /// A `$version` that is not a whole number.
    #[error("the $version in {member} is not a whole number")]
    BadVersion {
        /// Where.
        member: &'static str,
    },
    /// A change without a version.
    #[error("the change carries no $version, neither in its topic nor in its body")]
    NoVersion,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_split_into_versions_and_properties() {
        let body = json!({
            "desired": {"a": 1, "$version": 4, "$metadata": {}},
            "reported": {"b": 2, "$version": 9},
        });
        let twin = TwinDocument::parse(body.to_string().as_bytes()).unwrap();
        assert_eq!(twin.desired.version, Some(4));
        assert_eq!(Value::Object(twin.desired.properties), json!({"a": 1}));
        assert_eq!(twin.reported.version, Some(9));
        assert_eq!(Value::Object(twin.reported.properties), json!({"b": 2}));
    }

    #[test]
    fn checklist_37_a_document_without_versions_is_read() {
        let twin = TwinDocument::parse(br#"{"desired":{},"reported":{}}"#).unwrap();
        assert_eq!(twin, TwinDocument::default());
    }

    #[test]
    fn what_is_no_twin_is_named() {
        let check = |body: &str, expected| {
            assert_eq!(
                TwinDocument::parse(body.as_bytes()),
                Err(expected),
                "{body}"
            );
        };
        check("", DocumentError::NotJson { line: 1, column: 0 });
        check(
            r#"{"desired":"#,
            DocumentError::NotJson {
                line: 1,
                column: 11,
            },
        );
        check(
            "[]",
            DocumentError::NotAnObject {
                member: "the document",
            },
        );
        check(r#"{"properties":{}}"#, DocumentError::NoDesired);
        check(
            r#"{"desired":3}"#,
            DocumentError::NotAnObject { member: "desired" },
        );
        check(
            r#"{"desired":{"$version":-1}}"#,
            DocumentError::BadVersion { member: "desired" },
        );
    }

    #[test]
    fn a_changes_version_may_stand_in_topic_or_body() {
        let read = |topic, body: &str| {
            DesiredChange::parse(topic, body.as_bytes()).map(|change| change.version)
        };
        assert_eq!(read(Some(3), r#"{"a":null,"$version":3}"#), Ok(3));
        assert_eq!(read(None, r#"{"$version":3}"#), Ok(3));
        assert_eq!(read(Some(3), "{}"), Ok(3));
        assert_eq!(read(None, "{}"), Err(DocumentError::NoVersion));
    }
}
