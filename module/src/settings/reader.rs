//! Reads variables into settings, and goes on after each mistake.

use std::path::PathBuf;
use std::time::Duration;

use edge_protocol::connection_string::ConnectionString;
use edge_protocol::environment::{self, EdgeEnvironment};
use ledger::{Durability, StampLimits};

use super::shown::Seen;
use super::table::{
    CA_FILE, CLOCK, CONNECTION_STRING, DURABILITY, EDGEHUB_PORT, LEDGER, LOG, LOG_FORMAT,
    MERGE_AFTER, RUNTIME_LOG_LEVEL, STAMP_AHEAD, STAMP_BEHIND, TLS12_ONLY, WATCHDOG,
};
use super::value::{or_off, parse_level, parse_log, parse_log_format, parse_switch, parse_whole};
use super::{
    Behaviour, Connection, DAY, DEFAULT_LEDGER, Given, Level, LogFormat, MINUTE, PREFIX,
    PROPERTIES, SECOND, SETTINGS, Setting, Settings, parse_duration,
};
use crate::clock::Trust;

/// The variables, and what came of reading them so far.
pub(super) struct Reader {
    variables: Vec<(String, String)>,
    pub(super) mistakes: Vec<String>,
    /// Of those that are set, what people may see.
    seen: Seen,
}

impl Reader {
    pub(super) fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Reader {
            variables: variables.into_iter().collect(),
            mistakes: Vec::new(),
            seen: Seen::default(),
        }
    }

    pub(super) fn lookup(&self, name: &str) -> Option<String> {
        self.variables
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.clone())
    }

    pub(super) fn optional<T>(
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
    pub(super) fn secret<T>(
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
    pub(super) fn shown_as<T>(
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

    pub(super) fn value<T>(
        &mut self,
        setting: Setting,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> T {
        self.optional(setting, parse).unwrap_or(default)
    }

    pub(super) fn settings(&mut self, cores: usize) -> Settings {
        self.unknown_names();
        let http = self.http();
        Settings {
            behaviour: self.behaviour(cores, http.is_some()),
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
            edgehub_port: self.value(EDGEHUB_PORT, 8883, |text| {
                parse_whole(text, &(1..=u16::MAX))
            }),
            tls12_only: self.value(TLS12_ONLY, false, parse_switch),
            log_format: self.log_format(),
            stamp_limits: self.stamp_limits(),
            clock: self.value(CLOCK, Trust::Kernel, |text| match text {
                "kernel" => Ok(Trust::Kernel),
                "trusted" => Ok(Trust::Always),
                _ => Err("it is neither".to_owned()),
            }),
            merge_after: self.value(MERGE_AFTER, Some(360 * MINUTE), |text| {
                or_off(text, |text| parse_duration(text, SECOND, 30 * DAY))
            }),
            watchdog: self.value(WATCHDOG, Some(2 * MINUTE), |text| {
                or_off(text, |text| parse_duration(text, SECOND, 60 * MINUTE))
            }),
            http,
            metrics: self.metrics_address(),
            // After all of them were read.
            shown: self.seen.all(),
        }
    }

    fn behaviour(&mut self, cores: usize, http: bool) -> Behaviour {
        let mut behaviour = Behaviour {
            http,
            ..Behaviour::of(Given::on(cores, self.runtime_log_level()))
        };
        for property in PROPERTIES.iter().filter(|one| one.is_in_environment()) {
            self.optional(property.setting, |text| property.set(&mut behaviour, text));
        }
        behaviour
    }

    pub(super) fn stamp_limits(&mut self) -> StampLimits {
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

    pub(super) fn log_level(&mut self) -> Level {
        let ours = self.optional(LOG, parse_log).flatten();
        ours.or_else(|| self.runtime_log_level())
            .unwrap_or(Level::Info)
    }

    /// edgeAgent's own variable, which is not ours to refuse.
    fn runtime_log_level(&self) -> Option<Level> {
        let text = self.lookup(RUNTIME_LOG_LEVEL)?;
        parse_level(text.trim()).ok()
    }

    pub(super) fn log_format(&mut self) -> LogFormat {
        self.value(LOG_FORMAT, LogFormat::Runtime, parse_log_format)
    }

    pub(super) fn connection(&mut self) -> Option<Connection> {
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

    pub(super) fn development(&mut self, text: &str) -> Option<Connection> {
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
    pub(super) fn unknown_names(&mut self) {
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
