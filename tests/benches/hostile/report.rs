//! What was found, as a table and as JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use ledger::Outcome;
use serde::Serialize;

/// Most times the ordinary picture's median.
const RATIO_BAR: f64 = 50.0;
/// Most memory of the process, in megabytes of 1000 × 1000 bytes.
const MEMORY_BAR: f64 = 240.0;

/// Everything of one run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    ordinary: Ordinary,
    pub(crate) bombs: Vec<Kind>,
    mutations: BTreeMap<String, Kind>,
    #[serde(rename = "peakMegabytes")]
    peak: f64,
}

/// The picture that the others are held against.
#[derive(Debug, Serialize)]
struct Ordinary {
    bytes: usize,
    #[serde(rename = "medianMillis")]
    median: f64,
}

/// One bomb, or all damage of one kind.
#[derive(Debug, Serialize)]
pub(crate) struct Kind {
    name: String,
    #[serde(rename = "longestMillis")]
    longest: f64,
    /// How often each outcome.
    outcomes: BTreeMap<String, u64>,
}

impl Kind {
    pub(crate) fn of(name: &str, time: Duration, outcome: &str) -> Self {
        let mut kind = Kind {
            name: name.to_owned(),
            longest: 0.0,
            outcomes: BTreeMap::new(),
        };
        kind.add(time, outcome);
        kind
    }

    fn add(&mut self, time: Duration, outcome: &str) {
        self.longest = self.longest.max(millis(time));
        *self.outcomes.entry(outcome.to_owned()).or_default() += 1;
    }
}

impl Report {
    pub(crate) fn new(median: Duration, bytes: usize) -> Self {
        let median = millis(median);
        Report {
            ordinary: Ordinary { bytes, median },
            bombs: Vec::new(),
            mutations: BTreeMap::new(),
            peak: 0.0,
        }
    }

    pub(crate) fn mutated(&mut self, name: &str, time: Duration, outcome: &str) {
        match self.mutations.get_mut(name) {
            Some(kind) => kind.add(time, outcome),
            None => {
                let kind = Kind::of(name, time, outcome);
                self.mutations.insert(name.to_owned(), kind);
            }
        }
    }

    /// Takes in the process's peak so far, in bytes.
    pub(crate) fn saw_peak(&mut self, bytes: u64) {
        // Far below the 2^53 that a float tells apart.
        self.peak = self.peak.max(bytes as f64 / 1e6);
    }

    fn kinds(&self) -> impl Iterator<Item = &Kind> {
        self.bombs.iter().chain(self.mutations.values())
    }

    fn ratio(&self, kind: &Kind) -> f64 {
        kind.longest / self.ordinary.median
    }

    fn worst(&self) -> f64 {
        self.kinds()
            .map(|kind| self.ratio(kind))
            .fold(0.0, f64::max)
    }

    /// Whether both bars hold.
    pub(crate) fn holds(&self) -> bool {
        self.worst() <= RATIO_BAR && self.peak <= MEMORY_BAR
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ordinary { bytes, median } = &self.ordinary;
        writeln!(
            f,
            "1920x1080 JPEG of {bytes} bytes: {median:.1} ms from bytes to verdict, median"
        )?;
        writeln!(
            f,
            "{:42} {:>9}  {:>5}  outcome",
            "longest of", "ms", "ratio"
        )?;
        for kind in self.kinds() {
            let (name, longest) = (&kind.name, kind.longest);
            let outcomes = kind.outcomes.iter().map(|(name, count)| match count {
                1 if kind.outcomes.len() == 1 => name.clone(),
                _ => format!("{name} {count}"),
            });
            let outcomes: Vec<String> = outcomes.collect();
            let (ratio, outcomes) = (self.ratio(kind), outcomes.join(", "));
            writeln!(f, "{name:42} {longest:9.1}  {ratio:5.1}  {outcomes}")?;
        }
        let verdict = |holds| if holds { "holds" } else { "IS EXCEEDED" };
        let (worst, peak) = (self.worst(), self.peak);
        let holds = verdict(worst <= RATIO_BAR);
        writeln!(
            f,
            "longest of all: {worst:.1} times the median; the bar of {RATIO_BAR} {holds}"
        )?;
        let holds = verdict(peak <= MEMORY_BAR);
        writeln!(
            f,
            "peak memory: {peak:.0} MB; the bar of {MEMORY_BAR} MB {holds}"
        )
    }
}

/// As in counts; every label is `classified`.
pub(crate) fn name(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Classified { .. } => "classified".to_owned(),
        Outcome::Unsure => "unsure".to_owned(),
        Outcome::Ignored => "ignored".to_owned(),
        Outcome::Rejected(reason) => reason.as_str().to_owned(),
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
