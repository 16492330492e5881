//! Scripts that judge for themselves, a line for each capability.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{anyhow, ensure};
use serde_json::Value;

use super::events::Events;
use super::sheet::Sheet;
use super::stage::Stage;

/// Runs a script to its end and takes its verdicts over, also those before a bad end.
pub(super) fn run(
    stage: &Stage<'_>,
    script: &mut Command,
    log: &str,
    within: Duration,
    sheet: &mut Sheet,
) -> anyhow::Result<()> {
    let ended = stage.call("the script", script, log, within);
    read_verdicts(&stage.log(log), sheet);
    let ended = ended?;
    ensure!(
        ended.status.success(),
        "the script ended with {}\n{}",
        ended.status,
        ended.last_words()
    );
    Ok(())
}

fn read_verdicts(log: &Path, sheet: &mut Sheet) {
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
