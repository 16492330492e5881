//! What libFuzzer prints, read as it comes and told in one line.
//!
//! Its lines look like `#4096 pulse  cov: 812 ft: 2403 corp: 310/12Kb …`; the
//! ones named INITED (seeds and corpus read) and DONE are the start and the end.

use std::fmt::Write;

/// How many lines of a finding are shown, from its panic on.
const SHOWN: usize = 14;

/// What is known of a run so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    start: Option<Status>,
    latest: Option<Status>,
    /// All edges there are
    edges: Option<u64>,
    runs: Option<u64>,
    runs_per_second: Option<u64>,
    artifact: Option<String>,
    finding: Vec<String>,
}

/// The numbers of one status line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Status {
    /// Edges reached
    coverage: u64,
    /// Edges times how often, and comparisons
    features: u64,
    /// Inputs that the corpus keeps
    inputs: u64,
}

impl Report {
    /// Take in one line of libFuzzer.
    pub(super) fn read(&mut self, line: &str) {
        if line.starts_with('#') && line.contains(" cov: ") {
            self.status(line);
            return;
        }
        if let Some((_, rest)) = line.split_once("inline 8-bit counters): ") {
            self.edges = leading_number(rest);
        } else if let Some(runs) = line.strip_prefix("stat::number_of_executed_units:") {
            self.runs = leading_number(runs);
        } else if let Some(rate) = line.strip_prefix("stat::average_exec_per_sec:") {
            self.runs_per_second = leading_number(rate);
        } else if let Some((_, path)) = line.split_once("Test unit written to ") {
            self.artifact = Some(path.trim().to_owned());
        } else if self.finding.len() < SHOWN
            && is_worth_showing(line)
            && (!self.finding.is_empty() || is_trouble(line))
        {
            self.finding.push(line.to_owned());
        }
    }

    fn status(&mut self, line: &str) {
        let after = |label: &str| {
            let (_, rest) = line.split_once(label)?;
            leading_number(rest)
        };
        let status = Status {
            coverage: after(" cov: ").unwrap_or_default(),
            features: after(" ft: ").unwrap_or_default(),
            inputs: after(" corp: ").unwrap_or_default(),
        };
        if line.contains("INITED") {
            self.start = Some(status);
        }
        self.latest = Some(status);
    }

    /// Runs, rate, and how far coverage and corpus came.
    pub(super) fn summary(&self) -> String {
        let mut text = String::new();
        let number = |value: Option<u64>| value.map_or("?".to_owned(), |value| value.to_string());
        // Writing to a String does not fail.
        let _ = write!(
            text,
            "{} runs, {} per second",
            number(self.runs),
            number(self.runs_per_second)
        );
        if let (Some(start), Some(end)) = (self.start, self.latest) {
            let _ = write!(
                text,
                "; coverage {} -> {} of {} edges, features {} -> {}, inputs {} -> {}",
                start.coverage,
                end.coverage,
                number(self.edges),
                start.features,
                end.features,
                start.inputs,
                end.inputs
            );
        }
        text
    }

    /// The file that holds the input of a finding.
    pub(super) fn artifact(&self) -> Option<&str> {
        self.artifact.as_deref()
    }

    /// What was found: the panic or the fuzzer's own words, and what follows.
    pub(super) fn finding(&self) -> impl Iterator<Item = &str> {
        self.finding.iter().map(String::as_str)
    }
}

/// Whether a finding begins here.
fn is_trouble(line: &str) -> bool {
    line.contains(" panicked at ") || line.contains("ERROR: libFuzzer")
}

/// The lines that say what happened: no addresses of new functions, no hex dump
/// of the input, no frames of the fuzzer itself.
fn is_worth_showing(line: &str) -> bool {
    let noise = [
        "INFO:",
        "WARNING:",
        "\tNEW_FUNC",
        "NEW_FUNC",
        "0x",
        "stat::",
        "Base64:",
        "MS: ",
        "NOTE:",
    ];
    let trimmed = line.trim();
    !trimmed.is_empty()
        && !noise.iter().any(|start| trimmed.starts_with(start))
        && !trimmed.contains("libfuzzer")
}

/// The number at the front of `text`, spaces before it skipped.
fn leading_number(text: &str) -> Option<u64> {
    let text = text.trim_start();
    let end = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    text[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "\
INFO: Loaded 1 modules   (5460 inline 8-bit counters): 5460 [0x562458e27150, 0x562458e286a4),
INFO:     1200 files found in target/fuzz/seeds/route
#1201\tINITED cov: 812 ft: 2403 corp: 310/12Kb exec/s: 0 rss: 40Mb
\tNEW_FUNC[1/2]: 0x562458d53a41
#4096\tpulse  cov: 830 ft: 2500 corp: 320/13Kb lim: 43 exec/s: 2048 rss: 41Mb
#90000\tDONE   cov: 901 ft: 3100 corp: 402/19Kb lim: 80 exec/s: 45000 rss: 44Mb
stat::number_of_executed_units: 90000
stat::average_exec_per_sec:     45000
";

    fn report(lines: &str) -> Report {
        let mut report = Report::default();
        lines.lines().for_each(|line| report.read(line));
        report
    }

    #[test]
    fn a_run_is_summed_up_in_one_line() {
        assert_eq!(
            report(RUN).summary(),
            "90000 runs, 45000 per second; coverage 812 -> 901 of 5460 edges, \
             features 2403 -> 3100, inputs 310 -> 402"
        );
        assert_eq!(report(RUN).artifact(), None);
    }

    #[test]
    fn a_finding_keeps_its_panic_and_its_input() {
        let crash = "thread '<unnamed>' panicked at fuzz_targets/route.rs:3:5:\n\
                     assertion failed\n\
                     ==7== ERROR: libFuzzer: deadly signal\n\
                     MS: 5 InsertByte-\n\
                     0x27,0xff,\n\
                     artifact_prefix='target/fuzz/artifacts/route/'; Test unit written to \
                     target/fuzz/artifacts/route/crash-067a\n";
        let report = report(&format!("{RUN}{crash}"));
        assert_eq!(
            report.artifact(),
            Some("target/fuzz/artifacts/route/crash-067a")
        );
        let words: Vec<_> = report.finding().collect();
        assert_eq!(words.len(), 3, "{words:?}");
        assert_eq!(words[1], "assertion failed");
    }

    #[test]
    fn a_run_that_says_nothing_is_summed_up_as_unknown() {
        assert_eq!(report("").summary(), "? runs, ? per second");
    }
}
