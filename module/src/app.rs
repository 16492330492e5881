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
use tracing::{info, warn};

use crate::health::Hub;
use crate::methods::{self, Answers, SharedHistory};
use crate::pipeline::{Pipeline, Surroundings};
use crate::reported::{self, LedgerFacts, Reported};
use crate::reporter::{self, Reporting};
use crate::settings::{Connection, Settings};
use crate::watchdog;
use door::MaybeDoor;
use stop::{StopSignal, flush, note_the_stop, shut_door, within_last_call};

pub use open::{Loaded, load_model, model_path};

/// What the client calls itself in its CONNECT.
const PRODUCT: &str = concat!("fruit-counter/", env!("CARGO_PKG_VERSION"));

/// How long the picture in hand and the last acknowledgements may take after
/// SIGTERM; saying DISCONNECT may take a second more.
const GRACE: Duration = Duration::from_secs(5);

const BROKEN_DOOR: &str = "the HTTP door broke; only a new start can mend it";

/// First and longest pause between attempts to reach the workload API at start.
const WORKLOAD_PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// What the start found that starting again does not mend: somebody must change the
/// deployment. Found among an error's contexts, see [`run`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NeedsAnotherSetup(pub(crate) String);

/// Runs the module until it is told to stop.
///
/// # Errors
/// When the ledger or the model cannot be opened, the development roots cannot be
/// read, or the pipeline ends without being told to. Without a hub also when HTTP cannot be
/// served. Where only another deployment helps, `downcast_ref` finds [`NeedsAnotherSetup`].
pub async fn run(settings: Settings, connection: Connection) -> anyhow::Result<()> {
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
    let mut door = door::open(&settings, &connection, &opened).await?;
    let reporting = Reporting {
        software: Software {
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        model: opened.pipeline.model.clone(),
        window: settings.report_interval,
        heartbeat: settings.heartbeat,
        merge_after: settings.merge_after,
    };
    if matches!(connection, Connection::Standalone) {
        return standalone::run(opened.pipeline, reporting, door, stop_signal).await;
    }
    // The workload API can be long in coming; pictures by HTTP are counted meanwhile.
    let ledger = opened.pipeline.ledger.clone();
    let metrics = opened.pipeline.metrics.clone();
    let config = tokio::select! {
        config = client_config(&settings, &connection) => config?,
        () = door.broken() => bail!(BROKEN_DOOR),
        () = reporter::seal_only(ledger, reporting.clone(), metrics) => bail!("sealing ended on its own"),
        () = stop_signal.received() => {
            info!("stopped before the connection was set up");
            let note = note_the_stop(Arc::clone(&opened.pipeline.judge.attempts));
            let nothing_to_wait_for = std::future::ready(());
            shut_door(door, nothing_to_wait_for, &opened.pipeline.ledger, note).await;
            return Ok(());
        }
    };
    let facts = facts(&settings, &opened.pipeline);
    connected(
        opened.pipeline,
        reporting,
        door,
        facts,
        (config, stop_signal),
    )
    .await
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
    }
}

/// Starts the tasks around method calls; they end by themselves when the client is closed.
fn answer_calls(calls: Methods, facts: methods::Facts, client: &Client) {
    let history = SharedHistory::default();
    tokio::spawn(methods::watch(client.status(), history.clone()));
    let answers = Answers::new(facts, client.status(), client.twin_status(), history);
    tokio::spawn(methods::serve(calls, answers));
}

/// The module behind edgeHub.
async fn connected(
    pipeline: Pipeline,
    reporting: Reporting,
    mut door: MaybeDoor,
    facts: methods::Facts,
    (config, mut stop_signal): (ClientConfig, StopSignal),
) -> anyhow::Result<()> {
    let ledger = pipeline.ledger.clone();
    let reported = Reported {
        ledger: facts.ledger.clone(),
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
    // Nothing is set from outside yet: the desired properties are left alone.
    let Started {
        client,
        deliveries,
        methods: calls,
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
        stopping.clone(),
    ));
    // Ends by itself: when the hub has confirmed, or when the client is closed.
    tokio::spawn(reported::tell(client.clone(), reported));
    let around = Surroundings {
        deliveries,
        client: client.clone(),
        stop: stopping,
        runtime: Handle::current(),
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

/// Asks the workload API until it answers: at boot the module can be up first.
async fn client_config(
    settings: &Settings,
    connection: &Connection,
) -> anyhow::Result<ClientConfig> {
    let mut config = match connection {
        Connection::Standalone => bail!("there is no edgeHub to connect to"),
        Connection::Development {
            connection_string,
            ca_file,
        } => {
            let doing = || {
                unfit(format!(
                    "reading EdgeModuleCACertificateFile {}",
                    ca_file.display()
                ))
            };
            let roots = std::fs::read(ca_file).with_context(doing)?;
            ClientConfig::from_connection_string(connection_string, &roots, PRODUCT)
                .with_context(doing)?
        }
        Connection::Edge(environment) => {
            let mut pause = WORKLOAD_PAUSES.0;
            loop {
                match ClientConfig::from_edge_environment(environment, PRODUCT).await {
                    Ok(config) => break config,
                    Err(error) if !error.is_retryable() => {
                        return Err(error).context("setting up the connection to edgeHub");
                    }
                    Err(error) => {
                        let why = crate::error_chain(&error);
                        warn!(
                            why,
                            pause_s = pause.as_secs(),
                            "the connection cannot be set up yet"
                        );
                    }
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(WORKLOAD_PAUSES.1);
            }
        }
    };
    config.port = settings.edgehub_port;
    config.tls12_only = settings.tls12_only;
    config.receives_inputs = true;
    Ok(config)
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
        warn!(%failure, "the reporter ended badly");
    }
    // It panics with what it does.
    let _ = note.await;
}
