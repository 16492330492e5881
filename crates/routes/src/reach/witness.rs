//! A message that routes take, made out of what their conditions ask about.
//!
//! A search and no proof: what it finds was tried on the routes themselves; what it does not find
//! may exist all the same.

use std::fmt;

use serde_json::Value as Json;

use crate::condition::{Expression, Literal};
use crate::message::{Origin, RoutedMessage, same_name};
use crate::route::Route;
use crate::value::Value;

use super::facts::{Facts, is_same};
use super::possible::{Possible, Texts};
use super::{Kind, Name, Sender};

/// So many messages are tried in all, then the search ends.
pub(super) const MAX_TRIED: usize = 300;

/// So many values are tried for one name.
const MAX_VALUES: usize = 12;

/// A message that all the routes asked about take.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    kind: Kind,
    device: String,
    module: String,
    output: String,
    properties: Vec<(String, Option<String>)>,
    system: Vec<(String, Option<String>)>,
    body: Option<Json>,
    body_bytes: Vec<u8>,
}

impl Example {
    /// The message as routes see it.
    pub fn message(&self) -> RoutedMessage<'_> {
        let device = self.device.as_str();
        let module = self.module.as_str();
        let origin = match self.kind {
            Kind::Leaf => Origin::Leaf { device },
            Kind::Module => Origin::Module {
                device,
                module,
                output: None,
            },
            Kind::ModuleWithOutput => Origin::Module {
                device,
                module,
                output: Some(&self.output),
            },
            Kind::TwinChange => Origin::TwinChange {
                device,
                module: None,
            },
        };
        RoutedMessage::new(origin, &self.properties, &self.system, &self.body_bytes)
    }

    fn of(sender: &Sender) -> Self {
        let named = |name: &Name, default: &str| match name {
            Name::Like(name) => name.clone(),
            Name::Unlike(name) if same_name(name, default) => format!("{default}2"),
            Name::Any | Name::Unlike(_) => default.to_owned(),
        };
        Self {
            kind: sender.kind,
            device: "cam-01".to_owned(),
            module: named(&sender.module, "sorter"),
            output: named(&sender.output, "out"),
            properties: Vec::new(),
            system: Vec::new(),
            body: None,
            body_bytes: Vec::new(),
        }
    }

    /// Let `name` be `value`, if a sender of this kind can bring that about.
    fn set(&mut self, name: &Expression, value: &Value<'_>) {
        let text = match value {
            Value::Text(text) => Some(text.clone().into_owned()),
            _ => None,
        };
        let is_property = matches!(value, Value::Text(_) | Value::NullText);
        match name {
            Expression::Property(name) if is_property => self.properties.push((name.clone(), text)),
            Expression::System { name, escaped } if is_property => {
                let is_module = self.kind == Kind::Module || self.kind == Kind::ModuleWithOutput;
                if same_name(name, "connectionDeviceId")
                    && let Some(text) = text
                {
                    self.device = text;
                } else if same_name(name, "connectionModuleId") && is_module {
                    self.module = text.unwrap_or_default();
                } else if same_name(name, "outputName") && self.kind == Kind::ModuleWithOutput {
                    self.output = text.unwrap_or_default();
                } else if !*escaped
                    && ["connectionModuleId", "outputName"]
                        .iter()
                        .any(|own| same_name(own, name))
                {
                    self.properties.push((format!("${name}"), text));
                } else {
                    self.system.push((name.clone(), text));
                }
            }
            Expression::Body {
                path,
                name,
                escaped,
            } => {
                let json = match value {
                    Value::Text(text) => Json::from(text.clone().into_owned()),
                    Value::Bool(truth) => Json::from(*truth),
                    Value::Number(number) => Json::from(*number),
                    Value::NullText if !*escaped && !path.has_index() => {
                        self.properties.push((name.clone(), None));
                        return;
                    }
                    // The body is JSON, and has nothing there.
                    Value::BodyNull { .. } => {
                        self.body
                            .get_or_insert_with(|| Json::Object(serde_json::Map::new()));
                        return;
                    }
                    Value::Undefined | Value::Null | Value::NullText => return,
                };
                path.put(self.body.get_or_insert(Json::Null), json);
            }
            _ => {}
        }
    }

    /// Declare the body for what it is.
    fn close(&mut self) {
        let Some(body) = &self.body else { return };
        self.body_bytes = body.to_string().into_bytes();
        for (name, value) in [
            ("contentType", "application/json"),
            ("contentEncoding", "utf-8"),
        ] {
            if !self.system.iter().any(|(known, _)| same_name(known, name)) {
                self.system.push((name.to_owned(), Some(value.to_owned())));
            }
        }
    }
}

impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Leaf => write!(f, "a message of the leaf device \"{}\"", self.device)?,
            Kind::Module => write!(f, "a message of the module \"{}\"", self.module)?,
            Kind::ModuleWithOutput => write!(
                f,
                "a message of the module \"{}\" on its output \"{}\"",
                self.module, self.output
            )?,
            Kind::TwinChange => f.write_str("a change of reported properties")?,
        }
        let system = self
            .system
            .iter()
            .map(|(name, value)| (format!("${name}"), value));
        let own = self
            .properties
            .iter()
            .map(|(name, value)| (name.clone(), value));
        let all: Vec<_> = own
            .map(|pair| (pair, "property"))
            .chain(system.map(|pair| (pair, "system property")))
            .collect();
        for (index, ((name, value), what)) in all.iter().enumerate() {
            let joint = if index == 0 { " with the" } else { " and the" };
            match value {
                Some(value) => write!(f, "{joint} {what} {name}=\"{value}\"")?,
                None => write!(f, "{joint} {what} {name} without a value")?,
            }
        }
        match &self.body {
            Some(body) => write!(f, " and the body {body}"),
            None => Ok(()),
        }
    }
}

/// A message of `sender`, within `facts`, that all of `routes` take; `tries` messages are tried.
pub(super) fn search(
    routes: &[&Route],
    conditions: &[&Expression],
    sender: &Sender,
    facts: &Facts,
    tries: usize,
) -> Option<Example> {
    let mut found = Mentioned::default();
    for condition in conditions {
        found.collect(condition);
    }
    // Any text at all, behind what is asked for by name.
    found.note(["x".to_owned()]);
    let choices: Vec<_> = found
        .names
        .iter()
        .map(|name| (*name, values(&facts.of_name(name), &found.texts)))
        .collect();
    // Every combination of the first values, then of further ones, as an odometer turns.
    let mut digits = vec![0; choices.len()];
    for _ in 0..tries {
        let mut example = Example::of(sender);
        for ((name, values), digit) in choices.iter().zip(&digits) {
            if let Some(value) = values.get(*digit) {
                example.set(name, value);
            }
        }
        example.close();
        let message = example.message();
        if routes.iter().all(|route| route.matches(&message)) {
            return Some(example);
        }
        let mut turned = false;
        for ((_, values), digit) in choices.iter().zip(&mut digits) {
            *digit += 1;
            if *digit < values.len() {
                turned = true;
                break;
            }
            *digit = 0;
        }
        if !turned {
            return None;
        }
    }
    None
}

/// Values to try for a name: absent first, then what the conditions themselves mention.
fn values(possible: &Possible, mentioned: &[String]) -> Vec<Value<'static>> {
    let mut values = Vec::new();
    if possible.undefined {
        values.push(Value::Undefined);
    }
    let own = match &possible.texts {
        Texts::OneOf(texts) => texts.clone(),
        Texts::Like(name) => vec![name.clone()],
        Texts::AnyBut(_) | Texts::Unlike(_) => Vec::new(),
    };
    if let Some(few) = possible.few() {
        values.extend(
            few.into_iter()
                .filter(|value| matches!(value, Value::Number(_))),
        );
    } else if possible.has_numbers() {
        let numbers = mentioned.iter().filter_map(|text| text.parse().ok());
        values.extend(numbers.map(Value::Number));
    }
    let texts = own
        .iter()
        .chain(mentioned)
        .filter(|text| possible.texts.has(text));
    values.extend(texts.map(|text| Value::Text(text.clone().into())));
    if possible.yes {
        values.push(Value::Bool(true));
    }
    if possible.no {
        values.push(Value::Bool(false));
    }
    if possible.body_null {
        values.push(Value::BodyNull { present: false });
    }
    if possible.null_text {
        values.push(Value::NullText);
    }
    values.truncate(MAX_VALUES);
    values
}

/// The names and the constants of conditions.
#[derive(Default)]
struct Mentioned<'e> {
    names: Vec<&'e Expression>,
    texts: Vec<String>,
}

impl<'e> Mentioned<'e> {
    fn collect(&mut self, expression: &'e Expression) {
        match expression {
            Expression::Literal(Literal::String(text)) => self.note([text.clone()]),
            // On both sides of a limit; a property is text, and may be the text of a number.
            Expression::Literal(Literal::Number(number)) => {
                self.note([0.0, 1.0, -1.0].map(|step| (number + step).to_string()));
            }
            Expression::Literal(Literal::Bool(_) | Literal::Null | Literal::Undefined)
            | Expression::TwinChangeIncludes(_) => {}
            Expression::Property(_) | Expression::System { .. } | Expression::Body { .. } => {
                if !self.names.iter().any(|known| is_same(known, expression)) {
                    self.names.push(expression);
                }
            }
            Expression::Negate(operand) | Expression::Not(operand) => self.collect(operand),
            Expression::Binary { left, right, .. } => {
                self.collect(left);
                self.collect(right);
            }
            Expression::Call { arguments, .. } => {
                for argument in arguments {
                    self.collect(argument);
                }
            }
        }
    }

    fn note(&mut self, texts: impl IntoIterator<Item = String>) {
        for text in texts {
            if !self.texts.contains(&text) {
                self.texts.push(text);
            }
        }
    }
}
