//! Is the module ready, and if not, why.
//!
//! One value that the rooms tell how they are and that every door asks; what comes of it is decided
//! in `readiness`, pure.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use edge_client::Status;
use serde::Serialize;
use tokio::sync::watch;

/// What the rooms say of themselves; shared.
#[derive(Debug)]
pub struct Health {
    model: String,
    hub: OnceLock<Hub>,
    /// Whether the HTTP door's last write went well; `None` while there is no such door.
    door_writes: Mutex<Option<watch::Receiver<bool>>>,
    pipeline_holds: AtomicBool,
}

/// Whether there is a hub to be connected to.
#[derive(Debug)]
pub(crate) enum Hub {
    Standalone,
    Edge(watch::Receiver<Status>),
}

/// What `/readyz` says.
#[derive(Debug, Serialize)]
pub(crate) struct Readiness {
    pub(crate) ready: bool,
    /// Why not; empty when it is.
    pub(crate) reasons: Vec<&'static str>,
    pub(crate) model: String,
    pub(crate) ledger: &'static str,
    pub(crate) hub: &'static str,
    pub(crate) version: &'static str,
}

impl Health {
    /// Of a module that has its ledger and this model, and knows of no hub yet.
    #[must_use]
    pub fn new(model: &str) -> Self {
        Health {
            model: model.to_owned(),
            hub: OnceLock::new(),
            door_writes: Mutex::default(),
            pipeline_holds: AtomicBool::new(false),
        }
    }

    pub(crate) fn set_hub(&self, hub: Hub) {
        if self.hub.set(hub).is_err() {
            tracing::debug!("the hub is known already");
        }
    }

    /// There is an HTTP door, and whether it can write is known there; `None`: there is none any more.
    pub(crate) fn set_door(&self, writes: Option<watch::Receiver<bool>>) {
        *self.door() = writes;
    }

    fn door(&self) -> MutexGuard<'_, Option<watch::Receiver<bool>>> {
        self.door_writes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The pipeline holds its connection closed until the ledger takes a probe write, or has ended
    /// that.
    pub(crate) fn set_pipeline_holds(&self, holds: bool) {
        self.pipeline_holds.store(holds, Ordering::SeqCst);
    }

    /// How it is now.
    pub(crate) fn readiness(&self) -> Readiness {
        let hub = match self.hub.get() {
            Some(Hub::Standalone) => ("standalone", true),
            Some(Hub::Edge(status)) if status.borrow().is_connected() => ("connected", true),
            Some(Hub::Edge(_)) | None => ("not connected", false),
        };
        let door_writes = self.door().as_ref().is_none_or(|writes| *writes.borrow());
        let writable = door_writes && !self.pipeline_holds.load(Ordering::SeqCst);
        readiness(self.model.clone(), hub, writable)
    }
}

fn readiness(model: String, (hub, connected): (&'static str, bool), writable: bool) -> Readiness {
    let mut reasons = Vec::new();
    if !writable {
        reasons.push("the ledger cannot be written");
    }
    if !connected {
        reasons.push("edgeHub is not connected");
    }
    Readiness {
        ready: reasons.is_empty(),
        reasons,
        model,
        ledger: if writable { "writable" } else { "failing" },
        hub,
        version: env!("CARGO_PKG_VERSION"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_told() {
        let both = readiness("m".into(), ("not connected", false), false);
        assert!(!both.ready);
        assert_eq!(both.reasons.len(), 2, "{both:?}");
        let alone = readiness("m".into(), ("standalone", true), true);
        assert!(alone.ready && alone.reasons.is_empty(), "{alone:?}");
    }

    #[test]
    fn a_ledger_that_fails_either_way_is_a_reason() {
        let health = Health::new("m");
        health.set_hub(Hub::Standalone);
        assert!(health.readiness().ready, "without an HTTP door, too");
        health.set_pipeline_holds(true);
        assert_eq!(health.readiness().ledger, "failing");
        health.set_pipeline_holds(false);
        let (door, writes) = watch::channel(true);
        health.set_door(Some(writes));
        assert!(health.readiness().ready);
        door.send_replace(false);
        assert_eq!(health.readiness().ledger, "failing");
    }
}
