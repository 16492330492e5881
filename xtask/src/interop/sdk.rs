//! An official SDK as a camera and as a module, each a process of its own.
//!
//! Both SDKs go the same way, and their scripts say the same things. What is
//! judged is, wherever there is one, the other side: what the hub wrote upstream,
//! what its twin holds, what it answered.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use super::control::{arrived_at_input, arrived_upstream};
use super::events::Events;
use super::ground::{Ground, INPUT, LIMIT, MODULE, Module, OUTPUT};
use super::install::Node;
use super::messages::{self, Message, compare_bodies, compare_properties};
use super::sheet::Sheet;
use super::stage::Stage;
use super::wait::PATIENCE;

/// What each SDK shows.
pub(super) const CAPABILITIES: [&str; 11] = [
    "module environment",
    "module twin get",
    "module reported",
    "leaf pictures",
    "leaf properties",
    "leaf upstream",
    "module output",
    "module desired",
    "module method",
    "module renewal",
    "module reconnect",
];

/// The device that sends.
const DEVICE: &str = "cam-01";

/// How an SDK is run.
pub(super) struct Sdk {
    name: &'static str,
    /// Which hub, for its address.
    hub: u8,
    /// The leaf device: program, script.
    leaf: Vec<OsString>,
    variables: Vec<(&'static str, PathBuf)>,
    module: Module,
    /// The SUBSCRIBE packets of its whole life, renewals included.
    pub(super) subscriptions: usize,
}

/// An SDK at work: the hub and what the module says.
pub(super) struct Play<'a> {
    pub(super) sdk: &'a Sdk,
    pub(super) ground: Ground<'a>,
    pub(super) module: Events,
}

impl Sdk {
    /// `azure-iot-device` from PyPI.
    pub(super) fn python(stage: &Stage<'_>, python: &Path) -> Self {
        let run = |script: &str| vec![python.into(), stage.script(script).into()];
        Self {
            name: "python",
            hub: 0,
            leaf: run("python/leaf.py"),
            variables: Vec::new(),
            module: Module {
                name: MODULE,
                command: run("python/module.py"),
                variables: Vec::new(),
                desired: Vec::new(),
            },
            // Inputs, desired properties, answers, methods.
            subscriptions: 4,
        }
    }

    /// `azure-iot-device` and `azure-iot-device-mqtt` from npm.
    pub(super) fn node(stage: &Stage<'_>, node: &Node) -> Self {
        let run = |script: &str| vec![node.program.clone().into(), stage.script(script).into()];
        // The scripts lie elsewhere than the packages.
        let variables = vec![("NODE_PATH", node.packages.clone())];
        Self {
            name: "node",
            hub: 1,
            leaf: run("node/leaf.js"),
            variables: variables.clone(),
            module: Module {
                name: MODULE,
                command: run("node/module.js"),
                variables,
                desired: Vec::new(),
            },
            // Inputs, desired properties, answers, and methods once for each of two names.
            subscriptions: 5,
        }
    }

    /// Runs all of it. An error means that nothing after it could be tried.
    pub(super) fn run(&self, stage: &Stage<'_>, sheet: &mut Sheet) -> anyhow::Result<()> {
        let ground = Ground::start(stage, self.name, self.hub, Some(&self.module))?;
        let module = ground.module_events();
        let play = Play {
            sdk: self,
            ground,
            module,
        };
        let played = play.all(sheet);
        // Stopped in any case, so that what it leaves is whole.
        let stopped = play.ground.stop();
        played.and(stopped)
    }
}

impl Play<'_> {
    fn all(&self, sheet: &mut Sheet) -> anyhow::Result<()> {
        if !sheet.check("module environment", self.environment()) {
            bail!("the module is not ready");
        }
        sheet.check("module twin get", self.twin_get());
        sheet.check("module reported", self.reported());
        let messages = messages::list(self.sdk.name, &self.ground.stage.pictures)?;
        let sent = self.send("first", &messages);
        let pictures = sent.and_then(|()| self.pictures(&messages));
        sheet.check("leaf pictures", pictures);
        sheet.check("leaf properties", self.properties(&messages));
        sheet.check("leaf upstream", self.upstream(&messages));
        sheet.check("module output", self.outputs(&messages));
        let renewed = self.wait_for_fresh_connection();
        sheet.check(
            "module desired",
            renewed.and_then(|()| self.desired(LIMIT + 1)),
        );
        sheet.check("module method", self.method("echo"));
        sheet.check("module renewal", self.renewal());
        sheet.check("module reconnect", self.reconnect());
        Ok(())
    }

    fn environment(&self) -> anyhow::Result<String> {
        self.module.wait("ready", PATIENCE, |events| {
            (!events.is_empty()).then_some(())
        })?;
        Ok("connected with a token and a root from the workload API".to_owned())
    }

    fn twin_get(&self) -> anyhow::Result<String> {
        let twin = self.module.wait("twin", PATIENCE, |events| {
            Some(events.first()?["twin"].clone())
        })?;
        let desired = &twin["desired"];
        ensure!(
            desired["limit"] == LIMIT && desired["place"]["name"] == "Süd & Nord/1",
            "the module got {twin}"
        );
        Ok(format!(
            "desired as deployed, version {}",
            desired["$version"]
        ))
    }

    fn reported(&self) -> anyhow::Result<String> {
        let seen = json!({"by": self.sdk.name, "n": LIMIT});
        self.ground.wait_for_reported(MODULE, "seen", &seen)?;
        Ok(format!("the hub's twin has {seen}"))
    }

    /// Runs the leaf device until it has sent everything, under a name for this round.
    pub(super) fn send(&self, round: &str, messages: &[Message]) -> anyhow::Result<()> {
        let stage = self.ground.stage;
        let list = stage.path(&format!("{}-{round}.json", self.sdk.name));
        fs::write(&list, serde_json::to_vec(messages)?)?;
        let mut command = Command::new(&self.sdk.leaf[0]);
        command
            .args(&self.sdk.leaf[1..])
            .arg(self.ground.identities())
            .arg(DEVICE)
            .arg(list)
            .envs(self.sdk.variables.iter().map(|(key, value)| (key, value)));
        let log = format!("{}-leaf-{round}", self.sdk.name);
        let ended = stage.call("the leaf device", &mut command, &log, PATIENCE)?;
        ensure!(
            ended.status.success(),
            "the leaf device ended with {}\n{}",
            ended.status,
            ended.last_words()
        );
        let sent = Events::of(&stage.log(&log)).all("sent").len();
        ensure!(
            sent == messages.len(),
            "the hub acknowledged {sent} of {} pictures",
            messages.len()
        );
        Ok(())
    }

    /// Waits until all messages are at the input, and compares them.
    pub(super) fn pictures(&self, messages: &[Message]) -> anyhow::Result<String> {
        let arrived = self.module.wait("input", PATIENCE, |events| {
            let has = |message: &Message| events.iter().any(|event| event["id"] == message.id);
            messages.iter().all(has).then(|| events.to_vec())
        })?;
        let stray = arrived.iter().find(|event| event["input"] != INPUT);
        ensure!(stray.is_none(), "one came on another input: {stray:?}");
        let arrived: Vec<_> = arrived.iter().map(arrived_at_input).collect();
        compare_bodies(messages, &arrived)
    }

    fn properties(&self, messages: &[Message]) -> anyhow::Result<String> {
        let arrived: Vec<_> = self
            .module
            .all("input")
            .iter()
            .map(arrived_at_input)
            .collect();
        // The SDKs leave the sender's system properties among the application's.
        compare_properties(messages, &arrived, |key| key.starts_with("$."))
    }

    fn upstream(&self, messages: &[Message]) -> anyhow::Result<String> {
        let ids: Vec<&str> = messages.iter().map(|message| &*message.id).collect();
        let found = self.ground.wait_for_upstream(&ids)?;
        let stray = found
            .iter()
            .find(|message| message["deviceId"] != DEVICE || !message["moduleId"].is_null());
        ensure!(stray.is_none(), "one came from somebody else: {stray:?}");
        let arrived: Vec<_> = found
            .iter()
            .map(arrived_upstream)
            .collect::<Result<_, _>>()?;
        compare_properties(messages, &arrived, |_| false)?;
        compare_bodies(messages, &arrived)
    }

    fn outputs(&self, messages: &[Message]) -> anyhow::Result<String> {
        let ids: Vec<String> = messages
            .iter()
            .map(|message| format!("report of {}", message.id))
            .collect();
        let ids: Vec<&str> = ids.iter().map(|id| &**id).collect();
        let reports = self.ground.wait_for_upstream(&ids)?;
        for message in messages {
            let report = reports
                .iter()
                .find(|report| report["body"]["of"] == message.id)
                .with_context(|| format!("no report of `{}`", message.id))?;
            let system = &report["systemProperties"];
            let is_right = report["moduleId"] == MODULE
                && report["output"] == OUTPUT
                && report["body"]["sha256"] == message.sha256
                && system["contentType"] == "application/json"
                && system["contentEncoding"] == "utf-8"
                && report["properties"] == json!({"k ey": "a+b %&=/$ä"});
            ensure!(is_right, "this went upstream: {report}");
        }
        Ok(format!(
            "{} reports upstream, with output name, content type and encoding",
            messages.len()
        ))
    }

    /// Changes a desired property and waits until the module has seen it and said so.
    pub(super) fn desired(&self, limit: u64) -> anyhow::Result<String> {
        let patch = json!({"limit": limit, "place": {"note": "ä/%+"}});
        let version = self.ground.patch_desired(MODULE, &patch)?;
        let seen = self.module.wait("desired", PATIENCE, |events| {
            let new = |event: &&Value| event["patch"]["$version"] == version;
            Some(events.iter().find(new)?["patch"].clone())
        })?;
        ensure!(
            seen["limit"] == limit && seen["place"]["note"] == "ä/%+",
            "the module saw {seen}"
        );
        self.ground
            .wait_for_reported(MODULE, "applied", &json!(version))?;
        Ok(format!("version {version} arrived and was reported back"))
    }

    /// Calls a method and looks at the answer.
    pub(super) fn method(&self, name: &str) -> anyhow::Result<String> {
        let payload = json!({"n": 1, "list": [true, null, "ä &=/"]});
        let (status, answer) = self.ground.call_method(MODULE, name, &payload)?;
        ensure!(
            status == 207 && answer == json!({"name": name, "echo": payload}),
            "the answer was {status} {answer}"
        );
        Ok(format!(
            "`{name}` answered with status {status} and its payload"
        ))
    }
}
