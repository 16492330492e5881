//! The cloud's client for predictions, from PyPI, against the module's HTTP door: programs that were
//! written for the cloud need another address and nothing else.
//!
//! The module stands alone, without a hub. The script judges; here both are started.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};

use super::script;
use super::sheet::Sheet;
use super::stage::Stage;
use super::wait::{PATIENCE, until};
use crate::processes::Process;

/// What the script shows.
pub(super) const CAPABILITIES: [&str; 6] = [
    "classify",
    "classify, no store",
    "classify by address",
    "by address, no store",
    "counted once",
    "refusals",
];

/// Pictures by HTTP must come with it.
const KEY: &str = "interop-key";
const WITHIN: Duration = Duration::from_secs(60);
const GRACE: Duration = Duration::from_secs(12);

/// What the peer needs.
pub(super) struct Needs {
    pub(super) python: PathBuf,
    pub(super) module: PathBuf,
    pub(super) onnxruntime: PathBuf,
}

/// Runs the module and the script.
pub(super) fn run(stage: &Stage<'_>, needs: &Needs, sheet: &mut Sheet) -> anyhow::Result<()> {
    let log = "custom-vision-module";
    let mut module = Command::new(&needs.module);
    module
        .env("FRUIT_COUNTER_HTTP", "127.0.0.1:0")
        .env("FRUIT_COUNTER_METRICS", "127.0.0.1:0")
        .env("FRUIT_COUNTER_HTTP_KEY", KEY)
        // The script serves the picture itself, on loopback.
        .env("FRUIT_COUNTER_HTTP_URL", "any")
        .env("FRUIT_COUNTER_LEDGER", stage.path("custom-vision-ledger"))
        .env("FRUIT_COUNTER_MODEL", stage.root().join("model"))
        .env("ORT_DYLIB_PATH", &needs.onnxruntime);
    let mut module = stage.spawn("the module", &mut module, log)?;
    let played = address(&mut module, &stage.log(log))
        .and_then(|address| play(stage, &needs.python, &address, sheet));
    module.stop(GRACE)?;
    played
}

fn play(stage: &Stage<'_>, python: &Path, address: &str, sheet: &mut Sheet) -> anyhow::Result<()> {
    let picture = stage.pictures.first().context("no picture was rendered")?;
    let mut command = Command::new(python);
    command
        .arg(stage.script("custom_vision/checks.py"))
        .args([address, KEY])
        .arg(picture);
    script::run(stage, &mut command, "custom-vision-checks", WITHIN, sheet)
}

/// Where the module listens, by its log.
fn address(module: &mut Process, log: &Path) -> anyhow::Result<String> {
    until("the module to serve HTTP", PATIENCE, || {
        if let Some(status) = module.ended()? {
            bail!("the module ended with {status}\n{}", module.last_words());
        }
        let text = fs::read(log).unwrap_or_default();
        Ok(served(&String::from_utf8_lossy(&text)))
    })
}

fn served(log: &str) -> Option<String> {
    let line = log
        .lines()
        .find(|line| line.contains("HTTP is served address="))?;
    let (_, address) = line.split_once("address=")?;
    address.split_whitespace().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_what_the_log_says_is_served() {
        let log = "<6> - model loaded model=\"m\"\n<6> - HTTP is served address=127.0.0.1:4711\n";
        assert_eq!(served(log), Some("127.0.0.1:4711".to_owned()));
        assert_eq!(served("<6> - model loaded"), None);
    }
}
