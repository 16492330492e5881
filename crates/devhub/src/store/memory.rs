//! Queues in memory: gone with the process. For tests and throw-away hubs.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::Value;

use super::{Document, Entry, QueueId, Store, StoreError};
use crate::message::Message;

/// Bytes of messages that fit, bodies and properties together.
const CAPACITY_BYTES: u64 = 512 * 1024 * 1024;

/// A [`Store`] that forgets. Holds at most 512 MiB of messages.
#[derive(Debug)]
pub struct MemoryStore {
    queues: BTreeMap<QueueId, VecDeque<Entry>>,
    documents: BTreeMap<Document, Value>,
    next_sequence: u64,
    held: u64,
    capacity: u64,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::with_capacity(CAPACITY_BYTES)
    }

    /// An empty store that refuses beyond `capacity` bytes.
    pub fn with_capacity(capacity: u64) -> Self {
        Self {
            queues: BTreeMap::new(),
            documents: BTreeMap::new(),
            next_sequence: 1,
            held: 0,
            capacity,
        }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Store for MemoryStore {
    fn append(
        &mut self,
        queue: &QueueId,
        message: &Arc<Message>,
        expires_at: Option<SystemTime>,
    ) -> Result<u64, StoreError> {
        let wanted = message.size() as u64;
        if self.held + wanted > self.capacity {
            return Err(StoreError::Full {
                held: self.held,
                wanted,
                limit: self.capacity,
            });
        }
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        self.held += wanted;
        let entry = Entry {
            sequence,
            expires_at,
            message: Arc::clone(message),
        };
        self.queues
            .entry(queue.clone())
            .or_default()
            .push_back(entry);
        Ok(sequence)
    }

    fn front(&mut self, queue: &QueueId) -> Result<Option<Entry>, StoreError> {
        Ok(self
            .queues
            .get(queue)
            .and_then(|queue| queue.front().cloned()))
    }

    fn front_sequence(&self, queue: &QueueId) -> Option<u64> {
        Some(self.queues.get(queue)?.front()?.sequence)
    }

    fn pop(&mut self, queue: &QueueId, sequence: u64) -> Result<(), StoreError> {
        if let Some(queue) = self.queues.get_mut(queue)
            && let Some(entry) = queue.pop_front_if(|entry| entry.sequence == sequence)
        {
            self.held -= entry.message.size() as u64;
        }
        Ok(())
    }

    /// Nothing outlives the process, so nothing is left to write.
    fn checkpoint(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn queues(&self) -> Vec<(QueueId, usize)> {
        self.queues
            .iter()
            .map(|(id, queue)| (id.clone(), queue.len()))
            .collect()
    }

    fn delete(&mut self, queue: &QueueId) -> Result<(), StoreError> {
        for entry in self.queues.remove(queue).into_iter().flatten() {
            self.held -= entry.message.size() as u64;
        }
        Ok(())
    }

    fn put_document(
        &mut self,
        name: &Document,
        document: Option<&Value>,
    ) -> Result<(), StoreError> {
        match document {
            Some(document) => self.documents.insert(name.clone(), document.clone()),
            None => self.documents.remove(name),
        };
        Ok(())
    }

    fn documents(&self) -> Result<Vec<(Document, Value)>, StoreError> {
        Ok(self
            .documents
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect())
    }
}
