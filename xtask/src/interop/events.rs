//! What scripts say: one JSON object a line, with the name of the event in
//! `event`. Whatever else is in the file (a traceback, a warning) is for people.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

use super::wait;
use crate::processes::last_lines;

/// A file that a script writes to.
#[derive(Debug, Clone)]
pub(super) struct Events(PathBuf);

impl Events {
    /// The file may not be there yet.
    pub(super) fn of(file: &Path) -> Self {
        Self(file.to_owned())
    }

    /// Every event of this name so far, in order.
    pub(super) fn all(&self, name: &str) -> Vec<Value> {
        let text = fs::read(&self.0).unwrap_or_default();
        parse(&String::from_utf8_lossy(&text))
            .filter(|event| event["event"] == name)
            .collect()
    }

    /// Waits until `wanted` finds something among the events of this name.
    pub(super) fn wait<T>(
        &self,
        name: &str,
        within: Duration,
        mut wanted: impl FnMut(&[Value]) -> Option<T>,
    ) -> anyhow::Result<T> {
        wait::until(&format!("the event `{name}`"), within, || {
            Ok(wanted(&self.all(name)))
        })
        .with_context(|| self.last_words())
    }

    /// The end of the file, for a failure that must be explained.
    pub(super) fn last_words(&self) -> String {
        last_lines(&self.0, 12)
    }
}

/// Lines that are not whole, or are no events, are passed over.
fn parse(text: &str) -> impl Iterator<Item = Value> + '_ {
    text.split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|value| value["event"].is_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_events_count() {
        let text = "Traceback\n{\"event\":\"a\",\"n\":1}\n42\n{\"n\":2}\n{\"event\":\"a\",\"n\":3}";
        let found: Vec<Value> = parse(text).collect();
        assert_eq!(found, [serde_json::json!({"event": "a", "n": 1})]);
    }
}
