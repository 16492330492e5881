//! Running the tests, and reading what `cargo test` says of each.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use anyhow::Context;

use crate::workspace;

/// What became of each test, by the name of its function.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Results(BTreeMap<String, bool>);

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// So many tests passed, and that is all there are.
    Passed(usize),
    /// So many failed.
    Failed(usize),
    /// So many that exist did not run.
    Missing(usize),
    /// There is none.
    Untested,
}

impl Verdict {
    pub(super) fn has_passed(self) -> bool {
        matches!(self, Self::Passed(_))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Passed(1) => "passed, 1 test".to_owned(),
            Self::Passed(count) => format!("passed, {count} tests"),
            Self::Failed(count) => format!("FAILED, {count}"),
            Self::Missing(count) => format!("NOT RUN, {count}"),
            Self::Untested => "NO TEST".to_owned(),
        };
        f.pad(&text)
    }
}

impl Results {
    /// What an earlier `cargo test` printed into a file.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let mut results = Self::default();
        for line in text.lines() {
            results.note(line);
        }
        Ok(results)
    }

    /// The verdict over the tests of a line.
    pub(super) fn verdict<'a>(&self, tests: impl Iterator<Item = &'a str>) -> Verdict {
        let (mut passed, mut failed, mut missing) = (0, 0, 0);
        for test in tests {
            match self.0.get(test) {
                Some(true) => passed += 1,
                Some(false) => failed += 1,
                None => missing += 1,
            }
        }
        match (passed, failed, missing) {
            (0, 0, 0) => Verdict::Untested,
            (passed, 0, 0) => Verdict::Passed(passed),
            (_, 0, missing) => Verdict::Missing(missing),
            (_, failed, _) => Verdict::Failed(failed),
        }
    }

    /// Names of tests that failed.
    pub(super) fn failures(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(|(_, passed)| !**passed)
            .map(|(name, _)| name.as_str())
    }

    /// Takes in a line of `cargo test`: `test room::checklist_1_x ... ok`.
    fn note(&mut self, line: &str) {
        let result = line
            .strip_prefix("test ")
            .and_then(|rest| rest.split_once(" ... "));
        if let Some((path, outcome)) = result {
            // What a test with captured output cannot print stands before its outcome.
            let name = path.rsplit("::").next().unwrap_or(path);
            let passed = outcome.trim_end().ends_with("ok");
            if !passed && !outcome.trim_end().ends_with("FAILED") {
                // Ignored: it did not run.
                return;
            }
            // One that exists in two crates has passed when both have.
            let entry = self.0.entry(name.to_owned()).or_insert(true);
            *entry &= passed;
        }
    }
}

/// Runs every test with `checklist_` in its name. What the tests print goes to standard error.
pub(super) fn run(root: &Path) -> anyhow::Result<Results> {
    let words = [
        "test",
        "--workspace",
        "--lib",
        "--bins",
        "--tests",
        "--no-fail-fast",
    ];
    eprintln!("xtask: cargo {} -- checklist_", words.join(" "));
    let mut child = workspace::cargo()
        .current_dir(root)
        .args(words)
        .args(["--", "checklist_"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let mut results = Results::default();
    let stdout = child.stdout.take().context("no output of cargo")?;
    for line in BufReader::new(stdout).lines() {
        let line = line.context("reading the output of cargo")?;
        eprintln!("{line}");
        results.note(&line);
    }
    // Its status says no more than the lines: a crate that does not compile leaves tests not run.
    child.wait().context("waiting for cargo")?;
    Ok(results)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_passed_when_every_test_that_exists_has() {
        let mut results = Results::default();
        for line in [
            "running 3 tests",
            "test hub::tests::checklist_1_a ... ok",
            "test checklist_1_b ... ok",
            "test checklist_2_a ... FAILED",
            "test checklist_5_a ... ignored, says why",
            "test checklist_3_twice ... ok",
            "test other::checklist_3_twice ... FAILED",
            "test result: ok. 1 passed",
        ] {
            results.note(line);
        }
        let verdict = |tests: &[&'static str]| results.verdict(tests.iter().copied());
        assert_eq!(
            verdict(&["checklist_1_a", "checklist_1_b"]),
            Verdict::Passed(2)
        );
        assert_eq!(
            verdict(&["checklist_1_a", "checklist_2_a"]),
            Verdict::Failed(1)
        );
        assert_eq!(
            verdict(&["checklist_1_a", "checklist_4_a"]),
            Verdict::Missing(1)
        );
        assert_eq!(verdict(&["checklist_3_twice"]), Verdict::Failed(1));
        assert_eq!(verdict(&["checklist_5_a"]), Verdict::Missing(1));
        assert_eq!(verdict(&[]), Verdict::Untested);
        assert!(!Verdict::Untested.has_passed() && !Verdict::Missing(1).has_passed());
    }
}
