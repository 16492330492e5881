//! The queries and the board of `docs/dashboards`: parsed by Kusto's own parser, from npm, and run on
//! DuckDB, from PyPI, over reports that the real module has sent through the real hub.
//!
//! The scripts judge; here the reports are made, with some of all that the queries tell apart: two
//! cameras, a name, a lot from a moment on, a heartbeat, pictures that are rejected and unsure.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::ground::{DEVICES, Ground, Module};
use super::install::Node;
use super::script;
use super::sheet::Sheet;
use super::stage::Stage;
use super::wait::{PATIENCE, until};

/// What the scripts show.
pub(super) const CAPABILITIES: [&str; 14] = [
    "kusto set-up",
    "kusto queries",
    "kusto broken refused",
    "sums",
    "copy counted once",
    "foreign left out",
    "clones shown",
    "moved ledger",
    "gap shown",
    "beginning shown",
    "late and silent",
    "each module of a box",
    "stream analytics",
    "board",
];

const NAME: &str = "dashboards";
/// Which hub, for its address.
const HUB: u8 = 4;
const MODULE: &str = "FruitCounter";
const WITHIN: Duration = Duration::from_secs(120);

/// What the peer needs.
pub(super) struct Needs {
    pub(super) node: Node,
    pub(super) python: PathBuf,
    pub(super) module: PathBuf,
    pub(super) onnxruntime: PathBuf,
}

/// Has the queries parsed, makes the reports and has the queries run on them.
pub(super) fn run(stage: &Stage<'_>, needs: &Needs, sheet: &mut Sheet) -> anyhow::Result<()> {
    let files = stage.root().join("docs").join("dashboards");
    let mut parse = needs.node.script(&stage.script("kusto/parse.js"));
    parse.arg(&files);
    script::run(stage, &mut parse, "dashboards-parse", WITHIN, sheet)?;

    let upstream = reports(stage, needs)?;
    let mut checks = Command::new(&needs.python);
    // Nothing is written beside the scripts.
    checks.env("PYTHONDONTWRITEBYTECODE", "1");
    checks.arg(stage.script("dashboards/checks.py"));
    checks.arg(files).arg(upstream);
    script::run(stage, &mut checks, "dashboards-checks", WITHIN, sheet)
}

/// The file of what went upstream.
fn reports(stage: &Stage<'_>, needs: &Needs) -> anyhow::Result<PathBuf> {
    let module = Module {
        name: MODULE,
        command: vec![needs.module.clone().into()],
        variables: vec![
            ("FRUIT_COUNTER_LEDGER", stage.path("dashboards-ledger")),
            ("FRUIT_COUNTER_MODEL", stage.root().join("model")),
            // The first heartbeat goes by what is in force before the hub has spoken.
            ("FRUIT_COUNTER_REPORT_INTERVAL", "1s".into()),
            ("FRUIT_COUNTER_HTTP", "127.0.0.1:0".into()),
            ("FRUIT_COUNTER_METRICS", "127.0.0.1:0".into()),
            ("ORT_DYLIB_PATH", needs.onnxruntime.clone()),
        ],
        // The template has 60 s.
        desired: vec!["reportInterval=1s"],
    };
    let template = stage.root().join("deployment.template.json");
    let ground = Ground::of_template(stage, NAME, HUB, &template, Some(&module))?;
    let played = play(&ground);
    let upstream = ground.upstream.clone();
    let stopped = ground.stop();
    played?;
    stopped?;
    Ok(upstream)
}

fn play(ground: &Ground<'_>) -> anyhow::Result<()> {
    let [first, second] = DEVICES;
    // With nothing counted yet it says once that it lives.
    until("the first heartbeat", PATIENCE, || {
        Ok(ground.upstream().first().map(|_| ()))
    })?;
    send(ground, first, &rendered("ripe", "1", "12"))?;
    send(ground, second, &rendered("unripe", "2", "12"))?;
    counted(ground, 24)?;

    let names = json!([{"camera": first, "name": "Gate"}]);
    set(ground, "cameraNames", &names)?;
    set(ground, "currentLot", &json!("north 7"))?;
    let raw = ground.stage.path("dashboards-raw");
    fs::create_dir_all(&raw)?;
    fs::write(raw.join("no.jpg"), "not a picture")?;
    let raw = raw.to_str().context("the folder's path is not UTF-8")?;
    send(ground, second, &["--pictures", raw, "--raw"])?;
    send(ground, first, &rendered("ripe", "3", "8"))?;
    counted(ground, 33)?;

    set(ground, "minConfidence", &json!(1.0))?;
    send(ground, second, &rendered("unripe", "4", "6"))?;
    counted(ground, 39)
}

/// Five pictures a second, so that they come in several windows.
fn rendered<'a>(truth: &'a str, seed: &'a str, count: &'a str) -> [&'a str; 9] {
    [
        "--rendered",
        "--truth",
        truth,
        "--seed",
        seed,
        "--count",
        count,
        "--rate",
        "5",
    ]
}

/// Sends pictures to the end.
fn send(ground: &Ground<'_>, device: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let file = ground.stage.path("dashboards.connection");
    fs::write(&file, ground.connection_string(device)?)?;
    let mut command = Command::new(&ground.stage.camera);
    command.args(["send", "--quiet", "--connection-string-file"]);
    command.arg(&file).arg("--ca").arg(ground.ca());
    command.args(arguments);
    let log = format!("dashboards-{device}");
    let ended = ground
        .stage
        .call("camera send", &mut command, &log, PATIENCE)?;
    ensure!(ended.status.success(), "{}", ended.last_words());
    Ok(())
}

/// Sets a property and waits until the module has taken it.
fn set(ground: &Ground<'_>, name: &str, value: &Value) -> anyhow::Result<()> {
    let version = ground.patch_desired(MODULE, &json!({name: value}))?;
    let mut answer = Value::Null;
    until(&format!("{name} to be taken"), PATIENCE, || {
        answer = ground.twin(MODULE)?["reported"][name].take();
        Ok((answer["av"] == version && answer["ac"] == 200).then_some(()))
    })
    .with_context(|| format!("the module said {answer}"))
}

/// Waits until reports have so many pictures.
fn counted(ground: &Ground<'_>, pictures: u64) -> anyhow::Result<()> {
    let received = |message: &Value| message["body"]["totals"]["frames"]["received"].as_u64();
    until(&format!("reports of {pictures} pictures"), PATIENCE, || {
        let messages = ground.upstream();
        let last = messages.last().and_then(received);
        Ok((last == Some(pictures)).then_some(()))
    })
}
