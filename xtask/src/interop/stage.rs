//! What all peers share: the programs, the pictures, the folder of the run, and
//! the process group that nothing leaves.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use super::messages;
use super::wait;
use crate::build;
use crate::processes::{Group, Process, last_lines};

/// The stage. Peers run on it side by side.
pub(super) struct Stage<'a> {
    root: &'a Path,
    folder: &'a Path,
    group: &'a Group,
    /// The development hub.
    pub(super) devhub: PathBuf,
    /// The camera's command.
    pub(super) camera: PathBuf,
    /// Pictures of about 100 KB.
    pub(super) pictures: Vec<PathBuf>,
}

/// A program that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    /// All it wrote, to standard output and standard error.
    pub(super) text: String,
}

impl<'a> Stage<'a> {
    /// Builds the hub, and renders pictures.
    pub(super) fn set(root: &'a Path, folder: &'a Path, group: &'a Group) -> anyhow::Result<Self> {
        let built = build::run(root, &["build", "-p", "devhub", "-p", "camera", "--bins"])?;
        let mut stage = Self {
            root,
            folder,
            group,
            devhub: built.program("devhub")?,
            camera: built.program("camera")?,
            pictures: Vec::new(),
        };
        let pictures = folder.join("pictures");
        let mut render = messages::render(&stage.camera, &pictures);
        let rendered = stage.call("camera render", &mut render, "render", wait::PATIENCE)?;
        ensure!(rendered.status.success(), "{}", rendered.text);
        stage.pictures = messages::found(&pictures)?;
        Ok(stage)
    }

    /// The root of the clone.
    pub(super) fn root(&self) -> &Path {
        self.root
    }

    /// A script of the repository, or the folder of some.
    pub(super) fn script(&self, path: &str) -> PathBuf {
        self.root.join("tests").join("interop").join(path)
    }

    /// A path in the folder of the run.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Where the output of the process called `log` goes.
    pub(super) fn log(&self, log: &str) -> PathBuf {
        self.folder.join(format!("{log}.log"))
    }

    /// Starts a process of the group.
    pub(super) fn spawn(
        &self,
        name: &str,
        command: &mut Command,
        log: &str,
    ) -> anyhow::Result<Process> {
        self.group.spawn(name, command, &self.log(log))
    }

    /// Runs a program to its end. One that does not end `within` is killed, and
    /// that is an error.
    pub(super) fn call(
        &self,
        name: &str,
        command: &mut Command,
        log: &str,
        within: Duration,
    ) -> anyhow::Result<Ended> {
        let mut process = self.spawn(name, command, log)?;
        let ended = wait::until(&format!("the end of {name}"), within, || {
            Ok(process.ended()?)
        });
        let path = self.log(log);
        let Ok(status) = ended else {
            process.stop(Duration::from_secs(1))?;
            bail!(
                "{name} did not end within {} s\n{}",
                within.as_secs(),
                last_lines(&path, 12)
            );
        };
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Ended {
            status,
            text: String::from_utf8_lossy(&text).into_owned(),
        })
    }
}

impl Ended {
    /// The end of what it wrote.
    pub(super) fn last_words(&self) -> String {
        let lines: Vec<&str> = self.text.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }
}
