//! Carries out what the twin sets, one property at a time.
//!
//! Whatever can fail is done first: the labels are held against the model, a new session of the model
//! is opened beside the one in use, the door is bound. Only then everybody sees the new value, all at
//! once (`in_force`); a change that fails leaves all as it was.

use std::sync::Arc;

use ledger::Ledger;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use vision::{Classifier, ModelError, ModelPackage, Provider};

use super::door::Doorkeeper;
use super::open::session;
use crate::capacity::measure;
use crate::in_force::InForce;
use crate::judge::Gate;
use crate::labels::LabelRules;
use crate::logging::LogControl;
use crate::metrics::Metrics;
use crate::renewed::Renewed;
use crate::settings::Behaviour;
use crate::twin::{Apply, Change, Outcome};
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
    pub(super) gate: Gate,
    pub(super) ledger: SharedLedger,
    pub(super) metrics: Metrics,
    pub(super) door: Doorkeeper,
    pub(super) log: LogControl,
    /// Pictures per second of the session in use.
    pub(super) capacity: watch::Sender<Option<f64>>,
}

impl Apply for Applier {
    fn without_http(&mut self) {
        self.in_force.send_modify(|in_force| {
            let in_force = Arc::make_mut(in_force);
            in_force.behaviour.http = false;
            in_force.from_twin.remove("http");
        });
    }

    async fn apply(&mut self, change: Change) -> Outcome {
        let before = Arc::clone(&self.in_force.borrow());
        let (old, new) = (&before.behaviour, &change.behaviour);
        let mut rules = Arc::clone(&before.rules);
        if (&old.labels, &old.label_confidence, old.min_confidence)
            != (&new.labels, &new.label_confidence, new.min_confidence)
        {
            rules = Arc::new(self.rules(new).await?);
        }
        let mut word = None;
        if (old.threads, old.provider) != (new.threads, new.provider) {
            word = self.renew_session(new).await?;
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
        Ok(word)
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

    /// Opens a session as it is set now, for edgeHub's way, and tries how fast it is; the door's workers
    /// open theirs when they see that the provider changed. With no suspect picture beside it: what goes
    /// wrong here must convict none.
    async fn renew_session(&self, new: &Behaviour) -> Outcome {
        let (package, options) = (Arc::clone(&self.package), session(new));
        let gate = self.gate.clone();
        let opened = spawn_blocking(move || {
            let _pass = gate.enter(false);
            let mut session = Classifier::load(&package, &options).map_err(Box::new)?;
            let capacity = measure(&mut session);
            Ok::<_, Box<ModelError>>((session, capacity))
        });
        match opened.await {
            Ok(Ok((session, capacity))) => {
                let is_whole = session.provider_runs_whole_model();
                self.renewed.leave(session);
                self.capacity.send_replace(capacity);
                Ok((!is_whole).then(|| partly(new.provider)))
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

fn partly(provider: Provider) -> String {
    format!("the processor runs what {provider} does not know of this model, perhaps all of it")
}
