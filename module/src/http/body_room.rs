//! Memory for bodies, shared by all pictures in hand.
//!
//! A share grows with what has come of its body. So a sender that is slow, or announces much, holds
//! no more than it has sent, and many small pictures are in hand where only a few large ones could be.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bodies of the largest size that are in hand at once, or more smaller ones.
const LARGEST: usize = 4;

/// Kilobytes that a share grows by at least, so that it does not grow with each packet.
const STEP: u32 = 64;

/// The room; clones are the same.
#[derive(Debug, Clone)]
pub(super) struct BodyRoom(Arc<Semaphore>);

/// What one body has of it, given back when the last clone is dropped.
#[derive(Debug, Clone)]
pub(super) struct Share(Arc<Held>);

#[derive(Debug)]
struct Held {
    room: Arc<Semaphore>,
    /// A kilobyte each; the whole is counted in here.
    permits: Mutex<Option<OwnedSemaphorePermit>>,
}

impl BodyRoom {
    /// For bodies of so many bytes at most.
    pub(super) fn new(longest: usize) -> Self {
        let size = LARGEST * kilobytes(longest) as usize;
        BodyRoom(Arc::new(Semaphore::new(size)))
    }

    /// Kilobytes that are left.
    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        self.0.available_permits()
    }

    /// Nothing yet.
    pub(super) fn share(&self) -> Share {
        Share(Arc::new(Held {
            room: Arc::clone(&self.0),
            permits: Mutex::default(),
        }))
    }
}

impl Share {
    /// Grows it to so many bytes; false, and as it was, where there is no room for them.
    #[must_use]
    pub(super) fn covers(&self, bytes: usize) -> bool {
        let held = &*self.0;
        // One that was poisoned is as it was before the panic: whole.
        let mut permits = held.permits.lock().unwrap_or_else(PoisonError::into_inner);
        let has = permits
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = kilobytes(bytes).saturating_sub(u32::try_from(has).unwrap_or(u32::MAX));
        if missing == 0 {
            return true;
        }
        let more = |kilobytes| Arc::clone(&held.room).try_acquire_many_owned(kilobytes);
        // Near its end the room may have no whole step.
        let Ok(more) = more(missing.max(STEP)).or_else(|_no_step| more(missing)) else {
            return false;
        };
        match &mut *permits {
            Some(permits) => permits.merge(more),
            None => *permits = Some(more),
        }
        true
    }
}

/// Rounded up; bodies are far below the four billion that would not fit.
fn kilobytes(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KILO: usize = 1024;

    #[test]
    fn four_of_the_largest_fill_it_and_give_it_back() {
        let room = BodyRoom::new(1000 * KILO);
        let shares: Vec<_> = (0..5).map(|_| room.share()).collect();
        for share in &shares[..4] {
            assert!(share.covers(500 * KILO) && share.covers(1000 * KILO));
        }
        assert!(shares[4].covers(0));
        assert!(!shares[4].covers(1));
        drop(shares);
        assert_eq!(room.free(), 4000);
    }

    #[test]
    fn a_share_holds_what_has_come_and_a_step() {
        let room = BodyRoom::new(1000 * KILO);
        let slow = room.share();
        assert!(slow.covers(1) && slow.covers(64 * KILO));
        assert_eq!(room.free(), 4000 - 64);
        assert!(slow.covers(64 * KILO + 1));
        assert_eq!(room.free(), 4000 - 128);
        // As it was where there is not so much.
        assert!(!slow.covers(5000 * KILO));
        assert_eq!(room.free(), 4000 - 128);
        // To the last kilobyte.
        assert!(slow.covers(3999 * KILO) && slow.covers(4000 * KILO));
        assert_eq!(room.free(), 0);
    }
}
