//! The threads that look at pictures for HTTP: made when they are needed, never more than set.
//!
//! Each has a session of the model of its own, apart from the pipeline's, so that edgeHub's pictures
//! do not wait for these. What they decode they decode in the process's room, which bounds the
//! memory. Who hands in pictures bounds their number.
//!
//! A picture that makes a thread panic ends the process at once ([`crate::judge`]), as it would on
//! edgeHub's way: its attempt note stays, so that it is known when it comes again. A worker that
//! panics elsewhere says so to `broken`.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use bytes::Bytes;
use ledger::{AttemptKey, AttemptLog};
use tokio::sync::{oneshot, watch};
use tracing::error;
use vision::{
    Classifier, DecodeLimits, ModelError, ModelPackage, Provider, RuntimeOptions, Scratch,
};

use crate::decode_room::DecodeRoom;
use crate::error_chain;
use crate::eyes::{Eyes, Sight};
use crate::in_force::NowInForce;
use crate::judge::{Gate, Judge};
use crate::metrics::EyeTimes;
use crate::watchdog::Hands;

/// What a worker is made from.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) package: Arc<ModelPackage>,
    pub(super) in_force: NowInForce,
    pub(super) limits: DecodeLimits,
    pub(super) attempts: Arc<AttemptLog>,
    pub(super) gate: Gate,
    pub(super) hands: Hands,
    pub(super) room: DecodeRoom,
    pub(super) times: EyeTimes,
    /// Workers at most.
    pub(super) most: usize,
}

/// The workers; dropping it lets them end when they have nothing left to do.
#[derive(Debug)]
pub(super) struct Workers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    origin: Origin,
    state: Mutex<State>,
    work: Condvar,
    broken: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Job>,
    /// Workers that wait for work, or are just being woken to it.
    idle: usize,
    alive: usize,
    closed: bool,
}

struct Job {
    attempt: AttemptKey,
    picture: Bytes,
    sight: oneshot::Sender<Sight>,
}

/// Never the bytes.
impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").finish_non_exhaustive()
    }
}

impl Workers {
    /// None yet; `broken` turns true when one panics.
    pub(super) fn new(origin: Origin, broken: watch::Sender<bool>) -> Self {
        Workers(Arc::new(Shared {
            origin,
            state: Mutex::default(),
            work: Condvar::new(),
            broken,
        }))
    }

    /// Has a picture looked at; `None` when no worker can be made, or when this one ended over it.
    pub(super) async fn judge(&self, attempt: AttemptKey, picture: Bytes) -> Option<Sight> {
        let (answer, sight) = oneshot::channel();
        self.hand_in(Job {
            attempt,
            picture,
            sight: answer,
        });
        sight.await.ok()
    }

    fn hand_in(&self, job: Job) {
        let mut state = self.0.state();
        state.queue.push_back(job);
        if state.queue.len() > state.idle && state.alive < self.0.origin.most {
            self.make_one(&mut state);
        }
        drop(state);
        self.0.work.notify_one();
    }

    fn make_one(&self, state: &mut State) {
        let shared = Arc::clone(&self.0);
        let made = thread::Builder::new()
            .name(format!("http-eyes-{}", state.alive))
            .spawn(move || shared.work());
        match made {
            Ok(_detached) => state.alive += 1,
            Err(failure) => {
                error!(%failure, "a thread to look at pictures cannot be started");
                if state.alive == 0 {
                    // Nobody would come for them.
                    state.queue.clear();
                }
            }
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.0.state().closed = true;
        self.0.work.notify_all();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The life of one worker.
    fn work(self: Arc<Self>) {
        let _leaving = Leaving(Arc::clone(&self));
        let mut judge = match self.origin.judge() {
            Ok(judge) => judge,
            Err(failure) => {
                let why = error_chain(&*failure);
                error!(why, "the model cannot be opened once more for HTTP");
                return;
            }
        };
        let mut provider = self.origin.provider();
        while let Some(job) = self.next() {
            if provider != self.origin.provider() {
                provider = self.origin.provider();
                self.origin.renew(&mut judge);
            }
            let sight = judge.judge(&job.attempt, &job.picture);
            // Nobody may be waiting any more.
            let _ = job.sight.send(sight);
        }
    }

    /// `None` when it is time to end.
    fn next(&self) -> Option<Job> {
        let mut state = self.state();
        loop {
            if let Some(job) = state.queue.pop_front() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state.idle += 1;
            state = self
                .work
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }
}

impl Origin {
    fn provider(&self) -> Provider {
        self.in_force.borrow().behaviour.provider
    }

    fn session(&self) -> Result<Classifier, Box<ModelError>> {
        // One thread each: several sessions of one do more than one of several.
        let options = RuntimeOptions {
            provider: self.provider(),
            ..RuntimeOptions::default()
        };
        Classifier::load(&self.package, &options).map_err(Box::new)
    }

    /// Opens a session anew, as it is set now; where that fails the old one goes on.
    fn renew(&self, judge: &mut Judge) {
        match self.session() {
            Ok(session) => judge.eyes.classifier = session,
            Err(failure) => {
                let why = error_chain(&*failure);
                error!(
                    why,
                    "a session for HTTP cannot be renewed: the old one goes on"
                );
            }
        }
    }

    fn judge(&self) -> Result<Judge, Box<ModelError>> {
        Ok(Judge {
            eyes: Eyes {
                classifier: self.session()?,
                labels: Arc::clone(&self.in_force.borrow().rules),
                limits: self.limits,
                room: self.room.clone(),
                scratch: Scratch::default(),
                times: self.times.clone(),
            },
            in_force: self.in_force.clone(),
            attempts: Arc::clone(&self.attempts),
            gate: self.gate.clone(),
            hands: self.hands.clone(),
        })
    }
}

/// A worker's end, orderly or not.
struct Leaving(Arc<Shared>);

impl Drop for Leaving {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.alive -= 1;
        if state.alive == 0 {
            state.queue.clear();
        }
        if thread::panicking() {
            self.0.broken.send_replace(true);
        }
    }
}
