//! The twin on one connection: asked for after each SUBACK and after each gap, reported
//! to, and never a reason to end the connection.

use bytes::Bytes;

use super::{Live, Phase, Subscription};
use crate::moment::Moment;
use crate::session::SessionConfig;
use crate::session::common::Common;
use crate::session::config::REPORT_WINDOW;
use crate::session::event::{Event, ReportFailure, ReportId, TwinFailure};
use crate::session::twin_requests::Answered;
use crate::session::window::Sent;
use crate::topics::twin::{self, TwinTopic};
use crate::twin::{DesiredChange, Progress, ReportedPatch, TwinDocument};

/// Requests without PUBACK at most: all reports, and a few questions of which the hub has
/// answered none. Beyond, nothing is asked until it confirms one.
const UNCONFIRMED_REQUESTS: usize = REPORT_WINDOW + 4;

/// The body of a question. Any will do; the official SDKs send one space.
const QUESTION: Bytes = Bytes::from_static(b" ");

impl Live {
    pub(in crate::session) fn can_report(&self, config: &SessionConfig) -> bool {
        // The answer comes only to a client that has subscribed to it.
        config.follows_twin
            && matches!(self.phase, Phase::Serving { .. })
            && matches!(self.subscription, Subscription::Granted)
            && self.twin.reports() < REPORT_WINDOW
            && self.window.twin_requests() < UNCONFIRMED_REQUESTS
    }

    /// Sends `patch`; the caller has asked [`Live::can_report`].
    pub(in crate::session) fn report(
        &mut self,
        report: ReportId,
        patch: &ReportedPatch,
        now: Moment,
        config: &SessionConfig,
        common: &mut Common,
    ) {
        let rid = common.request_id();
        let topic = twin::report(&rid);
        self.send(Sent::TwinRequest, topic, patch.body().clone(), now, common);
        let deadline = now + config.timings.twin_deadline;
        self.twin.reported(rid, report, deadline);
    }

    /// Asks for the whole twin, if the hub has confirmed enough of what came before.
    pub(in crate::session) fn ask(
        &mut self,
        now: Moment,
        config: &SessionConfig,
        common: &mut Common,
    ) {
        if self.window.twin_requests() >= UNCONFIRMED_REQUESTS {
            self.twin
                .setback(false, now, &config.timings, &mut common.random);
            return;
        }
        let rid = common.request_id();
        let topic = twin::get(&rid);
        self.send(Sent::TwinRequest, topic, QUESTION, now, common);
        self.twin.asked(rid, now + config.timings.twin_deadline);
    }

    /// The hub said something about the twin.
    pub(super) fn twin_told(
        &mut self,
        topic: TwinTopic<'_>,
        body: &[u8],
        now: Moment,
        config: &SessionConfig,
        common: &mut Common,
    ) {
        match topic {
            TwinTopic::Desired { version } => {
                self.desired_change(version, body, now, config, common);
            }
            TwinTopic::Response {
                status,
                rid,
                version,
            } => match self.twin.answered(rid) {
                Answered::Question => self.whole_twin(status, body, now, config, common),
                Answered::Report(report) => {
                    let result = match status {
                        200..=299 => Ok(version),
                        _ => Err(ReportFailure::Refused { status }),
                    };
                    common.events.push_back(Event::Reported { report, result });
                }
                // An answer after its deadline, or to a request of another connection.
                Answered::Nobody => {}
            },
        }
    }

    fn whole_twin(
        &mut self,
        status: u16,
        body: &[u8],
        now: Moment,
        config: &SessionConfig,
        common: &mut Common,
    ) {
        let document = match status {
            200..=299 => TwinDocument::parse(body).map_err(TwinFailure::from),
            _ => Err(TwinFailure::Refused { status }),
        };
        match document {
            Ok(document) => {
                let progress = common.desired.whole(document);
                if common.desired.is_in_step() {
                    self.twin.in_step(now);
                }
                self.follow(progress, now, config, common);
            }
            Err(failure) => self.twin_failed(failure, now, config, common),
        }
    }

    fn desired_change(
        &mut self,
        version: Option<u64>,
        body: &[u8],
        now: Moment,
        config: &SessionConfig,
        common: &mut Common,
    ) {
        match DesiredChange::parse(version, body) {
            Ok(change) => {
                let progress = common.desired.change(change);
                // One that changes nothing is no news, and no answer to a question.
                if progress.changed || progress.ask {
                    self.follow(progress, now, config, common);
                }
            }
            Err(error) if common.desired.unreadable_change().ask => {
                self.twin_failed(error.into(), now, config, common);
            }
            Err(error) => common.events.push_back(Event::TwinFailed {
                failure: error.into(),
                retry_in: None,
            }),
        }
    }

    fn follow(
        &mut self,
        progress: Progress,
        now: Moment,
        config: &SessionConfig,
        common: &mut Common,
    ) {
        if let (true, Some(state)) = (progress.changed, common.desired.state()) {
            common
                .events
                .push_back(Event::DesiredChanged(state.clone()));
        }
        if common.desired.is_in_step() {
            let version = common.desired.state().and_then(|state| state.version);
            common.events.push_back(Event::TwinInStep { version });
        }
        if progress.ask && !self.is_closing() {
            let wait = self
                .twin
                .setback(true, now, &config.timings, &mut common.random);
            if wait.is_zero() {
                self.ask(now, config, common);
            }
        }
    }

    fn twin_failed(
        &mut self,
        failure: TwinFailure,
        now: Moment,
        config: &SessionConfig,
        common: &mut Common,
    ) {
        let retry_in = if self.is_closing() {
            None
        } else {
            let timings = &config.timings;
            Some(self.twin.setback(false, now, timings, &mut common.random))
        };
        common
            .events
            .push_back(Event::TwinFailed { failure, retry_in });
    }

    /// The answer to the question is late.
    pub(in crate::session) fn twin_answer_late(
        &mut self,
        now: Moment,
        config: &SessionConfig,
        common: &mut Common,
    ) {
        let after = config.timings.twin_deadline;
        self.twin_failed(TwinFailure::TimedOut { after }, now, config, common);
    }

    /// The answer to a report is late.
    pub(in crate::session) fn report_answer_late(
        &mut self,
        now: Moment,
        config: &SessionConfig,
        common: &mut Common,
    ) {
        let after = config.timings.twin_deadline;
        while let Some(report) = self.twin.take_late(now) {
            let result = Err(ReportFailure::TimedOut { after });
            common.events.push_back(Event::Reported { report, result });
        }
    }
}
