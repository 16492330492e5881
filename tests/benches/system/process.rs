//! The module as a process, and what the kernel tells of it.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use end_to_end::{Binary, binary, http_address, peak_memory, resident_memory};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::sleep;

use crate::rest;

/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a start is looked at; its measure is exact to about this.
const LOOK: Duration = Duration::from_micros(500);

/// A running module; dropping it kills it.
#[derive(Debug)]
pub(crate) struct Module {
    child: Child,
    log: PathBuf,
    began: Instant,
}

/// Memory of a process in megabytes of 1000 × 1000 bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resident {
    pub(crate) now: f64,
    pub(crate) most: f64,
}

impl Module {
    /// Starts it with its ledger and log in `folder`.
    pub(crate) fn start(
        folder: &Path,
        model: &Path,
        environment: &[(&str, String)],
    ) -> anyhow::Result<Self> {
        let program = binary(Binary::FruitCounter)?;
        let log = folder.join("module.log");
        let out = File::create(&log)?;
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            let prefixes = ["IOTEDGE_", "EdgeHub", "FRUIT_COUNTER_"];
            if prefixes.iter().any(|prefix| text.starts_with(prefix)) {
                command.env_remove(&name);
            }
        }
        command
            .env("FRUIT_COUNTER_HTTP", "127.0.0.1:0")
            .env("FRUIT_COUNTER_METRICS", "127.0.0.1:0")
            .env("FRUIT_COUNTER_LEDGER", folder.join("ledger"))
            .env("FRUIT_COUNTER_MODEL", model)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out);
        let began = Instant::now();
        let child = command.spawn().context("starting the module")?;
        Ok(Self { child, log, began })
    }

    /// Waits until it says where it serves HTTP.
    pub(crate) async fn address(&mut self) -> anyhow::Result<SocketAddr> {
        loop {
            let log = fs::read_to_string(&self.log)?;
            if let Some(address) = http_address(&log) {
                return Ok(address);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the module ended with {status}:\n{log}");
            }
            ensure!(self.began.elapsed() < PATIENCE, "no HTTP in time:\n{log}");
            sleep(LOOK).await;
        }
    }

    /// Time from the start of the process until `GET /readyz` is answered with 200.
    pub(crate) async fn ready(&mut self) -> anyhow::Result<Duration> {
        let address = self.address().await?;
        loop {
            let asked = rest::get(address, "/readyz").await;
            if asked.is_ok_and(|status| status.is_success()) {
                return Ok(self.began.elapsed());
            }
            ensure!(self.began.elapsed() < PATIENCE, "not ready in time");
            sleep(LOOK).await;
        }
    }

    pub(crate) fn resident(&self) -> anyhow::Result<Resident> {
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        Ok(Resident {
            now: megabytes(resident_memory(self.pid()?)?),
            most: megabytes(peak_memory(self.pid()?)?),
        })
    }

    fn pid(&self) -> anyhow::Result<Pid> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        pid.context("no process id")
    }

    /// Time that it was on the cores so far, threads that have ended included; in steps of 10 ms.
    pub(crate) fn processor_time(&self) -> anyhow::Result<Duration> {
        /// Linux tells it in hundredths of a second, whatever the kernel's own ticks.
        const TICK: Duration = Duration::from_millis(10);
        let text = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // Behind the name in brackets, which may hold anything: state is the first, and user and
        // system time are the twelfth and thirteenth.
        let (_, fields) = text.rsplit_once(')').context("no stat")?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks = |at: usize| -> anyhow::Result<u32> {
            Ok(fields.get(at).context("a short stat")?.parse()?)
        };
        Ok(TICK * (ticks(11)? + ticks(12)?))
    }

    /// Says SIGTERM and waits for the end.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        kill_process(self.pid()?, Signal::TERM)?;
        let status = self.child.wait()?;
        ensure!(
            status.success(),
            "the module ended with {status}:\n{}",
            fs::read_to_string(&self.log)?
        );
        Ok(())
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
