//! What has a state and no events to count: looked at when somebody asks for the page.
//!
//! [`Live::look`] takes a snapshot, which can wait for the ledger; writing it down is pure.

use std::fmt;
use std::fs;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use edge_client::{Client, FailureKind, Status, Vitals};
use ledger::Waiting;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use time::OffsetDateTime;
use tokio::sync::watch;
use tracing::debug;

use super::set_once;
use crate::{SharedLedger, error_chain};

/// How long the page waits for the ledger; then it tells what it told last.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where a connection can stand, as the label `state` has it.
const STATES: [&str; 4] = ["connecting", "connected", "held", "closed"];

/// The connection that the page tells of.
#[derive(Debug)]
pub(super) struct Hub {
    status: watch::Receiver<Status>,
    vitals: Arc<Vitals>,
}

impl Hub {
    pub(super) fn of(client: &Client) -> Self {
        Hub {
            status: client.status(),
            vitals: client.vitals(),
        }
    }
}

/// What is looked at.
#[derive(Debug)]
pub(super) struct Live {
    ledger: SharedLedger,
    /// Whether there is a hub, perhaps not known yet.
    is_connected_module: bool,
    hub: OnceLock<Hub>,
    /// One look at a time: a ledger that is held up must not gather threads that wait for it.
    looking: Arc<tokio::sync::Mutex<()>>,
    snapshot: Mutex<Snapshot>,
}

/// What was seen last.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Snapshot {
    /// `None`: it could not be read yet.
    pub(super) waiting: Option<Waiting>,
    /// In seconds; zero where nothing waits.
    pub(super) oldest_age: f64,
    pub(super) hub: Option<HubSnapshot>,
    /// In bytes.
    pub(super) resident: Option<u64>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct HubSnapshot {
    pub(super) state: &'static str,
    pub(super) connected: u64,
    pub(super) ended: [u64; FailureKind::ALL.len()],
    /// In seconds.
    pub(super) token_age: Option<f64>,
}

impl Live {
    pub(super) fn new(ledger: SharedLedger, is_connected_module: bool) -> Self {
        Live {
            ledger,
            is_connected_module,
            hub: OnceLock::new(),
            looking: Arc::default(),
            snapshot: Mutex::default(),
        }
    }

    pub(super) fn follow(&self, hub: Hub) {
        set_once(&self.hub, hub);
    }

    /// Looks at everything; at the ledger for 2 s at most.
    pub(super) async fn look(&self, now: Instant, wall: OffsetDateTime) {
        let read = tokio::time::timeout(PATIENCE, self.waiting()).await;
        let hub = self.hub_snapshot(now);
        let mut snapshot = self.snapshot();
        match read {
            Ok(Some(waiting)) => snapshot.waiting = Some(waiting),
            Ok(None) => {}
            Err(_late) => debug!("the ledger is busy: the page tells of reports what it told last"),
        }
        let oldest = snapshot
            .waiting
            .and_then(|waiting| waiting.oldest_sealed_at);
        // A clock that was set back makes no age negative.
        snapshot.oldest_age =
            oldest.map_or(0.0, |sealed| (wall - sealed).as_seconds_f64().max(0.0));
        snapshot.hub = hub;
        snapshot.resident = fs::read_to_string("/proc/self/status")
            .ok()
            .and_then(|status| resident(&status));
    }

    async fn waiting(&self) -> Option<Waiting> {
        let looking = Arc::clone(&self.looking).lock_owned().await;
        let read = self
            .ledger
            .blocking(move |ledger| {
                let waiting = ledger.waiting();
                drop(looking);
                waiting
            })
            .await;
        read.inspect_err(|error| {
            let why = error_chain(error);
            debug!(why, "the reports that wait cannot be counted");
        })
        .ok()
    }

    fn hub_snapshot(&self, now: Instant) -> Option<HubSnapshot> {
        let Some(Hub { status, vitals }) = self.hub.get() else {
            return self.is_connected_module.then_some(HubSnapshot {
                state: "connecting",
                connected: 0,
                ended: [0; FailureKind::ALL.len()],
                token_age: None,
            });
        };
        let state = match &*status.borrow() {
            Status::Connecting { .. } => "connecting",
            Status::Connected { .. } => "connected",
            Status::Held => "held",
            Status::Closed => "closed",
        };
        Some(HubSnapshot {
            state,
            connected: vitals.connected(),
            ended: FailureKind::ALL.map(|kind| vitals.ended(kind)),
            token_age: vitals.token_age(now).map(|age| age.as_secs_f64()),
        })
    }

    #[cfg(test)]
    pub(super) fn set(&self, snapshot: Snapshot) {
        *self.snapshot() = snapshot;
    }

    fn snapshot(&self) -> MutexGuard<'_, Snapshot> {
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The resident memory, out of what proc(5) has.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

impl Collector for Live {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let snapshot = self.snapshot().clone();
        write(&snapshot, &mut encoder)
    }
}

fn write(snapshot: &Snapshot, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    if let Some(waiting) = &snapshot.waiting {
        let help = "Sealed reports that edgeHub has not confirmed";
        gauge(encoder, "reports_waiting", help, None, &waiting.reports)?;
        gauge(
            encoder,
            "reports_oldest_waiting_age",
            "How long ago the oldest report that waits was sealed, 0 without one",
            Some(&Unit::Seconds),
            &snapshot.oldest_age,
        )?;
    }
    if let Some(resident) = snapshot.resident {
        gauge(
            encoder,
            "resident_memory",
            "Memory that the process has in use",
            Some(&Unit::Bytes),
            &resident,
        )?;
    }
    let Some(hub) = &snapshot.hub else {
        return Ok(());
    };
    let mut states = encoder.encode_descriptor(
        "hub_connection",
        "Where the connection to edgeHub stands: 1 for that state, 0 for the others",
        None,
        MetricType::Gauge,
    )?;
    for state in STATES {
        let is_it = ConstGauge::new(i64::from(state == hub.state));
        is_it.encode(states.encode_family(&[("state", state)])?)?;
    }
    let connections = encoder.encode_descriptor(
        "hub_connections",
        "How often edgeHub accepted the connection",
        None,
        MetricType::Counter,
    )?;
    ConstCounter::new(hub.connected).encode(connections)?;
    let mut reconnects = encoder.encode_descriptor(
        "hub_reconnects",
        "Attempts and connections that ended, by cause",
        None,
        MetricType::Counter,
    )?;
    for (kind, ended) in FailureKind::ALL.into_iter().zip(hub.ended) {
        let cause = [("cause", kind.as_str())];
        ConstCounter::new(ended).encode(reconnects.encode_family(&cause)?)?;
    }
    if let Some(age) = hub.token_age {
        let help = "Age of the token that the connection was made with";
        gauge(encoder, "hub_token_age", help, Some(&Unit::Seconds), &age)?;
    }
    Ok(())
}

fn gauge<V>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    value: &V,
) -> Result<(), fmt::Error>
where
    V: prometheus_client::encoding::EncodeGaugeValue,
{
    encoder
        .encode_descriptor(name, help, unit, MetricType::Gauge)?
        .encode_gauge(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_memory_is_found() {
        let status = "Name:\tfruit-counter\nVmPeak:\t  900 kB\nVmRSS:\t  12 kB\n";
        assert_eq!(resident(status), Some(12 * 1024));
        assert_eq!(resident("Name:\tkthreadd\n"), None);
    }
}
