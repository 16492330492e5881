//! Where the module runs: `FRUIT_COUNTER_*` variables, read once at start into types.
//!
//! Nothing else in the module reads the environment. The reader takes a list of
//! variables, so tests pass their own, and it looks at every setting before it
//! fails: the operator sees all mistakes in one message. [`SETTINGS`] is the one
//! table of names, defaults and ranges; the reader takes its texts from it.

mod behaviour;
mod cameras;
mod http;
mod labels;
mod model;
#[cfg(test)]
mod page;
mod reader;
mod shown;
mod table;
mod value;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use edge_protocol::Identity;
use edge_protocol::connection_string::ConnectionString;
use edge_protocol::environment::EdgeEnvironment;
use ledger::{Durability, StampLimits};

use crate::clock::Trust;

pub use behaviour::{Behaviour, Given, PROPERTIES, Property};
pub use http::{CountMode, HttpSettings, PredictionKey, UrlAccess};
pub(crate) use labels::{parse_confidence, parse_labels};
pub use model::{Layout, ModelSettings};
use reader::Reader;
pub use shown::ShownSetting;
use table::{CA_FILE, CONNECTION_STRING};
pub use table::{PREFIX, SETTINGS, Setting, Unit};
pub(crate) use value::parse_fraction;
pub use value::{Level, LogFormat, parse_duration};

/// Least score that counts under its label when nothing else is set.
pub const DEFAULT_MIN_CONFIDENCE: f32 = 0.6;

/// The volume's place in the container, as the deployment template mounts it.
pub(crate) const DEFAULT_LEDGER: &str = "/var/lib/fruit-counter";

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// The settings of one run.
#[derive(Debug)]
pub struct Settings {
    /// How it behaves, until the module twin has it otherwise.
    pub behaviour: Behaviour,
    /// The model and how pictures are laid out for it.
    pub model: ModelSettings,
    /// Folder of the durable counts.
    pub ledger: PathBuf,
    /// What a recorded picture survives.
    pub durability: Durability,
    /// Port of edgeHub's MQTT listener.
    pub edgehub_port: u16,
    /// Whether TLS 1.3 is left out of the offer.
    pub tls12_only: bool,
    /// How a line is written.
    pub log_format: LogFormat,
    /// When a camera's own stamp is believed.
    pub stamp_limits: StampLimits,
    /// How far the wall clock is trusted where no time server keeps it.
    pub clock: Trust,
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

/// How to log, for the time before the rest of the settings is known.
///
/// A bad value is reported by [`Settings::read`]; here it means the default.
#[must_use]
pub fn log(variables: impl IntoIterator<Item = (String, String)>) -> (Level, LogFormat) {
    let mut reader = Reader::new(variables);
    (reader.log_level(), reader.log_format())
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

#[cfg(test)]
mod tests;
