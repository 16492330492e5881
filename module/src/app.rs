//! Assembles the module, waits for the end, and stops it in order.
//!
//! Life: open the ledger (waiting for a disk that is full or cannot be written) and the
//! model (a mistake there ends the start with a sentence), open the HTTP door, learn from
//! the workload API how to reach edgeHub (retried until it answers; what comes by HTTP is counted
//! and sealed meanwhile), start the client, the
//! pipeline thread and the reporter, then wait for SIGTERM or SIGINT.
//! Stopping: the picture in hand is finished and acknowledged,
//! the client says DISCONNECT, and what the grace does not cover is abandoned
//! unacknowledged, which loses nothing. A pipeline that ends on its own is an
//! error: the process exits non-zero so that the runtime restarts it. Without a hub
//! there are the door and the ledger alone (`standalone`).

mod applier;
mod connection;
mod door;
mod handles;
mod open;
mod standalone;
mod stop;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail};
use edge_client::{Client, ClientConfig, Methods, Started};
use ledger::{AttemptLog, Software};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use crate::health::Hub;
use crate::logging::LogControl;
use crate::methods::{self, Answers, SharedFailures};
use crate::pipeline::{Pipeline, Surroundings};
use crate::reporter::{self, Reporting};
use crate::settings::{Connection, Settings};
use crate::twin::{self, Follower, Following, LedgerFacts, Teller, Told};
use crate::watchdog;
use applier::Applier;
use connection::client_config;
use door::Doorkeeper;
use open::Opened;
use stop::{StopSignal, flush, note_the_stop, shut_door, within_last_call};

pub use open::{Loaded, load_model, model_path};

/// How long the picture in hand and the last acknowledgements may take after
/// SIGTERM; saying DISCONNECT may take a second more.
const GRACE: Duration = Duration::from_secs(5);

const BROKEN_DOOR: &str = "the HTTP door broke; only a new start can mend it";

/// What the start found that starting again does not mend: somebody must change the
/// deployment. Found among an error's contexts, see [`run`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NeedsAnotherSetup(pub(crate) String);

/// Runs the module until it is told to stop. `log` is for the level that the twin sets meanwhile.
///
/// # Errors
/// When the ledger or the model cannot be opened, the development roots cannot be
/// read, or the pipeline ends without being told to. Without a hub also when HTTP cannot be
/// served. Where only another deployment helps, `downcast_ref` finds [`NeedsAnotherSetup`].
pub async fn run(
    settings: Settings,
    connection: Connection,
    log: LogControl,
) -> anyhow::Result<()> {
    let mut stop_signal = StopSignal::listen()?;
    let opened = tokio::select! {
        opened = open::open(&settings, &connection) => opened?,
        () = stop_signal.received() => {
            info!("stopped before the ledger was open");
            return Ok(());
        }
    };
    if let Some(limit) = settings.watchdog {
        let hands = opened.pipeline.judge.hands.clone();
        watchdog::start(limit, hands, watchdog::end).context("starting the watchdog's thread")?;
    }
    let _side_door = door::open_side(settings.metrics, &opened);
    let door = Doorkeeper::new(&settings, &connection, &opened);
    if matches!(connection, Connection::Standalone) {
        let reporting = reporting(&settings, &opened.pipeline);
        door.start(settings.behaviour.http).await?;
        return standalone::run(opened.pipeline, reporting, door, stop_signal).await;
    }
    let facts = facts(&settings, &opened.pipeline);
    let attempts = Arc::clone(&opened.pipeline.judge.attempts);
    let (pipeline, mut follower) = tokio::select! {
        taken_up = with_follower(&settings, opened, &door, log) => taken_up,
        () = stop_signal.received() => {
            info!("stopped before the settings were in force");
            // It panics with what it does.
            let _ = note_the_stop(attempts).await;
            return Ok(());
        }
    };
    let in_force = pipeline.judge.in_force.clone();
    let http = in_force.borrow().behaviour.http;
    if !door.start(http).await? {
        follower.without_http();
    }
    let reporting = reporting(&settings, &pipeline);
    // The workload API can be long in coming; pictures by HTTP are counted meanwhile.
    let ledger = pipeline.ledger.clone();
    let metrics = pipeline.metrics.clone();
    let config = tokio::select! {
        config = client_config(&settings, &connection) => config?,
        () = door.broken() => bail!(BROKEN_DOOR),
        () = reporter::seal_only(ledger, reporting.clone(), metrics, in_force) => bail!("sealing ended on its own"),
        () = stop_signal.received() => {
            info!("stopped before the connection was set up");
            let note = note_the_stop(Arc::clone(&pipeline.judge.attempts));
            let nothing_to_wait_for = std::future::ready(());
            shut_door(door, nothing_to_wait_for, &pipeline.ledger, note).await;
            return Ok(());
        }
    };
    connected(
        (pipeline, follower),
        reporting,
        door,
        facts,
        (config, stop_signal),
    )
    .await
}

/// Splits off what follows the twin, with the settings that the twin last had in force.
async fn with_follower(
    settings: &Settings,
    opened: Opened,
    door: &Doorkeeper,
    log: LogControl,
) -> (Pipeline, Follower<Applier>) {
    let Opened {
        pipeline,
        package,
        in_force,
    } = opened;
    let applier = Applier {
        in_force,
        labels: pipeline.judge.eyes.classifier.labels().to_vec(),
        package,
        renewed: pipeline.renewed.clone(),
        gate: pipeline.judge.gate.clone(),
        ledger: pipeline.ledger.clone(),
        metrics: pipeline.metrics.clone(),
        door: door.clone(),
        log,
        capacity: pipeline.capacity.clone(),
    };
    let set = settings.shown.iter().filter(|one| one.is_set);
    let following =
        Following::new(settings.behaviour.clone()).with_variables(set.map(|one| one.name));
    let mut follower = Follower::new(following, applier, settings.ledger.clone());
    follower.take_up().await;
    (pipeline, follower)
}

/// What reports say of their origin, and how often they come, as it is in force now.
fn reporting(settings: &Settings, pipeline: &Pipeline) -> Reporting {
    let in_force = Arc::clone(&pipeline.judge.in_force.borrow());
    Reporting {
        software: Software {
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        model: pipeline.model.clone(),
        window: in_force.behaviour.report_interval,
        heartbeat: in_force.behaviour.heartbeat,
        merge_after: settings.merge_after,
    }
}

/// What callers of methods are told of the start.
fn facts(settings: &Settings, pipeline: &Pipeline) -> methods::Facts {
    let classifier = &pipeline.judge.eyes.classifier;
    methods::Facts {
        folder: settings.ledger.clone(),
        ledger: LedgerFacts::of(&pipeline.ledger.lock()),
        model: pipeline.model.clone(),
        labels: classifier.labels().to_vec(),
        preprocessing: classifier.preprocess().to_string(),
        settings: settings.shown.clone(),
        in_force: pipeline.judge.in_force.clone(),
    }
}

/// Starts the tasks around method calls; they end by themselves when the client is closed.
fn answer_calls(calls: Methods, facts: methods::Facts, client: &Client) {
    let failures = SharedFailures::default();
    tokio::spawn(methods::watch(client.status(), failures.clone()));
    let answers = Answers::new(
        facts,
        client.status(),
        client.twin_status(),
        failures,
        client.vitals(),
    );
    tokio::spawn(methods::serve(calls, answers));
}

/// The module behind edgeHub.
async fn connected(
    (pipeline, follower): (Pipeline, Follower<Applier>),
    reporting: Reporting,
    door: Doorkeeper,
    facts: methods::Facts,
    (config, mut stop_signal): (ClientConfig, StopSignal),
) -> anyhow::Result<()> {
    let ledger = pipeline.ledger.clone();
    let in_force = pipeline.judge.in_force.clone();
    let teller = Teller {
        model: pipeline.model.clone(),
        capacity: pipeline.capacity.subscribe(),
        facts: facts.ledger.clone(),
        ledger: ledger.clone(),
    };
    let attempts = Arc::clone(&pipeline.judge.attempts);
    let health = Arc::clone(&pipeline.health);
    let metrics = pipeline.metrics.clone();
    info!(
        identity = config.identity.client_id(),
        gateway = config.gateway_host,
        port = config.port,
        "connecting to edgeHub"
    );
    let Started {
        client,
        deliveries,
        methods: calls,
        desired,
        ..
    } = edge_client::start(config);
    metrics.follow(&client);
    health.set_hub(Hub::Edge(client.status()));
    answer_calls(calls, facts, &client);
    let (stop, stopping) = watch::channel(false);
    let mut reporter = tokio::spawn(reporter::run(
        client.clone(),
        ledger.clone(),
        reporting,
        metrics,
        in_force,
        stopping.clone(),
    ));
    // Both end by themselves, when the client is closed.
    let (told, to_tell) = watch::channel(Told::default());
    let (known, settings_known) = watch::channel(false);
    let mut teller = tokio::spawn(twin::tell(client.clone(), teller, to_tell));
    let mut follower = tokio::spawn(follower.follow(desired, told, known));
    let around = Surroundings {
        deliveries,
        client: client.clone(),
        stop: stopping,
        runtime: Handle::current(),
        settings_known,
    };
    let mut pipeline_end = spawn_pipeline(pipeline, around)?;

    tokio::select! {
        () = stop_signal.received() => {}
        () = door.broken() => bail!(BROKEN_DOOR),
        _ = &mut pipeline_end => bail!("the pipeline ended without being told to"),
        ended = &mut reporter => {
            ended.context("the reporter broke off")?;
            bail!("the reporter ended without being told to");
        }
        Err(failure) = &mut follower => bail!("following the twin broke off: {failure}"),
        Err(failure) = &mut teller => bail!("reporting to the twin broke off: {failure}"),
    }
    info!("stopping: finishing the picture in hand");
    stop.send_replace(true);
    within_last_call(async {
        tokio::join!(
            drain(&client, attempts, pipeline_end, reporter),
            door.close(GRACE)
        );
        flush(&ledger).await;
    })
    .await;
    info!("stopped");
    Ok(())
}

fn unfit(doing: impl Into<String>) -> NeedsAnotherSetup {
    NeedsAnotherSetup(doing.into())
}

/// Starts the pipeline's thread; the receiver ends when the thread does.
fn spawn_pipeline(
    pipeline: Pipeline,
    around: Surroundings,
) -> anyhow::Result<oneshot::Receiver<()>> {
    let (ended, end) = oneshot::channel();
    thread::Builder::new()
        .name("pipeline".to_owned())
        .spawn(move || {
            pipeline.run(around);
            // Nobody listens once the grace is over.
            let _ = ended.send(());
        })
        .context("starting the pipeline thread")?;
    Ok(end)
}

async fn drain(
    client: &Client,
    attempts: Arc<AttemptLog>,
    pipeline_end: oneshot::Receiver<()>,
    reporter: JoinHandle<()>,
) {
    let note = note_the_stop(attempts);
    let left = client.close(GRACE).await;
    if !left.is_clean() {
        warn!(
            unconfirmed_reports = left.unconfirmed_publishes,
            unacknowledged_pictures = left.unacknowledged_deliveries,
            unanswered_calls = left.unanswered_calls,
            unanswered_settings = left.unanswered_reports,
            broke_off = left.broke_off,
            "not everything was settled in time; it is sent or delivered again"
        );
    }
    // An end by panic is reported by the panic itself.
    let _ = pipeline_end.await;
    if let Err(failure) = reporter.await {
        error!(%failure, "the reporter ended badly");
    }
    // It panics with what it does.
    let _ = note.await;
}
