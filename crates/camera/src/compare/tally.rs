//! Adds up what was found, picture by picture.

use super::answer::{Answer, Refusal};
use super::client::{Cost, Exchange};
use super::summary::{
    Agreement, Apart, Detail, Difference, OneSided, Pair, RefusedSummary, SideDetail,
};
use super::timing::{Timing, milliseconds};
use super::{Both, Side};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Labels of one side that are remembered.
const MOST_LABELS: usize = 1000;
/// Reasons of one side that are told apart; the rest goes together.
const MOST_REASONS: usize = 20;
/// Pairs of top labels that are told apart; two endpoints that invent labels have more.
const MOST_PAIRS: usize = 10_000;

/// Everything so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    agreement: Agreement,
    largest: Option<Apart>,
    sum: f64,
    probabilities: u64,
    labels: Both<BTreeSet<String>>,
    tops: BTreeMap<(Option<String>, Option<String>), u64>,
    sides: Both<SideTally>,
}

#[derive(Debug, Default)]
struct SideTally {
    /// Of answers alone: a refusal is quicker.
    times: Vec<Duration>,
    sent: u64,
    received: u64,
    exchanges: u64,
    refused: BTreeMap<Reason, RefusedSummary>,
}

/// What refusals are told apart by: status and code, and only without a code the message. One with
/// a code may name bytes of its picture.
type Reason = (Option<u16>, Option<String>, Option<String>);

impl Tally {
    /// Takes what both said of a picture, and says how it differs.
    pub(super) fn compare<'a>(&mut self, picture: &'a str, said: &'a Both<Exchange>) -> Detail<'a> {
        let (left, right) = (said.left.outcome.as_ref(), said.right.outcome.as_ref());
        let tops = (top(left), top(right));
        let agreement = &mut self.agreement;
        let agree = match (left, right) {
            (Ok(_), Ok(_)) => {
                agreement.both += 1;
                Some(tops.0 == tops.1)
            }
            (Ok(_), Err(_)) => {
                agreement.left_only += 1;
                Some(false)
            }
            (Err(_), Ok(_)) => {
                agreement.right_only += 1;
                Some(false)
            }
            (Err(_), Err(_)) => {
                agreement.neither += 1;
                None
            }
        };
        agreement.of += u64::from(agree.is_some());
        agreement.same += u64::from(agree == Some(true));
        let pair = (tops.0.map(str::to_owned), tops.1.map(str::to_owned));
        if self.tops.len() < MOST_PAIRS || self.tops.contains_key(&pair) {
            *self.tops.entry(pair).or_default() += 1;
        }
        let difference = match (left, right) {
            (Ok(left), Ok(right)) => Some(self.differ(picture, left, right)),
            _ => None,
        };
        for side in [Side::Left, Side::Right] {
            match &said.of(side).outcome {
                Ok(answer) => remember(self.labels.of_mut(side), answer),
                Err(refusal) => self.sides.of_mut(side).refuse(picture, refusal),
            }
        }
        Detail {
            picture,
            agree,
            difference,
            left: detail(&said.left),
            right: detail(&said.right),
        }
    }

    /// Takes what one sending cost.
    pub(super) fn measure(&mut self, side: Side, exchange: &Exchange) {
        let tally = self.sides.of_mut(side);
        let Cost {
            time,
            sent,
            received,
        } = exchange.cost;
        tally.sent += sent;
        tally.received += received;
        tally.exchanges += 1;
        if exchange.outcome.is_ok() {
            tally.times.push(time);
        }
    }

    /// The largest difference of one picture; all go into the sums.
    fn differ(&mut self, picture: &str, left: &Answer, right: &Answer) -> f64 {
        let labels: BTreeSet<&str> = left.iter().chain(right.iter()).map(|(l, _)| l).collect();
        let mut most = 0.0_f64;
        for label in labels {
            let (l, r) = (left.probability(label), right.probability(label));
            let value = (l - r).abs();
            self.sum += value;
            self.probabilities += 1;
            most = most.max(value);
            if self
                .largest
                .as_ref()
                .is_none_or(|found| value > found.value)
            {
                self.largest = Some(Apart {
                    value,
                    picture: picture.to_owned(),
                    label: label.to_owned(),
                    left: l,
                    right: r,
                });
            }
        }
        most
    }

    pub(super) fn agreement(&self) -> Agreement {
        let Agreement { same, of, .. } = self.agreement;
        Agreement {
            share: (of > 0).then(|| same as f64 / of as f64),
            ..self.agreement
        }
    }

    pub(super) fn difference(&self) -> Difference {
        let number = self.probabilities;
        Difference {
            largest: self.largest.clone(),
            mean: (number > 0).then(|| self.sum / number as f64),
            probabilities: number,
        }
    }

    pub(super) fn labels(&self) -> OneSided {
        let Both { left, right } = &self.labels;
        OneSided {
            left: left.difference(right).cloned().collect(),
            right: right.difference(left).cloned().collect(),
        }
    }

    pub(super) fn tops(&self) -> Vec<Pair> {
        let pair = |((left, right), pictures): (&(Option<String>, Option<String>), &u64)| Pair {
            left: left.clone(),
            right: right.clone(),
            pictures: *pictures,
        };
        self.tops.iter().map(pair).collect()
    }

    pub(super) fn timing(&self, side: Side) -> Timing {
        Timing::of(&self.sides.of(side).times)
    }

    /// Bytes sent and received for a picture, in the mean.
    pub(super) fn per_picture(&self, side: Side) -> (u64, u64) {
        let tally = self.sides.of(side);
        let mean = |sum: u64| sum.checked_div(tally.exchanges).unwrap_or_default();
        (mean(tally.sent), mean(tally.received))
    }

    pub(super) fn refused(&self, side: Side) -> Vec<RefusedSummary> {
        let refused = &self.sides.of(side).refused;
        let mut all: Vec<_> = refused.values().cloned().collect();
        all.sort_by_key(|refused| std::cmp::Reverse(refused.pictures));
        all
    }
}

impl SideTally {
    fn refuse(&mut self, picture: &str, refusal: &Refusal) {
        let mut refusal = refusal.clone();
        if self.refused.len() >= MOST_REASONS && !self.refused.contains_key(&reason(&refusal)) {
            refusal = Refusal {
                status: None,
                code: None,
                message: "other reasons".to_owned(),
            };
        }
        let first = |refusal| RefusedSummary {
            refusal,
            pictures: 0,
            first: picture.to_owned(),
        };
        let known = self.refused.entry(reason(&refusal));
        known.or_insert_with(|| first(refusal)).pictures += 1;
    }
}

fn reason(refusal: &Refusal) -> Reason {
    let message = refusal.code.is_none().then(|| refusal.message.clone());
    (refusal.status, refusal.code.clone(), message)
}

fn top<'a>(outcome: Result<&'a Answer, &Refusal>) -> Option<&'a str> {
    outcome.ok().and_then(Answer::top).map(|(label, _)| label)
}

fn remember(labels: &mut BTreeSet<String>, answer: &Answer) {
    for (label, _) in answer.iter() {
        if labels.len() < MOST_LABELS && !labels.contains(label) {
            labels.insert(label.to_owned());
        }
    }
}

fn detail(exchange: &Exchange) -> SideDetail<'_> {
    let outcome = exchange.outcome.as_ref();
    SideDetail {
        top: top(outcome),
        probabilities: outcome.ok(),
        refused: outcome.err(),
        milliseconds: milliseconds(exchange.cost.time),
        sent: exchange.cost.sent,
        received: exchange.cost.received,
    }
}

#[cfg(test)]
mod tests;
