//! Twin requests over MQTT (sheet 9.1): GET is answered with 200 and the whole twin, a reported
//! patch with 204 and nothing. Answers go out only to who subscribed to them.

use bytes::Bytes;
use serde_json::{Map, Value};
use thiserror::Error;

use super::faults::Twins;
use super::restore::persist_twin;
use super::{ConnectionId, Hub};
use crate::clock::Now;
use crate::identity::IdentityId;
use crate::message::{Kind, Message};
use crate::topics::{self, Feature};
use crate::twin::PatchError;

/// Why desired properties were not changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DesiredError {
    /// The identity does not exist.
    #[error("`{0}` is unknown here")]
    UnknownTarget(String),
    /// The patch breaks a limit.
    #[error(transparent)]
    Patch(#[from] PatchError),
}

impl Hub {
    pub(super) fn twin_get(
        &mut self,
        connection: ConnectionId,
        client: &IdentityId,
        rid: &str,
        now: Now,
    ) {
        match self.faults.twins {
            Twins::Answered => {}
            Twins::Ignored => return,
            Twins::Failing => return self.answer(connection, client, 500, rid, Bytes::new(), now),
        }
        let document = self
            .twins
            .entry(client.clone())
            .or_default()
            .document()
            .to_string();
        self.answer(connection, client, 200, rid, Bytes::from(document), now);
    }

    pub(super) fn reported_patch(
        &mut self,
        connection: ConnectionId,
        client: &IdentityId,
        rid: Option<&str>,
        patch: &[u8],
        now: Now,
    ) {
        match (self.faults.twins, rid) {
            (Twins::Answered, _) => {}
            (Twins::Failing, Some(rid)) => {
                return self.answer(connection, client, 500, rid, Bytes::new(), now);
            }
            (Twins::Failing, None) | (Twins::Ignored, _) => return,
        }
        let twin = self.twins.entry(client.clone()).or_default();
        let status = match twin.report(patch) {
            Ok(patch) => {
                persist_twin(self.store.as_mut(), client, twin);
                self.notify_change(client, &patch, now);
                204
            }
            Err(error) => {
                tracing::warn!(%client, %error, "reported properties refused");
                400
            }
        };
        if let Some(rid) = rid {
            self.answer(connection, client, status, rid, Bytes::new(), now);
        }
    }

    /// Changes desired properties, as the cloud would: null removes. A client that is connected
    /// and has subscribed gets the patch; for others nothing is kept but the twin. Returns the
    /// desired properties as they now are, with their `$version`.
    ///
    /// # Errors
    /// [`DesiredError`]; nothing is changed then.
    pub fn patch_desired(
        &mut self,
        id: &IdentityId,
        patch: &Map<String, Value>,
        now: Now,
    ) -> Result<Value, DesiredError> {
        if self.identities.identity(id).is_none() {
            return Err(DesiredError::UnknownTarget(id.to_string()));
        }
        let twin = self.twins.entry(id.clone()).or_default();
        let version = twin.patch_desired(patch)?;
        persist_twin(self.store.as_mut(), id, twin);
        let mut document = twin.document();
        let mut change = patch.clone();
        change.insert("$version".into(), version.into());
        let topic = topics::desired_update(version);
        let client = self.clients.get(id);
        let ready = client
            .filter(|client| client.wants(Feature::Desired))
            .and_then(|client| Some((client.connection?, client.granted(&topic)?)));
        if let Some((connection, qos)) = ready {
            let body = Bytes::from(Value::Object(change).to_string());
            self.send_notice(connection, topic, qos, body, now);
        }
        Ok(document["desired"].take())
    }

    /// Every reported patch is a message on `/twinChangeNotifications` too; without a route for it
    /// nothing is lost.
    fn notify_change(&mut self, client: &IdentityId, patch: &Value, now: Now) {
        let body = Bytes::from(patch.to_string());
        let mut message = Message::telemetry(client, Vec::new(), body, now.wall);
        message.kind = Kind::TwinChange;
        for (name, value) in [
            ("messageSchema", "twinChangeNotification"),
            ("contentType", "application/json"),
            ("contentEncoding", "utf-8"),
        ] {
            message
                .system
                .push((name.to_owned(), Some(value.to_owned())));
        }
        if let Err(error) = self.enqueue(message, now) {
            self.counters.storage_failures += 1;
            tracing::error!(%client, error = &error as &dyn std::error::Error, "twin change not queued");
        }
    }

    fn answer(
        &mut self,
        connection: ConnectionId,
        client: &IdentityId,
        status: u16,
        rid: &str,
        body: Bytes,
        now: Now,
    ) {
        let subscribed = self
            .clients
            .get(client)
            .filter(|client| client.wants(Feature::TwinResponses));
        let qos = subscribed.and_then(|client| client.granted(topics::TWIN_RESPONSES));
        let Some(qos) = qos else {
            tracing::warn!(%client, "twin answer not sent: {} is not subscribed", topics::TWIN_RESPONSES);
            return;
        };
        self.send_notice(
            connection,
            topics::twin_response(status, rid),
            qos,
            body,
            now,
        );
    }
}
