//! The hub's process: the core, its two clocks, and what a restart keeps (its store) and
//! loses (everything else).

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use devhub::clock::Now;
use devhub::hub::{Counters, Hub, Pubacks, Settings};
use devhub::identities::{Hosts, Identities, Wanted};
use devhub::identity::{IdentityId, SharedKey};
use devhub::routing::Routing;
use devhub::store::StoreError;
use serde_json::Value;

use crate::agenda::Instant;
use crate::camera;
use crate::kept_store::KeptStore;

/// Wall time at which the world begins, in Unix seconds.
const START: u64 = 1_800_000_000;
/// How many cameras have an identity.
pub(crate) const CAMERAS: usize = 3;
pub(crate) const HUB_HOST: &str = "hub.test";
pub(crate) const EDGE_DEVICE: &str = "edge";
pub(crate) const MODULE: &str = "counter";

/// The hub and its surroundings.
pub(crate) struct EdgeHub {
    hub: Option<Hub>,
    routing: Routing,
    settings: Settings,
    pub(crate) store: KeptStore,
    /// Number of its process.
    pub(crate) generation: u32,
    started: Instant,
    /// By how many seconds its wall clock is wrong.
    pub(crate) clock_error: i64,
    /// Whether the deployment that names the module has arrived.
    pub(crate) knows_module: bool,
    /// Its queues have taken nothing for a while, on demand.
    pub(crate) was_full: bool,
}

impl EdgeHub {
    pub(crate) fn new(routing: Routing, settings: Settings) -> Self {
        EdgeHub {
            hub: None,
            routing,
            settings,
            store: KeptStore::default(),
            generation: 0,
            started: Instant::ZERO,
            clock_error: 0,
            knows_module: true,
            was_full: false,
        }
    }

    /// Starts a process over the store, if none runs.
    pub(crate) fn start(&mut self, now: Instant) -> Result<(), StoreError> {
        if self.hub.is_some() {
            return Ok(());
        }
        self.generation += 1;
        self.started = now;
        self.was_full = false;
        let identities = if self.knows_module {
            identities()
        } else {
            identities_without_module()
        };
        self.hub = Some(Hub::new(
            self.settings.clone(),
            identities.clone(),
            self.routing.clone(),
            Box::new(self.store.clone()),
            &[].into(),
            self.clocks(now),
        )?);
        Ok(())
    }

    /// The process is gone; gives what it had counted.
    pub(crate) fn die(&mut self) -> Option<Counters> {
        self.hub.take().map(|hub| hub.counters().clone())
    }

    /// The running core and what its clocks show.
    pub(crate) fn at(&mut self, now: Instant) -> Option<(&mut Hub, Now)> {
        let clocks = self.clocks(now);
        self.hub.as_mut().map(|hub| (hub, clocks))
    }

    pub(crate) fn is_running(&self) -> bool {
        self.hub.is_some()
    }

    pub(crate) fn counters(&self) -> Option<&Counters> {
        self.hub.as_ref().map(Hub::counters)
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        Some(self.started + self.hub.as_ref()?.next_deadline()?)
    }

    /// Whether it withholds the PUBACK of what it reads now.
    pub(crate) fn withholds_pubacks(&self) -> bool {
        let hub = self.hub.as_ref();
        hub.is_some_and(|hub| hub.faults().pubacks == Pubacks::Withheld)
    }

    /// The module's twin, as an answer to its question would tell it.
    pub(crate) fn twin(&self) -> Option<Value> {
        Some(self.hub.as_ref()?.twin(&module_id())?.document())
    }

    /// From its next start on there is room for one client, or for everyone.
    pub(crate) fn crowd(&mut self, crowded: bool) {
        let everyone = Settings::default().max_clients;
        self.settings.max_clients = if crowded { 1 } else { everyone };
    }

    pub(crate) fn is_crowded(&self) -> bool {
        self.settings.max_clients == 1
    }

    pub(crate) fn ack_timeout(&self) -> Duration {
        self.settings.ack_timeout
    }

    /// What its wall clock shows.
    pub(crate) fn wall(&self, now: Instant) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(unix(now, self.clock_error)) + subsecond(now)
    }

    fn clocks(&self, now: Instant) -> Now {
        Now {
            elapsed: now.saturating_sub(self.started),
            wall: self.wall(now),
        }
    }
}

/// Unix seconds on a clock that is wrong by `error` seconds.
pub(crate) fn unix(now: Instant, error: i64) -> u64 {
    START
        .saturating_add(now.as_secs())
        .saturating_add_signed(error)
}

fn subsecond(now: Instant) -> Duration {
    Duration::from_nanos(u64::from(now.subsec_nanos()))
}

/// The key that an identity signs its tokens with, base64.
pub(crate) fn key(id: &IdentityId) -> String {
    let identity = identities().identity(id).expect("a known identity");
    identity.primary.to_base64()
}

pub(crate) fn module_id() -> IdentityId {
    IdentityId::module(EDGE_DEVICE, MODULE)
}

/// Made once: keys come from the system's randomness, and nothing depends on them.
fn identities() -> &'static Identities {
    static KNOWN: OnceLock<Identities> = OnceLock::new();
    KNOWN.get_or_init(|| generate(&[MODULE]))
}

fn identities_without_module() -> &'static Identities {
    static KNOWN: OnceLock<Identities> = OnceLock::new();
    KNOWN.get_or_init(|| generate(&[]))
}

fn generate(modules: &[&str]) -> Identities {
    let hosts = Hosts {
        hub: HUB_HOST.into(),
        gateway: "localhost".into(),
        edge_device: EDGE_DEVICE.into(),
    };
    // Given, so that both sets of identities have the same.
    let key = SharedKey::from_base64("Y2FtZXJhcw==").expect("a key");
    let wanted = Wanted {
        devices: (0..CAMERAS)
            .map(|number| (camera::device(number), Some(key.clone())))
            .collect(),
        modules: modules.iter().map(|name| (*name).to_owned()).collect(),
    };
    Identities::generate(hosts, &wanted, "1").expect("valid ids")
}
