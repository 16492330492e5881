//! Secrets in clear. What is found is told by its place and kind, never by its value.
//!
//! A template names secrets by placeholder. A built manifest must have the registry's, because that
//! is how the agent gets them; connection strings and keys of devices belong in neither.

use serde_json::Value;

use super::{Document, Findings, Place, Rule};
use crate::create_options;
use crate::manifest::Form;

pub(super) fn check(document: &Document, findings: &mut Findings) {
    let Ok(content) = document.content() else {
        return;
    };
    let mut search = Search { document, findings };
    search.walk(content.value, &mut vec![content.path.clone()]);
}

struct Search<'a> {
    document: &'a Document,
    findings: &'a mut Findings,
}

impl Search<'_> {
    fn walk(&mut self, value: &Value, path: &mut Vec<String>) {
        match value {
            Value::String(text) => self.text(text, path),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    path.push(index.to_string());
                    self.walk(item, path);
                    path.pop();
                }
            }
            Value::Object(members) => {
                for (key, member) in members {
                    path.push(key.clone());
                    match key.as_str() {
                        "registryCredentials" => self.registries(member, path),
                        // A secret may lie across two pieces.
                        _ if key.starts_with("createOptions") && member.is_string() => {}
                        _ => self.walk(member, path),
                    }
                    path.pop();
                }
                if let Some(text) = create_options::joined(value) {
                    path.push("createOptions".to_owned());
                    match serde_json::from_str(&text) {
                        Ok(options) => self.walk(&options, path),
                        Err(_) => self.text(&text, path),
                    }
                    path.pop();
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn registries(&mut self, credentials: &Value, path: &[String]) {
        if self.document.form == Form::Manifest {
            return;
        }
        for (name, registry) in credentials.as_object().into_iter().flatten() {
            let password = registry["password"].as_str().unwrap_or_default();
            if !password.is_empty() && !is_placeholder(password) {
                let mut path = path.to_vec();
                path.extend([name.clone(), "password".to_owned()]);
                self.found(Rule::Secret, &path, "a password of a registry", PLACEHOLDER);
            }
        }
    }

    fn text(&mut self, text: &str, path: &[String]) {
        if let Some(kind) = secret(text) {
            self.found(
                Rule::Secret,
                path,
                kind,
                "take it out: a module gets its identity from the agent, and a camera's key belongs \
                 on the camera",
            );
            return;
        }
        // `NAME=value` in `createOptions.Env`, or the `value` of a variable.
        let variable = match path {
            [.., env, name, value] if env == "env" && value == "value" => {
                Some((name.as_str(), text))
            }
            [.., env, _] if env == "Env" => text.split_once('='),
            _ => None,
        };
        let Some((name, value)) = variable else {
            return;
        };
        if is_secret_name(name) && !value.is_empty() && !is_placeholder(value) {
            match self.document.form {
                Form::Template => {
                    let kind = format!("a value for {name}");
                    self.found(Rule::Secret, path, &kind, PLACEHOLDER);
                }
                Form::Manifest => self.found(
                    Rule::SecretReadable,
                    path,
                    &format!("a value for {name}"),
                    "know that whoever may read the deployment or its twins reads it; keep the built \
                     file out of version control",
                ),
            }
        }
    }

    fn found(&mut self, rule: Rule, path: &[String], kind: &str, cure: &str) {
        let place = Place {
            document: self.document.name.clone(),
            path: path.join("/"),
        };
        self.findings
            .add(rule, &place, format!("found {kind} in clear"), cure);
    }
}

const PLACEHOLDER: &str = "write $NAME there and the value into .env, which stays on your machine";

/// What kind of secret `text` is or has in it.
fn secret(text: &str) -> Option<&'static str> {
    let given = |label: &str| {
        text.match_indices(label).any(|(at, _)| {
            let value = &text[at + label.len()..];
            !value.is_empty() && !value.starts_with(['$', '<', '{', ';'])
        })
    };
    if given("SharedAccessKey=") {
        Some("a connection string with its key")
    } else if given("AccountKey=") {
        Some("a connection string of a storage account")
    } else if text.contains("SharedAccessSignature ") && text.contains("sig=") {
        Some("a SAS token")
    } else if text.contains("-----BEGIN ") && text.contains("PRIVATE KEY-----") {
        Some("a private key")
    } else if is_device_key(text) {
        Some("what looks like the key of a device (32 or 64 bytes as base64)")
    } else {
        None
    }
}

/// 32 or 64 bytes as base64, with nothing around them.
fn is_device_key(text: &str) -> bool {
    let (body, length) = match text.len() {
        44 => (text.strip_suffix('='), 43),
        88 => (text.strip_suffix("=="), 86),
        _ => return false,
    };
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    body.is_some_and(|body| body.len() == length && body.bytes().all(is_base64))
}

fn is_secret_name(name: &str) -> bool {
    let name: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|character| character.to_ascii_lowercase())
        .collect();
    ["key", "password", "secret", "token", "connectionstring"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

/// `$NAME` or `${NAME}`, or a text for people to fill in.
fn is_placeholder(text: &str) -> bool {
    let name = text
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
        .or_else(|| text.strip_prefix('$'));
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    name.is_some_and(is_name) || (text.starts_with('<') && text.ends_with('>'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_form() {
        let key = format!(
            "{}=",
            "aB3+/xY9".repeat(6).chars().take(43).collect::<String>()
        );
        for (text, is_secret) in [
            (format!("HostName=h;DeviceId=d;SharedAccessKey={key}"), true),
            (
                "HostName=h;DeviceId=d;SharedAccessKey=$KEY".to_owned(),
                false,
            ),
            (
                "HostName=h;DeviceId=d;SharedAccessKey=<key>".to_owned(),
                false,
            ),
            ("SharedAccessKeyName=iothubowner".to_owned(), false),
            ("SharedAccessSignature sr=h&sig=x&se=1".to_owned(), true),
            ("-----BEGIN EC PRIVATE KEY-----\nx".to_owned(), true),
            ("-----BEGIN CERTIFICATE-----\nx".to_owned(), false),
            (key.clone(), true),
            (format!("{key}="), false),
            (key.replace('+', "-"), false),
            ("x".repeat(44), false),
        ] {
            assert_eq!(secret(&text).is_some(), is_secret, "{text}");
        }
    }

    #[test]
    fn placeholders_are_whole_names() {
        for (text, expected) in [
            ("$PASSWORD", true),
            ("${PASSWORD}", true),
            ("<Container registry password>", true),
            ("$", false),
            ("p$PASSWORD", false),
            ("$PASSWORD!", false),
        ] {
            assert_eq!(is_placeholder(text), expected, "{text}");
        }
    }
}
