//! What is sent when, as values: one round of the sender, step by step.
//!
//! read the oldest reports ─► (publish ─► PUBACK ─► mark as sent) for each ─► pause
//!
//! Pure, so that a world in virtual time can walk the very same way and stop between any two
//! steps, as a kill does. A report is published as it was sealed until it is confirmed, and marked
//! as sent only then. One that the client refuses does not hold up those behind it.

use std::collections::VecDeque;
use std::time::Duration;

use ledger::{LedgerErrorKind, SealedReport};

use super::PAUSE;

/// So many sealed reports are read from the ledger at a time.
pub const BATCH: usize = 16;

/// What the sender does next.
#[derive(Debug)]
pub enum Step {
    /// Publish a report and wait for what becomes of it.
    Publish(Publish),
    /// Note that the hub has it.
    Mark(Mark),
    /// The round is over.
    Over(End),
}

/// The reports behind the one in hand, and what the round came to so far.
#[derive(Debug, Default)]
struct Rest {
    behind: VecDeque<SealedReport>,
    sent: usize,
    refused: Option<String>,
}

impl Step {
    /// The first step of a round, from the oldest [`BATCH`] unsent reports.
    #[must_use]
    pub fn of(unsent: Vec<SealedReport>) -> Self {
        Rest {
            behind: unsent.into(),
            ..Rest::default()
        }
        .next()
    }
}

impl Rest {
    fn next(mut self) -> Step {
        match (self.behind.pop_front(), self.refused) {
            (Some(report), refused) => {
                self.refused = refused;
                Step::Publish(Publish { report, rest: self })
            }
            (None, Some(why)) => Step::Over(End::Refused(why)),
            (None, None) => Step::Over(End::Sent(self.sent)),
        }
    }
}

/// See [`Step::Publish`].
#[derive(Debug)]
pub struct Publish {
    report: SealedReport,
    rest: Rest,
}

impl Publish {
    /// Which report, exactly as it goes out.
    #[must_use]
    pub fn report(&self) -> &SealedReport {
        &self.report
    }

    /// What became of it.
    #[must_use]
    pub fn answer(self, published: Published) -> Step {
        let Publish { report, mut rest } = self;
        match published {
            Published::Confirmed => Step::Mark(Mark {
                sequence: report.sequence,
                rest,
            }),
            Published::Lost => Step::Over(End::Unconfirmed),
            Published::Closed => Step::Over(End::Closed),
            Published::Refused(why) => {
                rest.refused = Some(format!("report {}: {why}", report.report_id));
                rest.next()
            }
        }
    }
}

/// What became of a publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// The hub has it.
    Confirmed,
    /// The connection ended first: nobody knows.
    Lost,
    /// The client was closed: the module is stopping.
    Closed,
    /// The client does not take it, and says why.
    Refused(String),
}

impl Published {
    /// Whether sending is no longer tried in vain, which ends an outage.
    #[must_use]
    pub fn ends_the_trying(&self) -> bool {
        match self {
            Published::Confirmed | Published::Refused(_) => true,
            Published::Lost | Published::Closed => false,
        }
    }
}

/// See [`Step::Mark`].
#[derive(Debug)]
pub struct Mark {
    sequence: u64,
    rest: Rest,
}

impl Mark {
    /// Of which report.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// It is noted. When the ledger cannot, the round ends as [`End::Ledger`], and the report goes
    /// again.
    #[must_use]
    pub fn marked(mut self) -> Step {
        self.rest.sent += 1;
        self.rest.next()
    }
}

/// How a round ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// So many were sent, all that there were in it.
    Sent(usize),
    /// The connection was lost before PUBACK: the same report goes again.
    Unconfirmed,
    /// The client was closed: the module is stopping.
    Closed,
    /// The ledger could not be read or written.
    Ledger(LedgerErrorKind),
    /// The client refused a message itself; the others of the round were sent.
    Refused(String),
}

impl End {
    /// How long to wait before the next round, unless something is sealed first; `None`: there is
    /// no next one.
    #[must_use]
    pub fn pause(&self) -> Option<Duration> {
        match self {
            End::Sent(0) | End::Refused(_) => Some(PAUSE),
            End::Sent(_) | End::Unconfirmed => Some(Duration::ZERO),
            End::Closed | End::Ledger(LedgerErrorKind::Damaged) => None,
            End::Ledger(_) => Some(PAUSE),
        }
    }

    /// Why a report is not sent yet, in words.
    #[must_use]
    pub fn trouble(self) -> Option<String> {
        match self {
            End::Unconfirmed => {
                Some("the connection ended before a report was confirmed".to_owned())
            }
            End::Refused(why) => Some(why),
            End::Sent(_) | End::Closed | End::Ledger(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reports(count: u64) -> Vec<SealedReport> {
        let report = |sequence| SealedReport {
            sequence,
            report_id: format!("ledger-{sequence}"),
            body: Vec::new(),
        };
        (1..=count).map(report).collect()
    }

    /// Goes through a round; gives the reports that were published, those that were marked, and
    /// the end.
    fn round(mut step: Step, became: impl Fn(u64) -> Published) -> (Vec<u64>, Vec<u64>, End) {
        let (mut published, mut marked) = (Vec::new(), Vec::new());
        loop {
            step = match step {
                Step::Publish(publish) => {
                    let sequence = publish.report().sequence;
                    published.push(sequence);
                    publish.answer(became(sequence))
                }
                Step::Mark(mark) => {
                    marked.push(mark.sequence());
                    mark.marked()
                }
                Step::Over(end) => return (published, marked, end),
            }
        }
    }

    #[test]
    fn each_report_is_marked_after_its_confirmation_and_before_the_next_goes_out() {
        let step = Step::of(reports(3));
        let (published, marked, end) = round(step, |_| Published::Confirmed);
        assert_eq!((published, marked), (vec![1, 2, 3], vec![1, 2, 3]));
        assert_eq!(end, End::Sent(3));
        assert_eq!(end.pause(), Some(Duration::ZERO), "there may be more");
        assert_eq!(Step::of(Vec::new()).over().pause(), Some(PAUSE));
    }

    #[test]
    fn an_unconfirmed_report_ends_the_round_unmarked() {
        let (published, marked, end) = round(Step::of(reports(3)), |sequence| match sequence {
            1 => Published::Confirmed,
            _ => Published::Lost,
        });
        assert_eq!((published, marked), (vec![1, 2], vec![1]));
        assert_eq!(end, End::Unconfirmed);
        assert_eq!(end.pause(), Some(Duration::ZERO), "the same one again");
    }

    #[test]
    fn a_refused_report_holds_up_none_behind_it() {
        let (published, marked, end) = round(Step::of(reports(3)), |sequence| match sequence {
            1 => Published::Refused("too large".into()),
            _ => Published::Confirmed,
        });
        assert_eq!((published, marked), (vec![1, 2, 3], vec![2, 3]));
        assert_eq!(end.pause(), Some(PAUSE));
        assert_eq!(end.trouble().unwrap(), "report ledger-1: too large");
    }

    #[test]
    fn there_is_no_next_round_for_a_closed_client_or_a_damaged_ledger() {
        assert_eq!(End::Closed.pause(), None);
        assert_eq!(End::Ledger(LedgerErrorKind::Damaged).pause(), None);
        assert_eq!(End::Ledger(LedgerErrorKind::Full).pause(), Some(PAUSE));
    }

    impl Step {
        fn over(self) -> End {
            round(self, |_| Published::Confirmed).2
        }
    }
}
