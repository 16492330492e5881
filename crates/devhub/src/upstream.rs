//! What leaves the hub: each message as one line of JSON, to a file, to standard output, to who
//! follows, or to a test.
//!
//! ```text
//! {"enqueuedAt":"…Z","deviceId":"edge-dev","moduleId":"FruitCounter","output":"counts",
//!  "systemProperties":{…},"properties":{…},"bytes":412,"body":{…}}
//! ```
//! `moduleId` and `output` are null for a leaf device. A body whose content type is JSON stands as
//! `body`; any other, and one that is not valid JSON, as `bodyBase64`. System properties carry
//! their internal names. A message is written before it leaves its queue, so a hub that is killed
//! between the two writes it twice and never not at all.

mod feed;

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use crate::clock;
use crate::lines;
use crate::message::Message;
use crate::properties::{CONTENT_TYPE, Pairs};

pub use feed::{AHEAD, Feed, FeedSink, Follower, KEPT, KEPT_BYTES, Seen};

/// One message as the outer world sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UpstreamMessage {
    /// When the hub took it, RFC 3339 UTC.
    pub enqueued_at: String,
    /// The sender's device.
    pub device_id: String,
    /// The sender's module, if it is one.
    pub module_id: Option<String>,
    /// The output it was sent on.
    pub output: Option<String>,
    /// By internal name, the output's left out.
    pub system_properties: Map<String, Value>,
    /// Application properties.
    pub properties: Map<String, Value>,
    /// Length of the body in bytes.
    pub bytes: usize,
    /// The body, if it says it is JSON and is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// Any other body, base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_base64: Option<String>,
}

impl UpstreamMessage {
    /// The form of a hub's message.
    pub fn new(message: &Message) -> Self {
        let map = |pairs: &Pairs| -> Map<String, Value> {
            pairs
                .iter()
                .filter(|(key, _)| key != crate::properties::OUTPUT_NAME)
                .map(|(key, value)| {
                    (
                        key.clone(),
                        value.clone().map_or(Value::Null, Value::String),
                    )
                })
                .collect()
        };
        let is_json = message
            .system_property(CONTENT_TYPE)
            .is_some_and(|media_type| {
                let essence = media_type.split(';').next().unwrap_or_default().trim();
                essence.eq_ignore_ascii_case("application/json")
            });
        let body = if is_json {
            serde_json::from_slice(&message.body).ok()
        } else {
            None
        };
        let body_base64 = body.is_none().then(|| STANDARD.encode(&message.body));
        Self {
            enqueued_at: clock::rfc3339(message.enqueued_at),
            device_id: message.device.clone(),
            module_id: message.module.clone(),
            output: message.output().map(str::to_owned),
            system_properties: map(&message.system),
            properties: map(&message.application),
            bytes: message.body.len(),
            body,
            body_base64,
        }
    }
}

/// A place where upstream messages go. Called from one thread; may block.
pub trait UpstreamSink: Send {
    /// Takes a message.
    ///
    /// # Errors
    /// The message then stays queued and is offered again in a second.
    fn write(&mut self, message: &UpstreamMessage) -> io::Result<()>;
}

/// Appends lines to a file.
#[derive(Debug)]
pub struct FileSink {
    file: File,
}

impl FileSink {
    /// Opens a file at its end, made if absent. Half a line, left by a hub that was killed while
    /// it wrote, is cut off: its message is still queued.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = lines::append_to(path)?;
        Ok(Self { file })
    }
}

impl UpstreamSink for FileSink {
    fn write(&mut self, message: &UpstreamMessage) -> io::Result<()> {
        let before = self.file.metadata()?.len();
        self.file.write_all(&line(message)?).inspect_err(|_| {
            // A full disk leaves no half line behind; the next try writes the whole one.
            let _cut = self.file.set_len(before);
        })
    }
}

/// Writes lines to standard output.
#[derive(Debug, Default)]
pub struct StdoutSink;

impl UpstreamSink for StdoutSink {
    fn write(&mut self, message: &UpstreamMessage) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(&line(message)?)?;
        out.flush()
    }
}

fn line(message: &UpstreamMessage) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}

/// Messages that fit before the reader takes some; beyond that they wait in the hub's queue.
const CHANNEL_CAPACITY: usize = 4096;

/// Hands messages to a test.
#[derive(Debug)]
pub struct ChannelSink(mpsc::Sender<UpstreamMessage>);

/// The test's end of a [`ChannelSink`].
#[derive(Debug)]
pub struct UpstreamReceiver(mpsc::Receiver<UpstreamMessage>);

/// A sink and the receiver of what goes into it.
pub fn channel() -> (ChannelSink, UpstreamReceiver) {
    let (sender, receiver) = mpsc::channel(CHANNEL_CAPACITY);
    (ChannelSink(sender), UpstreamReceiver(receiver))
}

impl UpstreamSink for ChannelSink {
    fn write(&mut self, message: &UpstreamMessage) -> io::Result<()> {
        self.0.try_send(message.clone()).map_err(io::Error::other)
    }
}

impl UpstreamReceiver {
    /// The next message, or `None` when `patience` has passed without one or the hub is gone.
    pub async fn next(&mut self, patience: Duration) -> Option<UpstreamMessage> {
        tokio::time::timeout(patience, self.0.recv())
            .await
            .ok()
            .flatten()
    }

    /// Messages until one passes `wanted`, that one included; `Err` holds what came instead when
    /// `patience` has passed.
    ///
    /// # Errors
    /// All messages seen, none of which passed.
    pub async fn expect(
        &mut self,
        patience: Duration,
        wanted: impl Fn(&UpstreamMessage) -> bool,
    ) -> Result<Vec<UpstreamMessage>, Vec<UpstreamMessage>> {
        let deadline = tokio::time::Instant::now() + patience;
        let mut seen = Vec::new();
        while let Ok(Some(message)) = tokio::time::timeout_at(deadline, self.0.recv()).await {
            let found = wanted(&message);
            seen.push(message);
            if found {
                return Ok(seen);
            }
        }
        Err(seen)
    }

    /// What has arrived and was not taken yet.
    pub fn arrived(&mut self) -> Vec<UpstreamMessage> {
        let mut seen = Vec::new();
        while let Ok(message) = self.0.try_recv() {
            seen.push(message);
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use bytes::Bytes;

    use super::*;
    use crate::identity::IdentityId;
    use crate::properties;

    fn lines(segment: &str, body: &'static [u8]) -> String {
        let pairs = properties::decode(segment).unwrap();
        let sender = IdentityId::module("edge-dev", "FruitCounter");
        let message = Message::telemetry(&sender, pairs, Bytes::from_static(body), UNIX_EPOCH);
        serde_json::to_string(&UpstreamMessage::new(&message)).unwrap()
    }

    #[test]
    fn half_a_line_of_a_killed_hub_is_cut_off_when_the_next_one_opens_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("upstream.jsonl");
        let whole = format!("{}\n", "x".repeat(5000));
        for (left, kept) in [
            (String::new(), ""),
            (whole.clone(), &whole[..]),
            (format!("{whole}half"), &whole[..]),
            (format!("{whole}{}", "y".repeat(10_000)), &whole[..]),
            ("never a whole line".to_owned(), ""),
        ] {
            std::fs::write(&path, &left).unwrap();
            FileSink::open(&path).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), kept);
        }
    }

    #[test]
    fn a_pipe_whose_reader_has_gone_takes_no_message() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        let end = path.clone();
        let reader = std::thread::spawn(move || File::open(end).unwrap());
        // Waits for the reader.
        let mut sink = FileSink::open(&path).unwrap();
        drop(reader.join().unwrap());
        let sender = IdentityId::device("cam");
        let message = Message::telemetry(&sender, Vec::new(), Bytes::new(), UNIX_EPOCH);
        let error = sink.write(&UpstreamMessage::new(&message)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn json_bodies_stand_as_json_and_others_as_base64() {
        assert_eq!(
            lines(
                "$.ct=application%2Fjson&$.on=counts&$.mid=7&lot=A&bare",
                b"{\"a\": 1}"
            ),
            r#"{"enqueuedAt":"1970-01-01T00:00:00Z","deviceId":"edge-dev","moduleId":"FruitCounter","output":"counts","systemProperties":{"contentType":"application/json","messageId":"7"},"properties":{"bare":null,"lot":"A"},"bytes":8,"body":{"a":1}}"#
        );
        assert!(
            lines("$.ct=application%2Fjson", b"{").ends_with(r#""bytes":1,"bodyBase64":"ew=="}"#)
        );
        assert!(lines("", b"{}").ends_with(r#""bytes":2,"bodyBase64":"e30="}"#));
        assert!(
            lines("$.ct=application%2Fjson%3B%20charset%3Dutf-8", b"1").ends_with(r#""body":1}"#)
        );
    }
}
