//! The thread that makes outcomes durable: whatever waits shares one commit.
//!
//! A commit waits for the disk, and the next ones gather meanwhile, so that the busier the door is
//! the less a picture costs. edgeHub's pictures have their own commits on the same ledger; the lock
//! there is fair, so neither way holds up the other for longer than a commit.
//!
//! After a failure nothing is recorded until a probe write succeeds; until then everybody is told at
//! once. A ledger that proves damaged is not written any more: only a new process can set it aside.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use ledger::{FrameRecord, LedgerError, LedgerErrorKind, ModelInfo, Recorded};
use tokio::sync::{oneshot, watch};
use tracing::{debug, error, info};

use crate::metrics::events::{Committed, FrameRecorded, LedgerFailed};
use crate::metrics::{Metrics, Way};
use crate::{SharedLedger, error_chain};

/// Pictures in one commit at most.
const GROUP: usize = 64;

/// First and longest pause between probe writes while the ledger takes nothing.
const PROBE_PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// The picture is not known to be counted; why is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the outcome is not known to be durable")]
pub(super) struct NotRecorded;

struct Job {
    frame: FrameRecord,
    done: oneshot::Sender<Result<Recorded, NotRecorded>>,
}

/// What the thread is told.
enum Word {
    Record(Box<Job>),
    /// Somebody else could not read the ledger.
    Doubt(LedgerErrorKind),
}

/// A handle to the thread, which ends with it.
#[derive(Debug)]
pub(super) struct Recorder {
    words: SyncSender<Word>,
    writable: watch::Receiver<bool>,
}

impl Recorder {
    /// Starts the thread. `waiting` is how many may wait at once; `broken` turns true when it ends
    /// without being told to.
    pub(super) fn start(
        ledger: SharedLedger,
        model: ModelInfo,
        waiting: usize,
        broken: watch::Sender<bool>,
        metrics: Metrics,
    ) -> io::Result<Self> {
        let (words, inbox) = sync_channel(waiting);
        let (state, writable) = watch::channel(true);
        let scribe = Scribe {
            ledger,
            model,
            state,
            metrics,
        };
        thread::Builder::new()
            .name("http-recorder".to_owned())
            .spawn(move || {
                let mut ending = Ending {
                    as_told: false,
                    broken,
                };
                ending.as_told = scribe.run(&inbox).is_ok();
            })?;
        Ok(Recorder { words, writable })
    }

    /// Whether the last write went well, or a probe has since.
    pub(super) fn is_writable(&self) -> bool {
        *self.writable.borrow()
    }

    /// The same, to look at later.
    pub(super) fn writable(&self) -> watch::Receiver<bool> {
        self.writable.clone()
    }

    /// Records a frame; when this gives `Ok`, its sender may be answered.
    pub(super) async fn record(&self, frame: FrameRecord) -> Result<Recorded, NotRecorded> {
        let (done, recorded) = oneshot::channel();
        match self
            .words
            .try_send(Word::Record(Box::new(Job { frame, done })))
        {
            Ok(()) => recorded.await.unwrap_or(Err(NotRecorded)),
            // As many may wait as pictures are in hand, so it is never full.
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(NotRecorded),
        }
    }

    /// Says that a look at the ledger failed: nothing is recorded until a probe write succeeds, or
    /// the process ends if the ledger proved damaged.
    pub(super) fn doubt(&self, kind: LedgerErrorKind) {
        // With no room for it the next look fails as well.
        let _ = self.words.try_send(Word::Doubt(kind));
    }
}

/// The thread's end, orderly or not.
struct Ending {
    as_told: bool,
    broken: watch::Sender<bool>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        if !self.as_told {
            self.broken.send_replace(true);
        }
    }
}

/// The ledger is damaged.
struct Damaged;

/// What the thread holds.
struct Scribe {
    ledger: SharedLedger,
    model: ModelInfo,
    state: watch::Sender<bool>,
    metrics: Metrics,
}

impl Scribe {
    /// Until nobody can hand anything in any more.
    fn run(&self, inbox: &Receiver<Word>) -> Result<(), Damaged> {
        while let Ok(first) = inbox.recv() {
            let words = std::iter::once(first).chain(inbox.try_iter()).take(GROUP);
            let mut group = Vec::new();
            let mut doubt = None;
            for word in words {
                match word {
                    Word::Record(job) => group.push(*job),
                    // The worst that was heard.
                    Word::Doubt(_) if doubt == Some(LedgerErrorKind::Damaged) => {}
                    Word::Doubt(kind) => doubt = Some(kind),
                }
            }
            if let Err(failure) = self.record(group) {
                LedgerFailed {
                    way: Way::Http,
                    error: &failure,
                }
                .tell(&self.metrics);
                doubt = Some(failure.kind());
            }
            if let Some(kind) = doubt {
                self.state.send_replace(false);
                end_if_damaged(kind)?;
                self.refuse_until_writable(inbox)?;
            }
        }
        Ok(())
    }

    /// One commit for all, and a word to each.
    fn record(&self, group: Vec<Job>) -> Result<(), LedgerError> {
        if group.is_empty() {
            return Ok(());
        }
        let (frames, askers): (Vec<_>, Vec<_>) =
            group.into_iter().map(|job| (job.frame, job.done)).unzip();
        let mut ledger = self.ledger.lock();
        let began = Instant::now();
        let recorded = ledger.record_all(&frames, &self.model);
        let took = began.elapsed();
        drop(ledger);
        match recorded {
            Ok(recorded) => {
                Committed {
                    frames: frames.len(),
                    took,
                }
                .tell(&self.metrics);
                for ((frame, done), recorded) in frames.iter().zip(askers).zip(recorded) {
                    FrameRecorded {
                        way: Way::Http,
                        camera: Some(&frame.key.camera),
                        outcome: &frame.outcome,
                        recorded: &recorded,
                    }
                    .tell(&self.metrics);
                    // Nobody may be waiting any more.
                    let _ = done.send(Ok(recorded));
                }
                Ok(())
            }
            Err(failure) => {
                // Whoever hears of it may ask at once how the ledger is.
                self.state.send_replace(false);
                for done in askers {
                    let _ = done.send(Err(NotRecorded));
                }
                Err(failure)
            }
        }
    }

    fn refuse_until_writable(&self, inbox: &Receiver<Word>) -> Result<(), Damaged> {
        let mut pause = PROBE_PAUSES.0;
        loop {
            if refuse_for(pause, inbox).is_err() {
                return Ok(());
            }
            match self.ledger.lock().probe() {
                Ok(()) => break,
                Err(failure) => {
                    let why = error_chain(&failure);
                    debug!(why, "the ledger still takes nothing");
                    end_if_damaged(failure.kind())?;
                }
            }
            pause = (pause * 2).min(PROBE_PAUSES.1);
        }
        info!("the ledger can be written again; counting pictures by HTTP");
        self.state.send_replace(true);
        Ok(())
    }
}

fn end_if_damaged(kind: LedgerErrorKind) -> Result<(), Damaged> {
    if kind == LedgerErrorKind::Damaged {
        error!("the ledger is damaged: ending, so that the next start sets it aside");
        return Err(Damaged);
    }
    Ok(())
}

/// Nobody can hand anything in any more.
struct Over;

/// Refuses what comes for so long.
fn refuse_for(pause: Duration, inbox: &Receiver<Word>) -> Result<(), Over> {
    let until = Instant::now() + pause;
    loop {
        match inbox.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Word::Record(job)) => {
                let _ = job.done.send(Err(NotRecorded));
            }
            // That is known, and the probe finds out what is worse.
            Ok(Word::Doubt(_)) => {}
            Err(RecvTimeoutError::Timeout) => return Ok(()),
            Err(RecvTimeoutError::Disconnected) => return Err(Over),
        }
    }
}
