//! What goes upstream, for those who come to look: the last messages, and then each as it leaves.
//!
//! Bounded both ways: [`KEPT`] messages or [`KEPT_BYTES`] are remembered, and a follower that is
//! [`AHEAD`] messages behind loses some and is told how many. It never holds up the hub.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;

use super::{UpstreamMessage, UpstreamSink, line};

/// Messages remembered at most.
pub const KEPT: usize = 100;
/// Bytes of JSON remembered at most, but for a single larger message.
pub const KEPT_BYTES: usize = 1024 * 1024;
/// Messages a follower may be behind.
pub const AHEAD: usize = 256;

/// Where followers begin; clones share it.
#[derive(Debug, Clone)]
pub struct Feed {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    kept: VecDeque<Arc<str>>,
    bytes: usize,
    /// Gone once its sink is, so that followers see the end.
    sender: Option<broadcast::Sender<Arc<str>>>,
}

/// The hub's end of a [`Feed`].
#[derive(Debug)]
pub struct FeedSink(Feed);

/// Somebody who reads a [`Feed`].
#[derive(Debug)]
pub struct Follower {
    kept: VecDeque<Arc<str>>,
    receiver: Option<broadcast::Receiver<Arc<str>>>,
}

/// What a follower sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// A message: one line of JSON, without its line end.
    Message(Arc<str>),
    /// So many messages went by unseen.
    Missed(u64),
}

impl Feed {
    /// A feed and the sink to give to a hub.
    pub fn new() -> (Self, FeedSink) {
        let (sender, _) = broadcast::channel(AHEAD);
        let state = State {
            kept: VecDeque::new(),
            bytes: 0,
            sender: Some(sender),
        };
        let feed = Self {
            state: Arc::new(Mutex::new(state)),
        };
        (feed.clone(), FeedSink(feed))
    }

    /// Begins with the remembered messages; no message falls between them and the next.
    pub fn follow(&self) -> Follower {
        let state = self.lock();
        Follower {
            kept: state.kept.clone(),
            receiver: state.sender.as_ref().map(broadcast::Sender::subscribe),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing inside can be left half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UpstreamSink for FeedSink {
    fn write(&mut self, message: &UpstreamMessage) -> io::Result<()> {
        let line = line(message)?;
        let text: Arc<str> = String::from_utf8_lossy(&line).trim_end().into();
        let mut state = self.0.lock();
        state.bytes += text.len();
        state.kept.push_back(Arc::clone(&text));
        while state.kept.len() > KEPT || (state.bytes > KEPT_BYTES && state.kept.len() > 1) {
            let oldest = state.kept.pop_front();
            state.bytes -= oldest.map_or(0, |text| text.len());
        }
        if let Some(sender) = &state.sender {
            // Without a follower nobody takes it.
            let _nobody = sender.send(text);
        }
        Ok(())
    }
}

impl Drop for FeedSink {
    fn drop(&mut self) {
        self.0.lock().sender = None;
    }
}

impl Follower {
    /// The next remembered message.
    pub fn remembered(&mut self) -> Option<Arc<str>> {
        self.kept.pop_front()
    }

    /// The next message, remembered or new; `None` when the hub has ended.
    pub async fn next(&mut self) -> Option<Seen> {
        if let Some(text) = self.remembered() {
            return Some(Seen::Message(text));
        }
        match self.receiver.as_mut()?.recv().await {
            Ok(text) => Some(Seen::Message(text)),
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(Seen::Missed(missed)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use bytes::Bytes;

    use super::*;
    use crate::identity::IdentityId;
    use crate::message::Message;

    fn message(body: &str) -> UpstreamMessage {
        let body = Bytes::from(body.to_owned());
        let sender = IdentityId::device("cam");
        UpstreamMessage::new(&Message::telemetry(&sender, Vec::new(), body, UNIX_EPOCH))
    }

    #[tokio::test]
    async fn a_follower_sees_what_is_remembered_then_what_comes_then_the_end() {
        let (feed, mut sink) = Feed::new();
        sink.write(&message("old")).unwrap();
        let mut follower = feed.follow();
        sink.write(&message("new")).unwrap();
        drop(sink);
        for body in ["old", "new"] {
            let expected = serde_json::to_string(&message(body)).unwrap();
            assert_eq!(follower.next().await, Some(Seen::Message(expected.into())));
        }
        assert_eq!(follower.next().await, None);
    }

    #[tokio::test]
    async fn a_follower_that_is_behind_is_told_what_it_missed() {
        let (feed, mut sink) = Feed::new();
        let mut follower = feed.follow();
        for n in 0..AHEAD + 7 {
            sink.write(&message(&n.to_string())).unwrap();
        }
        assert_eq!(follower.next().await, Some(Seen::Missed(7)));
        assert!(matches!(follower.next().await, Some(Seen::Message(_))));
    }

    #[test]
    fn what_is_remembered_is_bounded_by_number_and_by_bytes() {
        let (feed, mut sink) = Feed::new();
        for _ in 0..KEPT + 5 {
            sink.write(&message("x")).unwrap();
        }
        let count = |feed: &Feed| feed.follow().kept.len();
        assert_eq!(count(&feed), KEPT);
        for _ in 0..8 {
            sink.write(&message(&"x".repeat(200_000))).unwrap();
        }
        assert!(feed.lock().bytes <= KEPT_BYTES);
        assert_eq!(count(&feed), 3, "base64 makes 267 KB of each");
    }
}
