//! What the cameras say they sent: the report file that `camera send --report`
//! writes, one JSON line for each frame.
//!
//! A frame is known by its message id, so a frame sent three times is one.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

/// What one camera sent.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Sent {
    /// Frames the hub has confirmed, each once.
    confirmed: BTreeSet<String>,
    /// Frames sent whose confirmation never came: counted or not, both are right.
    unconfirmed: BTreeSet<String>,
    /// The means of the confirmed frames that could be measured.
    pub(super) means: Vec<Means>,
}

/// The plainest features of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub(super) struct Means {
    /// Degrees on the colour circle, 0 to 360.
    pub(super) hue: f64,
    /// 0 to 255.
    pub(super) red: f64,
    /// 0 to 255.
    pub(super) green: f64,
    /// 0 to 255.
    pub(super) blue: f64,
}

/// A line of the report; the last one has a summary and no message id.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    message_id: Option<String>,
    #[serde(default)]
    confirmed: bool,
    means: Option<Means>,
}

impl Sent {
    /// Reads a report. A last line without its end is still being written and
    /// is left out; a file that does not exist yet is an empty report.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text).with_context(|| format!("in {}", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let mut sent = Self::default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        for (number, text) in whole.lines().enumerate() {
            let line: Line = serde_json::from_str(text)
                .with_context(|| format!("line {} is not a camera report: {text}", number + 1))?;
            let Some(id) = line.message_id else { continue };
            if line.confirmed {
                sent.unconfirmed.remove(&id);
                if sent.confirmed.insert(id) {
                    sent.means.extend(line.means);
                }
            } else if !sent.confirmed.contains(&id) {
                sent.unconfirmed.insert(id);
            }
        }
        Ok(sent)
    }

    /// Distinct frames that the hub confirmed.
    pub(super) fn confirmed(&self) -> u64 {
        self.confirmed.len() as u64
    }

    /// Distinct frames whose fate the camera does not know.
    pub(super) fn unconfirmed(&self) -> u64 {
        self.unconfirmed.len() as u64
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A camera that had `confirmed` frames confirmed and `unconfirmed` not.
    pub(in crate::demo) fn sent(confirmed: u64, unconfirmed: u64) -> Sent {
        let named = |prefix: &str, count| (0..count).map(|n| format!("{prefix}-{n}")).collect();
        Sent {
            confirmed: named("yes", confirmed),
            unconfirmed: named("no", unconfirmed),
            means: Vec::new(),
        }
    }

    const REPORT: &str = r#"{"deviceId":"cam-ripe-1","messageId":"a-1","truth":"ripe","seed":1,"index":0,"bytes":9,"width":640,"height":480,"means":{"hue":41.5,"red":120,"green":90.25,"blue":3},"confirmed":true}
{"deviceId":"cam-ripe-1","messageId":"a-2","truth":"ripe","file":"x.jpg","bytes":9,"means":null,"confirmed":true}
{"deviceId":"cam-ripe-1","messageId":"a-3","truth":"ripe","bytes":9,"confirmed":false}
{"summary":{"sent":3,"confirmed":2,"reencoded":0,"skipped":0}}
"#;

    #[test]
    fn frames_are_counted_by_their_message_id() {
        let sent = Sent::parse(REPORT).unwrap();
        assert_eq!((sent.confirmed(), sent.unconfirmed()), (2, 1));
        assert_eq!(
            sent.means,
            [Means {
                hue: 41.5,
                red: 120.0,
                green: 90.25,
                blue: 3.0
            }]
        );
        let twice = Sent::parse(&format!("{REPORT}{REPORT}")).unwrap();
        assert_eq!(twice, sent, "a frame that is named twice is one frame");
    }

    #[test]
    fn frame_confirmed_in_the_end_is_confirmed() {
        let late = format!("{REPORT}{}\n", r#"{"messageId":"a-3","confirmed":true}"#);
        let sent = Sent::parse(&late).unwrap();
        assert_eq!((sent.confirmed(), sent.unconfirmed()), (3, 0));
    }

    #[test]
    fn line_that_is_still_written_waits() {
        let sent = Sent::parse(&REPORT[..REPORT.len() - 90]).unwrap();
        assert_eq!((sent.confirmed(), sent.unconfirmed()), (2, 0));
    }

    #[test]
    fn line_that_is_no_report_is_named() {
        let error = Sent::parse("{\"messageId\":\"a\"}\nhello\n").unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
    }
}
