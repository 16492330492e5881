//! Opens everything that needs no network: the ledger, the attempt notes, the model.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context as _, anyhow};
use ledger::{LedgerOptions, ModelInfo};
use tokio::sync::watch;
use tracing::{error, info};
use vision::{Classifier, DecodeLimits, ModelPackage, RuntimeOptions, Scratch};

use super::unfit;
use crate::SharedLedger;
use crate::clock;
use crate::decode_room::DecodeRoom;
use crate::eyes::Eyes;
use crate::health::Health;
use crate::in_force::InForce;
use crate::judge::{Gate, Judge};
use crate::labels::LabelRules;
use crate::metrics::{Identity, Metrics, Way};
use crate::opening;
use crate::pipeline::Pipeline;
use crate::renewed::Renewed;
use crate::settings::{Behaviour, Connection, Layout, Settings};
use crate::volume;
use crate::watchdog::Hands;

/// The kernel's name for this boot; a crash counts only within one.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// What is open.
#[derive(Debug)]
pub(super) struct Opened {
    /// For edgeHub's pictures.
    pub(super) pipeline: Pipeline,
    /// The model, for further sessions.
    pub(super) package: Arc<ModelPackage>,
    /// Changes what is in force.
    pub(super) in_force: watch::Sender<Arc<InForce>>,
}

/// Opens everything that needs no network.
pub(super) async fn open(settings: &Settings, connection: &Connection) -> anyhow::Result<Opened> {
    let boot_id = std::fs::read_to_string(BOOT_ID).with_context(|| format!("reading {BOOT_ID}"))?;
    clock::start(settings.clock, &settings.ledger, boot_id.trim());
    let options = LedgerOptions {
        window: settings.behaviour.report_interval,
        durability: settings.durability,
        stamp_limits: settings.stamp_limits,
        ..LedgerOptions::default()
    };
    let (mut ledger, attempts) = opening::ledger(&settings.ledger, options, boot_id.trim()).await?;
    ledger.set_lot(settings.behaviour.lot.clone());
    ledger.set_camera_names(settings.behaviour.camera_names.clone());
    volume::warn_if_fleeting(&settings.ledger);
    if let Some(aside) = ledger.set_aside() {
        error!(
            file = %aside.path.display(),
            finding = %aside.finding,
            "the ledger was damaged: it is set aside and a new one begins"
        );
    }
    info!(ledger = ledger.id(), folder = %settings.ledger.display(), "ledger open");

    let path = model_path(settings.model.path.as_deref()).context(unfit("finding the model"))?;
    let Loaded {
        package,
        classifier,
        model,
    } = load_model(&path, settings.model.layout, &session(&settings.behaviour))
        .with_context(|| unfit("the model cannot be used"))?;
    let labels = LabelRules::of(classifier.labels(), &settings.behaviour).with_context(|| {
        unfit(format!(
            "the labels in the settings do not fit {}",
            path.display()
        ))
    })?;
    ledger
        .fits(&labels.counted())
        .with_context(|| unfit(format!("the labels of the model {}", path.display())))?;
    info!(
        model = model.name,
        version = model.version,
        sha256 = model.sha256,
        pictures = %package.preprocess(),
        labels = classifier.labels().join(","),
        "model loaded"
    );
    if !labels.is_default() {
        info!("labels count as set: {labels}");
    }
    let ledger = SharedLedger::new(ledger);
    let identity = Identity::new(connection.identity().cloned(), SystemTime::now());
    let metrics = Metrics::new(&identity, &model, &labels.counted(), ledger.clone());
    let labels = Arc::new(labels);
    let (in_force, now_in_force) = watch::channel(Arc::new(InForce {
        behaviour: settings.behaviour.clone(),
        rules: Arc::clone(&labels),
        from_twin: BTreeMap::new(),
    }));
    let judge = Judge {
        eyes: Eyes {
            classifier,
            labels,
            limits: DecodeLimits::default(),
            room: DecodeRoom::default(),
            scratch: Scratch::default(),
            times: metrics.way(Way::EdgeHub).eyes.clone(),
        },
        in_force: now_in_force,
        attempts: Arc::new(attempts),
        gate: Gate::default(),
        hands: Hands::default(),
    };
    Ok(Opened {
        pipeline: Pipeline {
            judge,
            health: Arc::new(Health::new(&model.name)),
            model,
            ledger,
            metrics,
            renewed: Renewed::default(),
            capacity: watch::Sender::default(),
        },
        package: Arc::new(package),
        in_force,
    })
}

/// A model that can be run.
#[derive(Debug)]
pub struct Loaded {
    /// What it was read from; further sessions are opened on it.
    pub package: ModelPackage,
    /// One session.
    pub classifier: Classifier,
    /// What counts are attributed to.
    pub model: ModelInfo,
}

/// Reads a model package and opens its session.
///
/// # Errors
/// When the package or ONNX Runtime is missing or does not fit; says which.
pub fn load_model(path: &Path, layout: Layout, options: &RuntimeOptions) -> anyhow::Result<Loaded> {
    let package = ModelPackage::open(path)
        .with_context(|| format!("reading the model {}", path.display()))?;
    let package = layout.of(package);
    let classifier = Classifier::load(&package, options)
        .with_context(|| format!("loading the model {}", path.display()))?;
    let model = ModelInfo {
        name: package.name().to_owned(),
        version: package.version().to_owned(),
        sha256: package.sha256().to_owned(),
    };
    Ok(Loaded {
        package,
        classifier,
        model,
    })
}

/// How edgeHub's session of the model runs.
pub(super) fn session(behaviour: &Behaviour) -> RuntimeOptions {
    RuntimeOptions {
        threads: behaviour.threads,
        provider: behaviour.provider,
        ..RuntimeOptions::default()
    }
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
