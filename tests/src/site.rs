//! A site: hub, agent, module and cameras as processes of their own.

mod builder;
mod camera;

use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context as _, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::{Binary, Upstream, binary, wait_for, workspace_root};

pub use builder::SiteBuilder;
pub use camera::Camera;

/// How often reports come: as a variable, and in the twin.
const REPORT_INTERVAL: (&str, &str) = ("FRUIT_COUNTER_REPORT_INTERVAL", "reportInterval");

/// The rest of what the twin of the template sets and a variable says with the same text.
const IN_THE_TWIN: [(&str, &str); 10] = [
    ("FRUIT_COUNTER_HEARTBEAT", "heartbeat"),
    ("FRUIT_COUNTER_MIN_CONFIDENCE", "minConfidence"),
    ("FRUIT_COUNTER_LABELS", "labels"),
    ("FRUIT_COUNTER_LABEL_CONFIDENCE", "labelConfidence"),
    ("FRUIT_COUNTER_CAMERA_NAMES", "cameraNames"),
    ("FRUIT_COUNTER_LOT", "currentLot"),
    ("FRUIT_COUNTER_HTTP_COUNT", "httpCount"),
    ("FRUIT_COUNTER_LOG", "logLevel"),
    ("FRUIT_COUNTER_PROVIDER", "provider"),
    ("FRUIT_COUNTER_THREADS", "threads"),
];

/// The running processes; dropping it kills them all.
#[derive(Debug)]
pub struct Site {
    folder: TempDir,
    builder: SiteBuilder,
    hub: Option<Child>,
    agent: Option<Child>,
}

impl Site {
    /// What a site can be made of.
    #[must_use]
    pub fn builder() -> SiteBuilder {
        SiteBuilder::default()
    }

    /// The folder of this site's files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The hub's and the agent's state.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.folder().join("state")
    }

    /// The module's ledger.
    #[must_use]
    pub fn ledger(&self) -> PathBuf {
        self.folder().join("ledger")
    }

    /// What the hub sent upstream.
    #[must_use]
    pub fn upstream(&self) -> Upstream {
        Upstream::new(&self.folder().join("upstream.jsonl"))
    }

    /// What the module wrote so far.
    #[must_use]
    pub fn module_log(&self) -> String {
        std::fs::read_to_string(self.folder().join("module.log")).unwrap_or_default()
    }

    /// What the hub wrote so far.
    #[must_use]
    pub fn hub_log(&self) -> String {
        std::fs::read_to_string(self.folder().join("hub.log")).unwrap_or_default()
    }

    /// A log of this site, for the message of a failed test.
    #[must_use]
    pub fn logs(&self) -> String {
        let read = |name: &str| {
            let text = std::fs::read_to_string(self.folder().join(name)).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let tail = &lines[lines.len().saturating_sub(40)..];
            format!("--- {name}\n{}\n", tail.join("\n"))
        };
        ["hub.log", "agent.log", "module.log"].map(read).concat()
    }

    /// Starts the hub (again) on this site's state.
    ///
    /// # Errors
    /// When it cannot be started or does not listen.
    pub fn start_hub(&mut self) -> anyhow::Result<()> {
        let ready = self.state().join("hub.json");
        if ready.exists() {
            std::fs::remove_file(&ready)?;
        }
        let mut command = self.devhub("hub", "hub.log")?;
        command.args(["--listen", "127.0.0.1:0", "--upstream"]);
        command.arg(self.folder().join("upstream.jsonl"));
        for device in &self.builder.devices {
            command.args(["--device", device]);
        }
        command.args(&self.builder.hub_options);
        if self.builder.manifest.is_none() {
            for desired in self.desired() {
                command.args(["--desired", &desired]);
            }
        }
        self.hub = Some(command.spawn().context("starting the hub")?);
        let logs = || self.logs();
        wait_for("the hub to listen", || Ok(ready.exists().then_some(()))).with_context(logs)
    }

    /// Starts the agent (again), which starts or adopts the module.
    ///
    /// # Errors
    /// When it cannot be started or does not start the module.
    pub fn start_agent(&mut self) -> anyhow::Result<()> {
        let mut command = self.devhub("agent", "agent.log")?;
        let program = self.module_program()?;
        command
            .arg("--module")
            .arg(format!("{}={}", self.module(), program.display()));
        command
            .arg("--module-log")
            .arg(self.folder().join("module.log"));
        command.args(["--restart-backoff", "none"]);
        let mut ours = vec![
            (
                "FRUIT_COUNTER_MODEL",
                workspace_root().join("model").display().to_string(),
            ),
            (REPORT_INTERVAL.0, "1s".to_owned()),
            ("FRUIT_COUNTER_EDGEHUB_PORT", self.port()?.to_string()),
        ];
        if self.builder.manifest.is_none() {
            let ledger = self.ledger().display().to_string();
            ours.push(("FRUIT_COUNTER_LEDGER", ledger));
            // Free ports: several sites run at once.
            ours.push(("FRUIT_COUNTER_HTTP", "127.0.0.1:0".to_owned()));
            ours.push(("FRUIT_COUNTER_METRICS", "127.0.0.1:0".to_owned()));
        }
        let theirs = self
            .builder
            .module_env
            .iter()
            .map(|(n, v)| (n.as_str(), v.clone()));
        for (name, value) in ours.into_iter().chain(theirs) {
            command
                .arg("--module-env")
                .arg(format!("{}:{name}={value}", self.module()));
        }
        self.agent = Some(command.spawn().context("starting the agent")?);
        wait_for("the agent to start the module", || {
            Ok(self.module_pid().ok().map(|_| ()))
        })
        .with_context(|| self.logs())
    }

    /// What the template's twin sets and a test sets by a variable: the twin stands over that, so
    /// it is told the same.
    fn desired(&self) -> impl Iterator<Item = String> {
        [REPORT_INTERVAL]
            .into_iter()
            .chain(IN_THE_TWIN)
            .filter_map(|(variable, property)| {
                let mut set = self.builder.module_env.iter();
                let set = set.rfind(|(name, _)| name == variable);
                let default = (variable == REPORT_INTERVAL.0).then_some("1s");
                let value = set.map(|(_, value)| value.as_str()).or(default)?;
                Some(format!("{}:{property}={value}", self.module()))
            })
    }

    /// The module's name in the deployment.
    fn module(&self) -> &str {
        let deployed = self.builder.manifest.as_ref();
        deployed.map_or("FruitCounter", |deployed| &deployed.module)
    }

    fn module_program(&self) -> anyhow::Result<PathBuf> {
        let program = binary(Binary::FruitCounter)?;
        let Some(kib) = self.builder.module_memory else {
            return Ok(program);
        };
        let script = self.folder().join("limited");
        let text = format!(
            "#!/bin/sh\nulimit -v {kib}\nexec {} \"$@\"\n",
            program.display()
        );
        std::fs::write(&script, text)?;
        std::fs::set_permissions(&script, Permissions::from_mode(0o755))?;
        Ok(script)
    }

    fn devhub(&self, half: &str, log: &str) -> anyhow::Result<Command> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder().join(log))?;
        let mut command = Command::new(binary(Binary::Devhub)?);
        command.arg(half);
        match &self.builder.manifest {
            None => command
                .arg("--template")
                .arg(workspace_root().join("deployment.template.json")),
            Some(deployed) => {
                let manifest = self.folder().join("deployment.json");
                std::fs::write(&manifest, &deployed.text)?;
                command.arg("--manifest").arg(manifest)
            }
        };
        command.arg("--state").arg(self.state());
        command.args(&self.builder.shared_options);
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok(command)
    }

    /// The port that the hub listens on.
    ///
    /// # Errors
    /// When the hub did not say.
    pub fn port(&self) -> anyhow::Result<u16> {
        let hub = read_json(&self.state().join("hub.json"))?;
        hub["port"]
            .as_u64()
            .and_then(|port| port.try_into().ok())
            .context("no port in hub.json")
    }

    /// The running module's process id, as the agent knows it.
    ///
    /// # Errors
    /// When the agent runs none.
    pub fn module_pid(&self) -> anyhow::Result<Pid> {
        let agent = read_json(&self.state().join("agent.json"))?;
        agent["modules"][self.module()]["pid"]
            .as_i64()
            .and_then(|pid| Pid::from_raw(pid.try_into().ok()?))
            .context("the agent runs no module")
    }

    /// The key material and connection string of a device, as the hub wrote them.
    ///
    /// # Errors
    /// When the hub does not know the device.
    pub fn connection_string(&self, device: &str) -> anyhow::Result<String> {
        let identities = read_json(&self.state().join("identities.json"))?;
        let text = identities["devices"][device]["connectionString"].as_str();
        text.map(str::to_owned)
            .with_context(|| format!("no device {device} in identities.json"))
    }

    /// The certificate authority's file.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.state().join("ca.pem")
    }

    /// Starts `camera send` as `device` with more arguments.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn camera(&self, device: &str, arguments: &[&str]) -> anyhow::Result<Camera> {
        self.camera_as(device, &self.connection_string(device)?, arguments)
    }

    /// Starts `camera send` with a connection string that need not be the right one;
    /// its log is `DEVICE.log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn camera_as(
        &self,
        device: &str,
        connection_string: &str,
        arguments: &[&str],
    ) -> anyhow::Result<Camera> {
        let report = self.folder().join(format!("{device}.jsonl"));
        let log = File::create(self.folder().join(format!("{device}.log")))?;
        let child = Command::new(binary(Binary::Camera)?)
            .arg("send")
            .arg("--connection-string")
            .arg(connection_string)
            .arg("--ca")
            .arg(self.ca())
            .args(["--port", &self.port()?.to_string(), "--report"])
            .arg(&report)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("starting a camera")?;
        Ok(Camera { child, report })
    }

    /// Waits until a camera's pictures are all upstream as counts.
    ///
    /// # Errors
    /// When they are not in time; the message has the logs.
    pub fn wait_until_counted(&self, camera: &str, pictures: u64) -> anyhow::Result<()> {
        let mut seen = 0;
        wait_for(&format!("{pictures} pictures of {camera} upstream"), || {
            seen = self.upstream().camera(camera)?.distinct();
            Ok((seen >= pictures).then_some(()))
        })
        .with_context(|| format!("{seen} arrived\n{}", self.logs()))
    }

    /// Waits until the module has written a line with `text`.
    ///
    /// # Errors
    /// When it does not in time.
    pub fn wait_for_module_line(&self, text: &str) -> anyhow::Result<()> {
        wait_for(&format!("{text:?} in the module's log"), || {
            Ok(self.module_log().contains(text).then_some(()))
        })
        .with_context(|| self.logs())
    }

    /// Calls a direct method of the module as `az iot hub invoke-module-method` does, waiting for the
    /// module to connect; gives the status and the payload of its answer.
    ///
    /// # Errors
    /// When nobody answers.
    pub fn method(&self, name: &str, payload: &Value) -> anyhow::Result<(i64, Value)> {
        let output = Command::new(binary(Binary::Devhub)?)
            .args(["method", self.module(), name, "--connect-timeout", "60s"])
            .args(["--payload", &payload.to_string(), "--state"])
            .arg(self.state())
            .stdin(Stdio::null())
            .output()
            .context("calling a method")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{name}: {said}\n{}", self.logs());
        let mut answer: Value = serde_json::from_slice(&output.stdout)?;
        let status = answer["status"].as_i64().context("no status")?;
        Ok((status, answer["payload"].take()))
    }

    /// Makes the hub do something wrong, or right again, as `devhub fault` with these words does.
    ///
    /// # Errors
    /// When the hub does not take it.
    pub fn fault(&self, words: &[&str]) -> anyhow::Result<()> {
        let output = Command::new(binary(Binary::Devhub)?)
            .arg("fault")
            .args(words)
            .arg("--state")
            .arg(self.state())
            .stdin(Stdio::null())
            .output()
            .context("telling the hub of a fault")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "fault {words:?}: {said}");
        Ok(())
    }

    /// Stops the hub from doing anything, its connections left open.
    ///
    /// # Errors
    /// When it does not run.
    pub fn freeze_hub(&self) -> anyhow::Result<()> {
        signal(
            self.hub.as_ref().context("the hub does not run")?,
            Signal::STOP,
        )
    }

    /// Kills the hub without warning.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill_hub(&mut self) -> anyhow::Result<()> {
        kill(self.hub.take().context("the hub does not run")?)
    }

    /// Kills the agent without warning; the module goes on.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill_agent(&mut self) -> anyhow::Result<()> {
        kill(self.agent.take().context("the agent does not run")?)
    }

    /// Sends SIGTERM to the agent, which stops the module, and waits for its exit.
    ///
    /// # Errors
    /// When it does not run or does not end in time.
    pub fn stop_agent(&mut self) -> anyhow::Result<ExitStatus> {
        let mut agent = self.agent.take().context("the agent does not run")?;
        signal(&agent, Signal::TERM)?;
        wait_for("the agent to end", || Ok(agent.try_wait()?)).with_context(|| self.logs())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // The agent first: one that lives would start the module again.
        for child in [self.agent.take(), self.hub.take()].into_iter().flatten() {
            let _ = kill(child);
        }
        // The module, though the agent may have been just starting it and said so in no file.
        while end_strays(self.folder.path()) > 0 {}
    }
}

/// Kills every process whose command line or environment names `folder`, and says how many.
fn end_strays(folder: &Path) -> usize {
    let name = folder.as_os_str().as_encoded_bytes();
    let names_it = |file: &Path| {
        let bytes = std::fs::read(file).unwrap_or_default();
        bytes.windows(name.len()).any(|window| window == name)
    };
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| {
            let id: i32 = entry.file_name().to_str()?.parse().ok()?;
            let strays = ["cmdline", "environ"].map(|file| entry.path().join(file));
            let is_ours = strays.iter().any(|file| names_it(file));
            // This very process may have been told the name, too.
            let other = u32::try_from(id).ok()? != std::process::id();
            (is_ours && other).then_some(Pid::from_raw(id)?)
        })
        .filter(|pid| kill_process(*pid, Signal::KILL).is_ok())
        .count()
}

fn kill(mut child: Child) -> anyhow::Result<()> {
    child.kill()?;
    child.wait()?;
    Ok(())
}

fn signal(child: &Child, signal: Signal) -> anyhow::Result<()> {
    let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else {
        bail!("process id {} out of range", child.id());
    };
    Ok(kill_process(pid, signal)?)
}

fn read_json(path: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{}", path.display()))
}
