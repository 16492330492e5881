//! The hub's store, kept beyond the hub's life, with a note of everything that goes in and
//! out. The store itself is the hub's own [`MemoryStore`]; a restart hands the same one on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use devhub::message::Message;
use devhub::store::{Document, Endpoint, Entry, MemoryStore, QueueId, Store, StoreError};

/// A change of a queue.
#[derive(Debug, Clone)]
pub(crate) enum Note {
    Appended { body: String },
    Popped { queue: QueueId, entry: Entry },
}

/// A handle to the one store; clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeptStore(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    store: MemoryStore,
    notes: Vec<Note>,
}

impl KeptStore {
    /// What has changed since the last call.
    pub(crate) fn take_notes(&self) -> Vec<Note> {
        std::mem::take(&mut self.kept().notes)
    }

    /// Messages that wait for a module.
    pub(crate) fn waiting_for_inputs(&self) -> usize {
        self.waiting(|endpoint| *endpoint != Endpoint::Upstream)
    }

    /// Messages that wait for the cloud.
    pub(crate) fn waiting_for_cloud(&self) -> usize {
        self.waiting(|endpoint| *endpoint == Endpoint::Upstream)
    }

    fn waiting(&self, wanted: impl Fn(&Endpoint) -> bool) -> usize {
        let queues = self.kept().store.queues();
        queues
            .iter()
            .filter(|(queue, _)| wanted(&queue.endpoint))
            .map(|(_, messages)| messages)
            .sum()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for KeptStore {
    fn append(
        &mut self,
        queue: &QueueId,
        message: &Arc<Message>,
        expires_at: Option<SystemTime>,
    ) -> Result<u64, StoreError> {
        let mut kept = self.kept();
        let sequence = kept.store.append(queue, message, expires_at)?;
        kept.notes.push(Note::Appended {
            body: text(message),
        });
        Ok(sequence)
    }

    fn front(&mut self, queue: &QueueId) -> Result<Option<Entry>, StoreError> {
        self.kept().store.front(queue)
    }

    fn front_sequence(&self, queue: &QueueId) -> Option<u64> {
        self.kept().store.front_sequence(queue)
    }

    fn pop(&mut self, queue: &QueueId, sequence: u64) -> Result<(), StoreError> {
        let mut kept = self.kept();
        if let Some(entry) = kept.store.front(queue)?
            && entry.sequence == sequence
        {
            let queue = queue.clone();
            kept.notes.push(Note::Popped { queue, entry });
        }
        kept.store.pop(queue, sequence)
    }

    fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.kept().store.checkpoint()
    }

    fn queues(&self) -> Vec<(QueueId, usize)> {
        self.kept().store.queues()
    }

    fn delete(&mut self, queue: &QueueId) -> Result<(), StoreError> {
        self.kept().store.delete(queue)
    }

    fn put_document(
        &mut self,
        name: &Document,
        document: Option<&serde_json::Value>,
    ) -> Result<(), StoreError> {
        self.kept().store.put_document(name, document)
    }

    fn documents(&self) -> Result<Vec<(Document, serde_json::Value)>, StoreError> {
        self.kept().store.documents()
    }
}

/// Bodies in this world are short texts.
pub(crate) fn text(message: &Message) -> String {
    body_text(&message.body)
}

pub(crate) fn body_text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}
