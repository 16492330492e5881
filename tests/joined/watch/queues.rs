//! What may happen to the hub's queues: nothing leaves them that has not arrived, unless its
//! time is over.

use std::time::SystemTime;

use devhub::store::Endpoint;

use super::Watch;
use crate::cloud::Cloud;
use crate::kept_store::{Note, text};
use crate::ledger::Ledger;

impl Watch {
    /// The hub's queues have changed.
    pub(crate) fn store_changed(
        &mut self,
        note: Note,
        wall: SystemTime,
        ledger: &Ledger,
        cloud: &Cloud,
    ) {
        let (queue, entry) = match note {
            Note::Appended { body } => {
                *self.stored.entry(body).or_default() += 1;
                return;
            }
            Note::Popped { queue, entry } => (queue, entry),
        };
        let body = text(&entry.message);
        let arrived = match queue.endpoint {
            Endpoint::Upstream => cloud.arrivals(&body).0 > 0,
            Endpoint::Input { .. } => ledger.has(&body),
        };
        if arrived {
            return;
        }
        if entry.has_expired(wall) {
            self.expired.insert(body);
        } else {
            self.fail(format!("{body} has left its queue and has not arrived"));
        }
    }
}
