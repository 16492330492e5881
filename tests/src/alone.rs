//! The module on its own: no hub, no agent.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::{Binary, binary, http_address, wait_for, workspace_root};

/// A running standalone module; dropping it kills it.
#[derive(Debug)]
pub struct Alone {
    child: Child,
    log: PathBuf,
}

impl Alone {
    /// Starts the module with its ledger and its log in `folder`, HTTP on a free port of the
    /// loopback, and windows of 1 s; `environment` adds to that or replaces it.
    ///
    /// # Errors
    /// When it cannot be built or started.
    pub fn start(folder: &Path, environment: &[(&str, &str)]) -> anyhow::Result<Self> {
        let mut command = Command::new(binary(Binary::FruitCounter)?);
        without_settings(&mut command);
        command
            .env("FRUIT_COUNTER_HTTP", "127.0.0.1:0")
            .env("FRUIT_COUNTER_METRICS", "127.0.0.1:0")
            .env("FRUIT_COUNTER_LEDGER", folder.join("ledger"))
            .env("FRUIT_COUNTER_MODEL", workspace_root().join("model"))
            .env("FRUIT_COUNTER_REPORT_INTERVAL", "1s")
            .envs(environment.iter().copied());
        Self::spawn(command, folder)
    }

    /// Starts the module without a single setting, as in a plain container: it listens on port 80,
    /// its ledger is in `/var/lib`, and the model is found in the working folder. `through` is a
    /// command with its arguments that becomes the module; none: the module itself. Its log is in
    /// `folder`.
    ///
    /// # Errors
    /// When it cannot be built or started.
    pub fn start_plain(folder: &Path, through: &[&str]) -> anyhow::Result<Self> {
        let program = binary(Binary::FruitCounter)?;
        let mut command = match through {
            [] => Command::new(program),
            [first, others @ ..] => {
                let mut command = Command::new(first);
                command.args(others).arg(program);
                command
            }
        };
        without_settings(&mut command);
        command.current_dir(workspace_root());
        Self::spawn(command, folder)
    }

    fn spawn(mut command: Command, folder: &Path) -> anyhow::Result<Self> {
        let log = folder.join("module.log");
        // Of a start before, an address that is no more.
        let out = File::create(&log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .context("starting the module")?;
        Ok(Alone { child, log })
    }

    /// What it wrote since its start.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until it serves HTTP, and says where.
    ///
    /// # Errors
    /// When it ends, or does not serve in time.
    pub fn address(&mut self) -> anyhow::Result<SocketAddr> {
        wait_for("the module to serve HTTP", || {
            if let Some(status) = self.child.try_wait()? {
                bail!("the module ended with {status}");
            }
            Ok(http_address(&self.log()))
        })
        .with_context(|| self.log())
    }

    /// Ends it at once, without a word to it.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn terminate(&mut self) -> anyhow::Result<ExitStatus> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.context("no process id")?, Signal::TERM)?;
        self.wait()
    }

    /// Waits for its own end.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        wait_for("the module to end", || Ok(self.child.try_wait()?)).with_context(|| self.log())
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Takes the module's settings of this very process out of its environment.
fn without_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if ["IOTEDGE_", "EdgeHub", "FRUIT_COUNTER_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
        {
            command.env_remove(name);
        }
    }
}
