//! One picture under an attempt note, so that a picture that kills the process is known by it.
//!
//! Every picture is looked at through here, whichever way it came. A picture that no process has
//! died of is worked on beside others; one that was in flight when a process died (a *suspect*)
//! has the whole process to itself, so that a second death convicts it alone; after
//! [`AttemptLog::CRASH_LIMIT`] deaths it is not looked at any more.

use std::process;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;

use ledger::{AttemptKey, AttemptLog, Outcome, RejectReason};
use tracing::warn;

use crate::error_chain;
use crate::eyes::{Eyes, Sight};
use crate::in_force::NowInForce;
use crate::watchdog::Hands;

/// Lets pictures be looked at side by side, and a suspect with nothing beside it. Clones are the
/// same gate.
///
/// A suspect waits for those that are being looked at, and (on Linux, where a waiting writer goes
/// before new readers) not for those that come later.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<RwLock<()>>);

/// The right to look at a picture, given back when it is dropped.
#[derive(Debug)]
pub(crate) enum Pass<'a> {
    Beside(#[expect(dead_code, reason = "held, not read")] RwLockReadGuard<'a, ()>),
    Alone(#[expect(dead_code, reason = "held, not read")] RwLockWriteGuard<'a, ()>),
}

impl Gate {
    pub(crate) fn enter(&self, is_suspect: bool) -> Pass<'_> {
        // Nothing is kept behind the lock, so a panic beside us leaves nothing half done.
        if is_suspect {
            Pass::Alone(self.0.write().unwrap_or_else(PoisonError::into_inner))
        } else {
            Pass::Beside(self.0.read().unwrap_or_else(PoisonError::into_inner))
        }
    }
}

/// Eyes that note what they look at.
#[derive(Debug)]
pub struct Judge {
    /// From bytes to an outcome; this judge's own.
    pub eyes: Eyes,
    /// What labels count as now.
    pub in_force: NowInForce,
    /// Which frames were being worked on when a process died; shared, and whoever stops the
    /// module marks the stop there.
    pub attempts: Arc<AttemptLog>,
    /// Shared by all judges of the process.
    pub gate: Gate,
    /// What the watchdog looks at; shared, too.
    pub hands: Hands,
}

impl Judge {
    /// Looks at one picture by all the steps below, in their order; any bytes give an outcome.
    /// Blocks: a few milliseconds of work, and behind a suspect as long as that takes.
    pub fn judge(&mut self, attempt: &AttemptKey, picture: &[u8]) -> Sight {
        let crashes = self.crashes(attempt);
        if crashes >= AttemptLog::CRASH_LIMIT {
            return Sight {
                outcome: Outcome::Rejected(RejectReason::Crashed),
                scores: None,
                refusal: Some(format!("this picture ended the process {crashes} times")),
            };
        }
        let gate = self.gate.clone();
        let _pass = gate.enter(crashes > 0);
        let _held = self.hands.take("by HTTP".to_owned());
        self.begin(attempt);
        let sight = self.look(picture);
        self.forget(attempt);
        sight
    }

    /// How often a picture has ended the process. From [`AttemptLog::CRASH_LIMIT`] on it is not to
    /// be looked at; from one on it goes through the gate alone.
    pub(crate) fn crashes(&self, attempt: &AttemptKey) -> u32 {
        let crashes = self.attempts.crashes(attempt);
        if crashes >= AttemptLog::CRASH_LIMIT {
            warn!("this picture ended the process {crashes} times");
        }
        crashes
    }

    /// Notes that an attempt begins. A note that cannot be kept must not stop the counting.
    pub(crate) fn begin(&self, attempt: &AttemptKey) {
        if let Err(error) = self.attempts.begin(attempt) {
            warn!(why = error_chain(&error), "no note is kept of this attempt");
        }
    }

    /// Decodes and classifies. A panic in here ends the process at once.
    pub(crate) fn look(&mut self, picture: &[u8]) -> Sight {
        let _watching = EndsOnPanic;
        self.eyes.labels = Arc::clone(&self.in_force.borrow().rules);
        let sight = self.eyes.look(picture);
        if let Some(refusal) = &sight.refusal {
            warn!(reason = %refusal, "picture rejected");
        }
        sight
    }

    /// The picture is done with: its note goes.
    pub fn forget(&self, attempt: &AttemptKey) {
        if let Err(error) = self.attempts.finish(attempt) {
            warn!(why = error_chain(&error), "the note of this attempt stays");
        }
    }
}

/// Ends the process when it is dropped by a panic.
///
/// Unwinding would give the suspect's pass back before the process ends. Others would then enter
/// and write notes, and the next start could not tell who did it: no picture would be convicted.
struct EndsOnPanic;

impl Drop for EndsOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            // The panic's own words are on the error output by now.
            process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::{Command, Stdio};
    use std::sync::mpsc;

    /// Makes the test below play the process that panics.
    const PANICS: &str = "FRUIT_COUNTER_TEST_PANICS";

    #[test]
    fn a_panic_over_a_picture_ends_the_process_before_its_pass_is_given_back() {
        if std::env::var_os(PANICS).is_some() {
            let gate = Gate::default();
            let panics = gate.clone();
            let over = thread::spawn(move || {
                let _pass = panics.enter(true);
                let _watching = EndsOnPanic;
                panic!("a picture does this");
            });
            let _ = over.join();
            drop(gate.enter(false));
            process::exit(0);
        }
        let itself = std::env::current_exe().unwrap();
        let status = Command::new(itself)
            .args(["--exact", "--test-threads=1"])
            .arg(
                "judge::tests::\
                 a_panic_over_a_picture_ends_the_process_before_its_pass_is_given_back",
            )
            .env(PANICS, "1")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        // SIGABRT.
        assert_eq!(status.signal(), Some(6), "{status}");
    }

    #[test]
    fn pictures_are_let_in_side_by_side() {
        let gate = Gate::default();
        let first = gate.enter(false);
        let second = gate.clone();
        thread::spawn(move || drop(second.enter(false)))
            .join()
            .unwrap();
        drop(first);
    }

    #[test]
    fn a_suspect_waits_for_those_inside_and_keeps_others_out() {
        let gate = Gate::default();
        let inside = gate.enter(false);
        assert!(gate.0.try_write().is_err());
        drop(inside);
        let suspect = gate.enter(true);
        assert!(gate.0.try_read().is_err());
        let (entered, order) = mpsc::channel();
        let late = gate.clone();
        let after = thread::spawn(move || {
            drop(late.enter(false));
            entered.send(()).unwrap();
        });
        assert!(order.try_recv().is_err());
        drop(suspect);
        order.recv().unwrap();
        after.join().unwrap();
    }
}
