//! What arrives upstream: the development hub writes each message as one JSON
//! line, and here the lines become sums for each camera.
//!
//! A report that comes twice counts once: it has the same `reportId`, and must be the same. A report
//! that contradicts itself is a complaint, and complaints fail the demo.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

use super::picture_bytes;

/// A message as the development hub writes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    #[serde(default)]
    enqueued_at: String,
    #[serde(default)]
    device_id: String,
    module_id: Option<String>,
    #[serde(default)]
    bytes: u64,
    body: Option<Value>,
    #[serde(default)]
    properties: Value,
    #[serde(default)]
    system_properties: Value,
}

/// The parts of a `fruit-counts/1` report that the demo compares.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    report_id: String,
    sequence: u64,
    frames: Frames,
    #[serde(default)]
    counts: BTreeMap<String, u64>,
    #[serde(default)]
    cameras: BTreeMap<String, Counted>,
}

/// What happened to the frames of one camera, or of all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Counted {
    /// Fruits by label.
    #[serde(default)]
    pub(crate) counts: BTreeMap<String, u64>,
    /// Frames by outcome.
    pub(crate) frames: Frames,
}

/// Frames by outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Frames {
    /// All that reached the module, duplicates included.
    pub(crate) received: u64,
    /// Given a label that counts.
    pub(crate) classified: u64,
    /// No label was sure enough.
    pub(crate) unsure: u64,
    /// Given a label that does not count.
    pub(crate) ignored: u64,
    /// Seen before, and known to be so.
    pub(crate) duplicate: u64,
    /// Refused, by reason.
    pub(crate) rejected: BTreeMap<String, u64>,
}

impl Frames {
    /// Refused frames, all reasons together.
    pub(crate) fn rejected(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// Frames that reached the module, each once.
    pub(crate) fn distinct(&self) -> u64 {
        self.received.saturating_sub(self.duplicate)
    }

    fn outcomes(&self) -> u64 {
        self.classified + self.unsure + self.ignored + self.duplicate + self.rejected()
    }

    fn add(&mut self, more: &Self) {
        self.received += more.received;
        self.classified += more.classified;
        self.unsure += more.unsure;
        self.ignored += more.ignored;
        self.duplicate += more.duplicate;
        add_all(&mut self.rejected, &more.rejected);
    }
}

impl Counted {
    /// Adds the sums of another to these.
    pub(crate) fn add(&mut self, more: &Self) {
        add_all(&mut self.counts, &more.counts);
        self.frames.add(&more.frames);
    }
}

fn add_all(sums: &mut BTreeMap<String, u64>, more: &BTreeMap<String, u64>) {
    for (name, count) in more {
        *sums.entry(name.clone()).or_default() += count;
    }
}

/// What a message was, for the line that people see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// When the hub took it, RFC 3339.
    pub(crate) at: String,
    /// The sender: `device` or `device/module`.
    pub(crate) from: String,
    /// Size of the body in bytes.
    pub(crate) bytes: u64,
    /// What it holds.
    pub(crate) kind: Kind,
}

/// What a message holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Counts, with the number of the report and what it adds.
    Counts {
        /// The report's number in its ledger.
        sequence: u64,
        /// Fruits by label in this report alone.
        counts: BTreeMap<String, u64>,
    },
    /// Counts that came before.
    SameAgain,
    /// Something else.
    Other,
}

/// All that arrived so far.
#[derive(Debug, Default)]
pub(crate) struct Upstream {
    /// Messages of any kind, repeated ones too.
    pub(crate) messages: u64,
    /// Their bodies in bytes.
    pub(crate) bytes: u64,
    /// How many of these bytes may be a picture.
    pub(crate) image_bytes: u64,
    /// Sums of the reports, by camera.
    pub(crate) cameras: BTreeMap<String, Counted>,
    /// What was wrong with the messages themselves.
    pub(crate) complaints: Vec<String>,
    /// The text of each report by its id.
    seen: BTreeMap<String, String>,
}

impl Upstream {
    /// Takes one line of the hub's file.
    pub(crate) fn take(&mut self, line: &str) -> Option<Arrival> {
        let envelope: Envelope = match serde_json::from_str(line) {
            Ok(envelope) => envelope,
            Err(error) => {
                self.complaints.push(format!(
                    "a line of the hub's upstream file is broken: {error}"
                ));
                return None;
            }
        };
        self.messages += 1;
        self.bytes += envelope.bytes;
        self.image_bytes += picture_bytes::in_body(envelope.body.as_ref(), envelope.bytes)
            + picture_bytes::in_value(&envelope.properties)
            + picture_bytes::in_value(&envelope.system_properties);
        let from = match &envelope.module_id {
            Some(module) => format!("{}/{module}", envelope.device_id),
            None => envelope.device_id.clone(),
        };
        let kind = self.take_body(envelope.body, &from);
        Some(Arrival {
            at: envelope.enqueued_at,
            from,
            bytes: envelope.bytes,
            kind,
        })
    }

    fn take_body(&mut self, body: Option<Value>, from: &str) -> Kind {
        let schema = body
            .as_ref()
            .and_then(|body| body.get("schema"))
            .and_then(Value::as_str);
        if schema != Some("fruit-counts/1") {
            self.complaints.push(format!(
                "{from} sent something upstream that is not a counts message"
            ));
            return Kind::Other;
        }
        let text = body.as_ref().map(Value::to_string).unwrap_or_default();
        let report: Report = match serde_json::from_value(body.unwrap_or_default()) {
            Ok(report) => report,
            Err(error) => {
                self.complaints.push(format!(
                    "{from} sent a counts message that cannot be read: {error}"
                ));
                return Kind::Other;
            }
        };
        if let Some(before) = self.seen.get(&report.report_id) {
            if *before != text {
                self.complaints.push(format!(
                    "report {} came again and says something else",
                    report.report_id
                ));
            }
            return Kind::SameAgain;
        }
        self.seen.insert(report.report_id.clone(), text);
        self.complaints.extend(contradictions(&report));
        for (camera, counted) in &report.cameras {
            self.cameras.entry(camera.clone()).or_default().add(counted);
        }
        Kind::Counts {
            sequence: report.sequence,
            counts: report.counts,
        }
    }

    /// The sums over all cameras.
    pub(crate) fn total(&self) -> Counted {
        let mut total = Counted::default();
        for counted in self.cameras.values() {
            total.add(counted);
        }
        total
    }

    /// Distinct frames of a camera that the reports account for.
    pub(crate) fn distinct(&self, camera: &str) -> u64 {
        self.cameras
            .get(camera)
            .map_or(0, |counted| counted.frames.distinct())
    }
}

/// Where a report does not agree with itself: `received` is the sum of all
/// outcomes, and the whole is the sum of the cameras.
fn contradictions(report: &Report) -> Vec<String> {
    let mut found = Vec::new();
    let mut sum = Counted::default();
    let mut check = |whose: &str, frames: &Frames| {
        if frames.received != frames.outcomes() {
            found.push(format!(
                "report {} says that {whose} received {} frames, but its outcomes add up to {}",
                report.report_id,
                frames.received,
                frames.outcomes()
            ));
        }
    };
    for (camera, counted) in &report.cameras {
        check(camera, &counted.frames);
        sum.add(counted);
    }
    check("the module", &report.frames);
    let mut whole = Counted {
        counts: report.counts.clone(),
        frames: report.frames.clone(),
    };
    for sums in [&mut sum, &mut whole] {
        // A label or reason that did not occur may be written as 0 or left out.
        sums.counts.retain(|_, count| *count > 0);
        sums.frames.rejected.retain(|_, count| *count > 0);
    }
    if sum != whole {
        found.push(format!(
            "report {}: its cameras do not add up to the whole",
            report.report_id
        ));
    }
    found
}

/// Follows a file that another process appends lines to.
#[derive(Debug)]
pub(crate) struct Tail {
    path: PathBuf,
    offset: u64,
    /// The beginning of a line whose end is not written yet.
    rest: Vec<u8>,
}

impl Tail {
    /// From the beginning of the file, which need not exist yet.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            offset: 0,
            rest: Vec::new(),
        }
    }

    /// Forgets half a line at the end: who wrote it was killed, and who goes on cuts it off.
    pub(crate) fn forget_half_a_line(&mut self) {
        self.offset -= self.rest.len() as u64;
        self.rest.clear();
    }

    /// The lines completed since the last call.
    pub(crate) fn lines(&mut self) -> io::Result<Vec<String>> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        file.seek(SeekFrom::Start(self.offset))?;
        self.offset += file.read_to_end(&mut self.rest)? as u64;
        let Some(end) = self.rest.iter().rposition(|&byte| byte == b'\n') else {
            return Ok(Vec::new());
        };
        let rest = self.rest.split_off(end + 1);
        let whole = std::mem::replace(&mut self.rest, rest);
        let text = String::from_utf8_lossy(&whole);
        Ok(text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(str::to_owned)
            .collect())
    }
}

#[cfg(test)]
#[path = "upstream_tests.rs"]
pub(crate) mod tests;
