//! The settings of what reports say for people: names of cameras, and the lot.
//!
//! Ids of cameras are values and never keys, as labels are: a module twin refuses keys with dots or
//! `$`, which an id may have.

use std::collections::BTreeMap;

use ledger::{CameraNames, LedgerError, Lot};
use serde::Deserialize;

use super::{Setting, Unit};

pub(super) const CAMERA_NAMES: Setting = Setting {
    name: "FRUIT_COUNTER_CAMERA_NAMES",
    twin: Some("cameraNames"),
    unit: Unit::None,
    accepts: "a JSON list of ids of cameras with names, such as \
              [{\"camera\":\"cam-01\",\"name\":\"Line 1, left\"}]; names of 1 to 128 bytes, at most 1000",
    default: "none",
    effect: "what people call cameras: the next report of each says it as `name`; what is counted, and \
             under which id, is not touched (docs/counts.md)",
    cost: "so many bytes in each report with that camera",
};

pub(super) const LOT: Setting = Setting {
    name: "FRUIT_COUNTER_LOT",
    twin: Some("currentLot"),
    unit: Unit::None,
    accepts: "1 to 128 bytes without control characters; in the twin no text for no lot",
    default: "none",
    effect: "what the fruit that is being counted belongs to: reports say it as `lot`, and a change closes \
             the window, so that no report has fruit of two (docs/counts.md)",
    cost: "one more report for each change",
};

/// Reads the name of a lot; no text is no lot.
///
/// # Errors
/// A sentence about what is wrong.
pub(super) fn parse_lot(text: &str) -> Result<Option<Lot>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse()
        .map(Some)
        .map_err(|error: LedgerError| error.to_string())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    camera: String,
    name: String,
}

/// Reads names of cameras: `[{"camera":"cam-01","name":"Line 1, left"}]`.
///
/// # Errors
/// A sentence about what is wrong.
pub(super) fn parse_names(text: &str) -> Result<CameraNames, String> {
    let entries: Vec<Entry> =
        serde_json::from_str(text).map_err(|error| format!("it is not such JSON ({error})"))?;
    let mut names = BTreeMap::new();
    for Entry { camera, name } in entries {
        if names.contains_key(&camera) {
            return Err(format!("the camera {camera:?} is there twice"));
        }
        names.insert(camera, name);
    }
    CameraNames::try_from(names).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_wrong_ones_are_refused_with_what_is_wrong() {
        let names = parse_names(r#"[{"camera":"cam.01","name":"Line 1, left"}]"#).unwrap();
        assert_eq!(names.get("cam.01"), Some("Line 1, left"));
        for (text, part) in [
            ("{}", "not such JSON"),
            (r#"[{"camera":"a"}]"#, "missing field `name`"),
            (
                r#"[{"camera":"a","name":"b","id":1}]"#,
                "unknown field `id`",
            ),
            (r#"[{"camera":"a","name":""}]"#, "1 to 128 bytes"),
            (
                r#"[{"camera":"a","name":"b"},{"camera":"a","name":"c"}]"#,
                "twice",
            ),
        ] {
            let why = parse_names(text).unwrap_err();
            assert!(why.contains(part), "{text}: {why}");
        }
    }
}
