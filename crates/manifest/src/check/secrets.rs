//! Secrets in clear. What is found is told by its place and kind, never by its value.
//!
//! A template names secrets by placeholder. A built manifest must have the registry's, because that
//! is how the agent gets them; connection strings and keys of devices belong in neither.

use serde_json::Value;

use super::{Document, Findings, Place, Rule};
use crate::create_options;
use crate::manifest::{DESIRED, Form};

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
                    // A secret may lie across two pieces.
                    if key.starts_with("createOptions") && member.is_string() {
                        continue;
                    }
                    path.push(key.clone());
                    self.walk(member, path);
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

    fn text(&mut self, text: &str, path: &[String]) {
        let names = names(path);
        if is_registry_password(&names) {
            // A built manifest must have it.
            let is_clear = !text.is_empty() && !is_placeholder(text);
            if self.document.form == Form::Template && is_clear {
                self.found(Rule::Secret, path, "a password of a registry", PLACEHOLDER);
            }
            return;
        }
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
        let Some((name, value)) = named(&names, text) else {
            return;
        };
        if is_key_by_form(value) {
            let (rule, cure) = if is_secret_name(name) {
                (
                    Rule::Secret,
                    "take it out: a camera's key belongs on the camera",
                )
            } else {
                (Rule::SecretReadable, "take it out if it is a key")
            };
            let kind = "what looks like the key of a device (32 or 64 bytes as base64)";
            return self.found(rule, path, kind, cure);
        }
        let is_variable = names.iter().any(|name| name.eq_ignore_ascii_case("env"));
        if is_variable && is_secret_name(name) && !value.is_empty() && !is_placeholder(value) {
            let kind = format!("a value for {name}");
            match self.document.form {
                Form::Template => self.found(Rule::Secret, path, &kind, PLACEHOLDER),
                Form::Manifest => self.found(
                    Rule::SecretReadable,
                    path,
                    &kind,
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

/// A path name by name: the dotted keys of a layer are several.
fn names(path: &[String]) -> Vec<&str> {
    let names = path.iter().flat_map(|key| {
        let parts = if key.starts_with(DESIRED) {
            usize::MAX
        } else {
            1
        };
        key.splitn(parts, '.')
    });
    names.flat_map(|name| name.split('/')).collect()
}

/// The one place where a password may stand in a built manifest: that of a registry.
fn is_registry_password(names: &[&str]) -> bool {
    let place = [
        "$edgeAgent",
        "properties",
        "desired",
        "runtime",
        "settings",
        "registryCredentials",
    ];
    match names {
        [rest @ .., _, name] => name.eq_ignore_ascii_case("password") && rest.ends_with(&place),
        _ => false,
    }
}

/// What a text is called, and its value: a variable (`"NAME": {"value": …}`, `"NAME": …`, `"NAME=…"` in
/// a list), else a member.
fn named<'t>(names: &[&'t str], text: &'t str) -> Option<(&'t str, &'t str)> {
    match names {
        [.., env, name, value]
            if env.eq_ignore_ascii_case("env") && value.eq_ignore_ascii_case("value") =>
        {
            Some((name, text))
        }
        [.., env, index] if env.eq_ignore_ascii_case("env") && index.parse::<usize>().is_ok() => {
            text.split_once('=')
        }
        [.., name] => Some((name, text)),
        [] => None,
    }
}

/// What kind of secret `text` is or has in it.
pub(super) fn secret(text: &str) -> Option<&'static str> {
    let lower = text.to_ascii_lowercase();
    let given = |label: &str| {
        lower.match_indices(label).any(|(at, _)| {
            let value = &lower[at + label.len()..];
            !value.is_empty() && !value.starts_with(['$', '<', '{', ';', '&'])
        })
    };
    if given("sharedaccesskey=") {
        Some("a connection string with its key")
    } else if given("accountkey=") {
        Some("a connection string of a storage account")
    } else if given("sig=")
        && ["sharedaccesssignature", "sv=", "se=", "sr="]
            .iter()
            .any(|p| lower.contains(p))
    {
        Some("a SAS token")
    } else if lower.contains("-----begin ") && lower.contains("private key-----") {
        Some("a private key")
    } else {
        None
    }
}

/// 32 or 64 bytes as base64, with nothing around them: a device's key has this form, and a digest too.
fn is_key_by_form(text: &str) -> bool {
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
            (format!("hostname=h;sharedaccesskey={key}"), true),
            ("https://x.example/c?sv=2020&sig=abc%3D".to_owned(), true),
            ("https://x.example/c?sv=2020&sig=$SIG".to_owned(), false),
            ("design=round".to_owned(), false),
        ] {
            assert_eq!(secret(&text).is_some(), is_secret, "{text}");
        }
        for (text, is_key) in [
            (key.clone(), true),
            (format!("{key}="), false),
            (key.replace('+', "-"), false),
            ("x".repeat(44), false),
        ] {
            assert_eq!(is_key_by_form(&text), is_key, "{text}");
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
