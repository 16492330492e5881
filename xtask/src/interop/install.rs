//! Brings what peers need under `target/interop`, or says what is missing.
//!
//! Versions are pinned in `tests/interop`. A copy of the pins lies beside what was
//! installed by them, written last: where it is the same, nothing is done and no
//! network is needed. Packages of the system are only looked for.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use super::folder;
use super::stage::Stage;

/// How long one installation may take.
const DOWNLOAD: Duration = Duration::from_secs(300);
/// The pins by which a folder was filled.
const STAMP: &str = "installed";

/// Node and where its packages are.
pub(super) struct Node {
    pub(super) program: PathBuf,
    pub(super) packages: PathBuf,
}

impl Node {
    /// A script that finds the packages, which lie elsewhere.
    pub(super) fn script(&self, script: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(script).env("NODE_PATH", &self.packages);
        command
    }
}

/// A virtual environment with the packages of `tests/interop/NAME/requirements.txt`; the
/// interpreter in it.
pub(super) fn python(stage: &Stage<'_>, name: &str) -> anyhow::Result<PathBuf> {
    let pins = stage.script(name).join("requirements.txt");
    let place = folder::all(stage.root()).join(name);
    let python = place.join("bin").join("python");
    fill(&place, &[&pins], || {
        let system = on_path("python3").context("python3 is not installed")?;
        let mut venv = Command::new(system);
        venv.args(["-m", "venv"]).arg(&place);
        call(stage, "python3 -m venv", &mut venv)
            .context("python3 makes no virtual environment (apt-get install python3-venv)")?;
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--disable-pip-version-check"])
            .args(["--quiet", "--retries", "2", "--timeout", "30", "-r"])
            .arg(&pins);
        call(stage, "pip install", &mut pip)
    })?;
    Ok(python)
}

/// The packages of `tests/interop/NAME/package-lock.json`.
pub(super) fn node(stage: &Stage<'_>, name: &str) -> anyhow::Result<Node> {
    let pins = ["package.json", "package-lock.json"].map(|file| stage.script(name).join(file));
    let place = folder::all(stage.root()).join(name);
    let program = on_path("node").context("node is not installed (apt-get install nodejs npm)")?;
    fill(&place, &[&pins[0], &pins[1]], || {
        let npm = on_path("npm").context("npm is not installed (apt-get install npm)")?;
        for file in &pins {
            let name = file.file_name().context("a file has a name")?;
            fs::copy(file, place.join(name))?;
        }
        let mut ci = Command::new(npm);
        ci.current_dir(&place)
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .args(["--fetch-retries", "2", "--fetch-timeout", "60000"]);
        call(stage, "npm ci", &mut ci)
    })?;
    Ok(Node {
        program,
        packages: place.join("node_modules"),
    })
}

/// Debian puts it where only root's PATH looks.
pub(super) fn mosquitto() -> anyhow::Result<()> {
    let usual = Path::new("/usr/sbin/mosquitto");
    let broker = on_path("mosquitto").or_else(|| usual.is_file().then(|| usual.to_owned()));
    broker.context("mosquitto is not installed (apt-get install mosquitto)")?;
    Ok(())
}

/// What `azure_iot_sdk` compiles against, and its crates.
pub(super) fn openssl(stage: &Stage<'_>) -> anyhow::Result<()> {
    let missing = "OpenSSL's headers are not installed (apt-get install libssl-dev pkg-config)";
    let mut ask = Command::new(on_path("pkg-config").context(missing)?);
    ask.args(["--exists", "openssl"])
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    ensure!(ask.status()?.success(), missing);
    let example = stage.root().join("examples").join("azure-iot-sdk-camera");
    let mut fetch = crate::workspace::cargo();
    fetch.current_dir(example).args(["fetch", "--locked"]);
    call(stage, "cargo fetch", &mut fetch)
}

/// Runs `install` for a fresh `place`, unless it was filled by the same pins.
fn fill(
    place: &Path,
    pins: &[&Path],
    install: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut wanted = place.display().to_string();
    for file in pins {
        let text =
            fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        wanted.push('\n');
        wanted.push_str(&text);
    }
    let stamp = place.join(STAMP);
    // The path is part of it: neither kind of folder works after it was moved.
    if fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == wanted) {
        return Ok(());
    }
    eprintln!("interop: installing into {}", place.display());
    if place.exists() {
        fs::remove_dir_all(place).with_context(|| format!("cannot remove {}", place.display()))?;
    }
    fs::create_dir_all(place).with_context(|| format!("cannot make {}", place.display()))?;
    install()?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

/// The first program of this name on PATH.
fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

fn call(stage: &Stage<'_>, name: &str, command: &mut Command) -> anyhow::Result<()> {
    let log = format!("install-{}", name.replace(' ', "-"));
    let ended = stage.call(name, command, &log, DOWNLOAD)?;
    if !ended.status.success() {
        let line = ended.text.lines().rfind(|line| !line.trim().is_empty());
        bail!(
            "{name} failed: {}",
            line.unwrap_or("it said nothing").trim()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_same_pins_have_filled_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (place, pins) = (folder.path().join("p"), folder.path().join("pins"));
        fs::write(&pins, "a==1").unwrap();
        let mut calls = 0;
        let mut run = |works: bool| {
            fill(&place, &[&pins], || {
                calls += 1;
                ensure!(works, "no network");
                Ok(())
            })
        };
        assert!(run(false).is_err(), "a failure leaves no stamp");
        run(true).unwrap();
        run(false).unwrap();
        fs::write(&pins, "a==2").unwrap();
        run(true).unwrap();
        assert_eq!(calls, 3);
    }
}
