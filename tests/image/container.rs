//! A container of the image under test, as strict as an engine makes it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use end_to_end::{get, wait_for};
use rustix::process::Pid;
use serde_json::Value;

/// The image that is tried; `None`, and a line that says so, where there is none.
pub(crate) fn image() -> Option<String> {
    let image = std::env::var("IMAGE_UNDER_TEST").ok();
    if image.is_none() {
        println!("skipped: IMAGE_UNDER_TEST names no image (cargo xtask image)");
    }
    image
}

/// Podman or docker.
fn engine() -> String {
    std::env::var("IMAGE_ENGINE").unwrap_or_else(|_| "podman".to_owned())
}

/// Calls the engine, and gives both streams of what it said.
pub(crate) fn call(arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(engine())
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("starting {}", engine()))?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    ensure!(
        output.status.success(),
        "{} {arguments:?}: {said}",
        engine()
    );
    Ok(said)
}

/// As the template has it, and stricter: nothing can be written but the ledger, not even /tmp, no
/// right is left, and none can be gained.
const STRICT: &[&str] = &[
    "--read-only",
    "--user=10001",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--sysctl=net.ipv4.ip_unprivileged_port_start=0",
    // The template's; without the second, swap would be as much again.
    "--memory=256000000",
    "--memory-swap=256000000",
    "--ulimit=core=0:0",
    // Named, or podman asks for more than a machine of CI may give.
    "--ulimit=nofile=10000:10000",
    "--ulimit=nproc=4096:4096",
    "--publish=127.0.0.1::80",
    "--pull=never",
];

/// A running container; it is removed, its nameless volumes with it, when this is dropped.
#[derive(Debug)]
pub(crate) struct Container {
    name: String,
}

impl Container {
    /// Starts the image, strict, with more options.
    pub(crate) fn start(image: &str, options: &[&str]) -> anyhow::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // From here on it is removed, whatever becomes of it.
        let container = Container {
            name: format!("fruit-counter-test-{}-{number}", std::process::id()),
        };
        let mut arguments = vec!["run", "--detach", "--name", &container.name];
        arguments.extend(STRICT);
        if engine().ends_with("podman") {
            // Podman alone would put writable folders over /tmp and /run.
            arguments.push("--read-only-tmpfs=false");
        }
        arguments.extend(options);
        arguments.push(image);
        call(&arguments)?;
        Ok(container)
    }

    /// Waits until it takes pictures, and says where.
    pub(crate) fn address(&self) -> anyhow::Result<SocketAddr> {
        let shown = call(&["port", &self.name, "80"])?;
        let address: SocketAddr = shown.lines().next().unwrap_or_default().trim().parse()?;
        // Asking the engine costs more than the module's whole start, on the same cores.
        let mut looked = Instant::now();
        wait_for("the container to be ready", || {
            if looked.elapsed() > Duration::from_secs(2) {
                looked = Instant::now();
                ensure!(self.is_running()?, "the container ended");
            }
            let answer = get(address, "/readyz").ok();
            Ok(answer
                .is_some_and(|answer| answer.status == 200)
                .then_some(address))
        })
        .with_context(|| self.log())
    }

    /// Runs the program in it with other arguments, in the container's own environment.
    pub(crate) fn exec(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut all = vec!["exec", &self.name, "fruit-counter"];
        all.extend(arguments);
        call(&all)
    }

    /// All frames of the ledger, as `ledger show` has them.
    pub(crate) fn frames(&self) -> anyhow::Result<Value> {
        let shown = self.exec(&["ledger", "show", "--json"])?;
        let shown: Value = serde_json::from_str(&shown).with_context(|| shown.clone())?;
        Ok(shown["totals"]["frames"].clone())
    }

    /// What it wrote since its start.
    pub(crate) fn log(&self) -> String {
        call(&["logs", &self.name]).unwrap_or_default()
    }

    /// The module's process, on this machine.
    pub(crate) fn process(&self) -> anyhow::Result<Pid> {
        let shown = self.inspect("{{.State.Pid}}")?;
        Pid::from_raw(shown.parse()?).context("no process")
    }

    pub(crate) fn is_running(&self) -> anyhow::Result<bool> {
        Ok(self.inspect("{{.State.Running}}")? == "true")
    }

    /// Stops it as an engine does, by the image's own signal, and gives the exit code.
    pub(crate) fn stop(&self) -> anyhow::Result<i32> {
        call(&["stop", "--time=20", &self.name])?;
        Ok(self.inspect("{{.State.ExitCode}}")?.parse()?)
    }

    /// Copies a folder of the container to a place that is not there yet.
    pub(crate) fn copy_out(&self, from: &str, to: &Path) -> anyhow::Result<()> {
        let from = format!("{}:{from}", self.name);
        call(&["cp", &from, &to.display().to_string()])?;
        Ok(())
    }

    fn inspect(&self, format: &str) -> anyhow::Result<String> {
        let shown = call(&["container", "inspect", "--format", format, &self.name])?;
        Ok(shown.trim().to_owned())
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = call(&["rm", "--force", "--volumes", &self.name]);
    }
}
