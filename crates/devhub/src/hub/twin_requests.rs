//! Twin requests over MQTT (sheet 9.1): GET is answered with 200 and the whole twin, a reported
//! patch with 204 and nothing. Answers go out only to who subscribed to them.

use bytes::Bytes;
use rumqttc::mqttbytes::QoS;

use super::restore::persist_twin;
use super::session::Awaited;
use super::{ConnectionId, Hub, outgoing};
use crate::clock::Now;
use crate::identity::IdentityId;
use crate::message::{Kind, Message};
use crate::topics::{self, Feature};

impl Hub {
    pub(super) fn twin_get(
        &mut self,
        connection: ConnectionId,
        client: &IdentityId,
        rid: &str,
        now: Now,
    ) {
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

    /// Every reported patch is a message on `/twinChangeNotifications` too; without a route for it
    /// nothing is lost.
    fn notify_change(&mut self, client: &IdentityId, patch: &serde_json::Value, now: Now) {
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
        if qos != QoS::AtMostOnce {
            self.await_acknowledgement(connection, Awaited::Notice);
        }
        self.send(
            connection,
            outgoing(topics::twin_response(status, rid), qos, body),
            now,
        );
    }
}
