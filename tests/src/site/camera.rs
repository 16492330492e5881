//! A camera that runs.

use std::path::PathBuf;
use std::process::{Child, ExitStatus};

use anyhow::{Context as _, ensure};
use rustix::process::Signal;
use serde_json::Value;

use super::signal;
use crate::wait_for;

/// A running camera.
#[derive(Debug)]
pub struct Camera {
    pub(super) child: Child,
    pub(super) report: PathBuf,
}

impl Camera {
    /// Waits for the camera's own end.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        wait_for("the camera to end", || Ok(self.child.try_wait()?))
    }

    /// Ends it: it sends no further picture, waits for those on their way, and answers how many the hub
    /// confirmed.
    ///
    /// # Errors
    /// When it has ended already, or as [`Camera::confirmed`].
    pub fn stop(&mut self) -> anyhow::Result<u64> {
        signal(&self.child, Signal::TERM)?;
        self.confirmed()
    }

    /// Waits for the end and answers how many pictures the hub confirmed.
    ///
    /// # Errors
    /// When it fails or confirms nothing.
    pub fn confirmed(&mut self) -> anyhow::Result<u64> {
        let status = self.wait()?;
        ensure!(status.success(), "the camera ended with {status}");
        let report = std::fs::read_to_string(&self.report)?;
        let last = report.lines().last().context("an empty camera report")?;
        let summary: Value = serde_json::from_str(last)?;
        summary["summary"]["confirmed"]
            .as_u64()
            .context("no summary in the camera's report")
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
