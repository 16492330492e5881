//! The demo while it runs: cameras, upstream, and the loop that looks at both.
//!
//! One thread, one loop: every process and file is looked at ten times a second.
//! Every way out passes through `stop` and `finish`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;

use super::blueprint::{Blueprint, REPORT_INTERVAL};
use super::chaos::Schedule;
use super::options::{Options, camera_command};
use super::sent::Sent;
use super::show;
use super::site::Site;
use super::summary::Restarts;
use crate::processes::{Process, Stopped};
use crate::rig::interrupt::Interrupt;
use crate::rig::screen::Screen;
use crate::rig::upstream::Upstream;

/// How often everything is looked at.
pub(super) const TICK: Duration = Duration::from_millis(100);
/// How long nothing at all may move before the demo gives up.
const STALLED_AFTER: Duration = Duration::from_secs(120);
/// How long a camera may take to stop when the demo is cut short.
const CAMERA_GRACE: Duration = Duration::from_secs(2);

/// A running demo.
pub(super) struct Demo {
    site: Site,
    cameras: Vec<RunningCamera>,
    upstream: Upstream,
    screen: Screen,
    interrupt: Interrupt,
    complaints: Vec<String>,
    chaos: Option<Schedule>,
    /// Delivered and counted frames together, and when that last changed.
    moved: (u64, Instant),
}

struct RunningCamera {
    id: String,
    process: Process,
    report: PathBuf,
    ended: bool,
}

impl Demo {
    /// Watches a site that has just started.
    pub(super) fn new(site: Site, screen: Screen, interrupt: Interrupt) -> Self {
        Self {
            site,
            cameras: Vec::new(),
            upstream: Upstream::default(),
            screen,
            interrupt,
            complaints: Vec::new(),
            chaos: None,
            moved: (0, Instant::now()),
        }
    }

    /// Lets things go wrong while the cameras send.
    pub(super) fn add_chaos(&mut self, schedule: Schedule) {
        self.chaos = Some(schedule);
    }

    /// Everything from the first camera to the last report. Returns how many
    /// seconds that took.
    pub(super) fn play(&mut self, blueprint: &Blueprint, options: &Options) -> anyhow::Result<f64> {
        let started = Instant::now();
        for camera in &blueprint.cameras {
            let report = blueprint.folder.join(format!("{}.report.jsonl", camera.id));
            let program = &blueprint.programs.camera;
            let mut command = camera_command(program, camera, options, &report);
            let process = self.site.start_camera(&camera.id, &mut command)?;
            self.cameras.push(RunningCamera {
                id: camera.id.clone(),
                process,
                report,
                ended: false,
            });
        }
        while !self.cameras_have_ended()? {
            self.make_trouble(|chaos| chaos.due(started.elapsed()))?;
            self.tick("cameras", started)?;
        }
        self.make_trouble(Schedule::calm)?;
        self.moved.1 = Instant::now();
        while !self.is_all_counted()? {
            self.tick("counting", started)?;
            if self.moved.1.elapsed() > STALLED_AFTER {
                let seconds = STALLED_AFTER.as_secs();
                self.complaints
                    .push(format!("no further frame was counted for {seconds} s"));
                break;
            }
        }
        // A frame counted twice would show up in one of the next windows.
        let settled = Instant::now();
        while settled.elapsed() < 2 * REPORT_INTERVAL {
            self.tick("looking for doubles", started)?;
        }
        // Tenths are enough for people, and scripts need no more.
        Ok((started.elapsed().as_secs_f64() * 10.0).round() / 10.0)
    }

    /// Speaks the orders that are due.
    fn make_trouble(
        &mut self,
        due: impl FnOnce(&mut Schedule) -> Vec<&'static str>,
    ) -> anyhow::Result<()> {
        for order in self.chaos.as_mut().map(due).unwrap_or_default() {
            self.screen.line(&format!("chaos: {order}"));
            self.site.order(order)?;
        }
        Ok(())
    }

    /// One look at everything.
    fn tick(&mut self, what: &str, started: Instant) -> anyhow::Result<()> {
        self.interrupt.check()?;
        let screen = &mut self.screen;
        self.site
            .tend(&mut |said| screen.line(&format!("demo: {said}")))?;
        self.take_upstream()?;
        let delivered = self.sent()?.iter().map(Sent::confirmed).sum();
        let counted = self.upstream.total().frames.distinct();
        if self.moved.0 != delivered + counted {
            self.moved = (delivered + counted, Instant::now());
        }
        let seconds = started.elapsed().as_secs();
        self.screen
            .progress(&show::progress(what, delivered, counted, seconds));
        thread::sleep(TICK);
        Ok(())
    }

    fn take_upstream(&mut self) -> anyhow::Result<()> {
        for line in self.site.upstream()? {
            if let Some(arrival) = self.upstream.take(&line) {
                self.screen.line(&show::arrival(&arrival, &self.upstream));
            }
        }
        Ok(())
    }

    fn cameras_have_ended(&mut self) -> anyhow::Result<bool> {
        if self.moved.1.elapsed() > STALLED_AFTER {
            bail!(
                "nothing was sent or counted for {} s\n{}",
                STALLED_AFTER.as_secs(),
                self.site.module_words()
            );
        }
        for camera in self.cameras.iter_mut().filter(|camera| !camera.ended) {
            if let Some(status) = camera.process.ended()? {
                camera.ended = true;
                if !status.success() {
                    let words = camera.process.last_words();
                    self.complaints
                        .push(format!("{} ended with {status}\n{words}", camera.id));
                }
            }
        }
        Ok(self.cameras.iter().all(|camera| camera.ended))
    }

    fn is_all_counted(&self) -> anyhow::Result<bool> {
        let sent = self.sent()?;
        let all = self.cameras.iter().zip(&sent);
        Ok(all
            .into_iter()
            .all(|(camera, sent)| self.upstream.distinct(&camera.id) >= sent.confirmed()))
    }

    /// What came upstream so far.
    pub(super) fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// How often each thing went wrong on purpose; empty without chaos.
    pub(super) fn faults(&self) -> BTreeMap<String, u64> {
        self.chaos.as_ref().map(Schedule::done).unwrap_or_default()
    }

    /// What had to be started again so far.
    pub(super) fn restarts(&self) -> Restarts {
        self.site.restarts()
    }

    /// What went wrong with the processes so far; the next call begins anew.
    pub(super) fn take_complaints(&mut self) -> Vec<String> {
        std::mem::take(&mut self.complaints)
    }

    /// Shows a line that stays.
    pub(super) fn say(&mut self, text: &str) {
        self.screen.line(text);
    }

    /// What each camera has reported so far, in the order of the plan.
    pub(super) fn sent(&self) -> anyhow::Result<Vec<Sent>> {
        self.cameras
            .iter()
            .map(|camera| Sent::read(&camera.report))
            .collect()
    }

    /// Stops the cameras that still run and, unless they are to stay, the agent
    /// and the hub; then reads what came upstream meanwhile.
    pub(super) fn stop(&mut self, keep: bool) -> anyhow::Result<()> {
        for camera in self.cameras.iter_mut().filter(|camera| !camera.ended) {
            if camera.process.stop(CAMERA_GRACE)? == Stopped::Killed {
                self.complaints
                    .push(format!("{} did not stop when asked", camera.id));
            }
        }
        if !keep {
            self.screen
                .progress("stopping the module, the agent and the hub");
            let wrong = self.site.stop();
            self.complaints.extend(wrong);
        }
        self.take_upstream()
    }

    /// Lets go of the processes: leaves them running, or makes sure none is left.
    pub(super) fn finish(mut self, keep: bool) -> anyhow::Result<()> {
        if keep {
            let said = self.site.leave()?;
            self.screen.line(&said);
            Ok(())
        } else {
            self.site.end()
        }
    }
}
