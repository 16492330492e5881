//! The hub's record of who was handed what and who confirmed it, for those who check a module's
//! counts against something that is not the module.
//!
//! One line of JSON for each event, written with one call before anything that follows from it
//! leaves the hub, so that a hub that is killed leaves whole lines and at most lacks the last
//! confirmation that it read:
//!
//! ```text
//! {"event":"started","pid":4711}
//! {"event":"took","client":"cam-01","connection":3,"packet":1,"id":"cam-01-9f-1"}
//! {"event":"confirmed","connection":3,"packet":1}
//! {"event":"handed","delivery":1,"client":"edge-dev/FruitCounter","connection":2,"from":"cam-01","id":"cam-01-9f-1"}
//! {"event":"acknowledged","delivery":1}
//! {"event":"closed","connection":2}
//! ```
//! Numbers of connections and deliveries begin anew with each `started`. `id` is the message's own,
//! null where it has none. Pictures never get here.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use crate::lines;

/// What can happen to a message between the hub and a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "camelCase")]
pub enum Event {
    /// A hub begins to write.
    Started {
        /// Its process id.
        pid: u32,
    },
    /// A client's message is in its queues; its PUBACK may go.
    Took {
        /// `DEVICE` or `DEVICE/MODULE`.
        client: String,
        /// The connection it came on.
        connection: u64,
        /// Its packet id there; 0 at QoS 0.
        packet: u16,
        /// The message's id.
        id: Option<String>,
    },
    /// A PUBACK goes to a client.
    Confirmed {
        /// On this connection.
        connection: u64,
        /// For this packet.
        packet: u16,
    },
    /// An input message goes to a module.
    Handed {
        /// The number of this delivery: another one each time, also for the same message.
        delivery: u64,
        /// The module, `DEVICE/MODULE`.
        client: String,
        /// The connection it goes on.
        connection: u64,
        /// The sender, `DEVICE` or `DEVICE/MODULE`.
        from: String,
        /// The message's id.
        id: Option<String>,
    },
    /// The module's PUBACK for a delivery has come, in time or late.
    Acknowledged {
        /// Which.
        delivery: u64,
    },
    /// A client's connection ended; what was not acknowledged or confirmed on it never will be.
    Closed {
        /// Which.
        connection: u64,
    },
}

/// Appends events to a file.
#[derive(Debug)]
pub struct Journal(File);

impl Journal {
    /// Opens a journal at its end, made if absent, and says that a hub begins. Half a line is
    /// cut off.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut journal = Self(lines::append_to(path)?);
        let pid = std::process::id();
        journal.write(&Event::Started { pid })?;
        Ok(journal)
    }

    /// Appends one line. Not flushed to the disk: it outlives the process, not the machine.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write(&mut self, event: &Event) -> io::Result<()> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        self.0.write_all(&line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_agreed_form_and_a_second_hub_goes_on_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let handed = Event::Handed {
            delivery: 1,
            client: "edge-dev/FruitCounter".to_owned(),
            connection: 2,
            from: "cam-01".to_owned(),
            id: Some("a".to_owned()),
        };
        Journal::open(&path).unwrap().write(&handed).unwrap();
        std::fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(b"{\"event\":\"ackn")
            .unwrap();
        Journal::open(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let started = format!("{{\"event\":\"started\",\"pid\":{}}}", std::process::id());
        let handed = r#"{"event":"handed","delivery":1,"client":"edge-dev/FruitCounter","connection":2,"from":"cam-01","id":"a"}"#;
        assert_eq!(text, format!("{started}\n{handed}\n{started}\n"));
    }
}
