//! A message on its way to edgeHub, and the two size gates it must pass.
//!
//! Both gates are checked before anything is sent, because the hub answers neither: over
//! the first it closes the connection (and would again after each resend), over the
//! second it drops the message *and acknowledges it*. The same holds for property names
//! the hub mishandles, so they are refused here too.

use std::fmt;

use bytes::Bytes;
use thiserror::Error;

use crate::identity::Identity;
use crate::properties::{Properties, push_pair};
use crate::topics;

/// Largest MQTT packet edgeHub reads, fixed header included, in bytes.
/// [edgeHub `MaxInboundMessageSize`, DotNetty `MqttDecoder`]
pub const PACKET_LIMIT: usize = 262_144;

/// Largest `Message.Size()` edgeHub keeps, in bytes of body plus UTF-16 units of
/// properties. [edgeHub `Constants.MaxMessageSize`]
pub const MESSAGE_LIMIT: usize = 262_144;

/// Largest MQTT topic, in bytes. [MQTT-1.5.3]
pub const TOPIC_LIMIT: usize = 65_535;

/// Largest packet edgeHub can send us: a body at the message limit, the longest topic
/// (percent-encoding stretches properties up to threefold), topic length, packet id and
/// fixed header. Decoders on our side must accept this much.
pub const INBOUND_PACKET_LIMIT: usize = MESSAGE_LIMIT + TOPIC_LIMIT + 2 + 2 + 5;

/// A message to publish, not yet bound to an identity.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct OutgoingMessage {
    /// Module output, `$.on`. A module's message without one matches only routes from
    /// all of the module; a leaf device must have none.
    pub output: Option<String>,
    /// `$.mid`: the same for every attempt to send one message, so that a receiver can
    /// tell a repeat. Not empty.
    pub message_id: String,
    /// `$.ct`; must be exactly `application/json` for routes that look into the body.
    pub content_type: Option<String>,
    /// `$.ce`: `utf-8`, `utf-16` or `utf-32` for text.
    pub content_encoding: Option<String>,
    /// `$.ctime`, in .NET round-trip form such as `2030-01-01T00:00:00.0000000Z`; a
    /// message upstream with another form is lost in the hub's conversion.
    pub creation_time: Option<String>,
    /// Application properties.
    pub properties: Properties,
    /// The body.
    pub payload: Bytes,
}

/// Says how long the body is, and not what is in it: that may be a picture.
impl fmt::Debug for OutgoingMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingMessage")
            .field("output", &self.output)
            .field("message_id", &self.message_id)
            .field("content_type", &self.content_type)
            .field("content_encoding", &self.content_encoding)
            .field("creation_time", &self.creation_time)
            .field("properties", &self.properties)
            .field("payload_bytes", &self.payload.len())
            .finish()
    }
}

impl OutgoingMessage {
    /// A message with nothing but an id and a body.
    #[must_use]
    pub fn new(message_id: impl Into<String>, payload: impl Into<Bytes>) -> Self {
        OutgoingMessage {
            message_id: message_id.into(),
            payload: payload.into(),
            ..OutgoingMessage::default()
        }
    }

    /// Checks the message against everything the hub would refuse or lose without a
    /// word, and gives the topic and body to publish as QoS 1.
    ///
    /// # Errors
    ///
    /// [`MessageError`]; sending the same message again gives the same error.
    pub fn prepare(&self, identity: &Identity) -> Result<PreparedMessage, MessageError> {
        self.check_names(identity)?;
        let topic = self.topic(identity);
        if topic.len() > TOPIC_LIMIT {
            return Err(MessageError::TopicTooLong { bytes: topic.len() });
        }
        let packet = publish_packet_size(topic.len(), self.payload.len());
        if packet > PACKET_LIMIT {
            return Err(TooLarge {
                gate: Gate::Packet,
                size: packet,
                limit: PACKET_LIMIT,
            }
            .into());
        }
        let message = self.hub_size(identity);
        if message > MESSAGE_LIMIT {
            return Err(TooLarge {
                gate: Gate::Message,
                size: message,
                limit: MESSAGE_LIMIT,
            }
            .into());
        }
        Ok(PreparedMessage {
            topic,
            payload: self.payload.clone(),
        })
    }

    /// Bytes of the whole PUBLISH packet at QoS 1, as gate 1 counts them.
    #[must_use]
    pub fn packet_size(&self, identity: &Identity) -> usize {
        publish_packet_size(self.topic(identity).len(), self.payload.len())
    }

    /// edgeHub's `Message.Size()`, as gate 2 counts it: body bytes, plus the UTF-16
    /// length of every property name and value under its internal name, plus what the hub
    /// adds itself. Where the hub has a choice the longer text is counted.
    /// [edgeHub `Routing.Core/Message.cs`]
    #[must_use]
    pub fn hub_size(&self, identity: &Identity) -> usize {
        let system = self
            .system_properties()
            .map(|p| utf16(p.internal_name) + utf16(p.value));
        let application = self
            .properties
            .iter()
            .map(|(key, value)| utf16(key) + value.map_or(0, utf16));
        self.payload.len()
            + system.sum::<usize>()
            + application.sum::<usize>()
            + ADDED_EDGE_MESSAGE_ID
            + ADDED_ORIGIN_INTERFACE
            + ADDED_CONNECTION_DEVICE_ID
            + utf16(identity.device_id())
            + identity
                .module_id()
                .map_or(0, |id| ADDED_CONNECTION_MODULE_ID + utf16(id))
    }

    /// The topic: system properties first, as the official SDKs write them.
    fn topic(&self, identity: &Identity) -> String {
        let mut segment = String::new();
        for property in self.system_properties() {
            push_pair(&mut segment, property.wire_name, Some(property.value));
        }
        for (key, value) in self.properties.iter() {
            push_pair(&mut segment, key, value);
        }
        topics::events(identity, &segment)
    }

    fn system_properties(&self) -> impl Iterator<Item = SystemProperty<'_>> {
        [
            ("$.on", "outputName", self.output.as_deref()),
            ("$.mid", "messageId", Some(self.message_id.as_str())),
            ("$.ct", "contentType", self.content_type.as_deref()),
            ("$.ce", "contentEncoding", self.content_encoding.as_deref()),
            ("$.ctime", "creationTime", self.creation_time.as_deref()),
        ]
        .into_iter()
        .filter_map(|(wire_name, internal_name, value)| {
            value.map(|value| SystemProperty {
                wire_name,
                internal_name,
                value,
            })
        })
    }

    fn check_names(&self, identity: &Identity) -> Result<(), MessageError> {
        if self.message_id.is_empty() {
            return Err(MessageError::NoMessageId);
        }
        if let Some(output) = &self.output {
            if identity.module_id().is_none() {
                return Err(MessageError::OutputOfALeafDevice {
                    output: output.clone(),
                });
            }
            if output.is_empty() {
                return Err(MessageError::EmptyOutput);
            }
        }
        let mut lower_case: Vec<String> = Vec::with_capacity(self.properties.len());
        for (key, _) in self.properties.iter() {
            if key.starts_with("$.") || is_reserved(key) {
                return Err(MessageError::ReservedName {
                    name: key.to_owned(),
                });
            }
            let folded = key.to_lowercase();
            if lower_case.contains(&folded) {
                return Err(MessageError::NamesDifferInCaseOnly {
                    name: key.to_owned(),
                });
            }
            lower_case.push(folded);
        }
        Ok(())
    }
}

/// A checked message: what goes into a QoS 1 PUBLISH, never retained, never a duplicate.
#[derive(Clone, PartialEq, Eq)]
pub struct PreparedMessage {
    topic: String,
    payload: Bytes,
}

/// Says how long the body is, and not what is in it: that may be a picture.
impl fmt::Debug for PreparedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedMessage")
            .field("topic", &self.topic)
            .field("payload_bytes", &self.payload.len())
            .finish()
    }
}

impl PreparedMessage {
    /// The topic, properties included.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The body.
    #[must_use]
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// Both parts, without a copy.
    #[must_use]
    pub fn into_parts(self) -> (String, Bytes) {
        (self.topic, self.payload)
    }
}

struct SystemProperty<'a> {
    wire_name: &'static str,
    internal_name: &'static str,
    value: &'a str,
}

/// Application property names the hub takes for topic parameters: they would replace the
/// sender and vanish. `iothub-…` names are not among them.
const RESERVED_NAMES: [&str; 2] = ["deviceId", "moduleId"];

/// In any case: the hub's dictionaries do not tell `deviceid` from `deviceId` either.
fn is_reserved(key: &str) -> bool {
    RESERVED_NAMES
        .iter()
        .any(|name| name.eq_ignore_ascii_case(key))
}

/// `edgeMessageId` and a GUID.
const ADDED_EDGE_MESSAGE_ID: usize = 13 + 36;
/// `edgeHubOriginInterface` and `downstream`, the longer of its two values.
const ADDED_ORIGIN_INTERFACE: usize = 22 + 10;
/// `connectionDeviceId`.
const ADDED_CONNECTION_DEVICE_ID: usize = 18;
/// `connectionModuleId`.
const ADDED_CONNECTION_MODULE_ID: usize = 18;

fn utf16(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Type byte, remaining length (1 to 4 bytes), topic length, topic, packet id, body.
fn publish_packet_size(topic: usize, payload: usize) -> usize {
    let remaining = 2 + topic + 2 + payload;
    let length_bytes = match remaining {
        0..=127 => 1,
        128..=16_383 => 2,
        16_384..=2_097_151 => 3,
        _ => 4,
    };
    1 + length_bytes + remaining
}

/// Which of the hub's two limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// The MQTT packet; the hub would close the connection.
    Packet,
    /// `Message.Size()`; the hub would drop the message and acknowledge it.
    Message,
}

/// The message is over one of the hub's limits. Sending it again never helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the message is {size} bytes at the hub's {gate:?} gate, at most {limit} pass")]
pub struct TooLarge {
    /// The gate it failed at; the first when it fails at both.
    pub gate: Gate,
    /// Its size as that gate counts it, in bytes.
    pub size: usize,
    /// The largest size that passes.
    pub limit: usize,
}

/// Why a message cannot be sent, now or ever.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MessageError {
    /// Over a size gate.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The topic with all properties is longer than MQTT allows.
    #[error("the topic with all properties has {bytes} bytes, at most {TOPIC_LIMIT} fit")]
    TopicTooLong {
        /// Its length.
        bytes: usize,
    },
    /// `message_id` is empty.
    #[error("the message has no id")]
    NoMessageId,
    /// `output` is there but empty.
    #[error("the output name is empty")]
    EmptyOutput,
    /// A leaf device has no outputs.
    #[error("a leaf device has no outputs, got {output:?}")]
    OutputOfALeafDevice {
        /// The output asked for.
        output: String,
    },
    /// An application property has a name that is the hub's own.
    #[error("the property name {name:?} is reserved, expected none of deviceId, moduleId, $.…")]
    ReservedName {
        /// The name.
        name: String,
    },
    /// Two application properties that the hub's dictionary cannot hold together.
    #[error("the property name {name:?} is there twice but for its case")]
    NamesDifferInCaseOnly {
        /// The second one.
        name: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module() -> Identity {
        Identity::new("h", "dev", Some("mod".into())).unwrap()
    }

    fn counts() -> OutgoingMessage {
        OutgoingMessage {
            output: Some("counts".into()),
            content_type: Some("application/json".into()),
            content_encoding: Some("utf-8".into()),
            ..OutgoingMessage::new("r-1", &b"{}"[..])
        }
    }

    fn gate_of(message: &OutgoingMessage) -> Option<Gate> {
        match message.prepare(&module()) {
            Ok(_) => None,
            Err(MessageError::TooLarge(too_large)) => Some(too_large.gate),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn checklist_35_the_topic_carries_output_id_type_and_encoding() {
        let mut message = counts();
        message.properties.insert("site", "north/1").unwrap();
        assert_eq!(
            message.prepare(&module()).unwrap().topic(),
            "devices/dev/modules/mod/messages/events/%24.on=counts&%24.mid=r-1\
             &%24.ct=application%2Fjson&%24.ce=utf-8&site=north%2F1"
        );
    }

    #[test]
    fn a_leaf_device_sends_without_an_output() {
        let leaf = Identity::new("h", "cam1", None).unwrap();
        let message = OutgoingMessage::new("m", &b"x"[..]);
        assert_eq!(
            message.prepare(&leaf).unwrap().topic(),
            "devices/cam1/messages/events/%24.mid=m"
        );
        assert_eq!(
            counts().prepare(&leaf),
            Err(MessageError::OutputOfALeafDevice {
                output: "counts".into()
            })
        );
    }

    #[test]
    fn checklist_32_the_packet_gate_is_exact_to_the_byte() {
        // Few properties outside the topic's fixed part: gate 1 closes first when names
        // are escaped heavily, as here.
        let mut message = counts();
        message.properties.insert("k", "/".repeat(500)).unwrap();
        let room = PACKET_LIMIT - message.packet_size(&module());
        // Both remaining lengths need three bytes, which the short message does not show.
        let body = 2 + room - 1;
        message.payload = Bytes::from(vec![0; body]);
        assert_eq!(message.packet_size(&module()), PACKET_LIMIT);
        assert_eq!(gate_of(&message), None);
        message.payload = Bytes::from(vec![0; body + 1]);
        assert_eq!(gate_of(&message), Some(Gate::Packet));
    }

    #[test]
    fn checklist_32_the_message_gate_is_exact_to_the_byte() {
        let mut message = counts();
        let room = MESSAGE_LIMIT - message.hub_size(&module());
        message.payload = Bytes::from(vec![0; 2 + room]);
        assert_eq!(message.hub_size(&module()), MESSAGE_LIMIT);
        assert_eq!(gate_of(&message), None);
        message.payload = Bytes::from(vec![0; 3 + room]);
        assert_eq!(gate_of(&message), Some(Gate::Message));
    }

    #[test]
    fn the_hubs_sum_counts_internal_names_and_its_own_additions() {
        let mut message = counts();
        message.properties.insert("ключ", "𝄞").unwrap();
        let system = (10 + 6) + (9 + 3) + (11 + 16) + (15 + 5);
        let added = (13 + 36) + (22 + 10) + (18 + 3) + (18 + 3);
        assert_eq!(message.hub_size(&module()), 2 + system + added + (4 + 2));
    }

    #[test]
    fn checklist_18_names_the_hub_mishandles_are_refused() {
        let check = |keys: &[&str], expected: MessageError| {
            let mut message = counts();
            for key in keys {
                message.properties.insert(*key, "1").unwrap();
            }
            assert_eq!(message.prepare(&module()), Err(expected));
        };
        check(
            &["$.cdid"],
            MessageError::ReservedName {
                name: "$.cdid".into(),
            },
        );
        check(
            &["deviceId"],
            MessageError::ReservedName {
                name: "deviceId".into(),
            },
        );
        for name in ["moduleId", "deviceid", "MODULEID"] {
            check(&[name], MessageError::ReservedName { name: name.into() });
        }
        check(
            &["Key", "key"],
            MessageError::NamesDifferInCaseOnly { name: "key".into() },
        );
        assert_eq!(
            OutgoingMessage::new("", &b""[..]).prepare(&module()),
            Err(MessageError::NoMessageId)
        );
    }

    #[test]
    fn a_topic_over_the_mqtt_length_is_refused() {
        let mut message = counts();
        message.properties.insert("k", "/".repeat(22_000)).unwrap();
        assert!(matches!(
            message.prepare(&module()),
            Err(MessageError::TopicTooLong { bytes }) if bytes > TOPIC_LIMIT
        ));
    }
}
