//! Queues in files: what was acknowledged survives `kill -9` of the hub.
//!
//! It does not flush to the medium, so a power cut may take the last second; edgeHub's own store
//! makes the same choice, and a development hub has no better reason. One process per directory
//! (the caller holds a lock, see [`crate::state`]).
//!
//! Layout under the root, names percent-encoded:
//! ```text
//! queues/{priority}%20{endpoint}/{first sequence, 20 digits}.log   records, oldest file first
//! queues/{priority}%20{endpoint}/head                               u64 LE: last sequence removed
//! documents/{kind}%20{client id}.json
//! ```
//! A record is `header length u32 | body length u32 | checksum u64 | header JSON | body`, written by
//! one call. Crash windows: a torn record at the end of the last file was never acknowledged and is
//! cut off at the next start; `head` is one 8-byte write, and if it is lost the message comes
//! again, which is what a redelivery is (with batched checkpoints, so do those removed since the
//! last one). Documents are replaced by rename.
//!
//! Damage anywhere else loses what was acknowledged: it is logged as an error with the file and the
//! bytes, and takes its turn in the queue as [`StoreError::Damaged`]. Whatever can be read before
//! and behind it is delivered. Bodies carry no checksum, so damage inside one is not noticed.

mod queue;
mod record;
mod segment;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;

use super::{Document, Endpoint, Entry, QueueId, Store, StoreError};
use crate::message::Message;
use queue::DiskQueue;
use record::Record;

/// Bytes of undelivered messages that fit.
const CAPACITY_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// Removals in a batch of [`DiskStore::with_batched_checkpoints`], as many as edgeHub reads and
/// checkpoints together for a module (sheet 6.4).
pub const CHECKPOINT_BATCH: u32 = 10;

/// A [`Store`] in a directory. Holds at most 4 GiB of undelivered messages.
#[derive(Debug)]
pub struct DiskStore {
    root: PathBuf,
    queues: BTreeMap<QueueId, DiskQueue>,
    next_sequence: u64,
    held: u64,
    /// Removals of a queue that are written down together.
    batch: u32,
}

impl DiskStore {
    /// Opens the store under `root`, which is made if absent. Reads every record's header once.
    ///
    /// # Errors
    /// [`StoreError`] when files cannot be made or read.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let mut store = Self {
            root: root.to_owned(),
            queues: BTreeMap::new(),
            next_sequence: 1,
            held: 0,
            batch: 1,
        };
        for folder in [store.queue_root(), store.document_root()] {
            fs::create_dir_all(&folder).map_err(io_error("make", &folder))?;
        }
        for name in names_in(&store.queue_root())? {
            let Some(id) = queue_id(&name) else { continue };
            let queue = DiskQueue::open(store.queue_root().join(&name))?;
            store.next_sequence = store.next_sequence.max(queue.last_sequence + 1);
            store.held += queue.held;
            store.queues.insert(id, queue);
        }
        Ok(store)
    }

    /// Writes removals down in batches of up to [`CHECKPOINT_BATCH`] of a queue: a killed process
    /// then repeats what was removed since. A batch ends early when its queue is empty, and at
    /// [`Store::checkpoint`]. Without this, each removal is written at once.
    #[must_use]
    pub fn with_batched_checkpoints(mut self) -> Self {
        self.batch = CHECKPOINT_BATCH;
        self
    }

    fn queue_root(&self) -> PathBuf {
        self.root.join("queues")
    }

    fn document_root(&self) -> PathBuf {
        self.root.join("documents")
    }
}

impl Store for DiskStore {
    fn append(
        &mut self,
        queue: &QueueId,
        message: &Arc<Message>,
        expires_at: Option<SystemTime>,
    ) -> Result<u64, StoreError> {
        let record = Record::encode(self.next_sequence, message, expires_at);
        let wanted = record.len() as u64;
        if self.held + wanted > CAPACITY_BYTES {
            return Err(StoreError::Full {
                held: self.held,
                wanted,
                limit: CAPACITY_BYTES,
            });
        }
        if !self.queues.contains_key(queue) {
            let folder = self.queue_root().join(queue_name(queue));
            self.queues.insert(queue.clone(), DiskQueue::open(folder)?);
        }
        let sequence = self.next_sequence;
        if let Some(queue) = self.queues.get_mut(queue) {
            queue.append(sequence, &record)?;
        }
        self.next_sequence += 1;
        self.held += wanted;
        Ok(sequence)
    }

    fn front(&mut self, queue: &QueueId) -> Result<Option<Entry>, StoreError> {
        self.queues.get(queue).map_or(Ok(None), DiskQueue::front)
    }

    fn front_sequence(&self, queue: &QueueId) -> Option<u64> {
        Some(self.queues.get(queue)?.index.front()?.sequence)
    }

    fn pop(&mut self, queue: &QueueId, sequence: u64) -> Result<(), StoreError> {
        if let Some(queue) = self.queues.get_mut(queue) {
            let held = queue.held;
            let popped = queue.pop(sequence, self.batch);
            // It is out of the index, whether or not its mark could be written.
            self.held -= held - queue.held;
            return popped;
        }
        Ok(())
    }

    fn queues(&self) -> Vec<(QueueId, usize)> {
        self.queues
            .iter()
            .map(|(id, queue)| (id.clone(), queue.index.len()))
            .collect()
    }

    fn delete(&mut self, queue: &QueueId) -> Result<(), StoreError> {
        if let Some(gone) = self.queues.remove(queue) {
            self.held -= gone.held;
            fs::remove_dir_all(&gone.folder).map_err(io_error("delete", &gone.folder))?;
        }
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<(), StoreError> {
        let mut outcome = Ok(());
        for queue in self.queues.values_mut() {
            // One queue's failure is no reason to have the others repeat.
            outcome = outcome.and(queue.checkpoint());
        }
        outcome
    }

    fn put_document(
        &mut self,
        name: &Document,
        document: Option<&Value>,
    ) -> Result<(), StoreError> {
        let path = self.document_root().join(document_name(name));
        match document {
            Some(document) => crate::state::replace(&path, document.to_string().as_bytes())
                .map_err(io_error("write", &path)),
            None => match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(io_error("delete", &path)(error))
                }
                _ => Ok(()),
            },
        }
    }

    fn documents(&self) -> Result<Vec<(Document, Value)>, StoreError> {
        let mut documents = Vec::new();
        for file in names_in(&self.document_root())? {
            let Some(name) = document_from(&file) else {
                continue;
            };
            let path = self.document_root().join(&file);
            let text = fs::read(&path).map_err(io_error("read", &path))?;
            let value = serde_json::from_slice(&text).map_err(|error| StoreError::Damaged {
                path: path.display().to_string(),
                what: error.to_string(),
            })?;
            documents.push((name, value));
        }
        Ok(documents)
    }
}

fn queue_name(queue: &QueueId) -> String {
    encoded(&format!("{} {}", queue.priority, queue.endpoint))
}

fn queue_id(name: &str) -> Option<QueueId> {
    let name = percent_decode_str(name).decode_utf8().ok()?;
    let (priority, endpoint) = name.split_once(' ')?;
    let endpoint = match endpoint.split('/').collect::<Vec<_>>().as_slice() {
        ["$upstream"] => Endpoint::Upstream,
        ["", "modules", module, "inputs", input] => Endpoint::Input {
            module: (*module).to_owned(),
            input: (*input).to_owned(),
        },
        _ => return None,
    };
    Some(QueueId {
        endpoint,
        priority: priority.parse().ok()?,
    })
}

fn document_name(name: &Document) -> String {
    let name = match name {
        Document::Session(client) => format!("session {client}"),
        Document::Twin(client) => format!("twin {client}"),
    };
    encoded(&name) + ".json"
}

fn document_from(file: &str) -> Option<Document> {
    let name = percent_decode_str(file.strip_suffix(".json")?)
        .decode_utf8()
        .ok()?;
    match name.split_once(' ')? {
        ("session", client) => Some(Document::Session(client.to_owned())),
        ("twin", client) => Some(Document::Twin(client.to_owned())),
        _ => None,
    }
}

fn encoded(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}

/// Names in a folder, sorted, so that files are read oldest first.
fn names_in(folder: &Path) -> Result<Vec<String>, StoreError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(io_error("list", folder))? {
        let entry = entry.map_err(io_error("list", folder))?;
        names.extend(entry.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.display().to_string();
    move |source| StoreError::Io {
        action,
        path,
        source,
    }
}

#[cfg(test)]
mod tests;
