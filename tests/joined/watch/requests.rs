//! Twin requests and method calls on the wire. They are no messages: nothing stores them,
//! and what the hub says comes at QoS 0, so that only inputs wait for a PUBACK.

use std::collections::{BTreeMap, BTreeSet};

use crate::network::SocketId;

/// Every request id seen so far.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// Of the client's questions and reports.
    asked: BTreeSet<String>,
    /// Of the hub's calls.
    calls: BTreeMap<String, Called>,
}

#[derive(Debug)]
struct Called {
    socket: SocketId,
    read: bool,
    answered: bool,
}

/// Whether it is a message, for queues or out of them.
pub(super) fn is_message(topic: &[u8]) -> bool {
    !topic.starts_with(b"$iothub/")
}

impl Requests {
    /// The client publishes on `topic`.
    pub(super) fn client_wrote(&mut self, socket: SocketId, topic: &str) -> Result<(), String> {
        let Some(rid) = request_id(topic) else {
            return Ok(());
        };
        if !topic.starts_with("$iothub/methods/res/") {
            let fresh = self.asked.insert(rid.to_owned());
            return promise(fresh, || format!("{topic} repeats a request id"));
        }
        let call = self.calls.get_mut(rid);
        let open = call.filter(|call| call.read && call.socket == socket);
        match open {
            Some(call) => {
                let twice = std::mem::replace(&mut call.answered, true);
                promise(!twice, || format!("{topic} is a second answer"))
            }
            None => Err(format!("{topic} answers no call of its connection")),
        }
    }

    /// The client reads what was published on `topic`.
    pub(super) fn client_read(&mut self, topic: &str) {
        if let Some(call) = request_id(topic).and_then(|rid| self.calls.get_mut(rid)) {
            call.read = true;
        }
    }

    /// The hub publishes on `topic`.
    pub(super) fn hub_wrote(
        &mut self,
        socket: SocketId,
        topic: &str,
        qos: u8,
    ) -> Result<(), String> {
        if is_message(topic.as_bytes()) != (qos == 1) {
            return Err(format!("{topic} at QoS {qos}"));
        }
        let Some(rid) = request_id(topic) else {
            return Ok(());
        };
        if topic.starts_with("$iothub/methods/") {
            let called = Called {
                socket,
                read: false,
                answered: false,
            };
            let fresh = self.calls.insert(rid.to_owned(), called).is_none();
            return promise(fresh, || format!("{topic} is a second call"));
        }
        promise(self.asked.contains(rid), || {
            format!("{topic} answers what nobody asked")
        })
    }
}

fn request_id(topic: &str) -> Option<&str> {
    let (_, rid) = topic.strip_prefix("$iothub/")?.split_once("?$rid=")?;
    Some(rid)
}

fn promise(kept: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    kept.then_some(()).ok_or_else(what)
}
