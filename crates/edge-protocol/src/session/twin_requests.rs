//! Our requests about the twin on one connection: the question for the whole document,
//! and the reports without an answer.

use std::time::Duration;

use super::event::ReportId;
use super::pause::Pause;
use super::random::Random;
use super::timings::{Timer, Timings};
use crate::moment::Moment;

/// Which requests are out, until when, and when to ask next.
#[derive(Debug, Default)]
pub(super) struct TwinRequests {
    question: Question,
    /// Times in a row that asking did not lead to a lasting answer.
    setbacks: u32,
    reports: Vec<PendingReport>,
}

/// Where the question for the whole document stands.
#[derive(Debug, Default)]
enum Question {
    /// Not to be asked (yet, or any more).
    #[default]
    Unwanted,
    /// To be asked at this moment.
    Due { at: Moment },
    /// Asked, and not answered.
    Asked { rid: String, deadline: Moment },
    /// Answered at this moment; all is known.
    Answered { at: Moment },
}

#[derive(Debug)]
struct PendingReport {
    rid: String,
    report: ReportId,
    deadline: Moment,
}

/// Whose answer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answered {
    /// Our question's.
    Question,
    /// That report's.
    Report(ReportId),
    /// Nobody waits for it (any more).
    Nobody,
}

impl TwinRequests {
    /// From now on there is something to ask.
    pub(super) fn ask_now(&mut self, now: Moment) {
        self.question = Question::Due { at: now };
    }

    /// Nothing is asked any more; reports are still answered.
    pub(super) fn stop_asking(&mut self) {
        self.question = Question::Unwanted;
    }

    /// The question went out.
    pub(super) fn asked(&mut self, rid: String, deadline: Moment) {
        self.question = Question::Asked { rid, deadline };
    }

    /// The question has its answer.
    pub(super) fn in_step(&mut self, now: Moment) {
        self.question = Question::Answered { at: now };
    }

    /// The answer was none, or is not enough; gives the wait until the next question.
    ///
    /// After a gap the first question comes at once: the hub has moved on, and nothing is
    /// wrong. Any other setback in a row waits longer and longer, so that a hub that
    /// makes gaps for ever is not hammered.
    pub(super) fn setback(
        &mut self,
        is_gap: bool,
        now: Moment,
        timings: &Timings,
        random: &mut Random,
    ) -> Duration {
        if matches!(self.question, Question::Answered { at } if now.since(at) >= timings.healthy_after)
        {
            self.setbacks = 0;
        }
        let wait = match (is_gap, self.setbacks) {
            (true, 0) => Duration::ZERO,
            (true, n) => timings.twin_retry.delay(n - 1, random.next()),
            (false, n) => timings.twin_retry.delay(n, random.next()),
        };
        self.setbacks = self.setbacks.saturating_add(1);
        self.question = Question::Due { at: now + wait };
        wait
    }

    /// A report went out.
    pub(super) fn reported(&mut self, rid: String, report: ReportId, deadline: Moment) {
        self.reports.push(PendingReport {
            rid,
            report,
            deadline,
        });
    }

    /// Reports without an answer.
    pub(super) fn reports(&self) -> usize {
        self.reports.len()
    }

    /// Who waits for the answer `rid`; a report waits no more after that.
    pub(super) fn answered(&mut self, rid: &str) -> Answered {
        if matches!(&self.question, Question::Asked { rid: asked, .. } if asked == rid) {
            return Answered::Question;
        }
        match self.reports.iter().position(|report| report.rid == rid) {
            Some(place) => Answered::Report(self.reports.remove(place).report),
            None => Answered::Nobody,
        }
    }

    /// Takes out a report whose answer is late.
    pub(super) fn take_late(&mut self, now: Moment) -> Option<ReportId> {
        let late = |report: &PendingReport| report.deadline <= now;
        let place = self.reports.iter().position(late)?;
        Some(self.reports.remove(place).report)
    }

    /// Empties the reports; the hub may or may not have applied them.
    pub(super) fn drain_reports(&mut self) -> impl Iterator<Item = ReportId> {
        self.reports.drain(..).map(|pending| pending.report)
    }

    /// Reading goes on after a spell without.
    pub(super) fn resumed(&mut self, pause: Pause, within: Duration) {
        if let Question::Asked { deadline, .. } = &mut self.question {
            *deadline = pause.postpone(*deadline, within);
        }
        for report in &mut self.reports {
            report.deadline = pause.postpone(report.deadline, within);
        }
    }

    /// The timers that run: the next question, and the answers due if they could come.
    pub(super) fn timers(&self, is_reading: bool) -> impl Iterator<Item = (Timer, Moment)> {
        let question = match self.question {
            Question::Due { at } => Some((Timer::TwinQuestion, at)),
            Question::Asked { deadline, .. } if is_reading => Some((Timer::TwinAnswer, deadline)),
            Question::Asked { .. } | Question::Unwanted | Question::Answered { .. } => None,
        };
        let deadlines = self.reports.iter().map(|report| report.deadline);
        let deadline = deadlines.min().filter(|_| is_reading);
        let report = deadline.map(|at| (Timer::ReportAnswer, at));
        question.into_iter().chain(report)
    }
}
