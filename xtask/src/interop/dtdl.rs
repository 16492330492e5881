//! The parser for DTDL, from npm, on the models in `docs/`: IoT Central and Digital Twins read them
//! with one like it.
//!
//! The script judges; here it is only started and its lines are read.

use std::time::Duration;

use super::install::Node;
use super::script;
use super::sheet::Sheet;
use super::stage::Stage;

/// What the script shows.
pub(super) const CAPABILITIES: [&str; 2] = ["models parsed", "broken models refused"];

/// It takes a fraction of a second.
const WITHIN: Duration = Duration::from_secs(30);

/// Runs the script.
pub(super) fn run(stage: &Stage<'_>, node: &Node, sheet: &mut Sheet) -> anyhow::Result<()> {
    let mut command = node.script(&stage.script("dtdl/check.js"));
    command.arg(stage.root().join("docs"));
    script::run(stage, &mut command, "dtdl-check", WITHIN, sheet)
}
