//! The cameras: real `camera send` processes, few pictures each, at most [`MOST`] at a time.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use serde::Deserialize;

use super::pictures::{self, Picture};
use super::random;
use super::reckon::Sent;
use super::site::Site;
use crate::processes::Process;
use crate::rig::state;

/// edgeHub takes 100 clients; the module is one.
const MOST: usize = 90;
/// Pictures a second from each.
const RATE: &str = "3";

/// One line of a camera's report.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    message_id: Option<String>,
    file: Option<PathBuf>,
    #[serde(default)]
    confirmed: bool,
}

struct Camera {
    id: String,
    pictures: Vec<Picture>,
    running: Option<Process>,
}

/// All cameras, in the order of their starts.
pub(super) struct Fleet {
    cameras: Vec<Camera>,
    started: usize,
}

/// A camera's name by its number.
pub(super) fn name(number: usize) -> String {
    format!("cam-{number:04}")
}

impl Fleet {
    pub(super) fn new(
        count: usize,
        pool: &[Picture],
        seed: u64,
        site: &Site,
    ) -> anyhow::Result<Self> {
        let mut random = random::stream(seed, 2);
        let known = state::identities(&site.ground.state())?;
        let cameras = (0..count)
            .map(|number| {
                let id = name(number);
                let folder = site.ground.folder.join("cameras").join(&id);
                let pictures = pictures::allot(pool, &mut random, &folder)?;
                let device = known.devices.get(&id).context("a device is not known")?;
                // A file and not an argument: arguments can be read by every user.
                std::fs::write(
                    folder.with_extension("connection"),
                    &device.connection_string,
                )?;
                Ok(Camera {
                    id,
                    pictures,
                    running: None,
                })
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Self {
            cameras,
            started: 0,
        })
    }

    /// Pictures of the first cameras, one of each.
    pub(super) fn some_pictures(&self, count: usize) -> Vec<PathBuf> {
        let first = |camera: &Camera| camera.pictures.first().map(|picture| picture.file.clone());
        self.cameras.iter().filter_map(first).take(count).collect()
    }

    /// Cameras that run.
    pub(super) fn active(&self) -> usize {
        self.cameras
            .iter()
            .filter(|camera| camera.running.is_some())
            .count()
    }

    /// Cameras that have not been started.
    pub(super) fn waiting(&self) -> usize {
        self.cameras.len() - self.started
    }

    pub(super) fn len(&self) -> usize {
        self.cameras.len()
    }

    pub(super) fn started(&self) -> usize {
        self.started
    }

    /// Names of the cameras that run.
    pub(super) fn active_names(&self) -> Vec<&str> {
        let running = self
            .cameras
            .iter()
            .filter(|camera| camera.running.is_some());
        running.map(|camera| camera.id.as_str()).collect()
    }

    /// Starts the next camera, if there is one and room for it.
    pub(super) fn start_one(&mut self, site: &Site) -> anyhow::Result<()> {
        if self.active() >= MOST {
            return Ok(());
        }
        let Some(camera) = self.cameras.get_mut(self.started) else {
            return Ok(());
        };
        self.started += 1;
        let folder = site.ground.folder.join("cameras").join(&camera.id);
        let mut command = Command::new(&site.ground.programs.camera);
        command.arg("send").arg("--connection-string-file");
        command.arg(folder.with_extension("connection"));
        command.arg("--ca").arg(site.ground.state().join("ca.pem"));
        command.args([
            "--port",
            &site.port().to_string(),
            "--rate",
            RATE,
            "--quiet",
        ]);
        command.arg("--pictures").arg(&folder);
        command.arg("--report").arg(folder.with_extension("jsonl"));
        let log = folder.with_extension("log");
        camera.running = Some(site.group.spawn(&camera.id, &mut command, &log)?);
        Ok(())
    }

    /// Notices who has ended; an error for one that did not end well.
    pub(super) fn look(&mut self) -> anyhow::Result<()> {
        for camera in &mut self.cameras {
            let Some(process) = &mut camera.running else {
                continue;
            };
            if let Some(status) = process.ended()? {
                anyhow::ensure!(
                    status.success(),
                    "{} ended with {status}\n{}",
                    camera.id,
                    process.last_words()
                );
                camera.running = None;
            }
        }
        Ok(())
    }

    /// What each camera says it sent.
    pub(super) fn sent(&self, site: &Site) -> anyhow::Result<Vec<(String, Vec<Sent>)>> {
        let folder = site.ground.folder.join("cameras");
        let sent = |camera: &Camera| {
            let path = folder.join(&camera.id).with_extension("jsonl");
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let mut all = Vec::new();
            for line in text.lines() {
                let line: Line = serde_json::from_str(line)
                    .with_context(|| format!("{} has the line {line}", path.display()))?;
                let (Some(id), Some(file)) = (line.message_id, line.file) else {
                    continue;
                };
                let is_it = |picture: &&Picture| picture.file.file_name() == file.file_name();
                let picture = camera.pictures.iter().find(is_it);
                let label = picture
                    .context("a camera sent an unknown picture")?
                    .label
                    .clone();
                all.push(Sent {
                    id,
                    label,
                    confirmed: line.confirmed,
                });
            }
            Ok((camera.id.clone(), all))
        };
        self.cameras.iter().map(sent).collect()
    }
}
