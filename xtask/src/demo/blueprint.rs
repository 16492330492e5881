//! How the programs of the demo are called: which template, which folders, and
//! what replaces the parts of the template that need a box.
//!
//! Builds command lines and starts nothing.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::plan::Camera;
use crate::rig::programs::Programs;
use crate::rig::state::MODULE;

/// The window of the demo; 60 s would make a dull half minute.
pub(super) const REPORT_INTERVAL: Duration = Duration::from_secs(2);

/// What a site is made of.
#[derive(Debug, Clone)]
pub(super) struct Blueprint {
    /// The root of the clone.
    pub(super) root: PathBuf,
    /// The compiled programs.
    pub(super) programs: Programs,
    /// ONNX Runtime.
    pub(super) onnxruntime: PathBuf,
    /// A folder of its own for this run; it exists and is empty.
    pub(super) folder: PathBuf,
    /// The devices that the hub must know.
    pub(super) cameras: Vec<Camera>,
}

impl Blueprint {
    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }

    pub(super) fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    pub(super) fn upstream(&self, start: u64) -> PathBuf {
        self.folder.join(format!("upstream-{start}.jsonl"))
    }

    fn devhub(&self, half: &str) -> Command {
        let mut command = Command::new(&self.programs.devhub);
        command
            .current_dir(&self.folder)
            .arg(half)
            .arg("--template")
            .arg(self.root.join("deployment.template.json"))
            .arg("--state")
            .arg(self.state())
            .env("ORT_DYLIB_PATH", &self.onnxruntime);
        for camera in &self.cameras {
            command.args(["--device", &camera.id]);
        }
        command
    }

    /// `devhub fault` with these words.
    pub(super) fn order(&self, words: &str) -> Command {
        let mut command = Command::new(&self.programs.devhub);
        command
            .arg("fault")
            .args(words.split_whitespace())
            .arg("--state")
            .arg(self.state());
        command
    }

    pub(super) fn hub(&self, port: u16, start: u64) -> Command {
        let mut command = self.devhub("hub");
        command.args(["--listen", &format!("127.0.0.1:{port}")]);
        command.arg("--upstream").arg(self.upstream(start));
        let seconds = REPORT_INTERVAL.as_secs();
        command.args(["--desired", &format!("{MODULE}:reportInterval={seconds}s")]);
        command
    }

    /// The image, volumes, ports and report interval (in the twin too, see `hub`) of
    /// the template are replaced here, and nothing else.
    pub(super) fn agent(&self) -> Command {
        let mut command = self.devhub("agent");
        let with_path = |key: &str, path: &Path| {
            let mut argument = OsString::from(key);
            argument.push("=");
            argument.push(path);
            argument
        };
        let env = |key: &str| format!("{MODULE}:FRUIT_COUNTER_{key}");
        command
            .arg("--module")
            .arg(with_path(MODULE, &self.programs.module))
            .arg("--module-env")
            .arg(with_path(&env("MODEL"), &self.root.join("model")))
            .arg("--module-env")
            .arg(with_path(&env("LEDGER"), &self.folder.join("ledger")))
            .arg("--module-env")
            .arg(format!(
                "{}={}s",
                env("REPORT_INTERVAL"),
                REPORT_INTERVAL.as_secs()
            ))
            .arg("--module-env")
            .arg(format!("{}={{hubPort}}", env("EDGEHUB_PORT")))
            .arg("--module-env")
            .arg(format!("{}=127.0.0.1:0", env("HTTP")))
            .arg("--module-env")
            .arg(format!("{}=127.0.0.1:0", env("METRICS")))
            .arg("--module-log")
            .arg(self.log("module"))
            .args(["--restart-backoff", "none"]);
        command
    }
}
