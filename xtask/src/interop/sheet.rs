//! What came out, capability by capability.

use std::fmt;

use serde::Serialize;

/// How a capability fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    /// It works.
    Ok,
    /// It does not, or was not reached.
    Failed,
    /// It could not be tried here.
    Skipped,
}

/// One line of the result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Line {
    pub(super) outcome: Outcome,
    pub(super) peer: &'static str,
    pub(super) capability: &'static str,
    pub(super) detail: String,
}

impl Line {
    /// As people read it, or as one JSON object.
    pub(super) fn show(&self, json: bool) -> String {
        if json {
            // Text and an enum without data: nothing in it that JSON cannot say.
            return serde_json::to_string(self).unwrap_or_default();
        }
        let outcome = match self.outcome {
            Outcome::Ok => "ok",
            Outcome::Failed => "FAILED",
            Outcome::Skipped => "skipped",
        };
        let detail = self.detail.replace('\n', "\n    ");
        format!(
            "{outcome:<7}  {:<13}  {:<23}  {detail}",
            self.peer, self.capability
        )
    }
}

/// The lines of one peer. Every capability it promises gets exactly one.
#[derive(Debug)]
pub(super) struct Sheet {
    peer: &'static str,
    capabilities: &'static [&'static str],
    lines: Vec<Line>,
}

impl Sheet {
    /// An empty sheet.
    pub(super) fn new(peer: &'static str, capabilities: &'static [&'static str]) -> Self {
        Self {
            peer,
            capabilities,
            lines: Vec::new(),
        }
    }

    /// Notes how a capability fared, and says whether it works.
    pub(super) fn check(&mut self, capability: &str, fared: anyhow::Result<String>) -> bool {
        let (outcome, detail) = match fared {
            Ok(detail) => (Outcome::Ok, detail),
            Err(error) => (Outcome::Failed, format!("{error:#}")),
        };
        self.note(capability, outcome, detail);
        outcome == Outcome::Ok
    }

    /// The lines, once nothing more will be tried; `why` stands in for those that are missing.
    pub(super) fn close(mut self, outcome: Outcome, why: &str) -> Vec<Line> {
        for &capability in self.capabilities {
            if !self.lines.iter().any(|line| line.capability == capability) {
                self.note(capability, outcome, why.to_owned());
            }
        }
        self.lines
    }

    /// A capability that is not promised, or comes twice, is a mistake of the peer's script and
    /// shows as one.
    fn note(&mut self, name: &str, outcome: Outcome, detail: String) {
        let promised = self.capabilities.iter().find(|known| **known == name);
        let is_known = self.lines.iter().any(|line| line.capability == name);
        let line = match promised {
            Some(capability) if !is_known => Line {
                outcome,
                peer: self.peer,
                capability,
                detail,
            },
            _ => Line {
                outcome: Outcome::Failed,
                peer: self.peer,
                capability: "(unexpected)",
                detail: format!("`{name}` is not promised or came twice: {detail}"),
            },
        };
        self.lines.push(line);
    }
}

/// How many of each.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Tally {
    /// Counts a line.
    pub(super) fn add(&mut self, line: &Line) {
        match line.outcome {
            Outcome::Ok => self.passed += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Skipped => self.skipped += 1,
        }
    }

    /// Whether the command fails. A run in which nothing passed has shown nothing.
    pub(super) fn is_failure(self, require: bool) -> bool {
        self.failed > 0 || (require && (self.skipped > 0 || self.passed == 0))
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "interop: {} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::*;

    fn sheet() -> Sheet {
        Sheet::new("peer", &["first", "second", "third"])
    }

    #[test]
    fn a_capability_that_was_not_reached_is_not_left_out() {
        let mut sheet = sheet();
        assert!(sheet.check("first", Ok("3 of 3".to_owned())));
        let refused = Err(anyhow!("refused")).context("cannot connect");
        assert!(!sheet.check("second", refused));
        let lines: Vec<String> = sheet
            .close(Outcome::Failed, "not reached")
            .iter()
            .map(|line| line.show(false))
            .collect();
        assert_eq!(
            lines,
            [
                "ok       peer           first                    3 of 3",
                "FAILED   peer           second                   cannot connect: refused",
                "FAILED   peer           third                    not reached",
            ]
        );
    }

    #[test]
    fn a_misspelt_or_repeated_capability_fails() {
        let mut sheet = sheet();
        sheet.check("frist", Ok(String::new()));
        sheet.check("second", Ok(String::new()));
        sheet.check("second", Ok(String::new()));
        let outcomes: Vec<Outcome> = sheet.lines.iter().map(|line| line.outcome).collect();
        assert_eq!(outcomes, [Outcome::Failed, Outcome::Ok, Outcome::Failed]);
    }

    #[test]
    fn a_skip_is_a_failure_only_where_everything_is_required() {
        let mut tally = Tally::default();
        assert!(tally.is_failure(true), "nothing was shown");
        let mut sheet = sheet();
        sheet.check("first", Ok(String::new()));
        for line in sheet.close(Outcome::Skipped, "not installed") {
            tally.add(&line);
        }
        assert_eq!(tally.to_string(), "interop: 1 passed, 0 failed, 2 skipped");
        assert!(tally.is_failure(true) && !tally.is_failure(false));
    }

    #[test]
    fn json_says_the_same() {
        let line = Line {
            outcome: Outcome::Skipped,
            peer: "node",
            capability: "module method",
            detail: "no \"node\"".to_owned(),
        };
        assert_eq!(
            line.show(true),
            r#"{"outcome":"skipped","peer":"node","capability":"module method","detail":"no \"node\""}"#
        );
    }
}
