//! One call of `pip download`, and what its failures mean.
//!
//! pip is only the carrier: what it brings is checked against a pinned hash
//! elsewhere. Its words are passed on while it runs, so that nobody waits in
//! front of a silent terminal.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::error::SetupError;
use crate::platform::{VERSION, Wheel};

/// How often a silent pip is reported to be at work.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Lines of pip that wait to be shown; more make pip wait.
const LINES: usize = 64;
/// How much of what pip said is kept to explain a failure.
const REMEMBERED: usize = 200;

/// Lets pip fetch the wheel into `folder`, which must exist and be empty.
/// `path` is the PATH to look for `python3` on, the caller's own if `None`.
pub(super) fn download(
    wheel: &Wheel,
    folder: &Path,
    path: Option<&OsString>,
    say: &mut dyn FnMut(&str),
) -> Result<(), SetupError> {
    let mut command = Command::new("python3");
    command
        .args([
            "-m",
            "pip",
            "download",
            &format!("onnxruntime=={VERSION}"),
            "--no-deps",
        ])
        .args(["--only-binary=:all:", "--python-version", "3.12"])
        .args([
            "--implementation",
            "cp",
            "--abi",
            "cp312",
            "--platform",
            wheel.pip_platform,
        ])
        // The defaults try five times and wait longer each time.
        .args(["--retries", "2", "--timeout", "20", "--no-input"])
        .args([
            "--disable-pip-version-check",
            "--progress-bar",
            "off",
            "--dest",
        ])
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(path) = path {
        command.env("PATH", path);
    }
    let mut child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => SetupError::NoPython,
        _ => SetupError::Pip {
            status: "no start".to_owned(),
            said: error.to_string(),
        },
    })?;

    let (sender, lines) = sync_channel(LINES);
    let readers = [
        child.stdout.take().map(|out| pass_on(out, sender.clone())),
        child.stderr.take().map(|err| pass_on(err, sender)),
    ];
    let started = Instant::now();
    let mut said: Vec<String> = Vec::new();
    loop {
        match lines.recv_timeout(HEARTBEAT) {
            Ok(line) => {
                if !line.trim().is_empty() {
                    say(&format!("  pip: {line}"));
                }
                if said.len() == REMEMBERED {
                    said.remove(0);
                }
                said.push(line);
            }
            Err(RecvTimeoutError::Timeout) => {
                say(&format!(
                    "  pip: at work for {} s",
                    started.elapsed().as_secs()
                ));
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    for reader in readers.into_iter().flatten() {
        // A reader that panicked has nothing more to say; pip's status decides.
        let _ = reader.join();
    }
    let status = child
        .wait()
        .map_err(SetupError::file("wait for", Path::new("python3")))?;
    if status.success() {
        Ok(())
    } else {
        Err(explain(&said, &status.to_string(), wheel, folder))
    }
}

fn pass_on(from: impl Read + Send + 'static, to: SyncSender<String>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n') {
            let Ok(line) = line else { return };
            if to
                .send(String::from_utf8_lossy(&line).trim_end().to_owned())
                .is_err()
            {
                return;
            }
        }
    })
}

/// What a failed pip meant, told from its words: it has one exit status for all.
fn explain(said: &[String], status: &str, wheel: &Wheel, folder: &Path) -> SetupError {
    let line_with = |marks: &[&str]| {
        said.iter()
            .find(|line| marks.iter().any(|mark| line.contains(mark)))
            .map(|line| line.trim().to_owned())
    };
    if line_with(&["No space left on device", "Disk quota exceeded"]).is_some() {
        return SetupError::DiskFull {
            path: folder.to_owned(),
        };
    }
    if line_with(&["No module named pip"]).is_some() {
        return SetupError::NoPip;
    }
    let unreachable = [
        "Retrying (",
        "NewConnectionError",
        "Temporary failure in name resolution",
        "Name or service not known",
        "ProxyError",
        "SSLError",
        "Could not fetch URL",
        "Read timed out",
        "Max retries exceeded",
        "Network is unreachable",
    ];
    if let Some(said) = line_with(&unreachable) {
        return SetupError::NoNetwork {
            said: cause_of(&said).to_owned(),
        };
    }
    if let Some(said) = line_with(&["No matching distribution", "Could not find a version"]) {
        return SetupError::NoWheel {
            version: VERSION,
            platform: wheel.pip_platform,
            said,
        };
    }
    let last = said.iter().rev().find(|line| !line.trim().is_empty());
    SetupError::Pip {
        status: status.to_owned(),
        said: last.map_or_else(
            || "it said nothing".to_owned(),
            |line| line.trim().to_owned(),
        ),
    }
}

/// The cause inside pip's rendering of a Python exception, which is a line of
/// 200 characters and more; a line of another shape is returned whole.
fn cause_of(line: &str) -> &str {
    let cause = line
        .split_once("connection: ")
        .map_or(line, |(_, rest)| rest);
    cause.split_once("')").map_or(cause, |(cause, _)| cause)
}
