//! A frame: one picture as it reached us, and what identifies it.
//!
//! Built from a delivery's properties and bytes; knows nothing of pixels. The
//! camera is the sender that edgeHub vouches for (`$.cdid`, with `$.cmid` when a
//! module sent it), never something that the message says of itself.

use edge_protocol::properties::Properties;
use ledger::{FrameKey, MAX_NAME_BYTES, Now, Repeat, ReusedId};
use sha2::{Digest, Sha256};
use time::format_description::well_known::Iso8601;
use time::{OffsetDateTime, PrimitiveDateTime};

/// The sender's own stamp, as an ordinary application property.
const CREATION_PROPERTY: &str = "iothub-creation-time-utc";
/// The same as a system property.
const CREATION_SYSTEM: &str = "$.ctime";
const MESSAGE_ID: &str = "$.mid";
const DEVICE: &str = "$.cdid";
const MODULE: &str = "$.cmid";
/// edgeHub's mark on a message that its sender published with DUP set.
const DUP_MARK: &str = "mqtt-dup";

/// So much of a message id goes into a log line.
const LOGGED_ID: usize = 64;

/// One picture on its way to an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Who sent it and how it would be known again.
    pub key: FrameKey,
    /// When the camera says it was taken, if it says so in a readable form.
    pub stamp: Option<OffsetDateTime>,
    /// When it reached us, by the wall clock, and whether that could be believed.
    pub arrival: Now,
}

impl Frame {
    /// The frame in a delivery on `input`.
    ///
    /// `may_be_redelivery` says whether the hub can be sending something again
    /// (see [`crate::redelivery`]); a sender's DUP mark goes before it.
    #[must_use]
    pub fn new(
        input: &str,
        properties: &Properties,
        picture: &[u8],
        arrival: Now,
        may_be_redelivery: bool,
    ) -> Frame {
        let created = text(properties, CREATION_PROPERTY).or(text(properties, CREATION_SYSTEM));
        Frame {
            stamp: created.and_then(read_stamp),
            arrival,
            key: FrameKey {
                camera: camera(properties),
                input: input.to_owned(),
                message_id: text(properties, MESSAGE_ID).map(str::to_owned),
                created: created.map(str::to_owned),
                digest: Sha256::digest(picture).into(),
                repeat: repeat(properties, may_be_redelivery),
                reused_id: ReusedId::CountsAsNew,
            },
        }
    }

    /// The message id as a log line may have it: an id can be as long as a topic, and
    /// hold whatever its sender put there.
    #[must_use]
    pub fn short_id(&self) -> Option<String> {
        let id = self.key.message_id.as_deref()?;
        let short: String = id.chars().take(LOGGED_ID).collect();
        Some(if short.len() < id.len() {
            short + "…"
        } else {
            short
        })
    }
}

fn repeat(properties: &Properties, may_be_redelivery: bool) -> Repeat {
    if text(properties, DUP_MARK).is_some_and(|mark| mark.eq_ignore_ascii_case("true")) {
        Repeat::MarkedBySender
    } else if may_be_redelivery {
        Repeat::InBatch
    } else {
        Repeat::No
    }
}

/// A property that is there and not empty.
fn text<'a>(properties: &'a Properties, name: &str) -> Option<&'a str> {
    properties.get(name).filter(|value| !value.is_empty())
}

fn camera(properties: &Properties) -> String {
    let mut name = sender(properties);
    // IoT Hub's ids are shorter; a broker without that limit must not stop the counting.
    while name.len() > MAX_NAME_BYTES {
        name.pop();
    }
    name
}

fn sender(properties: &Properties) -> String {
    match (text(properties, DEVICE), text(properties, MODULE)) {
        (Some(device), Some(module)) => format!("{device}/{module}"),
        (Some(device), None) => device.to_owned(),
        // edgeHub always names the sender; a broker that does not is still counted.
        (None, _) => "unknown".to_owned(),
    }
}

/// Reads ISO 8601 as the SDKs write it: with an offset, with `Z`, or (Python's
/// `isoformat` of a naive UTC time) with neither, which then means UTC.
fn read_stamp(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Iso8601::DEFAULT)
        .or_else(|_| {
            PrimitiveDateTime::parse(text, &Iso8601::DEFAULT).map(PrimitiveDateTime::assume_utc)
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const ARRIVAL: Now = Now {
        wall: datetime!(2026-11-23 10:00:00 UTC),
        clock: ledger::Clock::Plausible,
    };

    fn frame(segment: &str) -> Frame {
        let properties = Properties::decode(segment).unwrap();
        Frame::new("images", &properties, b"picture", ARRIVAL, false)
    }

    #[test]
    fn the_camera_is_the_sender_that_the_hub_names() {
        assert_eq!(frame("%24.cdid=cam-01").key.camera, "cam-01");
        assert_eq!(frame("%24.cdid=box&%24.cmid=grab").key.camera, "box/grab");
        assert_eq!(frame("camera=other&%24.cdid=cam-01").key.camera, "cam-01");
        assert_eq!(frame("a=b").key.camera, "unknown");
    }

    #[test]
    fn a_sender_with_an_endless_name_is_cut_to_what_the_ledger_takes() {
        let camera = frame(&format!("%24.cdid={}", "\u{e4}".repeat(400)))
            .key
            .camera;
        assert_eq!(camera.len(), MAX_NAME_BYTES);
    }

    #[test]
    fn the_application_stamp_goes_before_the_system_stamp() {
        let both = frame(
            "%24.ctime=2026-11-23T09%3A00%3A00.0000000Z&iothub-creation-time-utc=2026-11-23T09%3A59%3A58.5Z",
        );
        assert_eq!(both.stamp, Some(datetime!(2026-11-23 09:59:58.5 UTC)));
        assert_eq!(both.key.created.as_deref(), Some("2026-11-23T09:59:58.5Z"));
        let system = frame("%24.ctime=2026-11-23T09%3A00%3A00.0000000Z");
        assert_eq!(system.stamp, Some(datetime!(2026-11-23 09:00 UTC)));
    }

    #[test]
    fn stamps_are_read_as_the_sdks_write_them() {
        for (text, expected) in [
            (
                "2026-11-23T10:00:00Z",
                Some(datetime!(2026-11-23 10:00 UTC)),
            ),
            (
                "2026-11-23T12:00:00.123+02:00",
                Some(datetime!(2026-11-23 10:00:00.123 UTC)),
            ),
            (
                "2026-11-23T10:00:00.123456",
                Some(datetime!(2026-11-23 10:00:00.123456 UTC)),
            ),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(read_stamp(text), expected, "{text:?}");
        }
    }

    #[test]
    fn an_unreadable_stamp_still_tells_frames_apart() {
        let frame = frame("iothub-creation-time-utc=boot%2B17s&%24.cdid=cam-01");
        assert_eq!(
            (frame.stamp, frame.key.created.as_deref()),
            (None, Some("boot+17s"))
        );
    }

    #[test]
    fn an_empty_message_id_is_none() {
        assert_eq!(frame("%24.mid=&%24.cdid=c").key.message_id, None);
        assert_eq!(
            frame("%24.mid=7&%24.cdid=c").key.message_id.as_deref(),
            Some("7")
        );
    }

    #[test]
    fn a_log_line_has_at_most_the_beginning_of_an_id() {
        let endless = frame(&format!("%24.mid={}", "a".repeat(5000)));
        assert_eq!(endless.short_id().unwrap().chars().count(), 65);
        assert_eq!(frame("%24.mid=cam-7").short_id().as_deref(), Some("cam-7"));
    }

    #[test]
    fn a_dup_mark_says_that_the_sender_repeats() {
        assert_eq!(
            frame("mqtt-dup=true&%24.cdid=c").key.repeat,
            Repeat::MarkedBySender
        );
        assert_eq!(frame("mqtt-dup=false&%24.cdid=c").key.repeat, Repeat::No);
    }

    #[test]
    fn a_place_where_the_hub_may_repeat_is_passed_on() {
        let properties = Properties::decode("%24.cdid=c").unwrap();
        let frame = Frame::new("images", &properties, b"picture", ARRIVAL, true);
        assert_eq!(frame.key.repeat, Repeat::InBatch);
    }
}
