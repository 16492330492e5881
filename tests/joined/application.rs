//! The module's application: commits each delivery to the ledger, then acknowledges it;
//! sends reports until they are confirmed. Its process may die at any moment; nothing here
//! survives that, only the [`crate::ledger::Ledger`] does.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use edge_protocol::OutgoingMessage;
use edge_protocol::session::{CallId, Delivery, DeliveryId, MethodCall, PublishId};

use crate::answering::Reporting;
use crate::camera::PLACE;
use crate::counter::Counter;
use crate::ledger::Ledger;

/// How an application works, until told otherwise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// Shortest and longest time on one delivery.
    pub(crate) work: (Duration, Duration),
    /// Shortest and longest time until a method call is answered.
    pub(crate) answering: (Duration, Duration),
}

impl Default for Manner {
    fn default() -> Self {
        Manner {
            work: (Duration::from_millis(2), Duration::from_millis(80)),
            answering: (Duration::from_millis(1), Duration::from_millis(500)),
        }
    }
}

/// The volatile part of the module, new with each process.
#[derive(Debug, Default)]
pub(crate) struct Application {
    /// Names of the pictures in hand.
    in_hand: BTreeMap<DeliveryId, String>,
    /// Reports on their way.
    sent: BTreeMap<PublishId, String>,
    /// The last delivery it has been given.
    pub(crate) last_taken: Option<DeliveryId>,
    /// Deliveries in the order in which they came.
    pub(crate) received: VecDeque<String>,
    /// How many of the next deliveries it drops unused.
    pub(crate) drops: u32,
    /// The last version of the desired properties that it was shown.
    pub(crate) shown: Option<u64>,
    pub(crate) reporting: Reporting,
    /// Method calls without an answer.
    pub(crate) calls: BTreeMap<CallId, MethodCall>,
    /// How many of the next calls it drops unanswered.
    pub(crate) drops_calls: u32,
    /// The product's own pipeline and reporter, where the world has them.
    pub(crate) counter: Option<Box<Counter>>,
}

impl Application {
    /// A delivery comes in; `Err` says what is wrong with it.
    pub(crate) fn take(&mut self, delivery: &Delivery) -> Result<(), String> {
        let body = String::from_utf8_lossy(&delivery.payload).into_owned();
        let seen = |name: &str| delivery.properties.get(name).unwrap_or_default().to_owned();
        let camera = body.split('/').next().unwrap_or_default();
        let (id, sender, place) = (seen("$.mid"), seen("$.cdid"), seen(PLACE.0));
        if id != body || sender != camera || place != PLACE.1 {
            return Err(format!(
                "picture {body} came with id {id:?}, sender {sender:?}, place {place:?}"
            ));
        }
        self.last_taken = Some(delivery.id);
        self.received.push_back(body.clone());
        self.in_hand.insert(delivery.id, body);
        Ok(())
    }

    /// The work on a delivery is done, and it has left the hands.
    pub(crate) fn put_down(&mut self, delivery: DeliveryId) -> Option<String> {
        self.in_hand.remove(&delivery)
    }

    pub(crate) fn is_idle(&self) -> bool {
        let counts = self.counter.as_ref().is_some_and(|it| !it.is_idle());
        let nothing_told = self.sent.is_empty() && self.reporting.is_idle();
        self.in_hand.is_empty() && self.calls.is_empty() && nothing_told && !counts
    }

    /// The next report to send.
    pub(crate) fn next(ledger: &Ledger) -> Option<OutgoingMessage> {
        let name = ledger.unsent.front()?;
        Some(OutgoingMessage {
            output: Some("counts".into()),
            ..OutgoingMessage::new(name.clone(), name.clone().into_bytes())
        })
    }

    /// That report is on its way.
    pub(crate) fn sent(&mut self, publish: PublishId, ledger: &mut Ledger) {
        let Some(name) = ledger.unsent.pop_front() else {
            return;
        };
        if let Some(report) = ledger.reports.get_mut(&name) {
            report.sends += 1;
        }
        self.sent.insert(publish, name);
    }

    /// Whether the hub has it, or nobody knows.
    pub(crate) fn told(&mut self, publish: PublishId, confirmed: bool, ledger: &mut Ledger) {
        let Some(name) = self.sent.remove(&publish) else {
            return;
        };
        if !confirmed {
            ledger.unsent.push_front(name);
        } else if let Some(report) = ledger.reports.get_mut(&name) {
            report.confirmed = true;
        }
    }
}
