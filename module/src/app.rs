//! Assembles the module, waits for the end, and stops it in order.
//!
//! Life: open the ledger (waiting for a disk that is full or cannot be written) and the
//! model (a mistake there ends the start with a sentence), learn from the workload API
//! how to reach edgeHub (retried until it answers), start the client, the pipeline
//! thread and the reporter, then wait for SIGTERM or SIGINT. Stopping: the picture in hand is finished and acknowledged,
//! the client says DISCONNECT, and what the grace does not cover is abandoned
//! unacknowledged, which loses nothing. A pipeline that ends on its own is an
//! error: the process exits non-zero so that the runtime restarts it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use edge_client::{Client, ClientConfig, Started};
use ledger::{AttemptLog, LedgerOptions, ModelInfo, Software};
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{error, info, warn};
use vision::{Classifier, DecodeLimits, ModelPackage, RuntimeOptions};

use crate::SharedLedger;
use crate::clock;
use crate::opening;
use crate::pipeline::{Eyes, Pipeline, Surroundings};
use crate::reported::{self, LedgerFacts, Reported};
use crate::reporter::{self, Reporting};
use crate::settings::{Connection, Settings};
use crate::volume;

/// What the client calls itself in its CONNECT.
const PRODUCT: &str = concat!("fruit-counter/", env!("CARGO_PKG_VERSION"));

/// The kernel's name for this boot; a crash counts only within one.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// How long the picture in hand and the last acknowledgements may take after
/// SIGTERM; saying DISCONNECT may take a second more.
const GRACE: Duration = Duration::from_secs(5);

/// After so long the process ends whatever is left. Docker kills after 10 s; the
/// promise is 8 s.
const LAST_CALL: Duration = Duration::from_secs(7);

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
/// read, or the pipeline ends without being told to. Where only another deployment
/// helps, `downcast_ref` finds [`NeedsAnotherSetup`].
pub async fn run(settings: Settings, connection: Connection) -> anyhow::Result<()> {
    let mut stop_signal = StopSignal::listen()?;
    let pipeline = tokio::select! {
        pipeline = open(&settings) => pipeline?,
        () = stop_signal.received() => {
            info!("stopped before the ledger was open");
            return Ok(());
        }
    };
    let ledger = pipeline.ledger.clone();
    let reported = Reported {
        ledger: LedgerFacts::of(&ledger.lock()),
    };
    let attempts = Arc::clone(&pipeline.attempts);

    let config = tokio::select! {
        config = client_config(&settings, &connection) => config?,
        () = stop_signal.received() => {
            info!("stopped before the connection was set up");
            return Ok(());
        }
    };
    info!(
        identity = config.identity.client_id(),
        gateway = config.gateway_host,
        port = config.port,
        "connecting to edgeHub"
    );
    // Nothing is set or called from outside yet: method calls are answered by the client
    // itself, and the desired properties are left alone.
    let Started {
        client, deliveries, ..
    } = edge_client::start(config);
    let (stop, stopping) = watch::channel(false);
    let reporting = Reporting {
        software: Software {
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        model: pipeline.model.clone(),
        window: settings.report_interval,
        heartbeat: settings.heartbeat,
        merge_after: settings.merge_after,
    };
    let mut reporter = tokio::spawn(reporter::run(
        client.clone(),
        ledger,
        reporting,
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
        _ = &mut pipeline_end => bail!("the pipeline ended without being told to"),
        ended = &mut reporter => {
            ended.context("the reporter broke off")?;
            bail!("the reporter ended without being told to");
        }
    }
    info!("stopping: finishing the picture in hand");
    let last_call = Instant::now() + LAST_CALL;
    stop.send_replace(true);
    let rest = drain(&client, attempts, pipeline_end, reporter);
    if tokio::time::timeout_at(last_call, rest).await.is_err() {
        warn!("a picture was still being worked on; it was not acknowledged");
    }
    info!("stopped");
    Ok(())
}

/// Opens everything that needs no network.
async fn open(settings: &Settings) -> anyhow::Result<Pipeline> {
    let boot_id = std::fs::read_to_string(BOOT_ID).with_context(|| format!("reading {BOOT_ID}"))?;
    clock::start(settings.clock, &settings.ledger, boot_id.trim());
    let options = LedgerOptions {
        window: settings.report_interval,
        durability: settings.durability,
        stamp_limits: settings.stamp_limits,
        ..LedgerOptions::default()
    };
    let (ledger, attempts) = opening::ledger(&settings.ledger, options, boot_id.trim()).await?;
    volume::warn_if_fleeting(&settings.ledger);
    if let Some(aside) = ledger.set_aside() {
        error!(
            file = %aside.path.display(),
            finding = %aside.finding,
            "the ledger was damaged: it is set aside and a new one begins"
        );
    }
    info!(ledger = ledger.id(), folder = %settings.ledger.display(), "ledger open");

    let path = model_path(settings.model.as_deref()).context(unfit("finding the model"))?;
    let (classifier, model) =
        load_model(&path, settings.threads).with_context(|| unfit("the model cannot be used"))?;
    ledger
        .fits(classifier.labels())
        .with_context(|| unfit(format!("the labels of the model {}", path.display())))?;
    info!(
        model = model.name,
        sha256 = model.sha256,
        labels = classifier.labels().join(","),
        "model loaded"
    );
    Ok(Pipeline {
        eyes: Eyes {
            classifier,
            min_confidence: settings.min_confidence,
            limits: DecodeLimits::default(),
        },
        model,
        ledger: SharedLedger::new(ledger),
        attempts: Arc::new(attempts),
    })
}

fn unfit(doing: impl Into<String>) -> NeedsAnotherSetup {
    NeedsAnotherSetup(doing.into())
}

/// Reads a model package and opens its session.
///
/// # Errors
/// When the package or ONNX Runtime is missing or does not fit; says which.
pub fn load_model(path: &Path, threads: usize) -> anyhow::Result<(Classifier, ModelInfo)> {
    let package = ModelPackage::open(path)
        .with_context(|| format!("reading the model {}", path.display()))?;
    let options = RuntimeOptions {
        threads,
        ..RuntimeOptions::default()
    };
    let classifier = Classifier::load(&package, &options)
        .with_context(|| format!("loading the model {}", path.display()))?;
    let model = ModelInfo {
        name: package.name().to_owned(),
        version: package.version().to_owned(),
        sha256: package.sha256().to_owned(),
    };
    Ok((classifier, model))
}

/// The model folder: as set, else beside the program (the image), else in the
/// working folder (a clone of the repository).
///
/// # Errors
/// When none is set and none of the usual places has a `model.onnx`.
pub fn model_path(set: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(path) = set {
        return Ok(path.to_owned());
    }
    let beside_program = std::env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.parent()?.join("model")));
    let places: Vec<PathBuf> = beside_program
        .into_iter()
        .chain([PathBuf::from("model")])
        .collect();
    places
        .iter()
        .find(|place| place.join("model.onnx").is_file())
        .cloned()
        .ok_or_else(|| {
            anyhow!(
                "no model: FRUIT_COUNTER_MODEL is not set and there is no model.onnx in {}",
                places
                    .iter()
                    .map(|p| p.display().to_string())
                    .collect::<Vec<_>>()
                    .join(" or ")
            )
        })
}

/// Asks the workload API until it answers: at boot the module can be up first.
async fn client_config(
    settings: &Settings,
    connection: &Connection,
) -> anyhow::Result<ClientConfig> {
    let mut config = match connection {
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
    let note = tokio::task::spawn_blocking(move || attempts.stopping());
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
    if let Ok(Err(error)) = note.await {
        warn!(
            why = crate::error_chain(&error),
            "the stop could not be noted beside the ledger"
        );
    }
}

/// SIGTERM from the runtime or SIGINT from a terminal.
struct StopSignal {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl StopSignal {
    fn listen() -> anyhow::Result<Self> {
        Ok(StopSignal {
            terminate: signal(SignalKind::terminate()).context("listening for SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("listening for SIGINT")?,
        })
    }

    async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
