//! Topics that clients publish to, filters they subscribe, and the topics the hub answers on
//! (sheet 5.1 and 5.2).
//!
//! Pure. Twin topics and method responses are recognised by prefix before telemetry, as in
//! edgeHub. Sources: `MessageAddressConverter.cs`, `TwinAddressHelper.cs`, `SessionStateParser.cs`.

use thiserror::Error;

/// The one filter under which twin answers are sent.
pub const TWIN_RESPONSES: &str = "$iothub/twin/res/#";

/// What a published topic asks for. Ids and names are raw, as they stand in the topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inbound<'a> {
    /// Telemetry of a device, or of a module when `module` is there.
    Telemetry {
        /// Sender's device id.
        device: &'a str,
        /// Sender's module id.
        module: Option<&'a str>,
        /// The encoded property segment, perhaps empty.
        properties: &'a str,
    },
    /// Ask for the whole twin.
    TwinGet {
        /// The request id to answer under.
        rid: &'a str,
    },
    /// Change reported properties; without a request id there is no answer.
    ReportedPatch {
        /// The request id to answer under.
        rid: Option<&'a str>,
    },
    /// An answer to a direct method.
    MethodResponse {
        /// The method's status code.
        status: &'a str,
        /// The request id of the call.
        rid: &'a str,
    },
}

/// Why a topic means nothing to the hub.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TopicError {
    /// No template matches: edgeHub acknowledges the message and drops it.
    #[error("no topic template matches `{0}`")]
    Unknown(String),
    /// A twin request edgeHub closes the connection for.
    #[error(
        "`{0}` is not a twin request: expected `$iothub/twin/GET/?$rid=…` or `…/PATCH/properties/reported/?$rid=…`"
    )]
    TwinRequest(String),
}

/// Reads the topic of a PUBLISH.
///
/// # Errors
/// See [`TopicError`].
pub fn parse(topic: &str) -> Result<Inbound<'_>, TopicError> {
    if let Some(rest) = topic.strip_prefix("$iothub/twin/") {
        return parse_twin(rest).ok_or_else(|| TopicError::TwinRequest(topic.to_owned()));
    }
    if let Some(rest) = topic.strip_prefix("$iothub/methods/res/")
        && let Some((status, query)) = rest.split_once('/')
        // Nothing may stand around the id, or it is another one (sheet 5.2).
        && let Some(rid) = query.strip_prefix("?$rid=").filter(|rid| !rid.is_empty())
    {
        return Ok(Inbound::MethodResponse { status, rid });
    }
    // A trailing slash is optional (the Node SDK sends one).
    let trimmed = topic.strip_suffix('/').unwrap_or(topic);
    let segments: Vec<&str> = trimmed.split('/').collect();
    let telemetry = match segments.as_slice() {
        ["devices", device, "messages", "events"] => Some((*device, None, "")),
        ["devices", device, "messages", "events", bag] => Some((*device, None, *bag)),
        ["devices", device, "modules", module, "messages", "events"] => {
            Some((*device, Some(*module), ""))
        }
        [
            "devices",
            device,
            "modules",
            module,
            "messages",
            "events",
            bag,
        ] => Some((*device, Some(*module), *bag)),
        _ => None,
    };
    match telemetry {
        Some((device, module, properties)) if !device.is_empty() && module != Some("") => {
            Ok(Inbound::Telemetry {
                device,
                module,
                properties,
            })
        }
        _ => Err(TopicError::Unknown(topic.to_owned())),
    }
}

fn parse_twin(rest: &str) -> Option<Inbound<'_>> {
    if let Some(query) = rest.strip_prefix("GET/") {
        return Some(Inbound::TwinGet {
            rid: request_id(query)?,
        });
    }
    // A part of the twin cannot be named (sheet 9.1).
    match rest.strip_prefix("PATCH/properties/reported")? {
        "" | "/" => Some(Inbound::ReportedPatch { rid: None }),
        rest => {
            let query = rest
                .strip_prefix('/')
                .filter(|query| query.starts_with('?'))?;
            Some(Inbound::ReportedPatch {
                rid: request_id(query),
            })
        }
    }
}

/// `?$rid=R`, perhaps among other parameters.
fn request_id(query: &str) -> Option<&str> {
    query
        .strip_prefix('?')?
        .split('&')
        .find_map(|pair| pair.strip_prefix("$rid="))
        .filter(|rid| !rid.is_empty())
}

/// The topic of a twin answer.
pub fn twin_response(status: u16, rid: &str) -> String {
    format!("$iothub/twin/res/{status}/?$rid={rid}")
}

/// The topic of a change of desired properties.
pub fn desired_update(version: u64) -> String {
    format!("$iothub/twin/PATCH/properties/desired/?$version={version}")
}

/// The topic of a direct method call; the name stands raw.
pub fn method_request(name: &str, rid: &str) -> String {
    format!("$iothub/methods/POST/{name}/?$rid={rid}")
}

/// The topic of a delivery to a module input, always with the property segment.
pub fn input_delivery(device: &str, module: &str, input: &str, properties: &str) -> String {
    format!("devices/{device}/modules/{module}/inputs/{input}/{properties}")
}

/// What the hub makes of a subscription filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// Direct methods.
    Methods,
    /// Changes of desired properties.
    Desired,
    /// Cloud-to-device messages.
    DeviceBound,
    /// Answers to twin requests.
    TwinResponses,
    /// Messages routed to the module's inputs.
    Inputs,
}

/// Recognises a filter by its text, in edgeHub's order. `None` is granted and never served.
pub fn feature(filter: &str) -> Option<Feature> {
    if filter.starts_with("$iothub/methods/POST/") {
        Some(Feature::Methods)
    } else if filter.starts_with("$iothub/twin/PATCH/properties/desired/") {
        Some(Feature::Desired)
    } else if filter.ends_with("messages/devicebound/#") {
        Some(Feature::DeviceBound)
    } else if filter == TWIN_RESPONSES {
        Some(Feature::TwinResponses)
    } else if is_module_filter(filter) {
        Some(Feature::Inputs)
    } else {
        None
    }
}

/// `^devices/.+/modules/.+/#$`
fn is_module_filter(filter: &str) -> bool {
    filter
        .strip_prefix("devices/")
        .and_then(|rest| rest.strip_suffix("/#"))
        .and_then(|rest| rest.split_once("/modules/"))
        .is_some_and(|(device, module)| !device.is_empty() && !module.is_empty())
}

/// Whether an MQTT filter covers a topic (MQTT 3.1.1, 4.7.1).
pub fn covers(filter: &str, topic: &str) -> bool {
    let mut levels = topic.split('/');
    for wanted in filter.split('/') {
        match (wanted, levels.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (wanted, Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telemetry_is_read_with_and_without_properties_and_slash() {
        let cases = [
            ("devices/d/messages/events/", "d", None, ""),
            ("devices/d/messages/events", "d", None, ""),
            ("devices/d/messages/events/a=b", "d", None, "a=b"),
            (
                "devices/d/modules/m/messages/events/a=b/",
                "d",
                Some("m"),
                "a=b",
            ),
            (
                "devices/d%2F/modules/m/messages/events/",
                "d%2F",
                Some("m"),
                "",
            ),
        ];
        for (topic, device, module, properties) in cases {
            assert_eq!(
                parse(topic),
                Ok(Inbound::Telemetry {
                    device,
                    module,
                    properties
                }),
                "{topic}"
            );
        }
    }

    #[test]
    fn unknown_topics_are_named() {
        for topic in [
            "devices/d/messages/events/a=b/c",
            "devices//messages/events/",
            "devices/d/modules/m/inputs/x/",
            "devices/d/messages/devicebound/",
            "x",
            "$iothub/methods/res/200/",
        ] {
            assert_eq!(
                parse(topic),
                Err(TopicError::Unknown(topic.into())),
                "{topic}"
            );
        }
    }

    #[test]
    fn twin_and_method_topics_are_read_by_prefix() {
        assert_eq!(
            parse("$iothub/twin/GET/?$rid=7"),
            Ok(Inbound::TwinGet { rid: "7" })
        );
        assert_eq!(
            parse("$iothub/twin/PATCH/properties/reported/?$rid=a-b&$version=3"),
            Ok(Inbound::ReportedPatch { rid: Some("a-b") })
        );
        assert_eq!(
            parse("$iothub/twin/PATCH/properties/reported/"),
            Ok(Inbound::ReportedPatch { rid: None })
        );
        assert_eq!(
            parse("$iothub/methods/res/200/?$rid=7"),
            Ok(Inbound::MethodResponse {
                status: "200",
                rid: "7"
            })
        );
        assert_eq!(
            parse("$iothub/methods/res/200/?$rid=7&more=1"),
            Ok(Inbound::MethodResponse {
                status: "200",
                rid: "7&more=1"
            })
        );
        assert!(parse("$iothub/methods/res/200/?x=1&$rid=7").is_err());
        for topic in [
            "$iothub/twin/GET/",
            "$iothub/twin/GET/?$rid=",
            "$iothub/twin/PUT/?$rid=1",
            "$iothub/twin/PATCH/properties/reported/sub/?$rid=1",
            "$iothub/twin/PATCH/properties/reportedfoo?$rid=1",
            "$iothub/twin/PATCH/properties/reported?$rid=1",
        ] {
            assert_eq!(
                parse(topic),
                Err(TopicError::TwinRequest(topic.into())),
                "{topic}"
            );
        }
    }

    #[test]
    fn filters_are_recognised_by_their_text() {
        let cases = [
            ("$iothub/methods/POST/#", Some(Feature::Methods)),
            (
                "$iothub/twin/PATCH/properties/desired/#",
                Some(Feature::Desired),
            ),
            (
                "devices/d/messages/devicebound/#",
                Some(Feature::DeviceBound),
            ),
            ("$iothub/twin/res/#", Some(Feature::TwinResponses)),
            ("$iothub/twin/res/200/#", None),
            ("devices/d/modules/m/inputs/#", Some(Feature::Inputs)),
            ("devices/d/modules/m/#", Some(Feature::Inputs)),
            ("devices/d/modules/m/inputs/a/#", Some(Feature::Inputs)),
            ("devices/d/modules/m/inputs/a", None),
            ("#", None),
        ];
        for (filter, expected) in cases {
            assert_eq!(feature(filter), expected, "{filter}");
        }
    }

    #[test]
    fn wildcards_cover_what_mqtt_says() {
        for (filter, topic, expected) in [
            ("a/#", "a/b/c", true),
            ("a/#", "a", true),
            ("a/+/c", "a/b/c", true),
            ("a/+", "a/b/c", false),
            ("a/b", "a/b", true),
            ("a/b", "a/b/", false),
            ("a/b/c", "a/b", false),
        ] {
            assert_eq!(covers(filter, topic), expected, "{filter} {topic}");
        }
    }
}
