//! The way of one picture:
//! delivery → frame → pixels → scores → verdict → ledger → acknowledgement.
//! Only [`stage`] knows the order of the stages, as values; here each is carried out.
//!
//! One thread of its own runs it, since decoding and inference are CPU work and
//! edgeHub gives one unacknowledged delivery at a time. A frame is acknowledged
//! only after its outcome is durable; when it cannot be made durable the delivery
//! is dropped unused, which closes its connection, so that edgeHub keeps the
//! picture, and the connection is held closed until the ledger takes a probe write.
//! No picture, or part of one, leaves this file.

pub mod holding;
pub mod stage;

use std::sync::Arc;

use edge_client::{Acknowledged, Client, Deliveries, Delivery};
use ledger::{AttemptError, AttemptLog, LedgerError, ModelInfo, Outcome, Recorded, RejectReason};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::{debug, error, info, info_span, warn};
use vision::{Classifier, DecodeErrorKind, DecodeLimits, Scores, Verdict, decode};

use crate::SharedLedger;
use crate::clock;
use crate::frame::Frame;
use crate::redelivery::RedeliveryWatch;
use holding::Holding;
use stage::{Setback, Stage};

/// The label of Custom Vision that means "none of these"; it does not count.
const NEGATIVE_LABEL: &str = "Negative";

/// The stages and what they hold.
#[derive(Debug)]
pub struct Pipeline {
    /// From bytes to an outcome.
    pub eyes: Eyes,
    /// What the counts are attributed to.
    pub model: ModelInfo,
    /// Durable counts, shared with the reporter.
    pub ledger: SharedLedger,
    /// Which frames were being worked on when a process died; whoever stops the
    /// module marks the stop there.
    pub attempts: Arc<AttemptLog>,
}

/// What the pipeline's thread needs of the world around it.
#[derive(Debug)]
pub struct Surroundings {
    /// Pictures from edgeHub.
    pub deliveries: Deliveries,
    /// The connection they come on, to be held while nothing can be made durable.
    pub client: Client,
    /// Turns true when the module is to stop.
    pub stop: watch::Receiver<bool>,
    /// The runtime that the client lives on.
    pub runtime: Handle,
}

impl Pipeline {
    /// Takes deliveries until the client closes or `stop` turns true; the delivery
    /// in hand is finished first.
    pub fn run(mut self, mut around: Surroundings) {
        let mut watch = RedeliveryWatch::default();
        while let Some(delivery) = around.deliveries.blocking_next() {
            if *around.stop.borrow() {
                // Not begun, not acknowledged: edgeHub keeps it.
                break;
            }
            if let Err(error) = self.handle(delivery, &mut watch) {
                let why = crate::error_chain(&error);
                error!(
                    why,
                    "an outcome cannot be made durable; its picture stays with edgeHub"
                );
                match Setback::after(error.kind()) {
                    Setback::End => return,
                    Setback::Hold => self.hold_until_durable(&mut around),
                }
            }
        }
    }

    /// Brings one delivery to its end; on an error it is dropped unused, which gives
    /// it back to edgeHub.
    fn handle(
        &mut self,
        delivery: Delivery,
        watch: &mut RedeliveryWatch,
    ) -> Result<(), LedgerError> {
        let frame = Frame::new(
            delivery.input(),
            delivery.properties(),
            delivery.payload(),
            clock::now(),
            watch.is_possible(delivery.ordinal()),
        );
        let span = info_span!("frame", camera = frame.key.camera, id = frame.short_id());
        let _in_span = span.entered();
        let recorded = self.count(frame, delivery.payload())?;
        watch.acknowledged(delivery.received_at().elapsed());
        acknowledge(delivery, &recorded);
        Ok(())
    }

    /// Keeps the connection closed until the ledger takes a probe write again.
    fn hold_until_durable(&mut self, around: &mut Surroundings) {
        around.runtime.block_on(around.client.hold());
        let mut holding = Holding::default();
        loop {
            let (stop, pause) = (&mut around.stop, holding.pause());
            let told_to_stop = around
                .runtime
                .block_on(async { timeout(pause, stop.wait_for(|stop| *stop)).await.is_ok() });
            if told_to_stop {
                return;
            }
            match self.ledger.lock().probe() {
                Ok(()) => break,
                Err(error) => {
                    let why = crate::error_chain(&error);
                    debug!(why, "the ledger still takes nothing");
                }
            }
            holding = holding.failed();
        }
        info!("the ledger can be written again; taking pictures");
        around.runtime.block_on(around.client.resume());
    }

    /// Finds the frame's outcome and makes it durable.
    fn count(&mut self, frame: Frame, picture: &[u8]) -> Result<Recorded, LedgerError> {
        let mut stage = Stage::of(frame);
        loop {
            stage = match stage {
                Stage::LookUp(look_up) => {
                    let is_duplicate = self.ledger.lock().is_duplicate(look_up.key())?;
                    look_up.answer(is_duplicate)
                }
                Stage::Crashes(suspect) => {
                    let crashes = self.attempts.crashes(&suspect.attempt());
                    if crashes >= AttemptLog::CRASH_LIMIT {
                        warn!("this picture ended the process {crashes} times");
                    }
                    suspect.answer(crashes)
                }
                Stage::Begin(begin) => {
                    let noted = self.attempts.begin(&begin.attempt());
                    said(noted, "no note is kept of this attempt");
                    begin.begun()
                }
                Stage::Look(look) => {
                    let sight = self.eyes.look(picture);
                    if let Some(refusal) = &sight.refusal {
                        warn!(reason = %refusal, "picture rejected");
                    }
                    look.answer(sight.outcome)
                }
                Stage::Forget(forget) => {
                    let forgotten = self.attempts.finish(&forget.attempt());
                    said(forgotten, "the note of this attempt stays");
                    forget.forgotten()
                }
                Stage::Record(record) => {
                    let recorded = self.ledger.lock().record(record.record(), &self.model)?;
                    debug!(outcome = ?record.record().outcome, ?recorded, "recorded");
                    record.answer(recorded)
                }
                Stage::Acknowledge(recorded) => return Ok(recorded),
            }
        }
    }
}

/// A note that cannot be kept must not stop the counting.
fn said(noted: Result<(), AttemptError>, what: &str) {
    if let Err(error) = noted {
        warn!(why = crate::error_chain(&error), "{what}");
    }
}

/// Bytes → pixels → scores → verdict → outcome; used by the pipeline and by
/// `fruit-counter classify`, so that both see the same.
#[derive(Debug)]
pub struct Eyes {
    /// Owns the inference session; nothing else runs it.
    pub classifier: Classifier,
    /// Least score that counts under its label, 0..=1.
    pub min_confidence: f32,
    /// What a picture may cost.
    pub limits: DecodeLimits,
}

/// What came of looking at one picture.
#[derive(Debug)]
pub struct Sight {
    /// What it counts as.
    pub outcome: Outcome,
    /// The model's scores, if it came that far.
    pub scores: Option<Scores>,
    /// Why it was rejected, in words for people.
    pub refusal: Option<String>,
}

impl Eyes {
    /// Finds the outcome of one picture; any bytes give one.
    pub fn look(&mut self, picture: &[u8]) -> Sight {
        let pixels = match decode(picture, &self.limits) {
            Ok(pixels) => pixels,
            Err(error) => return Sight::rejected(reject_reason(error.kind()), &error),
        };
        match self.classifier.classify(&pixels) {
            Ok(scores) => {
                let outcome = match scores.verdict(self.min_confidence) {
                    Verdict::Label { label, .. } if label == NEGATIVE_LABEL => Outcome::Ignored,
                    Verdict::Label { label, .. } => Outcome::Classified { label },
                    Verdict::Unsure { .. } => Outcome::Unsure,
                };
                Sight {
                    outcome,
                    scores: Some(scores),
                    refusal: None,
                }
            }
            Err(error) => Sight::rejected(RejectReason::ModelFailed, &error),
        }
    }
}

impl Sight {
    fn rejected(reason: RejectReason, error: &dyn std::error::Error) -> Self {
        Sight {
            outcome: Outcome::Rejected(reason),
            scores: None,
            refusal: Some(crate::error_chain(error)),
        }
    }
}

/// What the ledger calls a decoder's refusal.
#[must_use]
pub fn reject_reason(kind: DecodeErrorKind) -> RejectReason {
    match kind {
        DecodeErrorKind::Empty => RejectReason::Empty,
        DecodeErrorKind::UnsupportedFormat => RejectReason::UnsupportedFormat,
        DecodeErrorKind::TooLarge => RejectReason::TooLarge,
        DecodeErrorKind::Truncated => RejectReason::Truncated,
        DecodeErrorKind::Undecodable => RejectReason::Undecodable,
    }
}

fn acknowledge(delivery: Delivery, recorded: &Recorded) {
    if let Recorded::Counted { reused_id: true } = recorded {
        warn!("the camera used a message id again for another picture; both are counted");
    }
    match delivery.acknowledge() {
        Acknowledged::Queued => {}
        // Durable already: edgeHub delivers it again and the ledger knows it.
        Acknowledged::ConnectionGone => debug!("the connection ended before the acknowledgement"),
    }
}

#[cfg(test)]
mod tests;
