//! The hub from its other side: what went upstream, and the commands that stand
//! in for the cloud.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::ground::Ground;
use super::messages::{Arrived, sha256};
use super::wait::{PATIENCE, until};

/// Numbers the logs of commands.
static CALLS: AtomicU32 = AtomicU32::new(0);

impl Ground<'_> {
    /// `devhub WORDS… --state DIR`; what it printed. An error when it does not end with 0.
    fn devhub(&self, words: &[&str]) -> anyhow::Result<Value> {
        let mut command = Command::new(&self.stage.devhub);
        command.args(words).arg("--state").arg(&self.state);
        let number = CALLS.fetch_add(1, Ordering::Relaxed);
        let log = format!("{}-command-{number}", self.name);
        let name = format!("devhub {}", words.join(" "));
        let ended = self.stage.call(&name, &mut command, &log, PATIENCE)?;
        ensure!(
            ended.status.success(),
            "{name} ended with {}\n{}",
            ended.status,
            ended.last_words()
        );
        if ended.text.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&ended.text).with_context(|| format!("{name} said {}", ended.text))
    }

    /// The twin of a module.
    pub(super) fn twin(&self, module: &str) -> anyhow::Result<Value> {
        self.devhub(&["twin", "get", module])
    }

    /// Changes desired properties; returns their new version.
    pub(super) fn patch_desired(&self, module: &str, patch: &Value) -> anyhow::Result<u64> {
        let answer = self.devhub(&["twin", "patch", module, &patch.to_string()])?;
        answer["desired"]["$version"]
            .as_u64()
            .with_context(|| format!("no $version in {answer}"))
    }

    /// Calls a direct method; returns status and payload of the answer.
    pub(super) fn call_method(
        &self,
        module: &str,
        method: &str,
        payload: &Value,
    ) -> anyhow::Result<(Value, Value)> {
        let payload = payload.to_string();
        let mut words = vec!["method", module, method, "--payload", &payload];
        // The module may be away for a moment: its SDK renews the token.
        words.extend(["--connect-timeout", "10s"]);
        let mut answer = self.devhub(&words)?;
        Ok((answer["status"].take(), answer["payload"].take()))
    }

    /// Cuts the connections of a client.
    pub(super) fn drop_connections(&self, client: &str) -> anyhow::Result<()> {
        let answer = self.devhub(&["fault", "drop-connections", client])?;
        ensure!(answer["connections"] == 1, "the hub cut {answer}");
        Ok(())
    }

    /// Waits until the reported property `name` of `module` is `value`.
    pub(super) fn wait_for_reported(
        &self,
        module: &str,
        name: &str,
        value: &Value,
    ) -> anyhow::Result<()> {
        let mut last = Value::Null;
        let what = format!("the reported property `{name}` to be {value}");
        until(&what, PATIENCE, || {
            last = self.twin(module)?["reported"].take();
            Ok((last[name] == *value).then_some(()))
        })
        .with_context(|| format!("the hub has {last}"))
    }

    /// All messages that went upstream so far.
    pub(super) fn upstream(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.upstream).unwrap_or_default();
        text.split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// Waits until every one of `ids` has gone upstream; returns these messages.
    pub(super) fn wait_for_upstream(&self, ids: &[&str]) -> anyhow::Result<Vec<Value>> {
        let id = |message: &Value| message["systemProperties"]["messageId"].clone();
        let what = format!("{} messages upstream", ids.len());
        until(&what, PATIENCE, || {
            let mut found = self.upstream();
            found.retain(|message| ids.iter().any(|wanted| id(message) == *wanted));
            let is_whole = ids
                .iter()
                .all(|wanted| found.iter().any(|message| id(message) == *wanted));
            Ok(is_whole.then_some(found))
        })
    }
}

/// A message as the hub wrote it upstream.
pub(super) fn arrived_upstream(message: &Value) -> anyhow::Result<Arrived> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let body = message["bodyBase64"]
        .as_str()
        .context("a picture went upstream without a binary body")?;
    let body = STANDARD.decode(body).context("bodyBase64 is not base64")?;
    Ok(Arrived {
        id: text(&message["systemProperties"]["messageId"]),
        content_type: text(&message["systemProperties"]["contentType"]),
        properties: message["properties"]
            .as_object()
            .cloned()
            .unwrap_or_default(),
        bytes: body.len() as u64,
        sha256: sha256(&body),
    })
}

/// A message as a module's script saw it.
pub(super) fn arrived_at_input(event: &Value) -> Arrived {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Arrived {
        id: text(&event["id"]),
        content_type: text(&event["contentType"]),
        properties: event["properties"]
            .as_object()
            .map_or_else(Map::new, Clone::clone),
        bytes: event["bytes"].as_u64().unwrap_or_default(),
        sha256: text(&event["sha256"]),
    }
}
