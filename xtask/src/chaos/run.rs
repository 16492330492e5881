//! A run: the loop that starts cameras, commits faults, ends those that last and sees to it that
//! frames flow again; then the drain. One thread looks at everything.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::faults::{Schedule, Situation};
use super::fleet::Fleet;
use super::records::Records;
use super::site::{HubState, Site};
use crate::rig::interrupt::Interrupt;
use crate::rig::screen::Screen;

/// How often everything is looked at.
pub(super) const TICK: Duration = Duration::from_millis(4);
/// How long nothing may flow although there is something to flow.
const STALLED: Duration = Duration::from_secs(60);
/// How long the drain may take after the last PUBACK of the module.
const DRAIN: Duration = Duration::from_secs(90);
/// Without anything flowing for so long, one more camera begins.
const LULL: Duration = Duration::from_millis(700);
/// The fewest cameras that run while there are any left.
const FEWEST: usize = 8;

/// What ends a fault that lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    ThawModule(Pid),
    ThawHub,
    Pubacks { cut: bool },
    Online,
}

/// A running run.
pub(super) struct Run {
    pub(super) site: Site,
    pub(super) fleet: Fleet,
    pub(super) records: Records,
    pub(super) screen: Screen,
    pub(super) interrupt: Interrupt,
    pub(super) ends: Vec<(Instant, End)>,
    /// By kind of fault and kind of moment.
    pub(super) moments: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    pub(super) faults: BTreeMap<&'static str, u64>,
    /// Faults so far.
    pub(super) done: u32,
    /// How often the module has lost its connection since its start.
    pub(super) module_losses: u32,
    /// PUBACKs of the module when the last interrupting fault was over, and when that was.
    pub(super) interrupted: (u64, Instant),
    /// When the last fault struck.
    struck: Instant,
    /// The PUBACKs last seen, and since when.
    moved: (u64, Instant),
    pub(super) began: Instant,
}

impl Run {
    pub(super) fn new(
        site: Site,
        fleet: Fleet,
        records: Records,
        screen: Screen,
        interrupt: Interrupt,
    ) -> Self {
        let now = Instant::now();
        Self {
            site,
            fleet,
            records,
            screen,
            interrupt,
            ends: Vec::new(),
            moments: BTreeMap::new(),
            faults: BTreeMap::new(),
            done: 0,
            module_losses: 0,
            interrupted: (0, now),
            struck: now,
            moved: (0, now),
            began: now,
        }
    }

    /// All faults, then the drain.
    pub(super) fn play(&mut self, faults: u32, seed: u64) -> anyhow::Result<()> {
        let mut schedule = Schedule::new(seed);
        let mut next = Instant::now() + Duration::from_secs(1);
        while self.done < faults {
            self.tick()?;
            self.start_cameras(faults)?;
            if next > Instant::now() {
                continue;
            }
            let Some(order) = schedule.next(&self.situation()) else {
                if self.struck.elapsed() > STALLED {
                    bail!(
                        "no fault fits for {} s: {:?}\n{}",
                        STALLED.as_secs(),
                        self.situation(),
                        self.site.words()
                    );
                }
                continue;
            };
            self.strike(order)?;
            self.done += 1;
            self.struck = Instant::now();
            *self.faults.entry(order.kind.name()).or_default() += 1;
            if order.kind.interrupts() {
                self.interrupted = (self.records.journal.acknowledged, Instant::now());
            }
            next = Instant::now() + schedule.pause();
        }
        self.drain()
    }

    /// One look at everything.
    pub(super) fn tick(&mut self) -> anyhow::Result<()> {
        thread::sleep(TICK);
        self.interrupt.check()?;
        let now = Instant::now();
        let had_ended = self.site.ended_module.is_some();
        self.site.tend(now)?;
        if had_ended && self.site.ended_module.is_none() {
            self.module_losses = 0;
        }
        self.records.read()?;
        self.fleet.look()?;
        let due: Vec<End> = self.take_ends(|at, _| at <= now);
        for end in due {
            self.end(end)?;
        }
        let acknowledged = self.records.journal.acknowledged;
        if acknowledged != self.moved.0 {
            self.moved = (acknowledged, now);
        }
        if now - self.moved.1 > STALLED && self.fleet.active() > 0 {
            bail!(
                "no picture was acknowledged for {} s although {} cameras send\n{}",
                STALLED.as_secs(),
                self.fleet.active(),
                self.site.words()
            );
        }
        self.screen.progress(&format!(
            "chaos: {} s, {} faults, cameras {} of {} started and {} at work, {} deliveries acknowledged",
            self.began.elapsed().as_secs(),
            self.done,
            self.fleet.started(),
            self.fleet.len(),
            self.fleet.active(),
            acknowledged
        ));
        Ok(())
    }

    /// So many that they last as long as the faults do, and more in a lull.
    fn start_cameras(&mut self, faults: u32) -> anyhow::Result<()> {
        let share = f64::from(self.done + 1) / f64::from(faults);
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        let wanted = self.fleet.len() as f64 * share;
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        let is_due = (self.fleet.started() as f64) < wanted;
        let lull = self.moved.1.elapsed() > LULL && self.fleet.active() < FEWEST;
        if is_due || lull {
            if lull {
                self.moved.1 += LULL;
            }
            self.fleet.start_one(&self.site)?;
        }
        Ok(())
    }

    fn situation(&self) -> Situation {
        let flowed = self.records.journal.acknowledged - self.interrupted.0;
        let has = |end: fn(&End) -> bool| self.ends.iter().any(|(_, known)| end(known));
        Situation {
            flowed,
            backlog: self.records.backlog(),
            has_work: self.fleet.active() > 0 || self.fleet.waiting() > 0,
            waited: self.struck.elapsed(),
            stalled: if flowed > 0 {
                Duration::ZERO
            } else {
                self.interrupted.1.elapsed()
            },
            module_runs: self.site.module().is_some(),
            module_frozen: has(|end| matches!(end, End::ThawModule(_))),
            is_tender: self.records.is_tender(),
            hub_serves: self.site.hub_state == HubState::Up
                && !has(|end| matches!(end, End::ThawHub)),
            pubacks_wrong: has(|end| matches!(end, End::Pubacks { .. })),
            offline: has(|end| matches!(end, End::Online)),
            module_losses: self.module_losses,
        }
    }

    /// Takes out what is to end, thaws first: who is frozen takes no orders.
    pub(super) fn take_ends(&mut self, which: impl Fn(Instant, End) -> bool) -> Vec<End> {
        let due = self.ends.extract_if(.., |(at, end)| which(*at, *end));
        let mut due: Vec<End> = due.map(|(_, end)| end).collect();
        due.sort_by_key(|end| !matches!(end, End::ThawHub | End::ThawModule(_)));
        due
    }

    /// Takes a lasting fault back.
    pub(super) fn end(&mut self, end: End) -> anyhow::Result<()> {
        match end {
            // One that is gone needs no thaw.
            End::ThawModule(module) => drop(kill_process(module, Signal::CONT)),
            End::ThawHub => self.site.hub.signal(Signal::CONT)?,
            End::Pubacks { cut } => {
                self.order(&json!({ "pubacks": "atOnce" }))?;
                if cut {
                    // Who waits for a PUBACK that never comes sends again on the next connection.
                    self.module_losses += 1;
                    self.order(&json!({ "dropConnections": { "client": null } }))?;
                }
            }
            End::Online => self.order(&json!({ "offline": false }))?,
        }
        Ok(())
    }

    /// Tells the hub, which must serve; a frozen one is thawed first.
    pub(super) fn order(&mut self, fault: &Value) -> anyhow::Result<()> {
        for end in self.take_ends(|_, end| end == End::ThawHub) {
            self.end(end)?;
        }
        self.site.control.fault(fault)
    }

    /// No faults any more: until every camera is done, the hub's queues are empty and the module
    /// has sent every report.
    fn drain(&mut self) -> anyhow::Result<()> {
        for end in self.take_ends(|_, _| true) {
            self.end(end)?;
        }
        while self.fleet.waiting() > 0 {
            self.fleet.start_one(&self.site)?;
            self.tick()?;
        }
        let began = Instant::now();
        loop {
            self.tick()?;
            let left = self.left()?;
            let Some(left) = left else {
                return Ok(());
            };
            if began.max(self.moved.1).elapsed() > DRAIN {
                bail!(
                    "{} s after the last fault and the last picture there is still {left}\n{}",
                    DRAIN.as_secs(),
                    self.site.words()
                );
            }
        }
    }

    /// What is still on its way, in words.
    fn left(&mut self) -> anyhow::Result<Option<String>> {
        if self.fleet.active() > 0 {
            return Ok(Some(format!(
                "cameras at work: {:?}",
                self.fleet.active_names()
            )));
        }
        if self.site.hub_state != HubState::Up {
            return Ok(Some("a hub that does not listen".to_owned()));
        }
        let queued = self.site.control.queued()?;
        if queued > 0 {
            return Ok(Some(format!("{queued} messages in the hub's queues")));
        }
        let windows = self.records.witness.open_windows()?;
        let unsent = self.records.witness.unsent()?;
        if windows > 0 || !unsent.is_empty() {
            return Ok(Some(format!(
                "{windows} open windows, unsent reports {unsent:?}"
            )));
        }
        Ok(None)
    }
}
