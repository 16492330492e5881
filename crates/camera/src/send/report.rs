//! The report: what was sent, one line of JSON for each frame, in the order in which its fate was
//! known; the last line sums up.
//!
//! Each line is written at once and whole, so a report that is read while it grows, or after the
//! camera was killed, has only whole lines but perhaps the last.

use super::picture::Origin;
use crate::baseline::Means;
use serde::Serialize;
use std::io::{self, Write};

/// One frame of the report.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FrameLine {
    /// The camera.
    pub device_id: String,
    /// `$.mid` of the message.
    pub message_id: String,
    /// The right label, if one is known.
    pub truth: Option<String>,
    /// The file, or seed and index.
    #[serde(flatten)]
    pub origin: Origin,
    /// Bytes of the picture as sent.
    pub bytes: usize,
    /// Pixels from left to right as sent; absent for bytes that are no picture.
    pub width: Option<u32>,
    /// Pixels from top to bottom as sent; absent for bytes that are no picture.
    pub height: Option<u32>,
    /// Mean colour; absent for bytes that are no picture. Taken before a JPEG is encoded.
    pub means: Option<Means>,
    /// Whether the hub has acknowledged it. If not, it may have arrived all the same.
    pub confirmed: bool,
}

/// How many frames met which fate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Frames that were taken to be sent.
    pub sent: u64,
    /// Of those, frames that the hub has acknowledged.
    pub confirmed: u64,
    /// Of those sent, frames that were encoded again to fit.
    pub reencoded: u64,
    /// Things in the source that could not be sent.
    pub skipped: u64,
}

impl Tally {
    /// Frames that were sent and never acknowledged.
    #[must_use]
    pub fn unconfirmed(&self) -> u64 {
        self.sent - self.confirmed
    }
}

#[derive(Serialize)]
struct SummaryLine {
    summary: Tally,
}

/// Writes a report.
#[derive(Debug)]
pub struct Report<W> {
    out: W,
}

impl<W: Write> Report<W> {
    /// A report that goes to `out`, which needs no buffer of its own.
    pub fn new(out: W) -> Self {
        Self { out }
    }

    /// Writes the line of one frame.
    ///
    /// # Errors
    /// What `out` says.
    pub fn frame(&mut self, line: &FrameLine) -> io::Result<()> {
        self.line(line)
    }

    /// Writes the last line.
    ///
    /// # Errors
    /// What `out` says.
    pub fn summary(&mut self, summary: Tally) -> io::Result<()> {
        self.line(&SummaryLine { summary })
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.out.write_all(&line)?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_the_agreed_names() {
        let mut out = Vec::new();
        let mut report = Report::new(&mut out);
        let mut line = FrameLine {
            device_id: "cam-1".into(),
            message_id: "cam-1-0000abcd-1".into(),
            truth: Some("ripe".into()),
            origin: Origin::File {
                file: "ripe/a.jpg".into(),
            },
            bytes: 10,
            width: Some(4),
            height: Some(3),
            means: Some(Means {
                hue_degrees: 50.0,
                red: 1.0,
                green: 2.0,
                blue: 3.5,
            }),
            confirmed: true,
        };
        report.frame(&line).unwrap();
        line.origin = Origin::Rendered { seed: 7, index: 0 };
        line.confirmed = false;
        report.frame(&line).unwrap();
        report
            .summary(Tally {
                sent: 2,
                confirmed: 1,
                reencoded: 0,
                skipped: 3,
            })
            .unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                r#"{"deviceId":"cam-1","messageId":"cam-1-0000abcd-1","truth":"ripe","file":"ripe/a.jpg","bytes":10,"width":4,"height":3,"means":{"hue":50.0,"red":1.0,"green":2.0,"blue":3.5},"confirmed":true}"#,
                r#"{"deviceId":"cam-1","messageId":"cam-1-0000abcd-1","truth":"ripe","seed":7,"index":0,"bytes":10,"width":4,"height":3,"means":{"hue":50.0,"red":1.0,"green":2.0,"blue":3.5},"confirmed":false}"#,
                r#"{"summary":{"sent":2,"confirmed":1,"reencoded":0,"skipped":3}}"#,
            ]
        );
    }
}
