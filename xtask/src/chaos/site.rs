//! Hub, agent and module as processes that can be killed, stopped and frozen at will.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::control::Control;
use super::fleet;
use crate::processes::{Group, Process, Stopped, last_lines};
use crate::rig::programs::Programs;
use crate::rig::state::{self, AgentFile, HubFile, MODULE};

/// How long hub and module may take to be there.
const READY: Duration = Duration::from_secs(30);
/// How long the agent may take to stop; it gives the module 10 s.
const AGENT_GRACE: Duration = Duration::from_secs(14);
/// The hub gives its connections 3 s.
pub(super) const HUB_GRACE: Duration = Duration::from_secs(6);

/// What a site is made of.
#[derive(Debug, Clone)]
pub(super) struct Ground {
    pub(super) root: PathBuf,
    pub(super) programs: Programs,
    pub(super) onnxruntime: PathBuf,
    /// A folder of its own for this run.
    pub(super) folder: PathBuf,
    pub(super) cameras: usize,
    /// What pictures by HTTP must come with.
    pub(super) http_key: String,
}

/// What the module is told beside where things are. Reports come often, so that faults hit them;
/// the confidence is high, so that some pictures are unsure; the log names each outcome.
const SETTINGS: [(&str, &str); 5] = [
    ("FRUIT_COUNTER_REPORT_INTERVAL", "1s"),
    ("FRUIT_COUNTER_MIN_CONFIDENCE", "0.999"),
    ("FRUIT_COUNTER_LOG", "debug"),
    ("FRUIT_COUNTER_HTTP", "127.0.0.1:0"),
    ("FRUIT_COUNTER_METRICS", "127.0.0.1:0"),
];

/// Those of them that the twin of the deployment sets, which stands over the environment.
const DESIRED: [&str; 3] = ["reportInterval=1s", "minConfidence=0.999", "logLevel=debug"];

impl Ground {
    pub(super) fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    pub(super) fn ledger(&self) -> PathBuf {
        self.folder.join("ledger")
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.folder.join("journal.jsonl")
    }

    pub(super) fn upstream(&self) -> PathBuf {
        self.folder.join("upstream.jsonl")
    }

    /// A key as good as the right one, and wrong.
    pub(super) fn wrong_http_key(&self) -> String {
        self.http_key.chars().rev().collect()
    }

    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.folder.join(name).with_extension("log")
    }

    /// The module's program with its model and settings, for its other commands.
    pub(super) fn module_command(&self) -> Command {
        let mut command = Command::new(&self.programs.module);
        command
            .env("ORT_DYLIB_PATH", &self.onnxruntime)
            .env("FRUIT_COUNTER_MODEL", self.root.join("model"))
            .envs(SETTINGS);
        command
    }

    fn devhub(&self, half: &str) -> Command {
        let mut command = Command::new(&self.programs.devhub);
        command.current_dir(&self.folder).arg(half);
        command
            .arg("--template")
            .arg(self.root.join("deployment.template.json"));
        command.arg("--state").arg(self.state());
        command
            .arg("--devices")
            .arg(self.folder.join("devices.json"));
        command.env("ORT_DYLIB_PATH", &self.onnxruntime);
        command
    }

    fn hub(&self, port: u16) -> Command {
        let mut command = self.devhub("hub");
        command.args(["--listen", &format!("127.0.0.1:{port}")]);
        command.arg("--upstream").arg(self.upstream());
        command.arg("--journal").arg(self.journal());
        // Short, so that frozen modules are given up on; longer than a picture ever takes.
        command.args(["--ack-timeout", "1500ms"]);
        for desired in DESIRED {
            command.args(["--desired", &format!("{MODULE}:{desired}")]);
        }
        command
    }

    fn agent(&self, port: u16) -> Command {
        let mut command = self.devhub("agent");
        let ledger = self.ledger().display().to_string();
        let model = self.root.join("model").display().to_string();
        let port = port.to_string();
        let mut settings: BTreeMap<&str, &str> = SETTINGS.into_iter().collect();
        settings.insert("FRUIT_COUNTER_LEDGER", &ledger);
        settings.insert("FRUIT_COUNTER_MODEL", &model);
        settings.insert("FRUIT_COUNTER_EDGEHUB_PORT", &port);
        settings.insert("FRUIT_COUNTER_HTTP_KEY", &self.http_key);
        for (name, value) in settings {
            command.args(["--module-env", &format!("{MODULE}:{name}={value}")]);
        }
        let program = self.programs.module.display();
        command.args(["--module", &format!("{MODULE}={program}")]);
        command.arg("--module-log").arg(self.log("module"));
        command.args(["--restart-backoff", "none"]);
        command
    }
}

/// How the hub is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HubState {
    /// It listens.
    Up,
    /// It was started and does not listen yet.
    Starting(Instant),
    /// It was ended and comes back then.
    Down(Instant),
}

/// The running site.
pub(super) struct Site {
    pub(super) ground: Ground,
    pub(super) group: Group,
    pub(super) control: Control,
    pub(super) hub: Process,
    pub(super) agent: Process,
    pub(super) hub_state: HubState,
    port: u16,
    /// A module that was ended, until the agent has another.
    pub(super) ended_module: Option<Pid>,
}

impl Site {
    /// Starts hub and agent and waits for the module.
    pub(super) fn start(
        ground: Ground,
        pause: &mut dyn FnMut(&str) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let group = Group::new()?;
        fs::create_dir_all(ground.ledger())?;
        let names: Vec<String> = (0..ground.cameras).map(fleet::name).collect();
        fs::write(
            ground.folder.join("devices.json"),
            serde_json::to_vec(&names)?,
        )?;
        let hub = group.spawn("the hub", &mut ground.hub(0), &ground.log("hub"))?;
        let started = Instant::now();
        let port = loop {
            if let Some(file) = state::read::<HubFile>(&ground.state(), "hub.json") {
                break file.port;
            }
            ensure!(
                started.elapsed() < READY,
                "the hub does not listen\n{}",
                hub.last_words()
            );
            pause("waiting for the hub")?;
        };
        let mut command = ground.agent(port);
        let agent = group.spawn("the agent", &mut command, &ground.log("agent"))?;
        let site = Self {
            control: Control::new(&ground.state()),
            ground,
            group,
            hub,
            agent,
            hub_state: HubState::Up,
            port,
            ended_module: None,
        };
        let started = Instant::now();
        while site.module().is_none() || !site.ground.ledger().join("counts.db").exists() {
            if started.elapsed() > READY {
                bail!("the module does not run\n{}", site.words());
            }
            pause("waiting for the module")?;
        }
        Ok(site)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The module's process, if the agent has one that nobody has ended.
    pub(super) fn module(&self) -> Option<Pid> {
        let file: AgentFile = state::read(&self.ground.state(), "agent.json")?;
        let module = file.modules.get(MODULE)?;
        let pid = Pid::from_raw(i32::try_from(module.pid?).ok()?)?;
        (module.state == "running" && self.ended_module != Some(pid)).then_some(pid)
    }

    /// Brings the hub back when its time has come, and notices when it listens.
    pub(super) fn tend(&mut self, now: Instant) -> anyhow::Result<()> {
        match self.hub_state {
            HubState::Up => {
                if let Some(status) = self.hub.ended()? {
                    bail!(
                        "the hub ended with {status} unasked\n{}",
                        self.hub.last_words()
                    );
                }
            }
            HubState::Down(back) if back <= now => {
                let log = self.ground.log("hub");
                let mut command = self.ground.hub(self.port);
                self.hub = self.group.spawn("the hub", &mut command, &log)?;
                self.hub_state = HubState::Starting(now);
            }
            HubState::Down(_) => {}
            HubState::Starting(since) => {
                if let Some(status) = self.hub.ended()? {
                    bail!("the hub ended with {status}\n{}", self.hub.last_words());
                }
                let file: Option<HubFile> = state::read(&self.ground.state(), "hub.json");
                if file.is_some_and(|file| file.pid == self.hub.id()) {
                    self.hub_state = HubState::Up;
                }
                ensure!(
                    since.elapsed() < READY,
                    "the hub does not listen\n{}",
                    self.hub.last_words()
                );
            }
        }
        if let Some(status) = self.agent.ended()? {
            bail!(
                "the agent ended with {status} unasked\n{}",
                self.agent.last_words()
            );
        }
        if self.ended_module.is_some() && self.module().is_some() {
            self.ended_module = None;
        }
        Ok(())
    }

    /// Kills the module, which the agent must not notice yet, and waits for its end.
    pub(super) fn kill_module(&mut self, module: Pid) -> anyhow::Result<()> {
        kill_process(module, Signal::KILL).context("cannot kill the module")?;
        self.ended_module = Some(module);
        let stat = format!("/proc/{}/stat", module.as_raw_nonzero());
        let asked = Instant::now();
        // A zombie has let go of everything.
        while fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
            ensure!(asked.elapsed() < READY, "the module outlives SIGKILL");
            thread::sleep(Duration::from_micros(200));
        }
        Ok(())
    }

    /// Stops the agent, with it the module, and then the hub. Says what did not go well.
    pub(super) fn stop(&mut self) -> anyhow::Result<Vec<String>> {
        let mut wrong = Vec::new();
        for (process, grace) in [(&mut self.agent, AGENT_GRACE), (&mut self.hub, HUB_GRACE)] {
            match process.stop(grace)? {
                Stopped::Ended(status) if status.success() => {}
                how @ (Stopped::Ended(_) | Stopped::Killed) => {
                    wrong.push(format!(
                        "{}: {how:?}\n{}",
                        process.name(),
                        process.last_words()
                    ));
                }
            }
        }
        let log = fs::read_to_string(self.ground.log("agent")).unwrap_or_default();
        wrong.extend(state::bad_end_of_module(&log));
        Ok(wrong)
    }

    /// The ends of the logs.
    pub(super) fn words(&self) -> String {
        let logs = ["hub", "agent", "module"].map(|name| last_lines(&self.ground.log(name), 15));
        logs.join("\n")
    }
}
