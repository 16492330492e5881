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
/// The longest reason, in bytes.
const LONGEST_WHY: usize = 400;
/// Over this the document is made smaller, in bytes of JSON: the hub keeps 32 KB.
const MOST: usize = 16 << 10;
/// A value is shown then only where it is shorter than this.
const SHORT: usize = 256;

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
            told.value = taken_by_a_twin(name, told.value, LONGEST);
            told.description = told.description.map(|why| cut(&why).to_owned());
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
        if size(&document) > MOST
            && let Some(totals) = document
                .get_mut(STATUS)
                .and_then(|one| one.get_mut("totals"))
            && let Some(totals) = totals.as_object_mut()
        {
            totals.remove("counts");
        }
        if size(&document) > MOST {
            for (name, answer) in &mut document {
                if let Some(value) = answer.get_mut("value") {
                    *value = taken_by_a_twin(name, value.take(), SHORT);
                }
            }
        }
        document
    }
}

/// Whether a reported property is one of this module's.
pub(super) fn is_ours(name: &str) -> bool {
    [UNKNOWN, STATUS, FORMER].contains(&name) || PROPERTIES.iter().any(|one| one.name == name)
}

fn size(document: &Map<String, Value>) -> usize {
    serde_json::to_vec(document).map_or(usize::MAX, |text| text.len())
}

/// The beginning of a reason.
fn cut(why: &str) -> &str {
    let mut end = why.len().min(LONGEST_WHY);
    while !why.is_char_boundary(end) {
        end -= 1;
    }
    &why[..end]
}

/// A value that the hub takes: an object whose names a twin refuses as text, one that is longer than
/// `longest` as how long it is.
fn taken_by_a_twin(name: &str, value: Value, longest: usize) -> Value {
    let text = value.to_string();
    if text.len() > longest {
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
            round.tried(Ok(None));
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
    fn the_largest_document_is_one_that_the_hub_takes_and_says_what_is_in_force() {
        let mut desired = Map::new();
        for property in PROPERTIES {
            desired.insert(property.name.to_owned(), "é".repeat(2000).into());
        }
        for number in 0..100 {
            desired.insert(format!("{number}{}", "ü".repeat(500)), json!(1));
        }
        // What is in force of these is as long as it may be.
        let names: Vec<_> = (0..40)
            .map(|camera| json!({"camera": format!("cam-{camera}"), "name": "n"}))
            .collect();
        desired.insert("cameraNames".to_owned(), names.into());
        let labels: Vec<_> = (0..100).map(|label| format!("label {label}")).collect();
        desired.insert("labels".to_owned(), json!({ "all": labels }));
        let mut following = Following::new(Behaviour::on(2));
        let mut round = following.begin(DesiredState {
            version: Some(1),
            properties: Arc::new(desired),
            ..DesiredState::default()
        });
        while round.next_change().is_some() {
            round.tried(Ok(Some("word ".repeat(200))));
        }
        let counts: Map<String, Value> = (0..40)
            .map(|label| (format!("{label}{}", "x".repeat(298)), json!(label)))
            .collect();
        let status = json!({"totals": {"received": 1, "counts": counts}});
        let document = Told::of(&following, None).with(Some(status));
        let whole = Value::Object(document);
        ReportedPatch::new(&whole).unwrap_or_else(|error| panic!("{error}: {whole}"));
        assert!(
            whole.to_string().len() <= MOST,
            "{}",
            whole.to_string().len()
        );
        assert_eq!(whole["threads"]["value"], 2);
        assert_eq!(whole["status"]["totals"], json!({"received": 1}));
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
