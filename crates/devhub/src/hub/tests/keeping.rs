//! What lies in queues: a store that fails.

use super::*;

/// A store from which nothing can be read for a number of times.
struct Unreadable {
    inner: MemoryStore,
    failures: Arc<Mutex<u32>>,
}

impl Store for Unreadable {
    fn append(
        &mut self,
        queue: &QueueId,
        message: &Arc<Message>,
        expires_at: Option<SystemTime>,
    ) -> Result<u64, StoreError> {
        self.inner.append(queue, message, expires_at)
    }
    fn front(&mut self, queue: &QueueId) -> Result<Option<Entry>, StoreError> {
        let mut failures = self.failures.lock().unwrap();
        if let Some(left) = failures.checked_sub(1) {
            *failures = left;
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

#[test]
fn a_message_that_cannot_be_read_for_once_is_tried_again_in_a_second() {
    let failures = Arc::new(Mutex::new(0));
    let store = Unreadable {
        inner: MemoryStore::new(),
        failures: Arc::clone(&failures),
    };
    let routes = vec![RouteSpec::new(CAMERAS), RouteSpec::new(COUNTS)];
    let mut bench = Bench::over(routes, None, Box::new(store), identities());
    let (camera, module) = bench.pair();
    *failures.lock().unwrap() = 2;
    bench.telemetry(camera, CAM, "picture");
    bench.quiet(module);
    let topic = "devices/edge/modules/counter/messages/events/%24.on=counts";
    bench.telemetry(module, topic, "count");
    assert_eq!(bench.upstream, []);
    bench.pass(Duration::from_millis(999));
    bench.quiet(module);
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.body(module), "picture");
    assert_eq!(bench.upstream.pop_front().unwrap().message.body, "count");
}
