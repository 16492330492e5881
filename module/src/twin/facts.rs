//! What the module says of itself in the reported properties of its twin, as the object `status`.
//!
//! Only small facts: the hub takes 32 KB in all. Names and numbers; never a picture, a key or a token.

use std::collections::BTreeMap;

use edge_protocol::twin::ReportedPatch;
use ledger::{FrameSums, Ledger, LedgerError};
use serde::Serialize;
use serde_json::json;
use time::OffsetDateTime;

use crate::clock::{self, Reason};
use crate::logging;

/// So many labels are told apart.
const MOST_LABELS: usize = 40;

/// What is told.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The program.
    pub module: ModuleFacts,
    /// The model in use.
    pub model: ModelFacts,
    /// The ledger in use.
    pub ledger: LedgerFacts,
    /// Everything that it has counted; absent until that was read.
    pub totals: Option<Totals>,
    /// Whether the wall clock is believed.
    pub clock: ClockFacts,
    /// The last error of this process; absent without one.
    pub last_error: Option<ErrorFacts>,
}

/// The program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ModuleFacts {
    /// Its version.
    pub version: &'static str,
    /// What machines it was built for, such as `x86_64`.
    pub architecture: &'static str,
}

/// The model, and what this box does with it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ModelFacts {
    /// As in the reports.
    pub name: String,
    /// As in the reports.
    pub version: String,
    /// As in the reports.
    pub sha256: String,
    /// Pictures per second of the session in use, the model alone, by a trial when it was opened;
    /// absent until that was made.
    pub pictures_per_second: Option<f64>,
}

/// Everything that a ledger has counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Reports since it began.
    pub sealed_reports: u64,
    /// Frames that came.
    pub received: u64,
    /// Of them, those that were counted as a fruit.
    pub classified: u64,
    /// Of them, those of which the model was not sure.
    pub unsure: u64,
    /// Of them, those with a label that does not count.
    pub ignored: u64,
    /// Of them, those that had come before.
    pub duplicate: u64,
    /// Of them, those that could not be looked at.
    pub rejected: u64,
    /// Fruits by label; absent where there are more than 40, or one whose name a twin does not take.
    pub counts: Option<BTreeMap<String, u64>>,
}

/// Whether the wall clock is believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ClockFacts {
    /// `plausible` or `unsure`, as in the reports.
    pub state: &'static str,
    /// Why.
    pub reason: &'static str,
}

/// An error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ErrorFacts {
    /// When, by the wall clock.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, schemars(with = "String", extend("format" = "date-time")))]
    pub at: OffsetDateTime,
    /// As it stands in the log, at most 300 characters.
    pub text: String,
}

/// Which ledger counts, and what it replaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LedgerFacts {
    /// As in the reports: 16 hexadecimal digits.
    pub id: String,
    /// When it began, by the wall clock of then.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, schemars(with = "String", extend("format" = "date-time")))]
    pub since: OffsetDateTime,
    /// The damaged file in whose place it began; null when there was none. Its counts are not in
    /// this ledger's totals.
    pub set_aside: Option<SetAsideFacts>,
}

/// A damaged file that was moved out of the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SetAsideFacts {
    /// Its name in the ledger's folder.
    pub file: String,
    /// When, by the wall clock of then.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, schemars(with = "String", extend("format" = "date-time")))]
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

impl Totals {
    /// What an open ledger has counted.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(ledger: &Ledger) -> Result<Self, LedgerError> {
        let totals = ledger.totals()?;
        let FrameSums {
            received,
            classified,
            unsure,
            ignored,
            duplicate,
            rejected,
        } = &totals.whole.frames;
        Ok(Totals {
            sealed_reports: totals.sealed_reports,
            received: *received,
            classified: *classified,
            unsure: *unsure,
            ignored: *ignored,
            duplicate: *duplicate,
            rejected: rejected.values().sum(),
            counts: Some(totals.whole.counts).filter(are_names_of_properties),
        })
    }
}

/// Whether the hub takes an object with these names.
fn are_names_of_properties(counts: &BTreeMap<String, u64>) -> bool {
    counts.len() <= MOST_LABELS && ReportedPatch::new(&json!({ "counts": counts })).is_ok()
}

impl ClockFacts {
    /// By the clock's last reading.
    #[must_use]
    pub fn now() -> Self {
        let state = clock::now().clock.as_str();
        ClockFacts {
            state,
            reason: clock::reason().map_or("", Reason::as_str),
        }
    }
}

impl ErrorFacts {
    /// The last error that was logged.
    #[must_use]
    pub fn last() -> Option<Self> {
        let last = logging::recent().last_error?;
        Some(ErrorFacts {
            at: last.at,
            text: last.text,
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
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
        json!({ "ledger": LedgerFacts::of(&ledger) })
    }

    /// A status with everything in it.
    pub(in crate::twin) fn status(folder: &std::path::Path) -> Status {
        let ledger = Ledger::open(folder, LedgerOptions::default(), NOW).unwrap();
        Status {
            module: ModuleFacts {
                version: "0.1.0",
                architecture: "x86_64",
            },
            model: ModelFacts {
                name: "bundled".to_owned(),
                version: "1".to_owned(),
                sha256: "ab".repeat(32),
                pictures_per_second: Some(54.7),
            },
            ledger: LedgerFacts::of(&ledger),
            totals: Some(Totals::of(&ledger).unwrap()),
            clock: ClockFacts {
                state: "plausible",
                reason: "kept by a time server",
            },
            last_error: Some(ErrorFacts {
                at: NOW.wall,
                text: "no".to_owned(),
            }),
        }
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
}
