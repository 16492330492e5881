//! paho-mqtt, a plain MQTT client, against the hub: what the hub does on the
//! wire, seen by a client that knows nothing of Azure.
//!
//! The script judges; here it is only started and its lines are read.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::ground::Ground;
use super::script;
use super::sheet::Sheet;
use super::stage::Stage;

/// What the script shows.
pub(super) const CAPABILITIES: [&str; 9] = [
    "connect refused",
    "connect accepted",
    "subscribe",
    "publish confirmed",
    "delivery acknowledged",
    "redelivery",
    "kept session",
    "takeover",
    "twin",
];

/// The script's own deadlines end it sooner.
const WITHIN: Duration = Duration::from_secs(90);

/// Runs the script.
pub(super) fn run(stage: &Stage<'_>, python: &Path, sheet: &mut Sheet) -> anyhow::Result<()> {
    let ground = Ground::start(stage, "paho", 2, None)?;
    let mut command = Command::new(python);
    command
        .arg(stage.script("paho/checks.py"))
        .arg(ground.identities())
        .arg(ground.address.ip().to_string());
    let played = script::run(stage, &mut command, "paho-checks", WITHIN, sheet);
    let stopped = ground.stop();
    played?;
    stopped
}
