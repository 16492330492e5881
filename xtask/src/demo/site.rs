//! The box of the demo: the hub, the agent with the module, their state folder,
//! and what they write upstream.
//!
//! Hub and agent are processes of their own, so that either can be killed while
//! the other lives on. What ends without being asked is started again on the
//! same state, and said so; it is not an error, for surviving it is the point.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::blueprint::Blueprint;
use super::summary::Restarts;
use crate::processes::{Group, Process, Stopped, last_lines};
use crate::rig::state::{self, AgentFile, HubFile, MODULE};
use crate::rig::upstream::Tail;

/// How long the hub and the module may take to be there.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// More restarts than this, and something is wrong that restarting does not mend.
const RESTARTS_AT_MOST: u64 = 20;
/// The agent gives the module 10 s after SIGTERM.
const AGENT_GRACE: Duration = Duration::from_secs(14);
const HUB_GRACE: Duration = Duration::from_secs(6);

/// The running site.
pub(super) struct Site {
    blueprint: Blueprint,
    group: Group,
    hub: Process,
    agent: Process,
    /// Where the hub listens.
    port: u16,
    /// One file for each start of the hub: a killed one leaves half a line.
    upstream: Vec<Tail>,
    restarts: Restarts,
    /// The agent's file when it was last looked at.
    seen: AgentFile,
}

impl Site {
    /// Starts hub and agent, and waits until the module runs. `pause` is called
    /// while waiting and may refuse to wait any longer.
    pub(super) fn start(
        blueprint: Blueprint,
        pause: &mut dyn FnMut(&str) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let group = Group::new()?;
        fs::create_dir_all(blueprint.folder.join("ledger"))?;
        let mut hub = group.spawn("the hub", &mut blueprint.hub(0, 0), &blueprint.log("hub"))?;
        let port = wait_for_hub(&blueprint, &mut hub, pause)?;
        let agent = group.spawn("the agent", &mut blueprint.agent(), &blueprint.log("agent"))?;
        let mut site = Self {
            upstream: vec![Tail::new(blueprint.upstream(0))],
            restarts: Restarts::default(),
            seen: AgentFile::default(),
            blueprint,
            group,
            hub,
            agent,
            port,
        };
        match site.wait_for_module(pause) {
            Ok(()) => Ok(site),
            Err(error) => {
                site.stop();
                Err(error)
            }
        }
    }

    fn wait_for_module(
        &mut self,
        pause: &mut dyn FnMut(&str) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            self.look_at_module(&mut |_| ());
            let module = self.seen.modules.get(MODULE);
            if module.is_some_and(|module| module.pid.is_some() && module.state == "running") {
                return Ok(());
            }
            if let Some(status) = self.agent.ended()? {
                bail!(
                    "the agent ended with {status} before the module ran\n{}",
                    self.agent.last_words()
                );
            }
            if started.elapsed() > READY_WITHIN {
                bail!(
                    "the module does not run after {} s\n{}\n{}",
                    READY_WITHIN.as_secs(),
                    self.agent.last_words(),
                    self.module_words()
                );
            }
            pause("waiting for the module")?;
        }
    }

    /// Starts again what ended without being asked.
    pub(super) fn tend(&mut self, say: &mut dyn FnMut(&str)) -> anyhow::Result<()> {
        if let Some(status) = self.hub.ended()? {
            self.restarts.hub += 1;
            say(&format!(
                "the hub ended ({status}); starting it again on the same state and port"
            ));
            let mut command = self.blueprint.hub(self.port, self.restarts.hub);
            let log = self.blueprint.log("hub");
            refuse_endless(self.restarts.hub, &self.hub)?;
            self.hub = self.group.spawn("the hub", &mut command, &log)?;
            self.upstream
                .push(Tail::new(self.blueprint.upstream(self.restarts.hub)));
        }
        if let Some(status) = self.agent.ended()? {
            self.restarts.agent += 1;
            say(&format!(
                "the agent ended ({status}); starting it again on the same state"
            ));
            refuse_endless(self.restarts.agent, &self.agent)?;
            let log = self.blueprint.log("agent");
            self.agent = self
                .group
                .spawn("the agent", &mut self.blueprint.agent(), &log)?;
        }
        self.look_at_module(say);
        if self.restarts.module > RESTARTS_AT_MOST {
            bail!(
                "the module has ended {} times\n{}",
                self.restarts.module,
                self.module_words()
            );
        }
        Ok(())
    }

    /// Counts restarts of the module: by the agent's own count, or, if the agent
    /// is another one than before, by the module's process id.
    fn look_at_module(&mut self, say: &mut dyn FnMut(&str)) {
        let Some(now) = state::read(&self.blueprint.state(), "agent.json") else {
            return;
        };
        let more = state::restarts_between(&self.seen, &now);
        if more > 0 {
            self.restarts.module += more;
            say(&format!(
                "the module ended and was started again ({} so far)",
                self.restarts.module
            ));
        }
        self.seen = now;
    }

    /// Messages upstream since the last call, as the hub writes them.
    pub(super) fn upstream(&mut self) -> anyhow::Result<Vec<String>> {
        let mut lines = Vec::new();
        for tail in &mut self.upstream {
            lines.extend(
                tail.lines()
                    .context("cannot read what the hub writes upstream")?,
            );
        }
        Ok(lines)
    }

    /// Starts a camera against this site.
    pub(super) fn start_camera(&self, id: &str, command: &mut Command) -> anyhow::Result<Process> {
        let known = state::identities(&self.blueprint.state())?;
        let device = known
            .devices
            .get(id)
            .with_context(|| format!("the hub knows no device {id}"))?;
        // A file and not an argument: arguments can be read by every user of the computer.
        let file = self.blueprint.folder.join(format!("{id}.connection"));
        fs::write(&file, &device.connection_string)?;
        command
            .arg("--connection-string-file")
            .arg(file)
            .arg("--ca")
            .arg(&known.ca);
        command.args(["--port", &self.port.to_string()]);
        self.group.spawn(id, command, &self.blueprint.log(id))
    }

    /// Has the hub do something wrong: the words of `devhub fault`. A hub that is just being
    /// started again is waited for.
    pub(super) fn order(&self, words: &str) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            let output = self
                .blueprint
                .order(words)
                .output()
                .context("cannot run devhub")?;
            if output.status.success() {
                return Ok(());
            }
            if started.elapsed() > READY_WITHIN {
                let said = String::from_utf8_lossy(&output.stderr);
                bail!("devhub fault {words}: {}", said.trim());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What had to be started again so far.
    pub(super) fn restarts(&self) -> Restarts {
        self.restarts
    }

    /// The end of the module's log.
    pub(super) fn module_words(&self) -> String {
        last_lines(&self.blueprint.log("module"), 15)
    }

    /// Stops the agent, which stops the module, and then the hub, so that the
    /// module's last words still find it. Returns what went wrong.
    pub(super) fn stop(&mut self) -> Vec<String> {
        let mut wrong = Vec::new();
        for (process, grace) in [(&mut self.agent, AGENT_GRACE), (&mut self.hub, HUB_GRACE)] {
            match process.stop(grace) {
                Ok(Stopped::Ended(status)) if status.success() => {}
                Ok(Stopped::Ended(status)) => {
                    wrong.push(format!(
                        "{} ended with {status}\n{}",
                        process.name(),
                        process.last_words()
                    ));
                }
                Ok(Stopped::Killed) => wrong.push(format!(
                    "{} did not stop within {} s\n{}",
                    process.name(),
                    grace.as_secs(),
                    process.last_words()
                )),
                Err(error) => {
                    wrong.push(format!("{} could not be stopped: {error}", process.name()));
                }
            }
        }
        self.look_at_module(&mut |_| ());
        let log = fs::read_to_string(self.blueprint.log("agent")).unwrap_or_default();
        wrong.extend(
            state::bad_end_of_module(&log).map(|end| format!("{end}\n{}", self.module_words())),
        );
        wrong.extend(self.end_module_that_is_left());
        wrong
    }

    /// A module whose agent was killed and could not take it along.
    fn end_module_that_is_left(&self) -> Option<String> {
        let id = self.seen.modules.get(MODULE)?.pid?;
        let program = fs::read_link(format!("/proc/{id}/exe")).ok()?;
        if program != self.blueprint.programs.module {
            return None;
        }
        let pid = Pid::from_raw(i32::try_from(id).ok()?)?;
        kill_process(pid, Signal::KILL).ok()?;
        Some(format!(
            "the module (process {id}) was still running after the agent had stopped"
        ))
    }

    /// Ends whatever is left of the group.
    pub(super) fn end(self) -> anyhow::Result<()> {
        self.group
            .end()
            .context("could not end the processes of the demo")
    }

    /// Leaves everything running and says how to use and stop it.
    pub(super) fn leave(self) -> anyhow::Result<String> {
        let state = self.blueprint.state();
        let (agent, hub) = (self.agent.id(), self.hub.id());
        let device = self
            .blueprint
            .cameras
            .first()
            .map_or("cam", |camera| camera.id.as_str());
        let said = format!(
            "Still running: the hub on 127.0.0.1:{port} (process {hub}), the agent (process {agent}) and the module.\n\
             Connection strings and the CA:  {identities}\n\
             What goes upstream:             {upstream}\n\
             Logs:                           {folder}/*.log\n\
             Send more pictures:             {camera} send --rendered --truth ripe --count 20 --port {port} \\\n    \
             --connection-string-file {folder}/{device}.connection --ca {state}/ca.pem\n\
             Stop everything:                kill {agent} && sleep 3 && kill {hub}",
            port = self.port,
            identities = state.join("identities.json").display(),
            upstream = self.blueprint.upstream(self.restarts.hub).display(),
            folder = self.blueprint.folder.display(),
            camera = self.blueprint.programs.camera.display(),
            state = state.display(),
        );
        self.group.leave()?;
        Ok(said)
    }
}

fn wait_for_hub(
    blueprint: &Blueprint,
    hub: &mut Process,
    pause: &mut dyn FnMut(&str) -> anyhow::Result<()>,
) -> anyhow::Result<u16> {
    let started = Instant::now();
    loop {
        if let Some(file) = state::read::<HubFile>(&blueprint.state(), "hub.json")
            && file.pid == hub.id()
        {
            return Ok(file.port);
        }
        if let Some(status) = hub.ended()? {
            bail!(
                "the hub ended with {status} before it listened\n{}",
                hub.last_words()
            );
        }
        if started.elapsed() > READY_WITHIN {
            bail!(
                "the hub does not listen after {} s\n{}",
                READY_WITHIN.as_secs(),
                hub.last_words()
            );
        }
        pause("waiting for the hub")?;
    }
}

fn refuse_endless(restarts: u64, process: &Process) -> anyhow::Result<()> {
    if restarts > RESTARTS_AT_MOST {
        bail!(
            "{} has ended {restarts} times\n{}",
            process.name(),
            process.last_words()
        );
    }
    Ok(())
}
