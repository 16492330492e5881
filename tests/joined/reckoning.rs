//! The end of a run: the faults are over, the world comes to rest within a bounded time, and
//! everything that was promised is counted.

use std::collections::BTreeSet;
use std::time::Duration;

use edge_protocol::session::Session;

use crate::answering;
use crate::client::{Client, Role, Who};
use crate::faults::{Fault, GRACE, PARTING};
use crate::operator::Ending;
use crate::world::World;

/// Most dials of one process within any minute: the waits of the backoff, halved by jitter,
/// allow 13 from a cold start; the one free try after CONNACK 5, planned reconnects and a
/// connection that was healthy in between add a few.
pub(crate) const MOST_DIALS: usize = 20;

/// How long the world may take to come to rest. The longest that a session may wait of its
/// own accord is a CONNACK deadline of 2 minutes after another; the longest of all is TCP's
/// 15 minutes for a connection that carries nothing one way while deliveries come the other,
/// and the 57 minutes of a token's life after which a connection goes on which the hub has
/// withheld a PUBACK: nothing else makes up for that. Habits of the hub add 30 s and 60 s.
const REST: Duration = Duration::from_secs(75 * 60);

impl World {
    /// Ends all faults, waits for rest, reckons, and ends all sessions. `Err` tells what was
    /// broken.
    pub(crate) fn settle(&mut self) -> Result<(), String> {
        self.strike(Fault::Heal);
        self.patch_desired();
        let calls = self.operator.ended.len();
        let slice = Duration::from_secs(10);
        let limit = self.now + REST;
        while !(self.is_at_rest() && self.has_answered(calls))
            && self.now < limit
            && self.watch.broken().is_none()
        {
            self.roll_call(calls);
            self.run_for(slice);
            self.check_calls();
        }
        if self.watch.broken().is_none() {
            match self.unrest() {
                Some(unrest) => self.watch.fail(format!("no rest: {unrest}")),
                None if !self.has_answered(calls) => self.watch.fail("no call is answered"),
                None => self.reckon(),
            }
        }
        if self.watch.broken().is_none() {
            self.end_all();
        }
        match self.watch.broken() {
            None => Ok(()),
            Some(what) => Err(what.to_owned()),
        }
    }

    fn is_at_rest(&self) -> bool {
        self.unrest().is_none()
    }

    /// What is not finished yet.
    fn unrest(&self) -> Option<String> {
        for (who, client) in &self.clients {
            let what = match (&client.role, who) {
                _ if client.frozen_until > self.now => "gets no time",
                (Role::Camera(camera), _) if !camera.is_done() => "has pictures to send",
                (Role::Application(application), _) if !application.is_idle() => "works",
                (_, Who::Rival) if client.session.is_some() => "still runs",
                (_, Who::Module) if !client.is_subscribed => "is not subscribed",
                (_, Who::Camera(_) | Who::Module | Who::Rival) => continue,
            };
            return Some(format!("{who:?} {what}"));
        }
        let (inputs, cloud) = (
            self.hub.store.waiting_for_inputs(),
            self.hub.store.waiting_for_cloud(),
        );
        if inputs + cloud > 0 {
            return Some(format!("{inputs} pictures and {cloud} reports are queued"));
        }
        let unsent = self.ledger.unsent.len();
        if unsent > 0 {
            return Some(format!("{unsent} reports are unsent"));
        }
        if let Some(unrest) = self.books_unrest() {
            return Some(unrest);
        }
        let calls = self.operator.open_calls();
        if calls > 0 {
            return Some(format!("{calls} calls are under way"));
        }
        self.twin_unrest()
    }

    /// What the module's twin and the hub's do not agree on.
    fn twin_unrest(&self) -> Option<String> {
        let twin = self.hub.twin();
        let part = |name: &str| {
            let mut part = twin.as_ref()?.get(name)?.clone();
            let version = part.as_object_mut()?.remove("$version")?.as_u64();
            Some((part, version))
        };
        let (Some((desired, version)), Some((reported, _))) = (part("desired"), part("reported"))
        else {
            return Some("the hub has no twin of the module".to_owned());
        };
        let session = self.clients.get(&Who::Module)?.session.as_ref();
        let Some(held) = session.and_then(Session::desired) else {
            return Some("the module holds no twin".to_owned());
        };
        if held.version != version || desired.as_object() != Some(&held.properties) {
            return Some(format!(
                "the module holds {held:?}, not {version:?} {desired}"
            ));
        }
        if self.ledger.reported != version || version.map(answering::reported) != Some(reported) {
            let told = self.ledger.reported;
            return Some(format!("the module has reported {told:?}, not {version:?}"));
        }
        None
    }

    /// Calls the module, unless it has answered since there were `calls` ended ones, or is
    /// still being asked.
    fn roll_call(&mut self, calls: usize) {
        if self.operator.open_calls() == 0 && !self.has_answered(calls) {
            self.call(GRACE, Duration::ZERO);
        }
    }

    fn has_answered(&self, calls: usize) -> bool {
        let mut since = self.operator.ended[calls..].iter();
        since.any(|(_, ending)| *ending == Ending::Answered(200))
    }

    fn reckon(&mut self) {
        let mut wrong = Vec::new();
        let counted: BTreeSet<&String> = self.ledger.counted.iter().collect();
        let mut taken = BTreeSet::new();
        for client in self.clients.values() {
            if let Role::Camera(camera) = &client.role {
                taken.extend(&camera.taken);
                for picture in &camera.taken {
                    let expired = self.watch.expired.contains(picture);
                    if !camera.confirmed.contains(picture) {
                        wrong.push(format!("{picture} was not confirmed"));
                    } else if !counted.contains(picture) && !expired {
                        wrong.push(format!("{picture} was confirmed and is not counted"));
                    }
                }
            }
        }
        if counted.len() != self.ledger.counted.len() {
            wrong.push("a picture was counted twice".to_owned());
        }
        wrong.extend(
            counted
                .difference(&taken)
                .map(|picture| format!("{picture} was counted and never taken")),
        );
        for (name, report) in &self.ledger.reports {
            let (arrivals, hub_died) = self.cloud.arrivals(name);
            let expired = self.watch.expired.contains(name);
            if !report.confirmed || (arrivals == 0 && !expired) {
                wrong.push(format!("{name} is not upstream: {report:?}"));
            }
            if arrivals > report.sends + hub_died {
                wrong.push(format!("{name} is upstream {arrivals} times: {report:?}"));
            }
        }
        for (who, client) in &self.clients {
            if let Some(line) = &client.line
                && self.watch.owed_by_client(line.socket) > 0
            {
                wrong.push(format!("{who:?} owes a PUBACK"));
            }
        }
        wrong.extend(self.audit());
        for what in wrong {
            self.watch.fail(what);
        }
        self.check_dials();
        if let Some(counters) = self.hub.counters().cloned() {
            self.check_counters(&counters);
        }
    }

    /// No process has hammered the hub; asked before the next one forgets its dials, too.
    pub(crate) fn check_dials(&mut self) {
        let most = self.clients.values().map(Client::dials_in_a_minute).max();
        let most = most.unwrap_or(0);
        if most > MOST_DIALS {
            self.watch.fail(format!("{most} dials within a minute"));
        }
    }

    fn end_all(&mut self) {
        self.is_over = true;
        let all: Vec<Who> = self.clients.keys().copied().collect();
        for who in &all {
            self.shut_down(*who);
        }
        self.run_for(GRACE + PARTING);
        for who in all {
            if self.client(who).session.is_some() {
                self.watch.fail(format!("{who:?} did not close in time"));
            }
        }
    }
}
