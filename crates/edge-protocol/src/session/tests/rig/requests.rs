//! What the hub on the bench says and has heard about twins and methods.

use bytes::Bytes;

use super::{GET, Rig};
use crate::session::{Event, Inbound, MethodCall, Outbound};

impl Rig {
    /// The request id of the last PUBLISH on a topic that begins with `prefix`.
    pub(in crate::session::tests) fn last_rid(&self, prefix: &str) -> String {
        let rid = self.packets.iter().rev().find_map(|packet| match packet {
            Outbound::Publish { topic, .. } => topic.strip_prefix(prefix),
            _ => None,
        });
        rid.expect("a request was sent").to_owned()
    }

    /// How many PUBLISH packets to a topic that begins with `prefix` were collected.
    pub(in crate::session::tests) fn count(&self, prefix: &str) -> usize {
        let is_meant = |packet: &&Outbound| match packet {
            Outbound::Publish { topic, .. } => topic.starts_with(prefix),
            _ => false,
        };
        self.packets.iter().filter(is_meant).count()
    }

    /// PUBACK for every publish collected.
    pub(in crate::session::tests) fn puback_all(&mut self) {
        let ids: Vec<u16> = self
            .packets
            .iter()
            .filter_map(|packet| match packet {
                Outbound::Publish { packet_id, .. } => Some(*packet_id),
                _ => None,
            })
            .collect();
        for packet_id in ids {
            self.packet(Inbound::PubAck { packet_id });
        }
    }

    /// A PUBLISH from the hub at QoS 0.
    pub(in crate::session::tests) fn told(
        &mut self,
        topic: impl Into<String>,
        body: impl Into<String>,
    ) {
        self.packet(Inbound::Publish {
            topic: topic.into(),
            qos: 0,
            packet_id: 0,
            payload: Bytes::from(body.into()),
        });
    }

    /// The answer to the last twin request on a topic that begins with `request`.
    pub(in crate::session::tests) fn respond(&mut self, request: &str, status: u16, body: &str) {
        let rid = self.last_rid(request);
        self.told(format!("$iothub/twin/res/{status}/?$rid={rid}"), body);
    }

    /// The whole twin, for the last GET.
    pub(in crate::session::tests) fn answer_get(&mut self, version: u64, desired: &str) {
        let mut desired: serde_json::Value = serde_json::from_str(desired).unwrap();
        desired["$version"] = version.into();
        let body = serde_json::json!({"desired": desired, "reported": {"$version": 1}});
        self.respond(GET, 200, &body.to_string());
    }

    /// A change of the desired properties.
    pub(in crate::session::tests) fn desire(&mut self, version: u64, changes: &str) {
        self.told(
            format!("$iothub/twin/PATCH/properties/desired/?$version={version}"),
            changes,
        );
    }

    /// A method call; gives what the application sees of it.
    pub(in crate::session::tests) fn call(
        &mut self,
        name: &str,
        rid: &str,
        payload: &str,
    ) -> Option<MethodCall> {
        let before = self.events.len();
        self.told(format!("$iothub/methods/POST/{name}/?$rid={rid}"), payload);
        self.events[before..].iter().find_map(|event| match event {
            Event::MethodCall(call) => Some(call.clone()),
            _ => None,
        })
    }

    /// Topics and bodies of the method answers collected.
    pub(in crate::session::tests) fn answers(&self) -> Vec<(&str, serde_json::Value)> {
        let answers = self.packets.iter().filter_map(|packet| match packet {
            Outbound::Publish { topic, payload, .. } => {
                let answer = topic.strip_prefix("$iothub/methods/res/")?;
                Some((answer, serde_json::from_slice(payload).unwrap()))
            }
            _ => None,
        });
        answers.collect()
    }
}
