//! A store in memory that fails when it is told to.

use super::*;
use crate::store::Endpoint;

/// Clones of its two switches stay with the test.
#[derive(Default)]
pub(super) struct FailingStore {
    pub(super) inner: MemoryStore,
    /// Whether it takes no message.
    pub(super) refuses: Arc<Mutex<bool>>,
    /// Refuses this input only, when there is one.
    pub(super) only: Option<&'static str>,
    /// How often nothing can be read from now on.
    pub(super) unreadable: Arc<Mutex<u32>>,
}

impl Store for FailingStore {
    fn append(
        &mut self,
        queue: &QueueId,
        message: &Arc<Message>,
        expires_at: Option<SystemTime>,
    ) -> Result<u64, StoreError> {
        let meant = match (self.only, &queue.endpoint) {
            (Some(only), Endpoint::Input { input, .. }) => only == input,
            (Some(_), Endpoint::Upstream) => false,
            (None, _) => true,
        };
        if meant && *self.refuses.lock().unwrap() {
            return Err(StoreError::Full {
                held: 1,
                wanted: 1,
                limit: 1,
            });
        }
        self.inner.append(queue, message, expires_at)
    }
    fn front(&mut self, queue: &QueueId) -> Result<Option<Entry>, StoreError> {
        let mut unreadable = self.unreadable.lock().unwrap();
        if let Some(left) = unreadable.checked_sub(1) {
            *unreadable = left;
            return Err(StoreError::Io {
                action: "read",
                path: "queue".into(),
                source: std::io::ErrorKind::TimedOut.into(),
            });
        }
        self.inner.front(queue)
    }
    fn front_sequence(&self, queue: &QueueId) -> Option<u64> {
        self.inner.front_sequence(queue)
    }
    fn pop(&mut self, queue: &QueueId, sequence: u64) -> Result<(), StoreError> {
        self.inner.pop(queue, sequence)
    }
    fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.inner.checkpoint()
    }
    fn queues(&self) -> Vec<(QueueId, usize)> {
        self.inner.queues()
    }
    fn delete(&mut self, queue: &QueueId) -> Result<(), StoreError> {
        self.inner.delete(queue)
    }
    fn put_document(&mut self, name: &Document, value: Option<&Value>) -> Result<(), StoreError> {
        self.inner.put_document(name, value)
    }
    fn documents(&self) -> Result<Vec<(Document, Value)>, StoreError> {
        self.inner.documents()
    }
}
