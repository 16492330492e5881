//! Committing one fault: waiting for its moment, striking, and saying which moment it was.

use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::faults::{Aim, Kind, Order};
use super::random;
use super::run::{End, Run};
use super::site::{HUB_GRACE, HubState};

/// How long a fault waits for its moment; then it strikes whatever the moment is.
const AIMING: Duration = Duration::from_millis(350);
/// The same for moments of reports, of which there is one a second.
const AIMING_AT_REPORTS: Duration = Duration::from_millis(600);
/// How long the module may take for a picture before another one is looked at.
const ONE_PICTURE: Duration = Duration::from_millis(80);
/// Between two looks for a moment.
const LOOK: Duration = Duration::from_micros(500);
/// How long a hub may take to notice that the module is gone.
const NOTICES: Duration = Duration::from_secs(10);

impl Run {
    /// Commits a fault.
    pub(super) fn strike(&mut self, order: Order) -> anyhow::Result<()> {
        let mut dice = random::stream(order.dice, 3);
        let moments: Vec<&'static str> = match order.kind {
            Kind::KillModule => self.kill_module(order.aim, &mut dice)?,
            Kind::StopModule => self.on_module(order.aim, &mut dice, |run, module, _| {
                kill_process(module, Signal::TERM)?;
                run.site.ended_module = Some(module);
                Ok(())
            })?,
            Kind::PauseModule => self.on_module(order.aim, &mut dice, |run, module, dice| {
                kill_process(module, Signal::STOP)?;
                // One in eight outlasts the hub's patience, which then sends again.
                let lasts = match dice.usize(..8) {
                    0 => random::millis(dice, 1600, 1900),
                    _ => random::millis(dice, 30, 400),
                };
                run.ends
                    .push((Instant::now() + lasts, End::ThawModule(module)));
                Ok(())
            })?,
            Kind::DropModule => {
                self.aim(order.aim, &mut dice)?;
                let moment = self.delivery_moment();
                self.module_losses += 1;
                self.order(&json!({ "dropConnections": { "client": "FruitCounter" } }))?;
                vec![moment]
            }
            Kind::DropAll => {
                self.aim(order.aim, &mut dice)?;
                let moment = self.delivery_moment();
                self.module_losses += 1;
                self.order(&json!({ "dropConnections": { "client": null } }))?;
                vec![moment]
            }
            Kind::KillHub => self.kill_hub(order.aim, &mut dice)?,
            Kind::StopHub => {
                self.aim(order.aim, &mut dice)?;
                let moment = self.delivery_moment();
                self.site.hub.stop(HUB_GRACE)?;
                self.hub_is_gone(&mut dice)?;
                vec![moment]
            }
            Kind::PauseHub => {
                self.aim(order.aim, &mut dice)?;
                self.site.hub.signal(Signal::STOP)?;
                let lasts = random::millis(&mut dice, 30, 400);
                self.ends.push((Instant::now() + lasts, End::ThawHub));
                vec![self.delivery_moment()]
            }
            Kind::DropCamera => {
                let names = self.fleet.active_names();
                let name = dice.choice(&names).map(|name| (*name).to_owned());
                match name {
                    None => vec!["noCamera"],
                    Some(name) => {
                        self.order(&json!({ "dropConnections": { "client": name } }))?;
                        vec!["camera"]
                    }
                }
            }
            Kind::LatePubacks => {
                let late = random::millis(&mut dice, 50, 700);
                self.late_pubacks(late, random::millis(&mut dice, 200, 900))?;
                vec!["late"]
            }
            Kind::WithholdPubacks => {
                self.order(&json!({ "pubacks": "withheld" }))?;
                let until = Instant::now() + random::millis(&mut dice, 150, 500);
                self.ends.push((until, End::Pubacks { cut: true }));
                vec!["withheld"]
            }
            Kind::Offline => {
                self.order(&json!({ "offline": true }))?;
                let until = Instant::now() + random::millis(&mut dice, 300, 1500);
                self.ends.push((until, End::Online));
                vec!["offline"]
            }
            Kind::Redeliver => {
                let messages = 1 + dice.usize(..3);
                self.order(&json!({ "redeliver": { "messages": messages } }))?;
                vec!["redeliver"]
            }
        };
        let of_kind = self.moments.entry(order.kind.name()).or_default();
        for moment in moments {
            *of_kind.entry(moment).or_default() += 1;
        }
        Ok(())
    }

    fn late_pubacks(&mut self, late: Duration, lasts: Duration) -> anyhow::Result<()> {
        let late = u64::try_from(late.as_millis()).unwrap_or(u64::MAX);
        self.order(&json!({ "pubacks": { "delayedMs": late } }))?;
        self.ends
            .push((Instant::now() + lasts, End::Pubacks { cut: false }));
        Ok(())
    }

    fn on_module(
        &mut self,
        aim: Aim,
        dice: &mut Rng,
        act: impl FnOnce(&mut Self, Pid, &mut Rng) -> anyhow::Result<()>,
    ) -> anyhow::Result<Vec<&'static str>> {
        self.aim(aim, dice)?;
        let Some(module) = self.site.module() else {
            return Ok(vec!["noModule"]);
        };
        let moment = self.delivery_moment();
        act(self, module, dice)?;
        Ok(vec![moment])
    }

    /// SIGKILL for the module, and a look at what it leaves before another one runs.
    fn kill_module(&mut self, aim: Aim, dice: &mut Rng) -> anyhow::Result<Vec<&'static str>> {
        self.aim(aim, dice)?;
        // Only the agent, frozen, lets a dead module lie.
        self.site.agent.signal(Signal::STOP)?;
        let Some(module) = self.site.module() else {
            self.site.agent.signal(Signal::CONT)?;
            return Ok(vec!["noModule"]);
        };
        if aim == Aim::Committed {
            // Last, for this moment is over in a fraction of a millisecond.
            self.wait_for_commit()?;
        }
        self.site.kill_module(module)?;
        for end in self.take_ends(|_, end| matches!(end, End::ThawModule(_) | End::ThawHub)) {
            self.end(end)?;
        }
        // The hub must have read whatever the module wrote.
        let asked = Instant::now();
        self.records.read()?;
        let out = self.records.journal.out();
        let out = out.map(|(number, frame)| (number, frame.clone()));
        while self.site.hub_state == HubState::Up && self.site.control.module_is_connected()? {
            anyhow::ensure!(
                asked.elapsed() < NOTICES,
                "the hub does not notice a dead module"
            );
            thread::sleep(LOOK);
        }
        self.records.module_has_died()?;
        if let Some(frame) = self.records.journal.latest.clone() {
            self.records.note_killed(frame);
        }
        let unsent = self.records.witness.unsent()?;
        self.site.agent.signal(Signal::CONT)?;
        Ok(self.moments_of_module(out.as_ref(), &unsent))
    }

    /// SIGKILL for the hub.
    fn kill_hub(&mut self, aim: Aim, dice: &mut Rng) -> anyhow::Result<Vec<&'static str>> {
        if aim == Aim::Committed {
            self.aim(Aim::DeliveryOut, dice)?;
            self.commit_unheard()?;
        } else {
            self.aim(aim, dice)?;
        }
        self.site.hub.kill()?;
        self.records.hub_has_died()?;
        let moments = self.moments_of_hub();
        self.hub_is_gone(dice)?;
        Ok(moments)
    }

    /// Freezes the hub with a delivery out until the module has committed it, or a little longer.
    fn commit_unheard(&mut self) -> anyhow::Result<()> {
        self.site.hub.signal(Signal::STOP)?;
        self.records.read()?;
        let Some((_, frame)) = self.records.journal.out() else {
            return Ok(());
        };
        let frame = frame.clone();
        let before = self.records.witness.received(&frame.0)?;
        let known = self.records.committed(&frame);
        let asked = Instant::now();
        while asked.elapsed() < AIMING {
            self.records.read()?;
            if self.records.committed(&frame) > known
                || self.records.witness.received(&frame.0)? > before
            {
                break;
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Forgets the faults that a hub takes with it, and says when it comes back.
    fn hub_is_gone(&mut self, dice: &mut Rng) -> anyhow::Result<()> {
        self.records.hub_has_died()?;
        self.take_ends(|_, end| !matches!(end, End::ThawModule(_)));
        self.module_losses += 1;
        let pause = match dice.usize(..4) {
            0 => random::millis(dice, 100, 900),
            _ => Duration::ZERO,
        };
        self.site.hub_state = HubState::Down(Instant::now() + pause);
        Ok(())
    }

    /// Waits for a moment, within limits.
    fn aim(&mut self, aim: Aim, dice: &mut Rng) -> anyhow::Result<()> {
        let limit = match aim {
            Aim::Any => return Ok(()),
            Aim::DeliveryOut | Aim::Committed | Aim::CameraOut => AIMING,
            Aim::ReportOut | Aim::Reports => AIMING_AT_REPORTS,
        };
        if matches!(aim, Aim::CameraOut | Aim::ReportOut) {
            self.widen()?;
        }
        let asked = Instant::now();
        while asked.elapsed() < limit {
            self.records.read()?;
            let is_it = match aim {
                Aim::Any => true,
                Aim::DeliveryOut | Aim::Committed => self.records.journal.out().is_some(),
                Aim::CameraOut => self.records.journal.camera_waits(),
                Aim::ReportOut => self.records.journal.report_waits(),
                Aim::Reports => !self.records.witness.unsent()?.is_empty(),
            };
            if is_it {
                break;
            }
            thread::sleep(LOOK);
        }
        if aim == Aim::DeliveryOut {
            // Into the work on the picture.
            thread::sleep(random::millis(dice, 0, 25));
        }
        Ok(())
    }

    /// Returns as soon as an outcome of the delivery that is out can be seen in the ledger, or after
    /// a while.
    fn wait_for_commit(&mut self) -> anyhow::Result<()> {
        let asked = Instant::now();
        while asked.elapsed() < AIMING {
            self.records.read()?;
            let Some((number, frame)) = self.records.journal.out() else {
                continue;
            };
            let camera = frame.0.clone();
            let before = self.records.witness.received(&camera)?;
            self.records.read()?;
            let out = self.records.journal.out();
            if out.is_none_or(|(now, _)| now != number) {
                // It may have been counted before.
                continue;
            }
            let begun = Instant::now();
            // No pause: see above.
            while begun.elapsed() < ONE_PICTURE {
                if self.records.witness.received(&camera)? > before {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Late PUBACKs make the moments in which one is missing long enough to be hit.
    fn widen(&mut self) -> anyhow::Result<()> {
        let is_wrong = |(_, end): &(Instant, End)| matches!(end, End::Pubacks { .. });
        if self.site.hub_state == HubState::Up && !self.ends.iter().any(is_wrong) {
            self.late_pubacks(Duration::from_millis(300), AIMING_AT_REPORTS)?;
        }
        Ok(())
    }
}
