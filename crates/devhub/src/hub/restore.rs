//! What a hub takes up when it starts, and what it writes down so that the next one can.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde_json::Value;

use super::cleanup::interval;
use super::faults::Faults;
use super::methods::Calls;
use super::session::Client;
use super::{Counters, Hub, Settings, Upstream};
use crate::clock::Now;
use crate::identities::Identities;
use crate::identity::IdentityId;
use crate::routing::Routing;
use crate::store::{Document, Endpoint, QueueId, Store, StoreError};
use crate::twin::Twin;

impl Hub {
    /// A hub over `store`, whose queues, sessions and twins it takes up. `desired` holds the
    /// deployment's desired properties by module. Queues to which no route leads are deleted.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn new(
        settings: Settings,
        identities: Identities,
        routing: Routing,
        mut store: Box<dyn Store>,
        desired: &BTreeMap<String, Value>,
        now: Now,
    ) -> Result<Self, StoreError> {
        let mut clients = BTreeMap::new();
        let mut twins: HashMap<IdentityId, Twin> = HashMap::new();
        for (name, document) in store.documents()? {
            match name {
                Document::Session(client) => {
                    if let Some(id) = known(&identities, &client) {
                        clients.insert(id, Client::restored(&document));
                    }
                }
                Document::Twin(client) => {
                    if let (Some(id), Ok(twin)) = (
                        known(&identities, &client),
                        serde_json::from_value(document),
                    ) {
                        twins.insert(id, twin);
                    }
                }
            }
        }
        for id in identities.ids() {
            let twin = twins.entry(id.clone()).or_default();
            if id
                .module_id()
                .is_some_and(|name| twin.replace_desired(desired.get(name)))
            {
                persist_twin(store.as_mut(), id, twin);
            }
        }
        let mut hub = Self {
            next_cleanup: now.elapsed + interval(&settings),
            settings,
            identities,
            routing,
            store,
            twins,
            connections: BTreeMap::new(),
            clients,
            lanes: BTreeMap::new(),
            upstream: Upstream::default(),
            next_delivery: 1,
            calls: Calls::new(now),
            faults: Faults::default(),
            counters: Counters::default(),
            actions: VecDeque::new(),
        };
        for (queue, messages) in hub.store.queues() {
            if hub.routing.leads_to(&queue.endpoint) {
                hub.note_queue(&queue);
            } else {
                tracing::warn!(endpoint = %queue.endpoint, messages, "queue deleted: no route leads to it any more");
                hub.store.delete(&queue)?;
            }
        }
        hub.pump_upstream(now);
        Ok(hub)
    }

    /// The hub stops in order: the store writes down what is delivered, if it has put that off.
    pub fn checkpoint(&mut self) {
        if let Err(error) = self.store.checkpoint() {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "delivered messages may come again after the restart"
            );
        }
    }

    pub(super) fn note_queue(&mut self, queue: &QueueId) {
        match &queue.endpoint {
            Endpoint::Upstream => {
                self.upstream.queues.insert(queue.clone());
            }
            Endpoint::Input { module, .. } => {
                let lane = self.lanes.entry(module.clone()).or_default();
                if !lane.contains(queue) {
                    lane.insert(queue.clone());
                }
            }
        }
    }

    pub(super) fn persist_session(&mut self, id: &IdentityId) {
        let Some(client) = self.clients.get(id) else {
            return;
        };
        let document = client.persistent.then(|| client.document());
        let name = Document::Session(id.to_string());
        if let Err(error) = self.store.put_document(&name, document.as_ref()) {
            tracing::error!(client = %id, error = &error as &dyn std::error::Error, "session not kept");
        }
    }
}

fn known(identities: &Identities, client: &str) -> Option<IdentityId> {
    identities
        .ids()
        .find(|id| id.to_string() == client)
        .cloned()
}

pub(super) fn persist_twin(store: &mut dyn Store, id: &IdentityId, twin: &Twin) {
    let name = Document::Twin(id.to_string());
    let kept = serde_json::to_value(twin)
        .map_err(|error| error.to_string())
        .and_then(|value| {
            store
                .put_document(&name, Some(&value))
                .map_err(|e| e.to_string())
        });
    if let Err(error) = kept {
        tracing::error!(client = %id, error, "twin not kept");
    }
}
