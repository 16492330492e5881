//! One request at a time for each key of a camera.
//!
//! A client that loses patience sends again while its first try is still being worked on. The second
//! waits here until the first is done, and then finds its outcome in the ledger, or tries itself if
//! the first came to nothing. The ledger decides who counts; this only spares looking twice.
//! Those that wait are let on in the order in which they came.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;

/// A camera's name and the key of a request.
type Key = (String, String);
type Turn = tokio::sync::Mutex<()>;

/// The requests with a key that are being worked on or wait. As many at most as pictures are in hand.
#[derive(Debug, Clone, Default)]
pub(super) struct Flights(Arc<Mutex<HashMap<Key, Arc<Turn>>>>);

/// The only one of its key; dropping it lets the next one on.
#[derive(Debug)]
pub(super) struct Flight {
    key: Key,
    /// `None` while it waits and while it is dropped.
    turn: Option<OwnedMutexGuard<()>>,
    flights: Flights,
}

impl Flights {
    /// Waits until no other of the same camera and key is under way.
    pub(super) async fn enter(&self, camera: &str, key: &str) -> Flight {
        let key = (camera.to_owned(), key.to_owned());
        let turn = Arc::clone(self.turns().entry(key.clone()).or_default());
        // Made before the wait, so that one that is given up cleans up as well.
        let mut flight = Flight {
            key,
            turn: None,
            flights: self.clone(),
        };
        flight.turn = Some(turn.lock_owned().await);
        flight
    }

    fn turns(&self) -> MutexGuard<'_, HashMap<Key, Arc<Turn>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        // Under the lock, so that nobody takes the turn between the count and the removal.
        let mut turns = self.flights.turns();
        self.turn = None;
        // Whoever waits holds a share of it.
        if turns
            .get(&self.key)
            .is_some_and(|turn| Arc::strong_count(turn) == 1)
        {
            turns.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll(future: std::pin::Pin<&mut impl Future<Output = Flight>>) -> Poll<Flight> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn ready(poll: Poll<Flight>) -> Flight {
        match poll {
            Poll::Ready(flight) => flight,
            Poll::Pending => panic!("it waits"),
        }
    }

    #[test]
    fn the_second_of_a_key_waits_for_the_first() {
        let flights = Flights::default();
        let first = ready(poll(pin!(flights.enter("http:a", "1"))));
        let mut second = pin!(flights.enter("http:a", "1"));
        assert!(poll(second.as_mut()).is_pending());
        drop(first);
        ready(poll(second.as_mut()));
    }

    #[test]
    fn other_keys_and_cameras_do_not_wait() {
        let flights = Flights::default();
        let _first = ready(poll(pin!(flights.enter("http:a", "1"))));
        ready(poll(pin!(flights.enter("http:a", "2"))));
        ready(poll(pin!(flights.enter("http:b", "1"))));
    }

    #[test]
    fn those_that_wait_go_on_in_the_order_in_which_they_came() {
        let flights = Flights::default();
        let first = ready(poll(pin!(flights.enter("http:a", "1"))));
        let mut second = pin!(flights.enter("http:a", "1"));
        let mut third = pin!(flights.enter("http:a", "1"));
        assert!(poll(second.as_mut()).is_pending());
        assert!(poll(third.as_mut()).is_pending());
        drop(first);
        assert!(poll(third.as_mut()).is_pending());
        let second = ready(poll(second.as_mut()));
        drop(second);
        ready(poll(third.as_mut()));
    }

    #[test]
    fn nothing_is_kept_of_a_key_that_nobody_uses() {
        let flights = Flights::default();
        let first = ready(poll(pin!(flights.enter("http:a", "1"))));
        {
            let mut gives_up = pin!(flights.enter("http:a", "1"));
            assert!(poll(gives_up.as_mut()).is_pending());
        }
        assert_eq!(flights.turns().len(), 1);
        {
            let mut gives_up_last = pin!(flights.enter("http:a", "1"));
            assert!(poll(gives_up_last.as_mut()).is_pending());
            drop(first);
        }
        assert_eq!(flights.turns().len(), 0);
    }
}
