//! What the scripted hub says and expects about twins and methods.

use bytes::Bytes;
use rumqttc::mqttbytes::{QoS, v4};

use super::{Hub, Peer};
use crate::{ClientConfig, Value};

impl Hub {
    /// A module's configuration for this hub that wants everything.
    pub(in crate::tests) fn whole_config(&self) -> ClientConfig {
        ClientConfig {
            follows_twin: true,
            takes_methods: true,
            ..self.config()
        }
    }

    /// A connection up to the first answer about the twin.
    pub(in crate::tests) async fn accept_twin(&self, version: u64, desired: Value) -> Peer {
        let mut peer = self.accept_session(false).await;
        peer.answer_get(version, desired).await;
        peer
    }
}

impl Peer {
    /// The next PUBLISH, confirmed; its topic and its body.
    pub(in crate::tests) async fn expect_request(&mut self) -> (String, Bytes) {
        let publish = self.expect_publish().await;
        assert_eq!(publish.qos, QoS::AtLeastOnce);
        self.puback(publish.pkid).await;
        let topic = std::str::from_utf8(&publish.topic).unwrap().to_owned();
        (topic, publish.payload)
    }

    /// Expects a GET and gives its request id.
    pub(in crate::tests) async fn expect_get(&mut self) -> String {
        let (topic, _) = self.expect_request().await;
        let rid = topic.strip_prefix("$iothub/twin/GET/?$rid=");
        rid.unwrap_or_else(|| panic!("expected a GET, got {topic}"))
            .to_owned()
    }

    /// Expects a report and gives its request id and its patch.
    pub(in crate::tests) async fn expect_report(&mut self) -> (String, Value) {
        let (topic, body) = self.expect_request().await;
        let rid = topic.strip_prefix("$iothub/twin/PATCH/properties/reported/?$rid=");
        let rid = rid.unwrap_or_else(|| panic!("expected a report, got {topic}"));
        (rid.to_owned(), serde_json::from_slice(&body).unwrap())
    }

    /// Expects the answer to a method call: what follows `res/`, and the body.
    pub(in crate::tests) async fn expect_answer(&mut self) -> (String, Value) {
        let (topic, body) = self.expect_request().await;
        let answer = topic.strip_prefix("$iothub/methods/res/");
        let answer = answer.unwrap_or_else(|| panic!("expected an answer, got {topic}"));
        (answer.to_owned(), serde_json::from_slice(&body).unwrap())
    }

    /// Says something at QoS 0.
    pub(in crate::tests) async fn tell(&mut self, topic: String, body: impl Into<Bytes>) {
        let publish = v4::Publish::from_bytes(topic, QoS::AtMostOnce, body.into());
        self.send(v4::Packet::Publish(publish)).await;
    }

    pub(in crate::tests) async fn respond(&mut self, rid: &str, status: u16, body: String) {
        self.tell(format!("$iothub/twin/res/{status}/?$rid={rid}"), body)
            .await;
    }

    /// Expects a GET and answers it with the whole twin.
    pub(in crate::tests) async fn answer_get(&mut self, version: u64, mut desired: Value) {
        let rid = self.expect_get().await;
        desired["$version"] = version.into();
        let twin = serde_json::json!({ "desired": desired, "reported": {} });
        self.respond(&rid, 200, twin.to_string()).await;
    }

    pub(in crate::tests) async fn desire(&mut self, version: u64, changes: &Value) {
        self.tell(
            format!("$iothub/twin/PATCH/properties/desired/?$version={version}"),
            changes.to_string(),
        )
        .await;
    }

    pub(in crate::tests) async fn call(&mut self, name: &str, rid: &str, payload: &'static str) {
        self.tell(format!("$iothub/methods/POST/{name}/?$rid={rid}"), payload)
            .await;
    }
}
