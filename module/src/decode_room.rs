//! Memory for decoding, shared by all who decode in this process.
//!
//! A picture of the largest size takes up to 80 MiB until it is scaled down to what the model
//! wants, a camera's usual one a few. So they are let in by what each will take: many small ones at
//! once, of the largest one alone. In the order in which they came, so that neither edgeHub's nor a
//! large one waits for ever.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use vision::DecodeLimits;

/// So many bytes; clones are the same room.
#[derive(Debug, Clone)]
pub struct DecodeRoom(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    size: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    free: u64,
    /// Numbers of those that wait, the longest first.
    waiting: VecDeque<u64>,
    next: u64,
}

/// A place in the room, given back when it is dropped.
#[derive(Debug)]
pub struct Place<'a> {
    room: &'a Shared,
    bytes: u64,
}

/// Room for one picture of the largest size that the default limits allow.
impl Default for DecodeRoom {
    fn default() -> Self {
        Self::new(DecodeLimits::default().max_memory)
    }
}

impl DecodeRoom {
    /// Of so many bytes.
    #[must_use]
    pub fn new(size: u64) -> Self {
        DecodeRoom(Arc::new(Shared {
            size,
            state: Mutex::new(State {
                free: size,
                waiting: VecDeque::new(),
                next: 0,
            }),
            changed: Condvar::new(),
        }))
    }

    /// Waits until so many bytes are free and everybody before has them. Whoever wants more than
    /// the whole room gets all of it.
    pub fn take(&self, bytes: u64) -> Place<'_> {
        let room = &*self.0;
        let bytes = bytes.min(room.size);
        let mut state = room.state();
        let number = state.next;
        state.next += 1;
        state.waiting.push_back(number);
        while state.waiting.front() != Some(&number) || state.free < bytes {
            state = room
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting.pop_front();
        state.free -= bytes;
        if !state.waiting.is_empty() {
            // There may be room for the next one, too.
            room.changed.notify_all();
        }
        Place { room, bytes }
    }
}

impl Shared {
    /// Nothing is left half done by a panic: each change is a single step.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.room.state();
        state.free += self.bytes;
        if !state.waiting.is_empty() {
            self.room.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    fn free(room: &DecodeRoom) -> u64 {
        room.0.state().free
    }

    /// Takes a place on a thread of its own, and waits until it is among those that wait.
    fn waits(room: &DecodeRoom, bytes: u64, entered: &mpsc::Sender<u64>) -> thread::JoinHandle<()> {
        let before = room.0.state().next;
        let (theirs, entered) = (room.clone(), entered.clone());
        let thread = thread::spawn(move || {
            let place = theirs.take(bytes);
            entered.send(bytes).unwrap();
            drop(place);
        });
        while room.0.state().next == before {
            thread::yield_now();
        }
        thread
    }

    #[test]
    fn small_ones_are_in_it_together_and_give_their_places_back() {
        let room = DecodeRoom::new(10);
        let (first, second) = (room.take(4), room.take(6));
        assert_eq!(free(&room), 0);
        drop(first);
        assert_eq!(free(&room), 4);
        drop(second);
        assert_eq!(free(&room), 10);
    }

    #[test]
    fn whoever_wants_more_than_there_is_gets_all_of_it() {
        let room = DecodeRoom::new(10);
        let place = room.take(u64::MAX);
        assert_eq!(free(&room), 0);
        drop(place);
        assert_eq!(free(&room), 10);
    }

    #[test]
    fn a_large_one_waits_and_small_ones_do_not_overtake_it() {
        let room = DecodeRoom::new(10);
        let (entered, order) = mpsc::channel();
        let inside = room.take(5);
        // The whole room, so that both are never inside at once.
        let large = waits(&room, 10, &entered);
        let small = waits(&room, 1, &entered);
        // There is room for the small one, and it is not its turn.
        assert_eq!(order.try_recv(), Err(mpsc::TryRecvError::Empty));
        assert_eq!(room.0.state().waiting.len(), 2);
        drop(inside);
        assert_eq!(order.recv().unwrap(), 10);
        assert_eq!(order.recv().unwrap(), 1);
        large.join().unwrap();
        small.join().unwrap();
        assert_eq!(free(&room), 10);
    }
}
