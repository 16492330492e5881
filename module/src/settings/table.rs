//! The one table of names, defaults, ranges and effects.

use super::{cameras, http, labels, model};

/// The prefix of every variable that belongs to this module.
pub const PREFIX: &str = "FRUIT_COUNTER_";

/// One setting as people see it: its name, what it takes, its default and its effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Full name of the environment variable.
    pub name: &'static str,
    /// Its name in the module twin's desired properties; `None`: only the environment has it, since
    /// it says where the module runs, or is a secret.
    pub twin: Option<&'static str>,
    /// What it is measured in.
    pub unit: Unit,
    /// The accepted form, with its range.
    pub accepts: &'static str,
    /// What holds when it is set nowhere.
    pub default: &'static str,
    /// What it changes.
    pub effect: &'static str,
    /// What it takes to set it otherwise: time, memory, disk, messages.
    pub cost: &'static str,
}

/// What a setting is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Words, names, lists: nothing to measure.
    None,
    /// Time, written with its unit.
    Time,
    /// Bytes.
    Bytes,
    /// A score of the model, 0 to 1.
    Score,
    /// How many of something.
    Count,
}

impl Unit {
    /// As the reference page has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Unit::None => "–",
            Unit::Time => "time",
            Unit::Bytes => "bytes",
            Unit::Score => "score",
            Unit::Count => "count",
        }
    }
}

pub(super) const LEDGER: Setting = Setting {
    name: "FRUIT_COUNTER_LEDGER",
    twin: None,
    unit: Unit::None,
    accepts: "path of a folder that survives the container",
    default: "/var/lib/fruit-counter",
    effect: "where the durable counts are kept; one running module per folder",
    cost: "disk: about 2 MB at first, 45 MB after ten million pictures (docs/ledger.md)",
};
pub(super) const DURABILITY: Setting = Setting {
    name: "FRUIT_COUNTER_DURABILITY",
    twin: None,
    unit: Unit::None,
    accepts: "strict or relaxed",
    default: "strict",
    effect: "whether each picture's count is flushed to the disk before the picture is \
             acknowledged, or every 2 s: a power cut then loses up to 5 s of pictures, and an SD \
             card lasts longer (docs/ledger.md)",
    cost: "`strict` flushes the disk once for each picture, or for all that wait by HTTP",
};
pub(super) const REPORT_INTERVAL: Setting = Setting {
    name: "FRUIT_COUNTER_REPORT_INTERVAL",
    twin: Some("reportInterval"),
    unit: Unit::Time,
    accepts: "a duration with unit (`2s`, `1m`, `1.5h`), whole seconds from 1s to 24h",
    default: "60s",
    effect: "length of a counting window, and so how often counts are sent",
    cost: "one message upstream, about 1 KB, for each window in which a picture came",
};
pub(super) const MIN_CONFIDENCE: Setting = Setting {
    name: "FRUIT_COUNTER_MIN_CONFIDENCE",
    twin: Some("minConfidence"),
    unit: Unit::Score,
    accepts: "a number from 0 to 1",
    default: "0.6",
    effect: "a best score below this counts the picture as `unsure`; a label can have its own",
    cost: "none",
};
pub(super) const THREADS: Setting = Setting {
    name: "FRUIT_COUNTER_THREADS",
    twin: Some("threads"),
    unit: Unit::Count,
    accepts: "a whole number from 1 to 64, or 0 for the number of cores, at most 4",
    default: "0",
    effect: "threads of the session that looks at edgeHub's pictures; those of HTTP have one each",
    cost: "a new session of the model is opened beside the old one: its memory twice until the next picture",
};
pub(super) const PROVIDER: Setting = Setting {
    name: "FRUIT_COUNTER_PROVIDER",
    twin: Some("provider"),
    unit: Unit::None,
    accepts: "cpu, xnnpack, openvino, cuda or tensorrt, of those that the loaded ONNX Runtime has",
    default: "cpu",
    effect: "what carries the model out; one that the library lacks, or that does not start, is \
             refused with those there are (docs/models.md)",
    cost: "new sessions of the model are opened beside the old ones: their memory twice until the next \
           pictures; `tensorrt` builds its engine for up to minutes",
};
pub(super) const EDGEHUB_PORT: Setting = Setting {
    name: "FRUIT_COUNTER_EDGEHUB_PORT",
    twin: None,
    unit: Unit::None,
    accepts: "a port number from 1 to 65535",
    default: "8883",
    effect: "port of edgeHub's MQTT listener on the gateway host",
    cost: "none",
};
pub(super) const TLS12_ONLY: Setting = Setting {
    name: "FRUIT_COUNTER_TLS12_ONLY",
    twin: None,
    unit: Unit::None,
    accepts: "true or false",
    default: "false",
    effect: "offer TLS 1.2 at most (a way round edgeHub 1.6.0 and 1.6.1, which can lose a CONNECT)",
    cost: "none",
};
pub(super) const LOG: Setting = Setting {
    name: "FRUIT_COUNTER_LOG",
    twin: Some("logLevel"),
    unit: Unit::None,
    accepts: "fatal, error, warning, info, debug or verbose, or runtime: RuntimeLogLevel as edgeAgent hands it down, else info",
    default: "runtime",
    effect: "the least severe lines that are written",
    cost: "`debug` writes some lines for each picture, `verbose` what the libraries say too",
};
pub(super) const LOG_FORMAT: Setting = Setting {
    name: "FRUIT_COUNTER_LOG_FORMAT",
    twin: None,
    unit: Unit::None,
    accepts: "runtime or json",
    default: "runtime",
    effect: "whether a log line begins with the prefix that the IoT Edge runtime filters on, or is a \
             JSON object for a log collector (docs/logs.md)",
    cost: "none",
};

pub(super) const STAMP_BEHIND: Setting = Setting {
    name: "FRUIT_COUNTER_STAMP_BEHIND",
    twin: None,
    unit: Unit::Time,
    accepts: "a duration with unit from 0s to 30d",
    default: "24h",
    effect: "how old a picture may be by its camera's stamp; an older stamp is taken for a wrong \
             clock, and the picture is counted by its arrival",
    cost: "late pictures make one more report for their window",
};
pub(super) const STAMP_AHEAD: Setting = Setting {
    name: "FRUIT_COUNTER_STAMP_AHEAD",
    twin: None,
    unit: Unit::Time,
    accepts: "a duration with unit from 0s to 24h",
    default: "5m",
    effect: "how far a camera's clock may run ahead before its stamp is taken for wrong",
    cost: "a window can stay open for so much longer",
};
pub(super) const CLOCK: Setting = Setting {
    name: "FRUIT_COUNTER_CLOCK",
    twin: None,
    unit: Unit::None,
    accepts: "kernel or trusted",
    default: "kernel",
    effect: "whether counts are marked `unsure` until the kernel says that a time server keeps the \
             clock, or never (a box with a good clock and no time server)",
    cost: "none",
};
pub(super) const HEARTBEAT: Setting = Setting {
    name: "FRUIT_COUNTER_HEARTBEAT",
    twin: Some("heartbeat"),
    unit: Unit::Time,
    accepts: "a duration with unit from 1s to 24h, or off",
    default: "15m",
    effect: "after so long without a report, one without counts says that the module is alive",
    cost: "one message upstream, about 1 KB, for each time without a report",
};
pub(super) const MERGE_AFTER: Setting = Setting {
    name: "FRUIT_COUNTER_MERGE_AFTER",
    twin: None,
    unit: Unit::Time,
    accepts: "a duration with unit from 1s to 30d, or off",
    default: "6h",
    effect: "when sending fails for longer than this, the windows of an hour share one report",
    cost: "counts of a long outage are told by the hour",
};
pub(super) const WATCHDOG: Setting = Setting {
    name: "FRUIT_COUNTER_WATCHDOG",
    twin: None,
    unit: Unit::Time,
    accepts: "a duration with unit from 1s to 1h, or off",
    default: "2m",
    effect: "how long one picture may be in hand before the process ends over it with exit code 70, to \
             be started again; a picture over which it ended three times is rejected as `crashed`",
    cost: "none until it acts; then a new start, about a second",
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
    cameras::CAMERA_NAMES,
    cameras::LOT,
    THREADS,
    PROVIDER,
    EDGEHUB_PORT,
    TLS12_ONLY,
    LOG,
    LOG_FORMAT,
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
    http::COUNT,
    http::TIMEOUT,
    http::KEY,
    http::KEY_FILE,
    http::URL,
];

/// The variable that edgeAgent hands down; used when [`LOG`] is absent.
pub(super) const RUNTIME_LOG_LEVEL: &str = "RuntimeLogLevel";
/// A connection string for development wins over the IoT Edge variables, as in the official SDKs.
pub(super) const CONNECTION_STRING: &str = "EdgeHubConnectionString";
/// PEM file of the only trusted roots, needed beside [`CONNECTION_STRING`].
pub(super) const CA_FILE: &str = "EdgeModuleCACertificateFile";
