//! The way of one picture from edgeHub ([`crate::http`] has the way of one that comes by HTTP):
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
use std::time::{Duration, Instant};

use edge_client::{Acknowledged, Client, Deliveries, Delivery};
use ledger::{AttemptLog, FrameRecord, LedgerError, ModelInfo, Recorded};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::{debug, info, info_span, warn};

use crate::SharedLedger;
use crate::capacity::measure;
use crate::clock;
use crate::frame::Frame;
use crate::health::Health;
use crate::judge::Judge;
use crate::metrics::events::{Committed, FrameRecorded, LedgerFailed};
use crate::metrics::{Metrics, Way, WayMetrics};
use crate::redelivery::RedeliveryWatch;
use crate::renewed::Renewed;
use holding::Holding;
use stage::{Setback, Stage};

/// The stages and what they hold.
#[derive(Debug)]
pub struct Pipeline {
    /// From bytes to an outcome.
    pub judge: Judge,
    /// What the counts are attributed to.
    pub model: ModelInfo,
    /// Durable counts, shared with the reporter and the HTTP door.
    pub ledger: SharedLedger,
    /// Is told while nothing can be made durable.
    pub health: Arc<Health>,
    /// The module's numbers.
    pub metrics: Metrics,
    /// Where a new session waits to take the place of the one in use.
    pub renewed: Renewed,
    /// Is told how many pictures a second the session can take.
    pub capacity: watch::Sender<Option<f64>>,
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
    /// Turns true when the settings are the hub's.
    pub settings_known: watch::Receiver<bool>,
}

/// How long the first picture waits for the settings of a hub that does not tell them. Those that were
/// last good hold then.
const SETTINGS_PATIENCE: Duration = Duration::from_secs(5);

impl Pipeline {
    /// Takes deliveries until the client closes or `stop` turns true; the delivery
    /// in hand is finished first.
    pub fn run(mut self, mut around: Surroundings) {
        let mut watch = RedeliveryWatch::default();
        // Before the first picture can be here: the connection takes as long.
        self.take_renewed();
        if self.capacity.borrow().is_none() {
            let gate = self.judge.gate.clone();
            let _pass = gate.enter(false);
            let capacity = measure(&mut self.judge.eyes.classifier);
            self.capacity.send_replace(capacity);
        }
        let mut is_first = true;
        while let Some(delivery) = around.deliveries.blocking_next() {
            if std::mem::take(&mut is_first) {
                around.wait_for_settings();
            }
            if *around.stop.borrow() {
                // Not begun, not acknowledged: edgeHub keeps it.
                break;
            }
            if let Err(error) = self.handle(delivery, &mut watch) {
                LedgerFailed {
                    way: Way::EdgeHub,
                    error: &error,
                }
                .tell(&self.metrics);
                match Setback::after(error.kind()) {
                    Setback::End => return,
                    Setback::Hold => {
                        self.health.set_pipeline_holds(true);
                        self.hold_until_durable(&mut around);
                        self.health.set_pipeline_holds(false);
                    }
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
        let _in_flight = self.way().begin(delivery.received_at());
        self.take_renewed();
        let frame = Frame::new(
            delivery.input(),
            delivery.properties(),
            delivery.payload(),
            clock::now(),
            watch.is_possible(delivery.ordinal(), delivery.is_after_timeout()),
        );
        let id = frame.short_id().unwrap_or_default();
        let _held = self
            .judge
            .hands
            .take(format!("{} {id}", frame.key.camera).trim_end().to_owned());
        let span = info_span!("frame", camera = frame.key.camera, id = frame.short_id());
        let _in_span = span.entered();
        self.count(frame, delivery.payload())?;
        watch.acknowledged(delivery.received_at().elapsed());
        acknowledge(delivery);
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

    fn take_renewed(&mut self) {
        if let Some(session) = self.renewed.take() {
            self.judge.eyes.classifier = session;
        }
    }

    /// Finds the frame's outcome and makes it durable.
    fn count(&mut self, frame: Frame, picture: &[u8]) -> Result<Recorded, LedgerError> {
        let gate = self.judge.gate.clone();
        let mut pass = None;
        let mut stage = Stage::of(frame);
        loop {
            stage = match stage {
                Stage::LookUp(look_up) => {
                    let began = Instant::now();
                    let is_duplicate = self.ledger.lock().is_duplicate(look_up.key())?;
                    let took = began.elapsed();
                    self.way().look_up.observe(took.as_secs_f64());
                    look_up.answer(is_duplicate)
                }
                Stage::Crashes(suspect) => {
                    let crashes = self.judge.crashes(&suspect.attempt());
                    pass = (crashes < AttemptLog::CRASH_LIMIT).then(|| gate.enter(crashes > 0));
                    suspect.answer(crashes)
                }
                Stage::Begin(begin) => {
                    self.judge.begin(&begin.attempt());
                    begin.begun()
                }
                Stage::Look(look) => look.answer(self.judge.look(picture).outcome),
                Stage::Forget(forget) => {
                    self.judge.forget(&forget.attempt());
                    forget.forgotten()
                }
                Stage::Record(record) => {
                    // Others may look while this one waits for the disk.
                    drop(pass.take());
                    let recorded = self.record(record.record())?;
                    record.answer(recorded)
                }
                Stage::Acknowledge(recorded) => return Ok(recorded),
            }
        }
    }

    fn record(&mut self, record: &FrameRecord) -> Result<Recorded, LedgerError> {
        let began = Instant::now();
        let mut ledger = self.ledger.lock();
        let locked = Instant::now();
        let recorded = ledger.record(record, &self.model)?;
        let done = Instant::now();
        drop(ledger);
        self.way().record.observe((done - began).as_secs_f64());
        Committed {
            frames: 1,
            took: done - locked,
        }
        .tell(&self.metrics);
        FrameRecorded {
            way: Way::EdgeHub,
            camera: None,
            outcome: &record.outcome,
            recorded: &recorded,
        }
        .tell(&self.metrics);
        Ok(recorded)
    }

    fn way(&self) -> &WayMetrics {
        self.metrics.way(Way::EdgeHub)
    }
}

impl Surroundings {
    fn wait_for_settings(&mut self) {
        let (known, stop) = (&mut self.settings_known, &mut self.stop);
        let in_time = self.runtime.block_on(async {
            let known = async {
                tokio::select! {
                    // Nobody follows the twin where the sender is gone.
                    _ = known.wait_for(|known| *known) => {}
                    _ = stop.wait_for(|stop| *stop) => {}
                }
            };
            timeout(SETTINGS_PATIENCE, known).await.is_ok()
        });
        if !in_time {
            warn!(
                waited_s = SETTINGS_PATIENCE.as_secs(),
                "the hub's settings are not in force yet: going on with those that were last good"
            );
        }
    }
}

fn acknowledge(delivery: Delivery) {
    match delivery.acknowledge() {
        Acknowledged::Queued => {}
        // Durable already: edgeHub delivers it again and the ledger knows it.
        Acknowledged::ConnectionGone => debug!("the connection ended before the acknowledgement"),
    }
}

#[cfg(test)]
mod tests;
