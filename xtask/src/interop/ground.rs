//! A development hub for one peer: its deployment, its address, its state.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use super::address;
use super::events::Events;
use super::folder::make_private;
use super::stage::Stage;
use super::wait::{PATIENCE, until};
use crate::processes::{Process, Stopped};

/// The module of the deployment.
pub(super) const MODULE: &str = "Peer";
/// The edge device.
const EDGE_DEVICE: &str = "edge-dev";
/// Leaf devices that the hub knows.
pub(super) const DEVICES: [&str; 2] = ["cam-01", "cam-02"];
/// The input that pictures are routed to.
pub(super) const INPUT: &str = "pictures";
/// The output that goes upstream.
pub(super) const OUTPUT: &str = "reports";
/// A desired property of the module from the start.
pub(super) const LIMIT: u64 = 3;

/// The agent gives a module 10 s after SIGTERM.
const GRACE: Duration = Duration::from_secs(14);
/// Short, so that a delivery that is not acknowledged soon comes again.
const ACK_TIMEOUT: &str = "2s";

/// A hub that listens, with its module if it was given one.
pub(super) struct Ground<'a> {
    pub(super) stage: &'a Stage<'a>,
    pub(super) name: &'static str,
    pub(super) state: PathBuf,
    pub(super) upstream: PathBuf,
    pub(super) address: SocketAddr,
    process: Process,
}

/// The program of the module and what it needs beside the edge environment.
pub(super) struct Module {
    /// Its name in the deployment.
    pub(super) name: &'static str,
    /// Program and arguments.
    pub(super) command: Vec<OsString>,
    /// Further variables.
    pub(super) variables: Vec<(&'static str, PathBuf)>,
    /// Desired properties over those of the deployment, `KEY=VALUE`.
    pub(super) desired: Vec<&'static str>,
}

/// What the hub writes once it listens.
#[derive(Deserialize)]
struct HubFile {
    pid: u32,
    listen: SocketAddr,
}

impl<'a> Ground<'a> {
    /// Starts hub number `hub` for the peer `name` with the deployment for peers, and its agent if
    /// there is a module to start, and waits until it listens.
    pub(super) fn start(
        stage: &'a Stage<'a>,
        name: &'static str,
        hub: u8,
        module: Option<&Module>,
    ) -> anyhow::Result<Self> {
        let template = stage.path(&format!("{name}.template.json"));
        fs::write(&template, deployment().to_string())?;
        Self::of_template(stage, name, hub, &template, module)
    }

    /// The same with another deployment.
    pub(super) fn of_template(
        stage: &'a Stage<'a>,
        name: &'static str,
        hub: u8,
        template: &Path,
        module: Option<&Module>,
    ) -> anyhow::Result<Self> {
        let folder = stage.path(name);
        make_private(&folder)?;
        let (state, upstream) = (folder.join("s"), folder.join("upstream.jsonl"));
        let host = address::of(hub, std::process::id());
        let mut command = Command::new(&stage.devhub);
        command
            .arg(if module.is_some() { "run" } else { "hub" })
            .arg("--template")
            .arg(template)
            .arg("--state")
            .arg(&state)
            .args(["--edge-device", EDGE_DEVICE, "--host", &host.to_string()])
            .args(["--listen", &format!("{host}:8883")])
            .args(["--ack-timeout", ACK_TIMEOUT])
            .arg("--upstream")
            .arg(&upstream);
        for device in DEVICES {
            command.args(["--device", device]);
        }
        if let Some(module) = module {
            command.args(module.arguments(&folder)?);
        }
        let process = stage.spawn("the hub", &mut command, &hub_log(name))?;
        let mut ground = Self {
            stage,
            name,
            state,
            upstream,
            address: SocketAddr::from((host, 8883)),
            process,
        };
        ground.wait_until_it_listens()?;
        Ok(ground)
    }

    fn wait_until_it_listens(&mut self) -> anyhow::Result<()> {
        let file = self.state.join("hub.json");
        self.address = until("the hub to listen", PATIENCE, || {
            if let Some(status) = self.process.ended()? {
                bail!("the hub ended with {status}\n{}", self.process.last_words());
            }
            let hub: Option<HubFile> = fs::read(&file)
                .ok()
                .and_then(|text| serde_json::from_slice(&text).ok());
            Ok(hub
                .filter(|hub| hub.pid == self.process.id())
                .map(|hub| hub.listen))
        })?;
        Ok(())
    }

    /// Where keys and the CA are named.
    pub(super) fn identities(&self) -> PathBuf {
        self.state.join("identities.json")
    }

    /// The file with the root certificate.
    pub(super) fn ca(&self) -> PathBuf {
        self.state.join("ca.pem")
    }

    /// The connection string of a leaf device.
    pub(super) fn connection_string(&self, device: &str) -> anyhow::Result<String> {
        let file = self.identities();
        let text = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let identities: Value = serde_json::from_slice(&text)?;
        identities["devices"][device]["connectionString"]
            .as_str()
            .map(str::to_owned)
            .with_context(|| format!("the hub knows no device {device}"))
    }

    /// What the module says.
    pub(super) fn module_events(&self) -> Events {
        Events::of(&module_log(&self.stage.path(self.name)))
    }

    /// How often the hub has accepted a connection of this client, by its own log.
    pub(super) fn connections_of(&self, client: &str) -> usize {
        let log = fs::read(self.stage.log(&hub_log(self.name))).unwrap_or_default();
        let own = format!("client={client} ");
        String::from_utf8_lossy(&log)
            .lines()
            .filter(|line| line.contains("client connected") && line.contains(&own))
            .count()
    }

    /// The module's full name, as the hub writes it.
    pub(super) fn module_client() -> String {
        format!("{EDGE_DEVICE}/{MODULE}")
    }

    /// Stops hub, agent and module, in order.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        match self.process.stop(GRACE)? {
            Stopped::Ended(status) if status.success() => Ok(()),
            Stopped::Ended(status) => {
                bail!("the hub ended with {status}\n{}", self.process.last_words())
            }
            Stopped::Killed => bail!(
                "the hub did not stop within {} s\n{}",
                GRACE.as_secs(),
                self.process.last_words()
            ),
        }
    }
}

impl Module {
    /// What the hub's command is told about the module: a program without arguments, so a
    /// shell script that holds them, and variables.
    fn arguments(&self, folder: &Path) -> anyhow::Result<Vec<OsString>> {
        let program = folder.join("module.sh");
        let mut script = "#!/bin/sh\nexec".to_owned();
        for word in &self.command {
            let word = word
                .to_str()
                .with_context(|| format!("{} is not UTF-8", word.display()))?;
            script.push_str(&format!(" '{}'", word.replace('\'', r"'\''")));
        }
        script.push('\n');
        fs::write(&program, script)?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700))?;

        let joined = |left: &str, right: &Path| {
            let mut text = OsString::from(left);
            text.push("=");
            text.push(right);
            text
        };
        let mut arguments = vec![
            "--module".into(),
            joined(self.name, &program),
            "--module-log".into(),
            module_log(folder).into_os_string(),
            "--restart-backoff".into(),
            // A module that ends has failed; starting it again would only hide that.
            "10m".into(),
        ];
        for (key, value) in &self.variables {
            arguments.push("--module-env".into());
            arguments.push(joined(&format!("{}:{key}", self.name), value));
        }
        for desired in &self.desired {
            arguments.push("--desired".into());
            arguments.push(format!("{}:{desired}", self.name).into());
        }
        Ok(arguments)
    }
}

fn hub_log(name: &str) -> String {
    format!("{name}-hub")
}

fn module_log(folder: &Path) -> PathBuf {
    folder.join("module.log")
}

/// Pictures of leaf devices go to the module and, to be looked at, upstream; the
/// module's reports go upstream.
fn deployment() -> Value {
    let leaves = "FROM /messages/* WHERE NOT IS_DEFINED($connectionModuleId)";
    json!({"modulesContent": {
        "$edgeAgent": {"properties.desired": {
            "schemaVersion": "1.1",
            "runtime": {"type": "docker", "settings": {}},
            "systemModules": {},
            "modules": {MODULE: {"type": "docker", "status": "running",
                "restartPolicy": "always",
                "settings": {"image": "peer", "createOptions": "{}"}}}}},
        "$edgeHub": {"properties.desired": {
            "schemaVersion": "1.1",
            "routes": {
                "pictures": format!("{leaves} INTO BrokeredEndpoint(\"/modules/{MODULE}/inputs/{INPUT}\")"),
                "copies": format!("{leaves} INTO $upstream"),
                "reports": format!("FROM /messages/modules/{MODULE}/outputs/{OUTPUT} INTO $upstream")},
            "storeAndForwardConfiguration": {"timeToLiveSecs": 7200}}},
        MODULE: {"properties.desired": {"limit": LIMIT, "place": {"name": "Süd & Nord/1"}}},
    }})
}
