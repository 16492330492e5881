//! What the hub must not forget: queues of messages, subscriptions of sessions, twins.
//!
//! The core works against [`Store`] and holds no message itself, so that "PUBACK after every
//! matched queue has it" is one sentence: `append` returned `Ok`. [`MemoryStore`] is for tests and
//! for throw-away hubs; [`DiskStore`] survives a killed process.
//!
//! A queue belongs to one endpoint and one priority, as in edgeHub (sheet 6.4): strictly first in,
//! first out. Must never reorder, and must never drop silently: a full store refuses.

mod disk;
mod memory;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use thiserror::Error;

use crate::message::Message;

pub use disk::{CHECKPOINT_BATCH, DiskStore};
pub use memory::MemoryStore;

/// Where a queue leads.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Endpoint {
    /// To the (pretended) IoT Hub.
    Upstream,
    /// To an input of a module of the edge device.
    Input {
        /// Module id.
        module: String,
        /// Input name.
        input: String,
    },
}

/// The name in logs: the sink as a route writes it.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upstream => f.write_str("$upstream"),
            Self::Input { module, input } => write!(f, "/modules/{module}/inputs/{input}"),
        }
    }
}

/// One queue. The order of the type is the order of service within an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueId {
    /// Where it leads.
    pub endpoint: Endpoint,
    /// 0 is served first; routes without a priority have 2000000000.
    pub priority: u32,
}

/// A message in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Rises over all queues of a store, so it orders messages of different queues too.
    pub sequence: u64,
    /// Wall time after which it is no longer delivered; stamped when it came (sheet 6.4).
    pub expires_at: Option<SystemTime>,
    /// The message; shared, so reading it twice costs nothing in memory stores.
    pub message: Arc<Message>,
}

impl Entry {
    /// Whether its time to live has passed at the wall time `now`.
    pub fn has_expired(&self, now: SystemTime) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }
}

/// A small JSON document kept by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Document {
    /// Subscriptions of a client's persistent session; named by client id.
    Session(String),
    /// Twin of a device or module; named by client id.
    Twin(String),
}

/// Why a store refused. The hub then sends no PUBACK and closes the sender's connection.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The bound of the store is reached.
    #[error(
        "the queues hold {held} bytes, this message of {wanted} would pass the limit of {limit}"
    )]
    Full {
        /// Bytes held.
        held: u64,
        /// Bytes of the message.
        wanted: u64,
        /// The bound.
        limit: u64,
    },
    /// The file system refused.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file is there and does not hold what it should.
    #[error("{path} is damaged: {what}")]
    Damaged {
        /// Which file.
        path: String,
        /// What is wrong.
        what: String,
    },
}

/// The contract of a store. All calls may block for as long as one small file write takes.
pub trait Store: Send {
    /// Puts a message at the end of a queue, made if absent, and returns its sequence number.
    /// After `Ok` the message survives whatever the store promises to survive.
    ///
    /// # Errors
    /// [`StoreError`]; the message is then in no queue.
    fn append(
        &mut self,
        queue: &QueueId,
        message: &Arc<Message>,
        expires_at: Option<SystemTime>,
    ) -> Result<u64, StoreError>;

    /// The oldest message of a queue, left in place.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read back.
    fn front(&mut self, queue: &QueueId) -> Result<Option<Entry>, StoreError>;

    /// Sequence number of the oldest message of a queue; free of input and output.
    fn front_sequence(&self, queue: &QueueId) -> Option<u64>;

    /// Removes the oldest message if it is `sequence`; does nothing otherwise. Whether it may come
    /// again after the process was killed is for the store to say.
    ///
    /// # Errors
    /// [`StoreError`]; the message may then come again after a restart.
    fn pop(&mut self, queue: &QueueId, sequence: u64) -> Result<(), StoreError>;

    /// Writes down which messages are removed, where [`Store::pop`] left that for later: called
    /// when the hub stops in order.
    ///
    /// # Errors
    /// [`StoreError`]; up to a batch of removed messages may then come again.
    fn checkpoint(&mut self) -> Result<(), StoreError>;

    /// Every queue that exists, with the number of its messages, in order.
    fn queues(&self) -> Vec<(QueueId, usize)>;

    /// Deletes a queue with all its content (sheet 6.4: its last route is gone).
    ///
    /// # Errors
    /// [`StoreError`] when files stay behind.
    fn delete(&mut self, queue: &QueueId) -> Result<(), StoreError>;

    /// Keeps a document; `None` removes it.
    ///
    /// # Errors
    /// [`StoreError`]; the earlier document then stands.
    fn put_document(
        &mut self,
        name: &Document,
        document: Option<&serde_json::Value>,
    ) -> Result<(), StoreError>;

    /// Every document, read once when the hub starts.
    ///
    /// # Errors
    /// [`StoreError`] when one cannot be read.
    fn documents(&self) -> Result<Vec<(Document, serde_json::Value)>, StoreError>;
}
