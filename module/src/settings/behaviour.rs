//! How the module behaves: the settings that the module twin can change while it works.
//!
//! [`PROPERTIES`] is the one table of them. A property reads text into a [`Behaviour`]: the
//! environment's text and the twin's go through the same function, so that a value means the same
//! in both places. Nothing here applies anything.

use std::time::Duration;

use ledger::{CameraNames, Lot};
use serde_json::{Value, json};
use vision::Provider;

use super::table::{HEARTBEAT, LOG, MIN_CONFIDENCE, PROVIDER, REPORT_INTERVAL, THREADS};
use super::value::{or_off, parse_log, parse_switch, parse_whole, whole_seconds};
use super::{
    CountMode, DAY, DEFAULT_MIN_CONFIDENCE, Level, MINUTE, SECOND, Setting, cameras, http, labels,
    parse_confidence, parse_duration, parse_fraction, parse_labels,
};
use crate::labels::{LabelConfidence, LabelMap};

/// The settings that can change without a new start.
#[derive(Debug, Clone, PartialEq)]
pub struct Behaviour {
    /// Length of a counting window.
    pub report_interval: Duration,
    /// How long nothing is reported before a heartbeat is; `None`: there are none.
    pub heartbeat: Option<Duration>,
    /// Least score that counts under its label, 0..=1.
    pub min_confidence: f32,
    /// What labels count as.
    pub labels: LabelMap,
    /// Least scores of labels that have one of their own.
    pub label_confidence: LabelConfidence,
    /// What people call cameras.
    pub camera_names: CameraNames,
    /// The lot that is being counted.
    pub lot: Option<Lot>,
    /// Whether pictures are taken by HTTP, where there is an address for it.
    pub http: bool,
    /// Which pictures by HTTP are counted.
    pub http_count: CountMode,
    /// The least severe level that is written.
    pub log: Level,
    /// Threads of the inference session.
    pub threads: usize,
    /// What carries the model out.
    pub provider: Provider,
    /// What values stand for that leave it to the box.
    pub given: Given,
}

/// What the box gives to a setting that is left to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    /// For `threads` 0: as many as fit its cores.
    pub threads: usize,
    /// For `logLevel` `runtime`: as edgeAgent hands it down.
    pub log: Level,
}

impl Given {
    /// On a machine with so many cores, where edgeAgent says this of the log.
    #[must_use]
    pub fn on(cores: usize, runtime: Option<Level>) -> Self {
        Given {
            threads: cores.clamp(1, 4),
            log: runtime.unwrap_or(Level::Info),
        }
    }
}

impl Behaviour {
    /// Where nothing is set, on a machine with so many cores.
    #[cfg(test)]
    pub(crate) fn on(cores: usize) -> Self {
        Behaviour::of(Given::on(cores, None))
    }

    /// Where nothing is set, on this box.
    #[must_use]
    pub fn of(given: Given) -> Self {
        Behaviour {
            report_interval: MINUTE,
            heartbeat: Some(15 * MINUTE),
            min_confidence: DEFAULT_MIN_CONFIDENCE,
            labels: LabelMap::default(),
            label_confidence: LabelConfidence::default(),
            camera_names: CameraNames::default(),
            lot: None,
            http: true,
            http_count: CountMode::Named,
            log: given.log,
            threads: given.threads,
            given,
            provider: Provider::default(),
        }
    }
}

/// A setting as a property of the module twin.
#[derive(Debug, Clone, Copy)]
pub struct Property {
    /// Its name among the desired properties.
    pub name: &'static str,
    /// The same in the environment.
    pub setting: Setting,
    /// What the twin takes, where that is not what the environment takes.
    accepts: Option<&'static str>,
    /// Its type in the DTDL model.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the description"))]
    pub(crate) schema: &'static str,
    /// Whether no text at all is a value in the twin, where people cannot always remove a property.
    takes_none: bool,
    set: Set,
    shown: fn(&Behaviour) -> Value,
}

type Set = fn(&mut Behaviour, &str) -> Result<(), String>;

impl Property {
    /// What is accepted, with unit and range.
    #[must_use]
    pub fn accepts(&self) -> &'static str {
        self.accepts.unwrap_or(self.setting.accepts)
    }

    /// Whether the environment's variable is read as this property's text.
    pub(crate) fn is_in_environment(&self) -> bool {
        self.accepts.is_none()
    }

    /// Reads text.
    ///
    /// # Errors
    /// A sentence about what is wrong; the behaviour is as it was.
    pub(super) fn set(&self, behaviour: &mut Behaviour, text: &str) -> Result<(), String> {
        (self.set)(behaviour, text)
    }

    /// Reads a value of the twin: text as it stands, and of anything else its JSON.
    ///
    /// # Errors
    /// A sentence about what is wrong and what is accepted; the behaviour is as it was.
    pub fn read(&self, behaviour: &mut Behaviour, value: &Value) -> Result<(), String> {
        let written;
        let text = match value {
            Value::String(text) => text.trim(),
            other => {
                written = other.to_string();
                &written
            }
        };
        let read = if text.is_empty() && !self.takes_none {
            Err("it is empty".to_owned())
        } else {
            self.set(behaviour, text)
        };
        read.map_err(|why| format!("{why}; accepted: {}", self.accepts()))
    }

    /// The value in force, in the form that the twin would take.
    #[must_use]
    pub fn shown(&self, behaviour: &Behaviour) -> Value {
        (self.shown)(behaviour)
    }
}

/// Every property, in the order of the reference page, by the name of [`Setting::twin`].
pub const PROPERTIES: &[Property] = &[
    Property {
        schema: "string",
        shown: |behaviour| written(behaviour.report_interval).into(),
        ..property(REPORT_INTERVAL, |behaviour, text| {
            let read = parse_duration(text, SECOND, DAY).and_then(whole_seconds);
            put(&mut behaviour.report_interval, read)
        })
    },
    Property {
        schema: "double",
        shown: |behaviour| number(behaviour.min_confidence),
        ..property(MIN_CONFIDENCE, |behaviour, text| {
            put(&mut behaviour.min_confidence, parse_fraction(text))
        })
    },
    Property {
        schema: "string",
        shown: |behaviour| {
            let mut lists = serde_json::Map::new();
            for (name, label) in behaviour.labels.meanings() {
                if let Value::Array(list) = lists.entry(name).or_insert_with(|| json!([])) {
                    list.push(label.into());
                }
            }
            lists.into()
        },
        ..property(labels::LABELS, |behaviour, text| {
            put(&mut behaviour.labels, parse_labels(text))
        })
    },
    Property {
        schema: "string",
        shown: |behaviour| {
            let entries = behaviour.label_confidence.entries();
            let entry = |(label, least)| json!({"label": label, "min": number(least)});
            entries.map(entry).collect()
        },
        ..property(labels::CONFIDENCE, |behaviour, text| {
            put(&mut behaviour.label_confidence, parse_confidence(text))
        })
    },
    Property {
        schema: "string",
        shown: |behaviour| {
            let entry = |(camera, name)| json!({"camera": camera, "name": name});
            behaviour.camera_names.iter().map(entry).collect()
        },
        ..property(cameras::CAMERA_NAMES, |behaviour, text| {
            put(&mut behaviour.camera_names, cameras::parse_names(text))
        })
    },
    Property {
        schema: "string",
        shown: |behaviour| {
            let name = behaviour.lot.as_ref().map_or("", |lot| lot.as_str());
            name.into()
        },
        takes_none: true,
        ..property(cameras::LOT, |behaviour, text| {
            put(&mut behaviour.lot, cameras::parse_lot(text))
        })
    },
    Property {
        schema: "integer",
        shown: |behaviour| behaviour.threads.into(),
        ..property(THREADS, |behaviour, text| {
            let read = parse_whole(text, &(0..=64));
            let read = read.map(|threads| match threads {
                0 => behaviour.given.threads,
                threads => threads,
            });
            put(&mut behaviour.threads, read)
        })
    },
    Property {
        schema: "string",
        shown: |behaviour| behaviour.provider.to_string().into(),
        ..property(PROVIDER, |behaviour, text| {
            let read = text.parse::<Provider>();
            put(
                &mut behaviour.provider,
                read.map_err(|error| error.to_string()),
            )
        })
    },
    Property {
        schema: "string",
        shown: |behaviour| behaviour.log.as_str().into(),
        ..property(LOG, |behaviour, text| {
            let read = parse_log(text).map(|level| level.unwrap_or(behaviour.given.log));
            put(&mut behaviour.log, read)
        })
    },
    Property {
        schema: "string",
        shown: |behaviour| {
            let every = behaviour.heartbeat;
            every.map_or_else(|| "off".to_owned(), written).into()
        },
        ..property(HEARTBEAT, |behaviour, text| {
            let read = or_off(text, |text| parse_duration(text, SECOND, DAY));
            put(&mut behaviour.heartbeat, read)
        })
    },
    Property {
        schema: "boolean",
        accepts: Some("true or false; true where FRUIT_COUNTER_HTTP has an address to listen on"),
        shown: |behaviour| behaviour.http.into(),
        ..property(http::HTTP, |behaviour, text| {
            put(&mut behaviour.http, parse_switch(text))
        })
    },
    Property {
        schema: "string",
        shown: |behaviour| behaviour.http_count.as_str().into(),
        ..property(http::COUNT, |behaviour, text| {
            put(&mut behaviour.http_count, http::parse_count(text))
        })
    },
];

/// The property of a setting that has a name in the twin.
const fn property(setting: Setting, set: Set) -> Property {
    let Some(name) = setting.twin else {
        panic!("a setting without a name in the twin is no property");
    };
    Property {
        name,
        setting,
        accepts: None,
        schema: "",
        takes_none: false,
        set,
        shown: |_behaviour| Value::Null,
    }
}

fn put<T>(place: &mut T, read: Result<T, String>) -> Result<(), String> {
    *place = read?;
    Ok(())
}

/// As people write it: 0.6 and not 0.6000000238.
fn number(value: f32) -> Value {
    let short = value.to_string().parse::<f64>();
    short.map_or(Value::Null, Value::from)
}

/// As [`parse_duration`] reads it, in the largest unit that leaves no fraction.
fn written(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    let units = [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1000),
    ];
    let whole = units
        .into_iter()
        .find(|(_, unit)| milliseconds > 0 && milliseconds.is_multiple_of(*unit));
    match whole {
        Some((name, unit)) => format!("{}{name}", milliseconds / unit),
        None => format!("{milliseconds}ms"),
    }
}

#[cfg(test)]
mod tests;
