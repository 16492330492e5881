//! What the module says of itself in the reported properties of its twin.
//!
//! Facts of the start, told once and again after each failure until the hub confirms them. A hub
//! that does not answer holds up nothing: this is a task of its own, and frames and reports do not
//! wait for it.

use std::time::Duration;

use edge_client::{Client, ReportError};
use ledger::Ledger;
use serde::Serialize;
use time::OffsetDateTime;
use tracing::{debug, error, warn};

use crate::error_chain;

/// Pause before the same facts are told again.
const PAUSE: Duration = Duration::from_secs(10);

/// The reported properties. Only small facts: the hub takes 32 KB in all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reported {
    /// The ledger in use.
    pub ledger: LedgerFacts,
}

/// Which ledger counts, and what it replaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerFacts {
    /// As in the reports: 16 hexadecimal digits.
    pub id: String,
    /// When it began, by the wall clock of then.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// The damaged file in whose place it began; null when there was none. Its counts are not in
    /// this ledger's totals.
    pub set_aside: Option<SetAsideFacts>,
}

/// A damaged file that was moved out of the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SetAsideFacts {
    /// Its name in the ledger's folder.
    pub file: String,
    /// When, by the wall clock of then.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// What was found to be wrong, at most 300 characters.
    pub finding: String,
}

impl LedgerFacts {
    /// The facts of an open ledger.
    #[must_use]
    pub fn of(ledger: &Ledger) -> Self {
        let beginning = ledger.beginning();
        let set_aside = beginning.set_aside.as_ref().map(|aside| SetAsideFacts {
            file: aside
                .path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            at: beginning.at,
            finding: aside.finding.clone(),
        });
        LedgerFacts {
            id: ledger.id().to_owned(),
            since: beginning.at,
            set_aside,
        }
    }
}

/// Tells the hub until it confirms, or until the client is closed.
pub async fn tell(client: Client, reported: Reported) {
    let patch = match serde_json::to_value(&reported) {
        Ok(patch) => patch,
        Err(error) => {
            error!(why = error_chain(&error), "the facts cannot be reported");
            return;
        }
    };
    loop {
        match client.report(&patch).await {
            Ok(_) => {
                debug!("the hub has the reported properties");
                return;
            }
            Err(ReportError::Closed) => return,
            Err(error) if is_final(&error) => {
                error!(
                    why = error_chain(&error),
                    "the facts of this start cannot be reported to the twin"
                );
                return;
            }
            Err(error) => warn!(
                why = error_chain(&error),
                "the facts of this start are not known to be in the twin; they go again"
            ),
        }
        tokio::time::sleep(PAUSE).await;
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
    use ledger::{Clock, LedgerOptions, Now};
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    const NOW: Now = Now {
        wall: datetime!(2026-11-23 10:00 UTC),
        clock: Clock::Plausible,
    };

    fn facts(folder: &std::path::Path) -> serde_json::Value {
        let ledger = Ledger::open(folder, LedgerOptions::default(), NOW).unwrap();
        serde_json::to_value(Reported {
            ledger: LedgerFacts::of(&ledger),
        })
        .unwrap()
    }

    #[test]
    fn a_sound_ledger_says_its_id_and_clears_what_was_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let told = facts(folder.path());
        assert_eq!(told["ledger"]["id"].as_str().unwrap().len(), 16);
        assert_eq!(told["ledger"]["since"], "2026-11-23T10:00:00Z");
        assert_eq!(told["ledger"]["setAside"], json!(null));
        assert!(told["ledger"].as_object().unwrap().contains_key("setAside"));
    }

    #[test]
    fn a_damaged_file_is_named_without_its_folder_at_every_start() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("counts.db"), "garbage ".repeat(100)).unwrap();
        let told = facts(folder.path());
        let aside = &told["ledger"]["setAside"];
        assert_eq!(aside["file"], "counts-damaged-20261123T100000Z.db");
        assert_eq!(aside["at"], "2026-11-23T10:00:00Z");
        assert!(!aside["finding"].as_str().unwrap().is_empty());
        let again = facts(folder.path());
        assert_eq!(again["ledger"]["id"], told["ledger"]["id"]);
        assert_eq!(again["ledger"]["setAside"]["file"], aside["file"]);
    }

    #[test]
    fn only_what_would_fail_again_is_given_up() {
        assert!(is_final(&ReportError::Refused { status: 400 }));
        assert!(!is_final(&ReportError::Refused { status: 429 }));
        assert!(!is_final(&ReportError::Refused { status: 500 }));
        assert!(!is_final(&ReportError::ConnectionLost));
    }
}
