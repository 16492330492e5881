//! The tests that exist: functions named `checklist_<line>_<claim>` in the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context;

/// Where tests can be.
const PLACES: [&str; 3] = ["crates", "module", "tests"];
/// What a test's name begins with.
const PREFIX: &str = "fn checklist_";

/// Names of tests by line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found(BTreeMap<String, BTreeSet<String>>);

impl Found {
    /// Reads every Rust source below the places where tests are.
    pub(super) fn in_sources(root: &Path) -> anyhow::Result<Self> {
        let mut found = Self::default();
        for place in PLACES {
            found.read(&root.join(place))?;
        }
        Ok(found)
    }

    /// The tests of a line, in order; none for a line that nobody shows.
    pub(super) fn tests(&self, line: &str) -> impl Iterator<Item = &str> {
        self.0.get(line).into_iter().flatten().map(String::as_str)
    }

    /// Lines that tests name.
    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn read(&mut self, path: &Path) -> anyhow::Result<()> {
        let context = || format!("cannot read {}", path.display());
        if path.is_dir() {
            for entry in std::fs::read_dir(path).with_context(context)? {
                let entry = entry.with_context(context)?;
                if entry.file_name() != "target" {
                    self.read(&entry.path())?;
                }
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            self.note(&std::fs::read_to_string(path).with_context(context)?);
        }
        Ok(())
    }

    fn note(&mut self, source: &str) {
        for line in source.lines() {
            let declared = line.trim_start().trim_start_matches("async ");
            let Some(rest) = declared.strip_prefix(PREFIX) else {
                continue;
            };
            if let Some((name, _)) = rest.split_once('(')
                && let Some((number, _)) = name.split_once('_')
            {
                let tests = self.0.entry(number.to_owned()).or_default();
                tests.insert(format!("checklist_{name}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_found_by_their_names_whatever_they_are_made_of() {
        let mut found = Found::default();
        found.note(
            "#[test]\nfn checklist_23a_x() {}\n    #[tokio::test]\n    async fn checklist_23a_a() {}\n\
             fn checklist_7_(\n// fn checklist_9_no() is a comment\nfn other() {}",
        );
        let tests = |line| found.tests(line).collect::<Vec<_>>();
        assert_eq!(tests("23a"), ["checklist_23a_a", "checklist_23a_x"]);
        assert_eq!(tests("7"), ["checklist_7_"]);
        assert_eq!(found.lines().collect::<Vec<_>>(), ["23a", "7"]);
    }
}
