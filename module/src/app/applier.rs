//! Carries out what the twin sets, one property at a time.
//!
//! Whatever can fail is done first: the labels are held against the model, a new session of the model
//! is opened beside the one in use, the door is bound. Only then everybody sees the new value, all at
//! once (`in_force`); a change that fails leaves all as it was.

use std::sync::Arc;

use ledger::Ledger;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use vision::{Classifier, ModelPackage};

use super::door::Doorkeeper;
use super::open::session;
use crate::capacity::measure;
use crate::in_force::InForce;
use crate::labels::LabelRules;
use crate::logging::LogControl;
use crate::metrics::Metrics;
use crate::renewed::Renewed;
use crate::settings::Behaviour;
use crate::twin::{Apply, Change};
use crate::{SharedLedger, error_chain};

/// Holds what a change has to reach.
#[derive(Debug)]
pub(super) struct Applier {
    pub(super) in_force: watch::Sender<Arc<InForce>>,
    pub(super) package: Arc<ModelPackage>,
    /// The labels of that model.
    pub(super) labels: Vec<String>,
    /// Where edgeHub's way takes new sessions from.
    pub(super) renewed: Renewed,
    pub(super) ledger: SharedLedger,
    pub(super) metrics: Metrics,
    pub(super) door: Doorkeeper,
    pub(super) log: LogControl,
    /// Pictures per second of the session in use.
    pub(super) capacity: watch::Sender<Option<f64>>,
}

impl Apply for Applier {
    async fn apply(&mut self, change: Change) -> Result<(), String> {
        let before = Arc::clone(&self.in_force.borrow());
        let (old, new) = (&before.behaviour, &change.behaviour);
        let mut rules = Arc::clone(&before.rules);
        if (&old.labels, &old.label_confidence, old.min_confidence)
            != (&new.labels, &new.label_confidence, new.min_confidence)
        {
            rules = Arc::new(self.rules(new).await?);
        }
        if (old.threads, old.provider) != (new.threads, new.provider) {
            self.renew_session(new).await?;
        }
        if old.report_interval != new.report_interval {
            let window = new.report_interval;
            self.on_the_ledger(move |ledger| ledger.set_window(window))
                .await?;
        }
        if old.lot != new.lot {
            let lot = new.lot.clone();
            self.on_the_ledger(move |ledger| {
                ledger.set_lot(lot);
                Ok(())
            })
            .await?;
        }
        if old.camera_names != new.camera_names {
            let names = new.camera_names.clone();
            self.on_the_ledger(move |ledger| {
                ledger.set_camera_names(names);
                Ok(())
            })
            .await?;
        }
        if old.http != new.http {
            self.door.set(new.http).await?;
        }
        if old.log != new.log {
            self.log.set_level(new.log);
        }
        self.metrics.admit(&rules.counted());
        self.in_force.send_replace(Arc::new(InForce {
            behaviour: change.behaviour,
            rules,
            from_twin: change.taken,
        }));
        Ok(())
    }
}

impl Applier {
    /// The rules for these labels, if model and ledger take them.
    async fn rules(&self, new: &Behaviour) -> Result<LabelRules, String> {
        let rules = LabelRules::of(&self.labels, new).map_err(|error| error.to_string())?;
        let counted = rules.counted();
        self.on_the_ledger(move |ledger| ledger.fits(&counted))
            .await?;
        Ok(rules)
    }

    /// Opens a session as it is set now, for edgeHub's way; the door's workers open theirs when they
    /// see that it changed.
    async fn renew_session(&self, new: &Behaviour) -> Result<(), String> {
        let (package, options) = (Arc::clone(&self.package), session(new));
        let load = move || Classifier::load(&package, &options).map_err(Box::new);
        match spawn_blocking(load.clone()).await {
            Ok(Ok(session)) => {
                self.renewed.leave(session);
                // The trial takes its time, and has a session of its own for it.
                let capacity = self.capacity.clone();
                spawn_blocking(move || {
                    if let Ok(mut session) = load() {
                        capacity.send_replace(measure(&mut session));
                    }
                });
                Ok(())
            }
            Ok(Err(error)) => Err(error_chain(&*error)),
            Err(failure) => std::panic::resume_unwind(failure.into_panic()),
        }
    }

    async fn on_the_ledger(
        &self,
        work: impl FnOnce(&mut Ledger) -> Result<(), ledger::LedgerError> + Send + 'static,
    ) -> Result<(), String> {
        let done = self.ledger.blocking(work).await;
        done.map_err(|error| error_chain(&error))
    }
}
