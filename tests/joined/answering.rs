//! What the module's application does with its twin and with method calls: it reports the
//! version it holds until the hub confirms, and answers each call in its time.

use std::time::Duration;

use edge_protocol::methods::MethodAnswer;
use edge_protocol::session::{CallId, Event, MethodCall, ReportId};
use edge_protocol::twin::{DesiredState, ReportedPatch};
use serde_json::{Value, json};

use crate::agenda::{Happening, Instant};
use crate::client::{Role, Who, moment};
use crate::world::World;

/// How long a report that failed rests, so that a hub that refuses is not hammered.
const REST: Duration = Duration::from_secs(5);

/// The version that is to be reported, and where that stands.
#[derive(Debug, Default)]
pub(crate) struct Reporting {
    wanted: Option<u64>,
    out: Option<(ReportId, u64)>,
    rests_until: Instant,
}

impl Reporting {
    fn next(&self, now: Instant) -> Option<u64> {
        self.wanted
            .filter(|_| self.out.is_none() && self.rests_until <= now)
    }

    /// A report has its result; gives the version that the hub now has.
    fn told(&mut self, report: ReportId, is_applied: bool, now: Instant) -> Option<u64> {
        let (_, version) = self.out.take_if(|(out, _)| *out == report)?;
        if !is_applied {
            // Unless there is a later one to tell.
            self.wanted.get_or_insert(version);
            self.rests_until = now + REST;
        }
        is_applied.then_some(version)
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.wanted.is_none() && self.out.is_none()
    }
}

/// What the hub holds after a report of `version`: with a member that comes and goes.
pub(crate) fn reported(version: u64) -> Value {
    match version % 2 {
        0 => json!({ "held": version }),
        _ => json!({ "held": version, "odd": true }),
    }
}

fn report_of(version: u64) -> Value {
    let odd = (version % 2 == 1).then_some(true);
    json!({ "held": version, "odd": odd })
}

impl World {
    /// News of the twin and of methods, which only the module's processes get.
    pub(crate) fn on_request(&mut self, who: Who, event: Event) {
        let now = self.now;
        let Some(application) = self.client(who).application() else {
            self.watch.fail(format!("{who:?} has no twin: {event:?}"));
            return;
        };
        match event {
            Event::DesiredChanged(state) => self.desired_changed(who, &state),
            Event::TwinInStep { version } => {
                if application.shown != version {
                    self.watch.fail(format!("{who:?} is at {version:?} unseen"));
                }
                self.watch.seen.in_step += 1;
            }
            Event::TwinFailed { failure, .. } => {
                self.watch.seen.twin_failures += 1;
                self.client(who).twin_failures.push((now, failure));
            }
            Event::Reported { report, result } => {
                let applied = application.reporting.told(report, result.is_ok(), now);
                self.watch.seen.reported += u64::from(applied.is_some());
                if applied.is_some() {
                    self.ledger.reported = applied;
                } else {
                    self.agenda.add(now + REST, Happening::Looks { who });
                }
            }
            Event::MethodCall(call) => self.called(who, call),
            other => self.watch.fail(format!("{other:?} is no request")),
        }
    }

    fn desired_changed(&mut self, who: Who, state: &DesiredState) {
        let Some(version) = state.version else {
            self.watch.fail("the hub's twins have versions");
            return;
        };
        if !self.operator.wanted(version, &state.properties) {
            let properties = &state.properties;
            self.watch
                .fail(format!("version {version} was never {properties:?}"));
        }
        let Some(application) = self.client(who).application() else {
            return;
        };
        let earlier = application.shown.replace(version);
        // One process speaks for the module, or nobody knows who was last.
        if who == Who::Module && earlier != Some(version) {
            application.reporting.wanted = Some(version);
        }
        if earlier > Some(version) {
            self.watch
                .fail(format!("{who:?} goes back from {earlier:?} to {version}"));
        }
        self.watch.seen.versions += 1;
    }

    fn called(&mut self, who: Who, call: MethodCall) {
        let client = self.client(who);
        let (life, time) = (client.life, client.manner.answering);
        let id = call.id;
        if let Some(application) = client.application() {
            application.calls.insert(id, call);
        }
        let at = self.now + self.between(time);
        let call = id;
        self.agenda.add(at, Happening::Answers { who, life, call });
    }

    /// The application is done with a call: it answers, or drops it, and then the shell
    /// answers in its place.
    pub(crate) fn answers(&mut self, who: Who, life: u32, id: CallId) {
        let now = self.now;
        let client = self.client(who);
        if client.life != life || client.session.is_none() {
            return;
        }
        if client.frozen_until > now {
            let (at, call) = (client.frozen_until, id);
            self.agenda.add(at, Happening::Answers { who, life, call });
            return;
        }
        let Some(application) = client.application() else {
            return;
        };
        let Some(call) = application.calls.remove(&id) else {
            return;
        };
        let dropped = application.drops_calls > 0;
        application.drops_calls = application.drops_calls.saturating_sub(1);
        let answer = if dropped {
            Ok(MethodAnswer::dropped(&call.name))
        } else {
            MethodAnswer::new(200, &json!({ "call": call.payload["call"] }))
        };
        match (answer, &mut client.session) {
            (Ok(answer), Some(session)) => {
                session.answer(moment(now), id, &answer);
            }
            (answer, _) => self.watch.fail(format!("no answer: {answer:?}")),
        }
        self.obey(who);
    }

    /// Gives the session the report that is due; false when there is none or no room.
    pub(crate) fn report(&mut self, who: Who) -> bool {
        let now = self.now;
        let client = self.client(who);
        let Some(session) = client.session.as_mut().filter(|it| it.can_report()) else {
            return false;
        };
        let Role::Application(application) = &mut client.role else {
            return false;
        };
        let reporting = &mut application.reporting;
        let Some(version) = reporting.next(now) else {
            return false;
        };
        let sent = ReportedPatch::new(&report_of(version))
            .ok()
            .and_then(|patch| session.report(moment(now), patch).ok());
        match sent {
            Some(report) => {
                reporting.wanted = None;
                reporting.out = Some((report, version));
            }
            None => self.watch.fail("a session that can report refused to"),
        }
        sent.is_some()
    }
}
