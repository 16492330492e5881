//! A message inside the hub: who sent it, its properties by their internal names, its body, and
//! the second size gate (sheet 6.2).
//!
//! Pure. Built from a PUBLISH by [`Message::telemetry`], kept in a queue, and written out again as
//! the property segment of a delivery by [`Message::delivery_properties`].

use std::time::SystemTime;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::identity::IdentityId;
use crate::properties::{
    self, CONNECTION_DEVICE, CONNECTION_MODULE, MESSAGE_ID, OUTPUT_NAME, Pairs,
};

/// Gate 2: the largest [`Message::size`] that is kept, in bytes. Larger ones are acknowledged and
/// dropped. Source: edgeHub's `Constants.cs`, `MaxMessageSize`.
pub const MAX_MESSAGE_SIZE: usize = 262_144;

/// Application property that marks a PUBLISH with DUP set.
pub const DUP_MARK: &str = "mqtt-dup";
/// Application property that marks a PUBLISH with RETAIN set.
pub const RETAIN_MARK: &str = "mqtt-retain";

/// Where a message comes from, beside its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// Published by a device or module (or its will).
    Telemetry,
    /// Made by the hub of a reported-properties patch.
    TwinChange,
}

/// One message. The body is cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Telemetry or a twin change.
    pub kind: Kind,
    /// Device id of the sender.
    pub device: String,
    /// Module id of the sender, if it is a module.
    pub module: Option<String>,
    /// System properties by internal name, `outputName` among them; `None` is null.
    pub system: Pairs,
    /// Application properties, in the order they came.
    pub application: Pairs,
    /// Wall time at which the hub took it.
    #[serde(with = "crate::clock::milliseconds")]
    pub enqueued_at: SystemTime,
    /// The body, kept apart from the rest in a store.
    #[serde(skip)]
    pub body: Bytes,
}

impl Message {
    /// A message as `sender` published it with the decoded property segment `pairs`: names of
    /// system properties become internal ones, all others are application properties.
    pub fn telemetry(
        sender: &IdentityId,
        pairs: Pairs,
        body: Bytes,
        enqueued_at: SystemTime,
    ) -> Self {
        let mut message = Self {
            kind: Kind::Telemetry,
            device: sender.device_id().to_owned(),
            module: sender.module_id().map(str::to_owned),
            system: Pairs::new(),
            application: Pairs::new(),
            enqueued_at,
            body,
        };
        for (key, value) in pairs {
            match properties::SYSTEM
                .iter()
                .find(|property| property.wire == key)
            {
                Some(property) => message.system.push((property.internal.to_owned(), value)),
                None => message.application.push((key, value)),
            }
        }
        message
    }

    /// The sender.
    pub fn sender(&self) -> IdentityId {
        match &self.module {
            None => IdentityId::device(&self.device),
            Some(module) => IdentityId::module(&self.device, module),
        }
    }

    /// A system property by its internal name.
    pub fn system_property(&self, name: &str) -> Option<&str> {
        self.system
            .iter()
            .find(|(key, _)| key == name)
            .and_then(|(_, value)| value.as_deref())
    }

    /// The id that its sender gave it.
    pub fn id(&self) -> Option<&str> {
        self.system_property(MESSAGE_ID)
    }

    /// The output a module sent it on.
    pub fn output(&self) -> Option<&str> {
        self.system_property(OUTPUT_NAME)
    }

    /// The size edgeHub holds against [`MAX_MESSAGE_SIZE`], but for its slip of forgetting what came
    /// before a null value: body plus the UTF-16 length of all
    /// keys and values, those included that the hub adds itself.
    pub fn size(&self) -> usize {
        let length = |text: &str| text.encode_utf16().count();
        let pairs = |pairs: &Pairs| -> usize {
            pairs
                .iter()
                .map(|(k, v)| length(k) + v.as_deref().map_or(0, length))
                .sum()
        };
        const EDGE_MESSAGE_ID: usize = "edgeMessageId".len() + 36;
        let origin = "edgeHubOriginInterface".len()
            + if self.module.is_some() {
                "internal".len()
            } else {
                "downstream".len()
            };
        let device = "connectionDeviceId".len() + length(&self.device);
        let module = self
            .module
            .as_deref()
            .map_or(0, |m| "connectionModuleId".len() + length(m));
        self.body.len()
            + pairs(&self.application)
            + pairs(&self.system)
            + EDGE_MESSAGE_ID
            + origin
            + device
            + module
    }

    /// The encoded property segment of a delivery to a module: application properties first, then
    /// system ones that are passed on, then the true sender, whatever the message claims.
    pub fn delivery_properties(&self) -> String {
        let is_sender = |key: &str| key == CONNECTION_DEVICE || key == CONNECTION_MODULE;
        let application = self
            .application
            .iter()
            .filter(|(key, _)| !is_sender(key))
            .map(|(key, value)| (key.as_str(), value.as_deref()));
        let system = self.system.iter().filter_map(|(internal, value)| {
            properties::SYSTEM
                .iter()
                .find(|property| property.internal == internal && property.delivered)
                .map(|property| (property.wire, value.as_deref()))
        });
        let sender = [(CONNECTION_DEVICE, Some(self.device.as_str()))]
            .into_iter()
            .chain(
                self.module
                    .as_deref()
                    .map(|module| (CONNECTION_MODULE, Some(module))),
            );
        properties::encode(application.chain(system).chain(sender))
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn message(sender: &IdentityId, segment: &str, body: usize) -> Message {
        let pairs = properties::decode(segment).unwrap();
        Message::telemetry(sender, pairs, Bytes::from(vec![0; body]), UNIX_EPOCH)
    }

    #[test]
    fn checklist_16_the_hubs_own_test_vector_is_written_so() {
        let sender = IdentityId::module("fromDevice1", "fromModule1");
        let message = message(
            &sender,
            "Foo=Bar&%24.ce=utf-8&%24.ct=application%2Fjson&%24.on=out",
            0,
        );
        assert_eq!(message.output(), Some("out"));
        assert_eq!(
            message.delivery_properties(),
            "Foo=Bar&%24.ce=utf-8&%24.ct=application%2Fjson&%24.cdid=fromDevice1&%24.cmid=fromModule1"
        );
    }

    #[test]
    fn checklist_17_a_claimed_sender_is_overwritten_by_the_true_one() {
        let message = message(
            &IdentityId::device("cam"),
            "$.cdid=other&$.cmid=mod&a=1&$.ifid=x",
            0,
        );
        assert_eq!(message.delivery_properties(), "a=1&%24.cdid=cam");
    }

    #[test]
    fn a_delivery_without_properties_still_names_its_sender() {
        let message = message(&IdentityId::device("cam"), "", 0);
        assert_eq!(message.delivery_properties(), "%24.cdid=cam");
    }

    #[test]
    fn checklist_32_size_counts_what_the_hub_adds() {
        // 13+36 edgeMessageId, 22+10 origin, 18+3 device.
        assert_eq!(
            message(&IdentityId::device("cam"), "", 100).size(),
            100 + 49 + 32 + 21
        );
        // 11+10 contentType by its internal name, "k" and "ä" as UTF-16.
        let typed = message(
            &IdentityId::device("cam"),
            "$.ct=image%2Fjpeg&k=%C3%A4",
            100,
        );
        assert_eq!(typed.size(), 202 + 21 + 2);
        // 22+8 origin, 18+1 module, 10+1 output.
        let module = message(&IdentityId::module("cam", "m"), "$.on=o", 0);
        assert_eq!(module.size(), 49 + 30 + 21 + 19 + 11);
    }
}
