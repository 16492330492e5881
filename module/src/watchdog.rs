//! Ends the process when a picture has been in hand for far too long, so that a pipeline that stands
//! still is noticed by whoever starts modules again.
//!
//! A picture on which the decoder or the model never ends holds up all pictures behind it, and no error
//! says so. Its attempt note stays when the process is ended over it, as in a crash: the next start tries
//! it alone, and after three deaths it is `rejected` as `crashed` ([`crate::judge`]).
//!
//! What is too long is [`Watch`]'s decision, pure; [`start`] has the thread that looks. Whoever works on a
//! picture takes it from [`Hands`], which costs one short lock. What is waited for with an end of its own
//! is not in hand: a hub that is away, a disk that is full, a body that arrives slowly.

use std::collections::BTreeMap;
use std::io;
use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tracing::error;

use crate::ending;

/// Exit code of a process that was ended over a picture (`EX_SOFTWARE`).
pub const STUCK: u8 = 70;

/// The pictures that are being worked on; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Hands(Arc<Mutex<InHand>>);

#[derive(Debug, Default)]
struct InHand {
    /// Of the picture taken last; never given twice.
    ticket: u64,
    pictures: BTreeMap<u64, String>,
}

impl Hands {
    /// A picture is in hand until what this gives is dropped. `what` is how the log names it.
    #[must_use]
    pub fn take(&self, what: String) -> Held {
        let mut in_hand = self.lock();
        in_hand.ticket += 1;
        let ticket = in_hand.ticket;
        in_hand.pictures.insert(ticket, what);
        Held {
            hands: self.clone(),
            ticket,
        }
    }

    fn tickets(&self) -> Vec<u64> {
        self.lock().pictures.keys().copied().collect()
    }

    fn name(&self, ticket: u64) -> Option<String> {
        self.lock().pictures.get(&ticket).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, InHand> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A picture in hand; see [`Hands::take`].
#[derive(Debug)]
pub struct Held {
    hands: Hands,
    ticket: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.hands.lock().pictures.remove(&self.ticket);
    }
}

/// Decides when a picture was in hand for too long.
///
/// Time is counted between its looks, and no pause between two looks counts for more than two of them:
/// a process that was stopped, or a box that slept, did not work on anything meanwhile.
#[derive(Debug)]
pub struct Watch {
    limit: Duration,
    /// Time that the process had, as far as it is known.
    lived: Duration,
    last: Option<Instant>,
    /// When each picture was seen first, in that time.
    seen: BTreeMap<u64, Duration>,
}

/// A picture that was in hand for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stuck {
    /// Which.
    pub ticket: u64,
    /// For so long at least.
    pub held: Duration,
}

impl Watch {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(limit: Duration) -> Self {
        Watch {
            limit,
            lived: Duration::ZERO,
            last: None,
            seen: BTreeMap::new(),
        }
    }

    /// How long until the next look: often enough that a picture is found at most a tenth too late.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.limit / 10
    }

    /// Looks at what is in hand now; gives the one that has been for too long.
    pub fn look(&mut self, now: Instant, in_hand: &[u64]) -> Option<Stuck> {
        let since_last = self
            .last
            .map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
        self.last = Some(now);
        self.lived += since_last.min(self.interval() * 2);
        self.seen.retain(|ticket, _| in_hand.contains(ticket));
        for ticket in in_hand {
            self.seen.entry(*ticket).or_insert(self.lived);
        }
        self.seen
            .iter()
            .map(|(ticket, since)| Stuck {
                ticket: *ticket,
                held: self.lived.saturating_sub(*since),
            })
            .find(|stuck| stuck.held >= self.limit)
    }
}

/// Starts the thread that looks, for the rest of the process's life, and then ends it by `end`, which is
/// [`end`] but in tests.
///
/// # Errors
/// When it cannot be started.
pub fn start(limit: Duration, hands: Hands, end: fn() -> !) -> io::Result<()> {
    thread::Builder::new()
        .name("watchdog".to_owned())
        .spawn(move || watch(Watch::new(limit), &hands, end))?;
    Ok(())
}

fn watch(mut watch: Watch, hands: &Hands, end: fn() -> !) {
    loop {
        thread::sleep(watch.interval());
        let Some(stuck) = watch.look(Instant::now(), &hands.tickets()) else {
            continue;
        };
        // Done just now.
        let Some(picture) = hands.name(stuck.ticket) else {
            continue;
        };
        error!(
            picture,
            in_hand_s = stuck.held.as_secs(),
            "a picture is in hand for too long: ending, so that the next start tries it alone"
        );
        end();
    }
}

/// Ends the process with [`STUCK`], whatever its threads are doing.
pub fn end() -> ! {
    let Err(failure) = ending::at_once(STUCK);
    error!(%failure, "the process cannot end with a code of its own: it aborts");
    process::abort();
}

#[cfg(test)]
mod tests;
