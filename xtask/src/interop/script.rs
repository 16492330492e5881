//! Scripts that judge for themselves, a line for each capability.

use std::path::Path;

use anyhow::anyhow;
use serde_json::Value;

use super::events::Events;
use super::sheet::Sheet;

/// Takes the verdicts of a script over from what it wrote.
pub(super) fn read_verdicts(log: &Path, sheet: &mut Sheet) {
    for event in Events::of(log).all("capability") {
        let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
        let fared = if event["ok"] == Value::Bool(true) {
            Ok(text("detail"))
        } else {
            Err(anyhow!("{}", text("detail")))
        };
        sheet.check(&text("name"), fared);
    }
}
