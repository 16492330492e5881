//! The forms that a setting's text can take, and what is said of a wrong one.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

/// Severity of a log line, in the words of the IoT Edge runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Only what ends the process.
    Fatal,
    /// Something failed and was not mended.
    Error,
    /// Something was wrong and we coped.
    Warning,
    /// Rare enough to read aloud.
    Info,
    /// Steps of the work.
    Debug,
    /// Everything.
    Verbose,
}

impl Level {
    /// As a setting names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Fatal => "fatal",
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Verbose => "verbose",
        }
    }
}

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// With the prefix that the IoT Edge runtime filters on.
    Runtime,
    /// One JSON object a line.
    Json,
}

/// Units of a duration, longest name first so that `ms` is not read as `m`.
const UNITS: &[(&str, f64)] = &[
    ("ms", 0.001),
    ("s", 1.0),
    ("min", 60.0),
    ("m", 60.0),
    ("h", 3600.0),
    ("d", 86_400.0),
];

/// Reads `60s`, `1.5h`, `500ms`: a number and a unit, between `least` and `most`.
///
/// # Errors
/// A sentence about what is wrong: no unit, an unknown unit, no number, out of range.
pub fn parse_duration(text: &str, least: Duration, most: Duration) -> Result<Duration, String> {
    let split = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .ok_or("it has no unit")?;
    let (number, unit) = text.split_at(split);
    let unit = unit.trim();
    let seconds = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, seconds)| *seconds)
        .ok_or_else(|| format!("unknown unit {unit:?}"))?;
    let number: f64 = number
        .parse()
        .map_err(|_not_a_number| format!("{number:?} is not a number"))?;
    let duration = Duration::try_from_secs_f64(number * seconds)
        .map_err(|_overflow| "it is too long".to_owned())?;
    if duration < least || duration > most {
        return Err("it is out of range".to_owned());
    }
    Ok(duration)
}

/// `off`, or what `parse` takes.
pub(super) fn or_off<T>(
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>, String> {
    if text.eq_ignore_ascii_case("off") {
        return Ok(None);
    }
    parse(text).map(Some)
}

pub(super) fn whole_seconds(duration: Duration) -> Result<Duration, String> {
    if duration.subsec_nanos() == 0 {
        Ok(duration)
    } else {
        Err("it is not a whole number of seconds".to_owned())
    }
}

pub(super) fn parse_whole<T>(text: &str, range: &RangeInclusive<T>) -> Result<T, String>
where
    T: FromStr + PartialOrd,
{
    let number: T = text
        .parse()
        .map_err(|_not_whole| "it is not such a number".to_owned())?;
    if range.contains(&number) {
        Ok(number)
    } else {
        Err("it is out of range".to_owned())
    }
}

pub(crate) fn parse_fraction(text: &str) -> Result<f32, String> {
    let number: f32 = text
        .parse()
        .map_err(|_not_a_number| "it is not a number".to_owned())?;
    if (0.0..=1.0).contains(&number) {
        Ok(number)
    } else {
        Err("it is out of range".to_owned())
    }
}

pub(super) fn parse_switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("it is neither".to_owned()),
    }
}

/// Reads what is at least written; `runtime`, and so `None`, leaves it to edgeAgent.
pub(super) fn parse_log(text: &str) -> Result<Option<Level>, String> {
    if text.eq_ignore_ascii_case("runtime") {
        return Ok(None);
    }
    parse_level(text).map(Some)
}

pub(super) fn parse_level(text: &str) -> Result<Level, String> {
    match text.to_ascii_lowercase().as_str() {
        "fatal" => Ok(Level::Fatal),
        "error" => Ok(Level::Error),
        "warning" | "warn" => Ok(Level::Warning),
        "info" | "information" => Ok(Level::Info),
        "debug" => Ok(Level::Debug),
        "verbose" | "trace" => Ok(Level::Verbose),
        _ => Err("there is no such level".to_owned()),
    }
}

pub(super) fn parse_log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "runtime" => Ok(LogFormat::Runtime),
        "json" => Ok(LogFormat::Json),
        _ => Err("it is neither".to_owned()),
    }
}
