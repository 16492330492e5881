//! From a request to an answer: who is asked, for how long, and how many at once.
//!
//! The ledger is read on a thread for blocking work, through a reader of its own that no writer waits
//! for. One question at a time, so that questions take one core and one disk's attention at most; who
//! waits too long is told so.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use edge_client::{ANSWER_LIMIT, Status, TwinStatus, Vitals};
use ledger::{LedgerReader, ModelInfo};
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};

use super::diagnostics::{
    self, ClockPage, Diagnostics, LedgerPage, ModelPage, ModulePage, SettingPage,
};
use super::hub::{HubPage, SharedFailures};
use super::refusal::Refusal;
use super::request::Request;
use super::{counts, process, reports};
use crate::clock;
use crate::in_force::NowInForce;
use crate::logging;
use crate::settings::ShownSetting;
use crate::twin::LedgerFacts;

/// How long the ledger is waited for. A caller waits 30 s unless told otherwise.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What does not change while the module runs.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The folder of the ledger.
    pub folder: PathBuf,
    /// The ledger that was opened there.
    pub ledger: LedgerFacts,
    /// The model in use.
    pub model: ModelInfo,
    /// Its labels.
    pub labels: Vec<String>,
    /// How pictures are laid out for it.
    pub preprocessing: String,
    /// The settings of this run, as the environment has them.
    pub settings: Vec<ShownSetting>,
    /// What is in force of them now.
    pub in_force: NowInForce,
}

/// Answers calls.
#[derive(Debug)]
pub struct Answers {
    facts: Facts,
    hub: watch::Receiver<Status>,
    twin: watch::Receiver<TwinStatus>,
    failures: SharedFailures,
    vitals: Arc<Vitals>,
    began: Instant,
    /// One question to the ledger at a time.
    gate: Arc<Semaphore>,
}

/// What a call is answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// As in HTTP: 200 for an answer.
    pub status: i32,
    /// The answer, or `{"error":{"code":…,"message":…}}`.
    pub payload: Value,
}

/// The answer to `ping`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Pong {
    /// Version of the module.
    module: &'static str,
    /// The wall clock of the box.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, schemars(with = "String", extend("format" = "date-time")))]
    time: OffsetDateTime,
    /// Id of the ledger.
    ledger: String,
}

/// Whether anybody still waits for an answer.
#[derive(Debug, Default)]
pub(super) struct Patience(Arc<AtomicBool>);

/// Ends the patience when the asker is gone.
pub(super) struct Asker(Arc<AtomicBool>);

impl Drop for Asker {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Patience {
    pub(super) fn with_asker() -> (Self, Asker) {
        let patience = Patience::default();
        let asker = Asker(Arc::clone(&patience.0));
        (patience, asker)
    }

    /// # Errors
    /// `TooSlow` when nobody waits any more.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.0.load(Ordering::Relaxed) {
            return Err(too_slow());
        }
        Ok(())
    }
}

fn too_slow() -> Refusal {
    Refusal::TooSlow(PATIENCE.as_secs())
}

impl Answers {
    /// Begins to answer; the uptime counts from here.
    #[must_use]
    pub fn new(
        facts: Facts,
        hub: watch::Receiver<Status>,
        twin: watch::Receiver<TwinStatus>,
        failures: SharedFailures,
        vitals: Arc<Vitals>,
    ) -> Self {
        Answers {
            facts,
            hub,
            twin,
            failures,
            vitals,
            began: Instant::now(),
            gate: Arc::new(Semaphore::new(1)),
        }
    }

    /// Answers one call, after 20 s at the latest.
    pub async fn reply(&self, name: &str, payload: &Value) -> Reply {
        match self.answer(name, payload).await.and_then(fitting) {
            Ok(payload) => Reply {
                status: 200,
                payload,
            },
            Err(refusal) => Reply {
                status: refusal.status(),
                payload: serde_json::to_value(refusal.answer()).unwrap_or_default(),
            },
        }
    }

    async fn answer(&self, name: &str, payload: &Value) -> Result<Value, Refusal> {
        match Request::parse(name, payload)? {
            Request::Ping => value(&Pong {
                module: VERSION,
                time: clock::now().wall,
                ledger: self.facts.ledger.id.clone(),
            }),
            Request::Counts(query) => {
                let read = move |reader: &LedgerReader, patience: &Patience| {
                    value(&counts::answer(reader, &query, patience)?)
                };
                self.ask(read).await
            }
            Request::Reports(query) => {
                let read =
                    move |reader: &LedgerReader, _: &Patience| value(&reader.reports(&query)?);
                self.ask(read).await
            }
            Request::SealedReports(query) => {
                let read = move |reader: &LedgerReader, _: &Patience| {
                    value(&reports::sealed(reader, query)?)
                };
                self.ask(read).await
            }
            Request::Diagnostics => value(&self.diagnostics().await),
        }
    }

    /// Asks the ledger.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&LedgerReader, &Patience) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (patience, _asker) = Patience::with_asker();
        let folder = self.facts.folder.clone();
        let answered = async {
            let turn = Arc::clone(&self.gate).acquire_owned().await;
            let work = move || {
                // The next question waits for the end of this one, whether it is waited for or not.
                let _turn = turn;
                question(&LedgerReader::open(&folder)?, &patience)
            };
            let done = tokio::task::spawn_blocking(work).await;
            done.unwrap_or(Err(Refusal::Broken("reading the ledger broke off")))
        };
        timeout(PATIENCE, answered)
            .await
            .unwrap_or_else(|_elapsed| Err(too_slow()))
    }

    async fn diagnostics(&self) -> Diagnostics {
        let now = clock::now();
        let read = self
            .ask(move |reader, _patience| diagnostics::ledger(reader, now.wall))
            .await;
        let facts = &self.facts;
        let status = self.hub.borrow().clone();
        let twin = *self.twin.borrow();
        let in_force = Arc::clone(&facts.in_force.borrow());
        Diagnostics {
            schema: diagnostics::SCHEMA,
            time: now.wall,
            clock: ClockPage {
                state: now.clock.as_str(),
                reason: clock::reason().map_or("it was not read yet", clock::Reason::as_str),
            },
            module: ModulePage {
                version: VERSION,
                architecture: std::env::consts::ARCH,
                uptime_seconds: self.began.elapsed().as_secs(),
            },
            process: process::page(),
            model: ModelPage {
                name: facts.model.name.clone(),
                version: facts.model.version.clone(),
                sha256: facts.model.sha256.clone(),
                labels: facts
                    .labels
                    .iter()
                    .take(diagnostics::MOST_LABELS)
                    .cloned()
                    .collect(),
                label_count: facts.labels.len(),
                preprocessing: facts.preprocessing.clone(),
            },
            ledger: LedgerPage::of(&facts.ledger, read),
            hub: HubPage::of(&status, twin, &self.vitals, self.failures.last()),
            log: logging::recent().into(),
            settings: facts
                .settings
                .iter()
                .map(|shown| (shown.name, SettingPage::of(shown, &in_force)))
                .collect(),
        }
    }

    /// The gate, for a test that keeps it.
    #[cfg(test)]
    pub(super) fn gate(&self) -> Arc<Semaphore> {
        Arc::clone(&self.gate)
    }
}

/// Each answer is bounded where it is made; this is for names and values as nobody has them.
fn fitting(answer: Value) -> Result<Value, Refusal> {
    let bytes = size(&answer);
    if bytes > ANSWER_LIMIT {
        return Err(Refusal::TooLarge {
            what: "the answer",
            bytes,
            limit: ANSWER_LIMIT,
            cure: "ask for less, or read the ledger on the box with `fruit-counter ledger`",
        });
    }
    Ok(answer)
}

fn value(answer: &impl Serialize) -> Result<Value, Refusal> {
    serde_json::to_value(answer).map_err(|_not_json| Refusal::Broken("it is no JSON"))
}

/// Bytes of compact JSON; what cannot be written is larger than anything.
pub(super) fn size(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |json| json.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_over_the_hubs_limit_is_refused_with_its_size() {
        // Two quotes belong to the text.
        let text = |bytes: usize| Value::from("x".repeat(bytes - 2));
        assert!(fitting(text(ANSWER_LIMIT)).is_ok());
        let refusal = fitting(text(ANSWER_LIMIT + 1)).unwrap_err();
        assert_eq!(refusal.status(), 413);
        let said = refusal.to_string();
        assert!(said.starts_with("the answer takes 131073 bytes, expected at most 131072"));
    }
}
