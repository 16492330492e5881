//! The numbers that the module tells of itself, in the text format of Prometheus.
//!
//! One [`Metrics`] for the process, made at the start and handed to where things happen; there is no
//! global. What happens is a value in [`events`], which writes the log line and counts in one go.
//! What only has a state (the connection, the reports that wait, the memory) is looked at when somebody
//! asks for the page (`live`).
//!
//! Names, labels and units are a contract: `docs/metrics.md` has them all, and a test compares. A label
//! never has a value from outside but for who the module is, what the model is, and what its labels
//! count as, of which there are at most [`MOST_LABELS`]. No camera is a label: the reports have those.
//!
//! Counting costs an atomic addition, a time one short lock. Nothing here can fail or wait, but for the
//! page itself.

pub mod events;
mod identity;
mod live;
mod page;
mod ways;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use edge_client::Client;
use ledger::ModelInfo;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::SharedLedger;

pub use identity::Identity;
use live::{Hub, Live};
pub use page::CONTENT_TYPE;
pub use ways::{EyeTimes, InFlight, Way, WayMetrics};

/// The prefix of every name.
pub const PREFIX: &str = "fruit_counter";

/// Labels of the model, or what they count as, that have a number of their own; the rest is `other`.
pub const MOST_LABELS: usize = 64;

/// Upper ends in seconds: from a look at the ledger to a picture that should end the process.
const SECONDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0,
];

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

/// All numbers; clones are the same.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<All>);

#[derive(Debug)]
struct All {
    registry: Registry,
    edgehub: WayMetrics,
    http: WayMetrics,
    commits: Histogram,
    ledger_failures: Counter,
    reports_sealed: Counter,
    reports_sent: Counter,
    responses: Family<[(&'static str, u16); 1], Counter>,
    live: Arc<Live>,
}

impl Metrics {
    /// All zero. `labels` are those that pictures count under.
    #[must_use]
    pub fn new(
        identity: &Identity,
        model: &ModelInfo,
        labels: &[String],
        ledger: SharedLedger,
    ) -> Self {
        let mut registry = Registry::with_prefix_and_labels(PREFIX, identity.labels());
        let about_model = vec![
            ("name", model.name.clone()),
            ("version", model.version.clone()),
            ("sha256", model.sha256.clone()),
        ];
        registry.register("model", "The model in use", Info::new(about_model));
        let about_build = vec![("version", env!("CARGO_PKG_VERSION"))];
        registry.register("build", "This program", Info::new(about_build));
        let started: Gauge<f64, AtomicU64> = Gauge::default();
        started.set(identity.started_at());
        registry.register_with_unit(
            "start_time",
            "When the process started, since 1970",
            Unit::Seconds,
            started,
        );

        let [edgehub, http] = WayMetrics::both(&mut registry, labels);
        let commits = seconds();
        registry.register_with_unit(
            "ledger_commit",
            "Time of a commit to the ledger, without the wait for others",
            Unit::Seconds,
            commits.clone(),
        );
        let ledger_failures = counter(
            &mut registry,
            "ledger_failures",
            "Times that the ledger could not be read or written for a picture",
        );
        let reports_sealed = counter(&mut registry, "reports_sealed", "Reports sealed");
        let reports_sent = counter(
            &mut registry,
            "reports_sent",
            "Reports that edgeHub has confirmed",
        );
        let responses = Family::default();
        registry.register(
            "http_responses",
            "Answers of the HTTP door, by status",
            responses.clone(),
        );
        let live = Arc::new(Live::new(ledger, identity.hub.is_some()));
        registry.register_collector(Box::new(Arc::clone(&live)));
        Metrics(Arc::new(All {
            registry,
            edgehub,
            http,
            commits,
            ledger_failures,
            reports_sealed,
            reports_sent,
            responses,
            live,
        }))
    }

    /// For tests that listen to none of it.
    #[cfg(test)]
    pub(crate) fn unheard(ledger: &SharedLedger) -> Self {
        let identity = Identity::new(None, std::time::SystemTime::UNIX_EPOCH);
        let model = ModelInfo {
            name: "m".into(),
            version: "1".into(),
            sha256: "ab".repeat(32),
        };
        Metrics::new(&identity, &model, &["ripe".to_owned()], ledger.clone())
    }

    /// What pictures that come this way are counted under.
    #[must_use]
    pub fn way(&self, way: Way) -> &WayMetrics {
        match way {
            Way::EdgeHub => &self.0.edgehub,
            Way::Http => &self.0.http,
        }
    }

    /// Pictures can count as these too from now on; beyond [`MOST_LABELS`] since the start they are
    /// `other`.
    pub fn admit(&self, labels: &[String]) {
        for way in [&self.0.edgehub, &self.0.http] {
            way.admit(labels);
        }
    }

    /// From now on the page tells of this connection.
    pub fn follow(&self, client: &Client) {
        self.0.live.follow(Hub::of(client));
    }

    /// An answer of the HTTP door. Its statuses are few, and its own.
    pub(crate) fn responded(&self, status: u16) {
        self.0.responses.get_or_create(&[("code", status)]).inc();
    }
}

fn counter(registry: &mut Registry, name: &str, help: &str) -> Counter {
    let counter = Counter::default();
    registry.register(name, help, counter.clone());
    counter
}

/// Set once, by whoever comes first.
fn set_once<T>(cell: &OnceLock<T>, value: T) {
    if cell.set(value).is_err() {
        tracing::debug!("the metrics know the hub already");
    }
}

#[cfg(test)]
mod tests;
