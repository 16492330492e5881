//! Documents of rising priority, merged as IoT Hub merges them for a device.
//!
//! One full manifest (its `$edgeAgent` has `properties.desired`) is the base; of several the one
//! of the highest priority applies and the others do not. Layers above it write under dotted keys:
//! `properties.desired.routes.R` puts one route in place and leaves the others in force, which is
//! why a base is checked with its layers and not without. `properties.desired` of a module replaces
//! all that was there.

use serde_json::{Map, Value};

use super::{Document, Findings, Place, Rule};
use crate::manifest::{DESIRED, Form};
use crate::reader::At;

/// The desired properties of each twin, and who wrote what in them.
#[derive(Debug)]
pub(super) struct Merged {
    /// `$edgeAgent`, `$edgeHub` and modules, each with its desired properties.
    twins: Map<String, Value>,
    written: Vec<Written>,
}

/// One key of one document.
#[derive(Debug)]
struct Written {
    twin: String,
    /// What stands behind `properties.desired` in the key.
    segments: Vec<String>,
    place: Place,
    form: Form,
}

/// `None` if there is nothing to look at as a whole; the reason is a finding.
pub(super) fn merge(documents: &[Document], findings: &mut Findings) -> Option<Merged> {
    let base = documents.iter().rposition(is_full);
    let Some(base) = base else {
        if let Some(document) = documents.last()
            && !tell_what_is_no_object(document, findings)
        {
            findings.add(
                Rule::NoBase,
                &root(document),
                "found a layer and no full manifest below it",
                "name the deployment that it goes on top of with --base: whether pictures stay is \
                 decided by all routes together",
            );
        }
        return None;
    };
    for document in &documents[..base] {
        findings.add(
            Rule::BelowBase,
            &root(document),
            format!(
                "has no effect: {} is a full manifest above it",
                documents[base].name
            ),
            "leave it out, or name the documents in the order of their priority",
        );
    }
    let mut merged = Merged {
        twins: Map::new(),
        written: Vec::new(),
    };
    for (index, document) in documents[base..].iter().enumerate() {
        merged.lay(document, index > 0, findings);
    }
    Some(merged)
}

/// Tell of twins that are no objects; whether there are any.
fn tell_what_is_no_object(document: &Document, findings: &mut Findings) -> bool {
    let twins = document.content().and_then(|content| content.members());
    let before = findings.0.len();
    for (_, at) in twins.unwrap_or_default() {
        if let Err(error) = at.object() {
            findings.add_error(Rule::BadValue, &root(document), &error);
        }
    }
    findings.0.len() > before
}

/// Whether a document can be a base.
fn is_full(document: &Document) -> bool {
    let agent = document.content().ok().and_then(|content| {
        let agent = content.get("$edgeAgent").ok().flatten()?;
        agent.get(DESIRED).ok().flatten()
    });
    agent.is_some()
}

fn root(document: &Document) -> Place {
    Place {
        document: document.name.clone(),
        path: document
            .content()
            .map_or_else(|_| String::new(), |content| content.path),
    }
}

impl Merged {
    /// What stands at `segments` of a twin's desired properties, under its path in the document that
    /// wrote it.
    pub(super) fn at(&self, twin: &str, segments: &[&str]) -> Option<At<'_>> {
        let mut value = self.twins.get(twin)?;
        for segment in segments {
            value = value.get(segment)?;
        }
        Some(At {
            value,
            path: self.place(twin, segments).path,
        })
    }

    /// Where `segments` of a twin stand, or would.
    pub(super) fn place(&self, twin: &str, segments: &[&str]) -> Place {
        match self.writer(twin, segments) {
            Some(written) => {
                let rest = &segments[written.segments.len()..];
                let mut place = written.place.clone();
                for segment in rest {
                    place.path.push('/');
                    place.path.push_str(segment);
                }
                place
            }
            // Nobody wrote it: in the base it would be.
            None => Place {
                document: self
                    .written
                    .first()
                    .map_or_else(String::new, |written| written.place.document.clone()),
                path: format!("modulesContent/{twin}/{DESIRED}/{}", segments.join("/")),
            },
        }
    }

    /// Whether what stands there comes from a template.
    pub(super) fn form(&self, twin: &str, segments: &[&str]) -> Form {
        self.writer(twin, segments)
            .map_or(Form::Manifest, |written| written.form)
    }

    /// Refuse members of a twin that are not `known`: the runtime reads names in any case, and what
    /// it takes for a route must not be passed over here.
    pub(super) fn refuse_others(&self, twin: &str, known: &[&str], findings: &mut Findings) {
        for name in self.names(twin, &[]) {
            if !known.contains(&name.as_str()) {
                findings.add(
                    Rule::BadValue,
                    &self.place(twin, &[&name]),
                    format!("found the member {name}"),
                    format!("write only {}", known.join(", ")),
                );
            }
        }
    }

    /// The names of the members at `segments`.
    pub(super) fn names(&self, twin: &str, segments: &[&str]) -> Vec<String> {
        let found = self.at(twin, segments);
        let members = found.as_ref().and_then(|at| at.value.as_object());
        members.map_or_else(Vec::new, |members| members.keys().cloned().collect())
    }

    fn writer(&self, twin: &str, segments: &[&str]) -> Option<&Written> {
        let wrote = |written: &&Written| {
            written.twin == twin
                && written.segments.len() <= segments.len()
                && written
                    .segments
                    .iter()
                    .zip(segments)
                    .all(|(own, asked)| own == asked)
        };
        let writers = self.written.iter().filter(wrote);
        writers.max_by_key(|written| written.segments.len())
    }

    fn lay(&mut self, document: &Document, is_layer: bool, findings: &mut Findings) {
        let content = match document.content() {
            Ok(content) => content,
            Err(error) => return findings.add_error(Rule::BadValue, &root(document), &error),
        };
        let twins = match content.members() {
            Ok(twins) => twins,
            Err(error) => return findings.add_error(Rule::BadValue, &root(document), &error),
        };
        for (twin, at) in twins {
            let system = ["$edgeAgent", "$edgeHub"];
            if let Some(known) = system.iter().find(|known| known.eq_ignore_ascii_case(twin))
                && *known != twin
            {
                let place = Place {
                    document: document.name.clone(),
                    path: at.path.clone(),
                };
                findings.add(
                    Rule::BadValue,
                    &place,
                    format!("found {twin}"),
                    format!("write {known}"),
                );
            }
            let keys = match at.members() {
                Ok(keys) => keys,
                Err(error) => {
                    findings.add_error(Rule::BadValue, &root(document), &error);
                    continue;
                }
            };
            for (key, at) in keys {
                let place = Place {
                    document: document.name.clone(),
                    path: at.path.clone(),
                };
                let Some(segments) = segments(key) else {
                    findings.add(
                        Rule::BadValue,
                        &place,
                        format!("found the key {key}"),
                        "write properties.desired, or properties.desired.… in a layer",
                    );
                    continue;
                };
                // Whether the base's routes are then gone is not documented for edgeHub's twin.
                if is_layer && twin == "$edgeHub" && (segments.is_empty() || segments == ["routes"])
                {
                    findings.add(
                        Rule::BadValue,
                        &place,
                        "writes over all routes at once, and it is not known which of the base's stay \
                         in force",
                        "write each route under a key of its own: properties.desired.routes.NAME",
                    );
                }
                if !self.put(twin, &segments, at.value) {
                    findings.add(
                        Rule::BadValue,
                        &place,
                        "lies below a value that is no object",
                        "write the object that it belongs to first",
                    );
                    continue;
                }
                self.written
                    .retain(|old| old.twin != twin || !old.segments.starts_with(&segments));
                self.written.push(Written {
                    twin: twin.to_owned(),
                    segments,
                    place,
                    form: document.form,
                });
            }
        }
    }

    /// Put `value` in place; false if something that is no object is in the way.
    fn put(&mut self, twin: &str, segments: &[String], value: &Value) -> bool {
        let mut place = self.twins.entry(twin).or_insert_with(empty);
        for segment in segments {
            let Some(members) = place.as_object_mut() else {
                return false;
            };
            place = members.entry(segment.as_str()).or_insert_with(empty);
        }
        *place = value.clone();
        true
    }
}

/// What stands behind `properties.desired` in a key, name by name; `None` if it is another key.
fn segments(key: &str) -> Option<Vec<String>> {
    let below = key.strip_prefix(DESIRED)?;
    if below.is_empty() {
        return Some(Vec::new());
    }
    let names: Vec<_> = below
        .strip_prefix('.')?
        .split('.')
        .map(str::to_owned)
        .collect();
    names.iter().all(|name| !name.is_empty()).then_some(names)
}

fn empty() -> Value {
    Value::Object(Map::new())
}
