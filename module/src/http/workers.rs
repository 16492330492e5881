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
use std::thread::{self, JoinHandle};

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
        let mut renewal = Renewal::of(self.origin.provider());
        let mut judge = match self.origin.judge(renewal.held) {
            Ok(judge) => judge,
            Err(failure) => {
                let why = error_chain(&*failure);
                error!(why, "the model cannot be opened once more for HTTP");
                return;
            }
        };
        while let Some(job) = self.next() {
            renewal.take(&self.origin, &mut judge);
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

    fn judge(&self, provider: Provider) -> Result<Judge, Box<ModelError>> {
        Ok(Judge {
            eyes: Eyes {
                classifier: open(&self.package, provider)?,
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

/// One thread each: several sessions of one do more than one of several.
fn open(package: &ModelPackage, provider: Provider) -> Result<Classifier, Box<ModelError>> {
    let options = RuntimeOptions {
        provider,
        ..RuntimeOptions::default()
    };
    Classifier::load(package, &options).map_err(Box::new)
}

/// A worker's session and the one that is to take its place: opened beside the pictures, since that can
/// take minutes, and taken between two of them.
struct Renewal {
    /// Of the session in use.
    held: Provider,
    /// Of the one that was asked for last, whatever came of it.
    asked: Provider,
    coming: Option<JoinHandle<Result<Classifier, Box<ModelError>>>>,
}

impl Renewal {
    fn of(provider: Provider) -> Self {
        Renewal {
            held: provider,
            asked: provider,
            coming: None,
        }
    }

    /// Takes a session that is open, and asks for one where another provider is set.
    fn take(&mut self, origin: &Origin, judge: &mut Judge) {
        if let Some(opened) = self.coming.take_if(|coming| coming.is_finished()) {
            match opened.join() {
                Ok(Ok(session)) => {
                    judge.eyes.classifier = session;
                    self.held = self.asked;
                }
                Ok(Err(failure)) => {
                    let why = error_chain(&*failure);
                    error!(why, held = %self.held, "a session for HTTP cannot be renewed: the old one goes on");
                }
                // The panic itself has been told.
                Err(_panic) => {}
            }
        }
        let wanted = origin.provider();
        if wanted != self.asked && self.coming.is_none() {
            self.asked = wanted;
            if wanted == self.held {
                return;
            }
            let (package, gate) = (Arc::clone(&origin.package), origin.gate.clone());
            let opening = thread::Builder::new().name("http-session".to_owned());
            let opening = opening.spawn(move || {
                // What goes wrong here must convict no picture.
                let _pass = gate.enter(false);
                open(&package, wanted)
            });
            match opening {
                Ok(coming) => self.coming = Some(coming),
                Err(failure) => error!(%failure, "a thread to open a session cannot be started"),
            }
        }
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
