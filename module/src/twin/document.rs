//! The reported properties as they should be: an answer for each setting, the names that are
//! unknown, and the module's status. Pure.

use std::sync::Arc;

use edge_client::{Map, Value};
use edge_protocol::twin::ReportedPatch;
use serde_json::json;

use super::Following;
use crate::settings::PROPERTIES;

/// The name under which unknown properties are listed.
const UNKNOWN: &str = "unknownSettings";
/// The name of the module's status.
pub(super) const STATUS: &str = "status";
/// What earlier versions reported.
const FORMER: &str = "ledger";

/// The longest value that is told back, in bytes of JSON: all of them together must stay well below the
/// 32 KB that a hub keeps.
const LONGEST: usize = 2048;

/// What is to be told of the settings.
#[derive(Debug, Clone, Default)]
pub struct Told {
    pub(super) properties: Map<String, Value>,
    /// What the hub said it has, when it was asked last.
    pub(super) reported: Option<Arc<Map<String, Value>>>,
}

impl Told {
    /// As it stands.
    #[must_use]
    pub fn of(following: &Following, reported: Option<Arc<Map<String, Value>>>) -> Self {
        let answers = following.answers().map(|(name, answer)| {
            let mut told = answer.clone();
            told.value = taken_by_a_twin(name, told.value);
            (name.to_owned(), told.to_value())
        });
        let mut properties: Map<String, Value> = answers.collect();
        if !following.unknown().is_empty() {
            properties.insert(UNKNOWN.to_owned(), following.unknown().into());
        }
        Told {
            properties,
            reported,
        }
    }

    /// The whole document.
    pub(super) fn with(&self, status: Option<Value>) -> Map<String, Value> {
        let mut document = self.properties.clone();
        if let Some(status) = status {
            document.insert(STATUS.to_owned(), status);
        }
        document
    }
}

/// Whether a reported property is one of this module's.
pub(super) fn is_ours(name: &str) -> bool {
    [UNKNOWN, STATUS, FORMER].contains(&name) || PROPERTIES.iter().any(|one| one.name == name)
}

/// A value that the hub takes: an object whose names a twin refuses as text, one that is too long as
/// how long it is.
fn taken_by_a_twin(name: &str, value: Value) -> Value {
    let text = value.to_string();
    if text.len() > LONGEST {
        return json!(format!(
            "in force, and too long to be shown here: {} bytes",
            text.len()
        ));
    }
    if ReportedPatch::new(&json!({ name: value })).is_ok() {
        value
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use edge_client::DesiredState;

    use super::*;
    use crate::settings::Behaviour;

    fn followed(base: Behaviour, desired: Value) -> Map<String, Value> {
        let Value::Object(properties) = desired else {
            panic!("no object");
        };
        let mut following = Following::new(base);
        let mut round = following.begin(DesiredState {
            version: Some(1),
            properties: Arc::new(properties),
            ..DesiredState::default()
        });
        while round.next_change().is_some() {
            round.tried(Ok(()));
        }
        Told::of(&following, None).with(Some(json!({"module": {"version": "1"}})))
    }

    fn base(labels: &str) -> Behaviour {
        let mut behaviour = Behaviour::on(2);
        let labels_property = PROPERTIES.iter().find(|one| one.name == "labels").unwrap();
        let value = labels.into();
        labels_property.read(&mut behaviour, &value).unwrap();
        behaviour
    }

    #[test]
    fn every_document_is_one_that_the_hub_takes() {
        let many: Vec<String> = (0..2000).map(|label| format!("label {label}")).collect();
        for (labels, desired) in [
            ("{}", json!({})),
            // Names that no property can have, from the environment.
            (r#"{"v. good $1":["ripe"]}"#, json!({})),
            (&json!({ "all": many }).to_string(), json!({})),
            (
                "{}",
                json!({"logLevel": "x".repeat(4000), "a": 1, "b": {"c": 2}}),
            ),
        ] {
            let document = followed(base(labels), desired);
            let whole = Value::Object(document);
            ReportedPatch::new(&whole).unwrap_or_else(|error| panic!("{error}: {whole}"));
            assert!(whole.to_string().len() < 16 << 10, "{whole}");
        }
    }

    #[test]
    fn names_that_a_twin_refuses_are_told_as_text() {
        let document = followed(base(r#"{"v. good":["ripe"]}"#), json!({}));
        assert_eq!(document["labels"]["value"], r#"{"v. good":["ripe"]}"#);
    }

    #[test]
    fn everything_that_is_told_is_known_as_ours_again() {
        let document = followed(Behaviour::on(2), json!({"nonsense": true}));
        assert_eq!(document[UNKNOWN], json!(["nonsense"]));
        assert!(document.keys().all(|name| is_ours(name)));
        assert!(!is_ours("nonsense"));
    }
}
