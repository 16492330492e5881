//! Tells the hub what it does not have yet: answers at once, the status at most once a minute.
//!
//! Answers go out as soon as they are known. The rest has time: each report is a message to the
//! cloud, and `edgeHub` sends the twin on every few seconds at most. One report at a time, and after a
//! failure what is true by then goes out, so that nothing piles up.

use std::sync::Arc;
use std::time::Duration;

use edge_client::{Client, Map, ReportError, Value};
use ledger::ModelInfo;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{debug, error, warn};

use super::document::{Told, is_ours};
use super::facts::{ClockFacts, ErrorFacts, LedgerFacts, ModelFacts, ModuleFacts, Status, Totals};
use super::patch;
use crate::{SharedLedger, error_chain};

/// Shortest time between reports of the status alone.
const STATUS_PAUSE: Duration = Duration::from_secs(60);

/// How long totals are told as they were.
const TOTALS_PAUSE: Duration = Duration::from_secs(900);

/// Pause after a failure.
const PAUSE: Duration = Duration::from_secs(10);

/// What the status is made of.
#[derive(Debug)]
pub struct Teller {
    /// The model in use.
    pub model: ModelInfo,
    /// What the box does with it, once that is known.
    pub capacity: watch::Receiver<Option<f64>>,
    /// The ledger in use.
    pub facts: LedgerFacts,
    /// The same, to be read.
    pub ledger: SharedLedger,
}

/// Tells the hub until the client is closed.
pub async fn tell(client: Client, mut teller: Teller, mut told: watch::Receiver<Told>) {
    let mut hub = Hub::default();
    let mut totals = None;
    loop {
        let told_now = told.borrow_and_update().clone();
        hub.take_note(&told_now);
        let status = teller.status(&mut totals).await;
        let document = told_now.with(status);
        let pause = match hub.lacks(&document) {
            None => STATUS_PAUSE,
            Some(patch) => match client.report(&Value::Object(patch.clone())).await {
                Ok(_) => {
                    debug!("the hub has the reported properties");
                    hub.has(&patch);
                    STATUS_PAUSE
                }
                Err(ReportError::Closed) => return,
                Err(error) if is_final(&error) => {
                    error!(
                        why = error_chain(&error),
                        "settings and status cannot be reported to the twin"
                    );
                    STATUS_PAUSE
                }
                Err(error) => {
                    hub.may_have(&patch);
                    warn!(
                        why = error_chain(&error),
                        "settings and status are not known to be in the twin; they go again"
                    );
                    PAUSE
                }
            },
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            // The follower has ended where nobody changes it any more; the status goes on.
            Ok(()) = told.changed() => {}
            Ok(()) = teller.capacity.changed() => {}
        }
    }
}

impl Teller {
    async fn status(&self, totals: &mut Option<(Instant, Totals)>) -> Option<Value> {
        if totals
            .as_ref()
            .is_none_or(|(at, _)| at.elapsed() >= TOTALS_PAUSE)
        {
            let read = self.ledger.blocking(|ledger| Totals::of(ledger)).await;
            match read {
                Ok(read) => *totals = Some((Instant::now(), read)),
                Err(error) => debug!(why = error_chain(&error), "the totals cannot be read"),
            }
        }
        let status = Status {
            module: ModuleFacts {
                version: env!("CARGO_PKG_VERSION"),
                architecture: std::env::consts::ARCH,
            },
            model: ModelFacts {
                name: self.model.name.clone(),
                version: self.model.version.clone(),
                sha256: self.model.sha256.clone(),
                pictures_per_second: *self.capacity.borrow(),
            },
            ledger: self.facts.clone(),
            totals: totals.as_ref().map(|(_, totals)| totals.clone()),
            clock: ClockFacts::now(),
            last_error: ErrorFacts::last(),
        };
        serde_json::to_value(status)
            .inspect_err(|error| error!(why = error_chain(error), "the status cannot be written"))
            .ok()
    }
}

/// What the hub is known to have.
#[derive(Debug, Default)]
struct Hub {
    reported: Map<String, Value>,
    asked: Option<Arc<Map<String, Value>>>,
    /// What was told last: an answer of the hub that comes after may be older.
    told_last: Map<String, Value>,
}

impl Hub {
    /// It was asked since, and said what it has.
    fn take_note(&mut self, told: &Told) {
        let Some(reported) = &told.reported else {
            return;
        };
        let is_news = self
            .asked
            .as_ref()
            .is_none_or(|asked| !Arc::ptr_eq(asked, reported));
        if is_news {
            self.reported = (**reported).clone();
            self.asked = Some(Arc::clone(reported));
            patch::doubt(&mut self.reported, &std::mem::take(&mut self.told_last));
        }
    }

    fn lacks(&self, document: &Map<String, Value>) -> Option<Map<String, Value>> {
        patch::between(&self.reported, document, is_ours)
    }

    fn has(&mut self, patch: &Map<String, Value>) {
        patch::merge(&mut self.reported, patch);
        self.told_last = patch.clone();
    }

    /// It may have taken this, and its answer was lost.
    fn may_have(&mut self, patch: &Map<String, Value>) {
        patch::doubt(&mut self.reported, patch);
    }
}

/// Whether the same patch would fail again.
fn is_final(error: &ReportError) -> bool {
    match error {
        ReportError::Invalid(_) | ReportError::NotFollowed => true,
        ReportError::Refused { status } => (400..500).contains(status) && *status != 429,
        ReportError::TimedOut { .. } | ReportError::ConnectionLost | ReportError::Closed => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(members) => members,
            other => panic!("{other} is no object"),
        }
    }

    #[test]
    fn only_what_would_fail_again_is_given_up() {
        assert!(is_final(&ReportError::Refused { status: 400 }));
        assert!(!is_final(&ReportError::Refused { status: 429 }));
        assert!(!is_final(&ReportError::Refused { status: 500 }));
        assert!(!is_final(&ReportError::ConnectionLost));
    }

    #[test]
    fn what_may_have_been_taken_is_told_again_whole() {
        let before = object(json!({"threads": {"value": 2, "ac": 200, "av": 7}}));
        let mut hub = Hub::default();
        hub.has(&before);
        let changed = object(json!({"threads": {"value": 3, "ac": 200, "av": 8}}));
        let patch = hub.lacks(&changed).unwrap();
        // Its answer is lost, and the setting goes back.
        hub.may_have(&patch);
        let back = object(json!({"threads": {"value": 2, "ac": 200, "av": 9}}));
        assert_eq!(hub.lacks(&back).unwrap(), back);
    }

    #[test]
    fn a_reason_that_the_hub_may_have_is_taken_back_with_the_refusal_it_was_for() {
        let before = object(json!({"threads": {"value": 2, "ac": 200, "av": 7}}));
        let mut hub = Hub::default();
        hub.has(&before);
        let refused = object(json!({"threads": {"value": 2, "ac": 400, "av": 8, "ad": "why"}}));
        let patch = hub.lacks(&refused).unwrap();
        hub.may_have(&patch);
        let taken = object(json!({"threads": {"value": 3, "ac": 200, "av": 9}}));
        // It took the refusal: nothing of that may be left beside the next answer.
        let mut theirs = refused;
        patch::merge(&mut theirs, &hub.lacks(&taken).unwrap());
        assert_eq!(theirs, taken);
    }

    #[test]
    fn what_was_told_while_the_hub_was_asked_is_told_again() {
        let told = object(json!({"threads": {"ac": 200, "av": 8}}));
        let mut hub = Hub::default();
        hub.has(&told);
        hub.take_note(&Told {
            reported: Some(Arc::new(object(
                json!({"threads": {"ac": 400, "av": 7, "ad": "why"}}),
            ))),
            ..Told::default()
        });
        // The reason of before is still there, and goes.
        let mut expected = told.clone();
        expected["threads"]["ad"] = Value::Null;
        assert_eq!(hub.lacks(&told).unwrap(), expected);
    }

    #[test]
    fn what_the_hub_has_is_not_told_again_until_it_says_that_it_has_something_else() {
        let document =
            object(json!({"status": {"module": {"version": "1"}}, "threads": {"ac": 200}}));
        let mut hub = Hub::default();
        let patch = hub.lacks(&document).unwrap();
        assert_eq!(patch, document);
        hub.has(&patch);
        assert_eq!(hub.lacks(&document), None);
        // The identity was made anew.
        let asked = Told {
            reported: Some(Arc::new(object(json!({"theirs": 1})))),
            ..Told::default()
        };
        hub.take_note(&asked);
        let patch = hub.lacks(&document).unwrap();
        assert_eq!(patch, document);
        hub.has(&patch);
        hub.take_note(&asked);
        assert_eq!(hub.lacks(&document), None);
    }
}
