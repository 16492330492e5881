//! Where the module runs: `FRUIT_COUNTER_*` variables, read once at start into types.
//!
//! Nothing else in the module reads the environment. The reader takes a list of
//! variables, so tests pass their own, and it looks at every setting before it
//! fails: the operator sees all mistakes in one message. [`SETTINGS`] is the one
//! table of names, defaults and ranges; the parser below takes its texts from it.

mod http;
mod labels;
mod model;
mod shown;
mod value;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use edge_protocol::Identity;
use edge_protocol::connection_string::ConnectionString;
use edge_protocol::environment::{self, EdgeEnvironment};
use ledger::{Durability, StampLimits};

use crate::clock::Trust;
use crate::labels::{LabelConfidence, LabelMap};

pub use http::{HttpSettings, PredictionKey, UrlAccess};
pub(crate) use labels::{parse_confidence, parse_labels};
pub use model::{Layout, ModelSettings};
use shown::Seen;
pub use shown::ShownSetting;
pub(crate) use value::parse_fraction;
pub use value::{Level, parse_duration};
use value::{or_off, parse_level, parse_switch, parse_whole, whole_seconds};

/// Least score that counts under its label when nothing else is set.
pub const DEFAULT_MIN_CONFIDENCE: f32 = 0.6;

/// The volume's place in the container, as the deployment template mounts it.
pub(crate) const DEFAULT_LEDGER: &str = "/var/lib/fruit-counter";

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// The prefix of every variable that belongs to this module.
pub const PREFIX: &str = "FRUIT_COUNTER_";

/// One setting as people see it: its name, what it takes, its default and its effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Full name of the environment variable.
    pub name: &'static str,
    /// The accepted form, with unit and range.
    pub accepts: &'static str,
    /// What holds when the variable is absent.
    pub default: &'static str,
    /// What it changes.
    pub effect: &'static str,
}

const LEDGER: Setting = Setting {
    name: "FRUIT_COUNTER_LEDGER",
    accepts: "path of a folder that survives the container",
    default: "/var/lib/fruit-counter",
    effect: "where the durable counts are kept; one running module per folder",
};
const DURABILITY: Setting = Setting {
    name: "FRUIT_COUNTER_DURABILITY",
    accepts: "strict or relaxed",
    default: "strict",
    effect: "whether each picture's count is flushed to the disk before the picture is \
             acknowledged, or every 2 s: a power cut then loses up to 5 s of pictures, and an SD \
             card lasts longer (docs/ledger.md)",
};
const REPORT_INTERVAL: Setting = Setting {
    name: "FRUIT_COUNTER_REPORT_INTERVAL",
    accepts: "a duration with unit (`2s`, `1m`, `1.5h`), whole seconds from 1s to 24h",
    default: "60s",
    effect: "length of a counting window, and so how often counts are sent",
};
const MIN_CONFIDENCE: Setting = Setting {
    name: "FRUIT_COUNTER_MIN_CONFIDENCE",
    accepts: "a number from 0 to 1",
    default: "0.6",
    effect: "a best score below this counts the picture as `unsure`; a label can have its own",
};
const THREADS: Setting = Setting {
    name: "FRUIT_COUNTER_THREADS",
    accepts: "a whole number from 1 to 64",
    default: "the number of cores, at most 4",
    effect: "threads of the one inference session",
};
const EDGEHUB_PORT: Setting = Setting {
    name: "FRUIT_COUNTER_EDGEHUB_PORT",
    accepts: "a port number from 1 to 65535",
    default: "8883",
    effect: "port of edgeHub's MQTT listener on the gateway host",
};
const TLS12_ONLY: Setting = Setting {
    name: "FRUIT_COUNTER_TLS12_ONLY",
    accepts: "true or false",
    default: "false",
    effect: "offer TLS 1.2 at most (a way round edgeHub 1.6.0 and 1.6.1, which can lose a CONNECT)",
};
const LOG: Setting = Setting {
    name: "FRUIT_COUNTER_LOG",
    accepts: "fatal, error, warning, info, debug or verbose",
    default: "RuntimeLogLevel as edgeAgent hands it down, else info",
    effect: "the least severe lines that are written",
};

const STAMP_BEHIND: Setting = Setting {
    name: "FRUIT_COUNTER_STAMP_BEHIND",
    accepts: "a duration with unit from 0s to 30d",
    default: "24h",
    effect: "how old a picture may be by its camera's stamp; an older stamp is taken for a wrong \
             clock, and the picture is counted by its arrival",
};
const STAMP_AHEAD: Setting = Setting {
    name: "FRUIT_COUNTER_STAMP_AHEAD",
    accepts: "a duration with unit from 0s to 24h",
    default: "5m",
    effect: "how far a camera's clock may run ahead before its stamp is taken for wrong",
};
const CLOCK: Setting = Setting {
    name: "FRUIT_COUNTER_CLOCK",
    accepts: "kernel or trusted",
    default: "kernel",
    effect: "whether counts are marked `unsure` until the kernel says that a time server keeps the \
             clock, or never (a box with a good clock and no time server)",
};
const HEARTBEAT: Setting = Setting {
    name: "FRUIT_COUNTER_HEARTBEAT",
    accepts: "a duration with unit from 1s to 24h, or off",
    default: "15m",
    effect: "after so long without a report, one without counts says that the module is alive",
};
const MERGE_AFTER: Setting = Setting {
    name: "FRUIT_COUNTER_MERGE_AFTER",
    accepts: "a duration with unit from 1s to 30d, or off",
    default: "6h",
    effect: "when sending fails for longer than this, the windows of an hour share one report",
};
const WATCHDOG: Setting = Setting {
    name: "FRUIT_COUNTER_WATCHDOG",
    accepts: "a duration with unit from 1s to 1h, or off",
    default: "2m",
    effect: "how long one picture may be in hand before the process ends over it with exit code 70, to \
             be started again; a picture over which it ended three times is rejected as `crashed`",
};

/// Every `FRUIT_COUNTER_*` variable, in the order of the reference page.
pub const SETTINGS: &[Setting] = &[
    model::MODEL,
    model::PREPROCESS,
    LEDGER,
    DURABILITY,
    REPORT_INTERVAL,
    MIN_CONFIDENCE,
    labels::LABELS,
    labels::CONFIDENCE,
    THREADS,
    EDGEHUB_PORT,
    TLS12_ONLY,
    LOG,
    STAMP_BEHIND,
    STAMP_AHEAD,
    CLOCK,
    HEARTBEAT,
    MERGE_AFTER,
    WATCHDOG,
    http::HTTP,
    http::METRICS,
    http::MAX_BODY,
    http::CONNECTIONS,
    http::QUEUE,
    http::CAMERAS,
    http::TIMEOUT,
    http::KEY,
    http::URL,
];

/// The variable that edgeAgent hands down; used when [`LOG`] is absent.
const RUNTIME_LOG_LEVEL: &str = "RuntimeLogLevel";
/// A connection string for development wins over the IoT Edge variables, as in the official SDKs.
const CONNECTION_STRING: &str = "EdgeHubConnectionString";
/// PEM file of the only trusted roots, needed beside [`CONNECTION_STRING`].
const CA_FILE: &str = "EdgeModuleCACertificateFile";

/// The settings of one run.
#[derive(Debug)]
pub struct Settings {
    /// The model and how pictures are laid out for it.
    pub model: ModelSettings,
    /// Folder of the durable counts.
    pub ledger: PathBuf,
    /// What a recorded picture survives.
    pub durability: Durability,
    /// Length of a counting window.
    pub report_interval: Duration,
    /// Least score that counts under its label, 0..=1.
    pub min_confidence: f32,
    /// What labels count as.
    pub labels: LabelMap,
    /// Least scores of labels that have one of their own.
    pub label_confidence: LabelConfidence,
    /// Threads of the inference session.
    pub threads: usize,
    /// Port of edgeHub's MQTT listener.
    pub edgehub_port: u16,
    /// Whether TLS 1.3 is left out of the offer.
    pub tls12_only: bool,
    /// The least severe level that is written.
    pub log: Level,
    /// When a camera's own stamp is believed.
    pub stamp_limits: StampLimits,
    /// How far the wall clock is trusted where no time server keeps it.
    pub clock: Trust,
    /// How long nothing is reported before a heartbeat is; `None`: there are none.
    pub heartbeat: Option<Duration>,
    /// How long sending fails before windows are joined by the hour; `None`: never.
    pub merge_after: Option<Duration>,
    /// How long a picture may be in hand before the process ends; `None`: for ever.
    pub watchdog: Option<Duration>,
    /// The HTTP door; `None`: there is none.
    pub http: Option<HttpSettings>,
    /// Where metrics are served beside that door; `None`: nowhere.
    pub metrics: Option<SocketAddr>,
    /// What every setting is, as people may see it.
    pub shown: Vec<ShownSetting>,
}

/// The ways to reach edgeHub, or none.
#[derive(Debug)]
pub enum Connection {
    /// No edgeHub: pictures come by HTTP and the counts stay in the ledger.
    Standalone,
    /// Deployed by edgeAgent: identity and workload API from `IOTEDGE_*`.
    Edge(EdgeEnvironment),
    /// Development: a connection string and a PEM file of trusted roots.
    Development {
        /// The parsed `EdgeHubConnectionString`.
        connection_string: ConnectionString,
        /// The file named by `EdgeModuleCACertificateFile`.
        ca_file: PathBuf,
    },
}

impl Connection {
    /// As whom the module connects; `None` where it stands alone.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        match self {
            Connection::Standalone => None,
            Connection::Edge(environment) => Some(&environment.identity),
            Connection::Development {
                connection_string, ..
            } => Some(connection_string.identity()),
        }
    }
}

/// Everything that is wrong with the environment, one line each.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{} in the settings:\n{}", count(.mistakes.len()), bullets(.mistakes))]
pub struct SettingsError {
    /// What is wrong, each naming the variable, its value and what is accepted.
    pub mistakes: Vec<String>,
}

fn count(mistakes: usize) -> String {
    if mistakes == 1 {
        "1 mistake".to_owned()
    } else {
        format!("{mistakes} mistakes")
    }
}

fn bullets(mistakes: &[String]) -> String {
    mistakes
        .iter()
        .map(|mistake| format!("  - {mistake}"))
        .collect::<Vec<_>>()
        .join("\n")
}

impl Settings {
    /// Reads the settings, and the way to edgeHub, out of the process's variables.
    ///
    /// # Errors
    /// [`SettingsError`] lists every mistake: bad values, names with our prefix
    /// that do not exist, and whatever the IoT Edge variables lack.
    pub fn read(
        variables: impl IntoIterator<Item = (String, String)>,
        cores: usize,
    ) -> Result<(Settings, Connection), SettingsError> {
        let mut reader = Reader::new(variables);
        let connection = reader.connection();
        let settings = reader.settings(cores);
        if matches!(connection, Some(Connection::Standalone)) && settings.http.is_none() {
            reader.mistakes.push(format!(
                "{} is off, and no IOTEDGE_* variable and no {CONNECTION_STRING} is set: no picture \
                 could come in; deploy with IoT Edge, start it under `devhub run`, set \
                 {CONNECTION_STRING} and {CA_FILE}, or take pictures by HTTP",
                http::HTTP.name
            ));
        }
        match connection {
            Some(connection) if reader.mistakes.is_empty() => Ok((settings, connection)),
            _ => Err(SettingsError {
                mistakes: reader.mistakes,
            }),
        }
    }
}

/// The level to log at, for the time before the rest of the settings is known.
///
/// A bad value is reported by [`Settings::read`]; here it means the default.
#[must_use]
pub fn log_level(variables: impl IntoIterator<Item = (String, String)>) -> Level {
    Reader::new(variables).log_level()
}

/// Where the module can be asked how it is; `None` where it does not listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doors {
    /// The HTTP door.
    pub http: Option<SocketAddr>,
    /// Where metrics are served.
    pub metrics: Option<SocketAddr>,
}

/// Reads where the module listens, and nothing else.
///
/// # Errors
/// When that has mistakes.
pub fn doors(
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Doors, SettingsError> {
    let mut reader = Reader::new(variables);
    let doors = Doors {
        http: reader.http_address(),
        metrics: reader.metrics_address(),
    };
    if reader.mistakes.is_empty() {
        Ok(doors)
    } else {
        Err(SettingsError {
            mistakes: reader.mistakes,
        })
    }
}

struct Reader {
    variables: Vec<(String, String)>,
    mistakes: Vec<String>,
    /// Of those that are set, what people may see.
    seen: Seen,
}

impl Reader {
    fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Reader {
            variables: variables.into_iter().collect(),
            mistakes: Vec::new(),
            seen: Seen::default(),
        }
    }

    fn lookup(&self, name: &str) -> Option<String> {
        self.variables
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.clone())
    }

    fn optional<T>(
        &mut self,
        setting: Setting,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if let Some(text) = self.lookup(setting.name) {
            self.seen.value(setting, &text);
        }
        self.shown_as(setting, |text| format!("{text:?}"), parse)
    }

    /// A value that no message may show.
    fn secret<T>(
        &mut self,
        setting: Setting,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if self.lookup(setting.name).is_some() {
            self.seen.secret(setting);
        }
        self.shown_as(setting, |_secret| "not shown".to_owned(), parse)
    }

    /// An absent variable is `None`; an empty one is a mistake, since nobody means it.
    fn shown_as<T>(
        &mut self,
        setting: Setting,
        show: impl FnOnce(&str) -> String,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.lookup(setting.name)?;
        let parsed = if text.trim().is_empty() {
            Err("it is empty".to_owned())
        } else if text.contains(char::REPLACEMENT_CHARACTER) {
            Err("it is not UTF-8 text".to_owned())
        } else {
            parse(text.trim())
        };
        match parsed {
            Ok(value) => Some(value),
            Err(why) => {
                let shown = show(&text);
                self.mistakes.push(format!(
                    "{} is {shown}: {why}; accepted: {}",
                    setting.name, setting.accepts
                ));
                None
            }
        }
    }

    fn value<T>(
        &mut self,
        setting: Setting,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> T {
        self.optional(setting, parse).unwrap_or(default)
    }

    fn settings(&mut self, cores: usize) -> Settings {
        self.unknown_names();
        Settings {
            model: self.model(),
            ledger: self.value(
                LEDGER,
                PathBuf::from(DEFAULT_LEDGER),
                |text| Ok(text.into()),
            ),
            durability: self.value(DURABILITY, Durability::Strict, |text| match text {
                "strict" => Ok(Durability::Strict),
                "relaxed" => Ok(Durability::Relaxed),
                _ => Err("it is neither".to_owned()),
            }),
            report_interval: self.value(REPORT_INTERVAL, Duration::from_secs(60), |text| {
                parse_duration(text, Duration::from_secs(1), Duration::from_secs(86_400))
                    .and_then(whole_seconds)
            }),
            min_confidence: self.value(MIN_CONFIDENCE, DEFAULT_MIN_CONFIDENCE, parse_fraction),
            labels: self.value(labels::LABELS, LabelMap::default(), parse_labels),
            label_confidence: self.value(
                labels::CONFIDENCE,
                LabelConfidence::default(),
                parse_confidence,
            ),
            threads: self.value(THREADS, cores.clamp(1, 4), |text| {
                parse_whole(text, &(1..=64))
            }),
            edgehub_port: self.value(EDGEHUB_PORT, 8883, |text| {
                parse_whole(text, &(1..=u16::MAX))
            }),
            tls12_only: self.value(TLS12_ONLY, false, parse_switch),
            log: self.log_level(),
            stamp_limits: self.stamp_limits(),
            clock: self.value(CLOCK, Trust::Kernel, |text| match text {
                "kernel" => Ok(Trust::Kernel),
                "trusted" => Ok(Trust::Always),
                _ => Err("it is neither".to_owned()),
            }),
            heartbeat: self.value(HEARTBEAT, Some(15 * MINUTE), |text| {
                or_off(text, |text| parse_duration(text, SECOND, DAY))
            }),
            merge_after: self.value(MERGE_AFTER, Some(360 * MINUTE), |text| {
                or_off(text, |text| parse_duration(text, SECOND, 30 * DAY))
            }),
            watchdog: self.value(WATCHDOG, Some(2 * MINUTE), |text| {
                or_off(text, |text| parse_duration(text, SECOND, 60 * MINUTE))
            }),
            http: self.http(),
            metrics: self.metrics_address(),
            // After all of them were read.
            shown: self.seen.all(),
        }
    }

    fn stamp_limits(&mut self) -> StampLimits {
        let default = StampLimits::default();
        StampLimits {
            behind: self.value(STAMP_BEHIND, default.behind, |text| {
                parse_duration(text, Duration::ZERO, 30 * DAY)
            }),
            ahead: self.value(STAMP_AHEAD, default.ahead, |text| {
                parse_duration(text, Duration::ZERO, DAY)
            }),
        }
    }

    fn log_level(&mut self) -> Level {
        if let Some(level) = self.optional(LOG, parse_level) {
            return level;
        }
        // edgeAgent's own variable is not ours to refuse.
        self.lookup(RUNTIME_LOG_LEVEL)
            .and_then(|text| parse_level(text.trim()).ok())
            .unwrap_or(Level::Info)
    }

    fn connection(&mut self) -> Option<Connection> {
        if let Some(text) = self.lookup(CONNECTION_STRING) {
            return self.development(&text);
        }
        if !environment::is_present(|name| self.lookup(name)) {
            return Some(Connection::Standalone);
        }
        match EdgeEnvironment::parse(|name| self.lookup(name)) {
            Ok(environment) => Some(Connection::Edge(environment)),
            Err(error) => {
                self.mistakes.push(error.to_string());
                None
            }
        }
    }

    fn development(&mut self, text: &str) -> Option<Connection> {
        let ca_file = self.lookup(CA_FILE);
        if ca_file.is_none() {
            self.mistakes.push(format!(
                "{CA_FILE} is missing; {CONNECTION_STRING} needs it: the PEM file of the roots to trust"
            ));
        }
        match ConnectionString::parse(text) {
            Ok(connection_string) => Some(Connection::Development {
                connection_string,
                ca_file: PathBuf::from(ca_file?),
            }),
            Err(error) => {
                self.mistakes.push(format!("{CONNECTION_STRING}: {error}"));
                None
            }
        }
    }

    /// A misspelt name would leave a default in force without a word.
    fn unknown_names(&mut self) {
        for (name, _) in &self.variables {
            if name.starts_with(PREFIX) && !SETTINGS.iter().any(|s| s.name == name) {
                let known = SETTINGS
                    .iter()
                    .map(|s| s.name)
                    .collect::<Vec<_>>()
                    .join(", ");
                self.mistakes
                    .push(format!("{name} is not a setting; there are: {known}"));
            }
        }
    }
}

#[cfg(test)]
mod tests;
