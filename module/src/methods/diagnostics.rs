//! The answer to `getDiagnostics`: one page for whoever is asked for help.
//!
//! Facts and numbers; no picture, no key, no connection string. It is answered when the ledger
//! cannot be read, too, since that is when somebody asks: the ledger's part then says why.

use std::collections::BTreeMap;

use ledger::{FrameSums, LedgerReader};
use serde::Serialize;
use time::OffsetDateTime;

use super::answers::size;
use super::hub::HubPage;
use super::process::ProcessPage;
use super::refusal::Refusal;
use crate::in_force::InForce;
use crate::logging::{Line, Recent};
use crate::settings::{PROPERTIES, ShownSetting};
use crate::twin::LedgerFacts;

pub(super) const SCHEMA: &str = "fruit-diagnostics/1";

/// So many labels are named.
pub(super) const MOST_LABELS: usize = 100;

/// A setting's value is cut after so many characters.
const MOST_OF_A_VALUE: usize = 500;

/// The totals by label are left out where they take more bytes than this.
const MOST_COUNTS: usize = 24 << 10;

/// The page.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct Diagnostics {
    /// Always `fruit-diagnostics/1`.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    pub(super) schema: &'static str,
    /// The wall clock.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, schemars(with = "String", extend("format" = "date-time")))]
    pub(super) time: OffsetDateTime,
    /// Whether the wall clock is believed.
    pub(super) clock: ClockPage,
    /// The program.
    pub(super) module: ModulePage,
    /// What it takes of the machine.
    pub(super) process: ProcessPage,
    /// The model that classifies.
    pub(super) model: ModelPage,
    /// The durable counts.
    pub(super) ledger: LedgerPage,
    /// The connection to edgeHub.
    pub(super) hub: HubPage,
    /// Warnings and errors since the start.
    pub(super) log: LogPage,
    /// The settings in force, by name. A secret is shown as `(set, not shown)`.
    pub(super) settings: BTreeMap<&'static str, SettingPage>,
}

/// Whether the wall clock is believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ClockPage {
    /// `plausible` or `unsure`, as in the reports.
    pub(super) state: &'static str,
    /// Why.
    pub(super) reason: &'static str,
}

/// The program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct ModulePage {
    /// Its version.
    pub(super) version: &'static str,
    /// What machines it was built for, such as `x86_64`.
    pub(super) architecture: &'static str,
    /// Since it takes calls, by the monotonic clock.
    pub(super) uptime_seconds: u64,
}

/// The model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct ModelPage {
    /// As in the reports.
    pub(super) name: String,
    /// As in the reports.
    pub(super) version: String,
    /// As in the reports.
    pub(super) sha256: String,
    /// Its labels in order, the first 100.
    pub(super) labels: Vec<String>,
    /// How many labels it has.
    pub(super) label_count: usize,
    /// How pictures are laid out for it.
    pub(super) preprocessing: String,
}

/// The durable counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct LedgerPage {
    /// As in the reports.
    pub(super) id: String,
    /// When it began, by the wall clock of then.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, schemars(with = "String", extend("format" = "date-time")))]
    pub(super) since: OffsetDateTime,
    /// The damaged file in whose place it began.
    pub(super) set_aside: Option<SetAsidePage>,
    /// What was read of it now; null where that failed.
    pub(super) read: Option<LedgerRead>,
    /// Why it could not be read now.
    pub(super) error: Option<String>,
}

/// A damaged file that lies beside the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct SetAsidePage {
    /// Its name.
    file: String,
    /// What was found to be wrong.
    finding: String,
}

impl LedgerPage {
    pub(super) fn of(facts: &LedgerFacts, read: Result<LedgerRead, Refusal>) -> Self {
        let set_aside = facts.set_aside.as_ref().map(|aside| SetAsidePage {
            file: aside.file.clone(),
            finding: aside.finding.clone(),
        });
        let (read, error) = match read {
            Ok(read) => (Some(read), None),
            Err(refusal) => (None, Some(refusal.answer().error.message)),
        };
        LedgerPage {
            id: facts.id.clone(),
            since: facts.since,
            set_aside,
            read,
            error,
        }
    }
}

/// What the ledger says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct LedgerRead {
    /// Format of the file.
    format: i64,
    /// Size of the file.
    file_bytes: u64,
    /// Size of the log that is not folded into it yet.
    log_bytes: u64,
    /// Reports since the ledger began.
    sealed_reports: u64,
    /// Of them, those that are not kept any more.
    carried_forward: u64,
    /// Of them, those that the hub has not taken yet.
    unsent_reports: u64,
    /// The one of these that has waited longest.
    oldest_unsent: Option<OldestPage>,
    /// Windows that are not sealed yet.
    open_windows: usize,
    /// Cameras that were ever seen.
    cameras: usize,
    /// Everything that was counted.
    totals: TotalsPage,
}

/// A report that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct OldestPage {
    /// Its sequence.
    sequence: u64,
    /// The end of its window.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, schemars(with = "String", extend("format" = "date-time")))]
    window_end: OffsetDateTime,
    /// How long ago that was, by the wall clock.
    age_seconds: i64,
}

/// Everything that was counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct TotalsPage {
    /// Fruits by label; null where they would not fit (hundreds of labels).
    counts: Option<BTreeMap<String, u64>>,
    /// Frames by outcome.
    #[cfg_attr(test, schemars(schema_with = "super::described::frames"))]
    frames: FrameSums,
}

/// Warnings and errors since the start, as far as the log is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct LogPage {
    /// How many warnings there were.
    warnings: u64,
    /// How many errors.
    errors: u64,
    /// The last of both, oldest first, at most 20.
    last: Vec<LogLine>,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct LogLine {
    /// When, by the wall clock.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, schemars(with = "String", extend("format" = "date-time")))]
    at: OffsetDateTime,
    /// `warning` or `error`.
    level: &'static str,
    /// Its text, cut after 300 characters.
    text: String,
}

impl From<Recent> for LogPage {
    fn from(recent: Recent) -> Self {
        let line = |Line { at, is_error, text }: Line| LogLine {
            at,
            level: if is_error { "error" } else { "warning" },
            text,
        };
        LogPage {
            warnings: recent.warnings,
            errors: recent.errors,
            last: recent.lines.into_iter().map(line).collect(),
        }
    }
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct SettingPage {
    /// Its value, as it was set or as the reference page has the default.
    value: String,
    /// `twin`, `environment` or `default`.
    source: &'static str,
}

impl SettingPage {
    /// What the twin has set goes before what the environment has.
    pub(super) fn of(shown: &ShownSetting, in_force: &InForce) -> Self {
        let property = PROPERTIES.iter().find(|one| one.setting.name == shown.name);
        let from_twin = property.and_then(|property| in_force.from_twin.get(property.name));
        if let Some(value) = from_twin {
            return SettingPage {
                value: value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned)
                    .chars()
                    .take(MOST_OF_A_VALUE)
                    .collect(),
                source: "twin",
            };
        }
        SettingPage {
            value: shown.value.clone(),
            source: if shown.is_set {
                "environment"
            } else {
                "default"
            },
        }
    }
}

/// Asks the ledger.
pub(super) fn ledger(reader: &LedgerReader, now: OffsetDateTime) -> Result<LedgerRead, Refusal> {
    let summary = reader.summary(0)?;
    let oldest = reader.oldest_unsent()?;
    let (file_bytes, log_bytes) = reader.file_bytes()?;
    Ok(LedgerRead {
        format: summary.format,
        file_bytes,
        log_bytes,
        sealed_reports: summary.sealed_reports,
        carried_forward: summary.carried_forward,
        unsent_reports: summary.unsent_reports,
        oldest_unsent: oldest.map(|oldest| OldestPage {
            sequence: oldest.sequence,
            window_end: oldest.window_end,
            age_seconds: (now - oldest.window_end).whole_seconds(),
        }),
        open_windows: summary.open.len(),
        cameras: summary.cameras.len(),
        totals: TotalsPage {
            counts: Some(summary.totals.counts).filter(|counts| size(counts) <= MOST_COUNTS),
            frames: summary.totals.frames,
        },
    })
}
