//! The twin's topics: a request is published with a request id, its answer comes on a
//! topic that repeats the id. [edgeHub `TwinAddressHelper`]

use super::{decimal, query_value, split_query};

/// Filter for the answers to our twin requests. edgeHub knows exactly this text and no
/// other, and sends no answer to a client without it.
pub const RESPONSES_FILTER: &str = "$iothub/twin/res/#";

/// Filter for changes of the desired properties.
pub const DESIRED_FILTER: &str = "$iothub/twin/PATCH/properties/desired/#";

const RESPONSES: &str = "$iothub/twin/res/";
const DESIRED: &str = "$iothub/twin/PATCH/properties/desired/";

/// Where to ask for the whole twin. `rid` must not be empty (edgeHub closes the
/// connection) and must be in use only once per connection.
#[must_use]
pub fn get(rid: &str) -> String {
    format!("$iothub/twin/GET/?$rid={rid}")
}

/// Where to report properties. edgeHub applies one without `rid`, too, but does not
/// answer it.
#[must_use]
pub fn report(rid: &str) -> String {
    format!("$iothub/twin/PATCH/properties/reported/?$rid={rid}")
}

/// A topic on which the hub tells about the twin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TwinTopic<'t> {
    /// The answer to one of our requests.
    Response {
        /// As in HTTP: 2xx is success. edgeHub uses 200, 204, 400 and 500.
        status: u16,
        /// The id of the request.
        rid: &'t str,
        /// The new version of the reported properties. IoT Hub says it, edgeHub does not.
        version: Option<u64>,
    },
    /// A change of the desired properties.
    Desired {
        /// The version it leads to.
        version: Option<u64>,
    },
}

/// Reads `$iothub/twin/res/{status}/?$rid={rid}[&$version={n}]` and
/// `$iothub/twin/PATCH/properties/desired/?$version={n}`; `None` for any other topic.
#[must_use]
pub fn parse(topic: &str) -> Option<TwinTopic<'_>> {
    if let Some(rest) = topic.strip_prefix(RESPONSES) {
        let (status, query) = split_query(rest)?;
        return Some(TwinTopic::Response {
            status: decimal(status)?,
            rid: query_value(query, "$rid")?,
            version: query_value(query, "$version").and_then(decimal),
        });
    }
    let rest = topic.strip_prefix(DESIRED)?;
    let version = split_query(rest).and_then(|(_, query)| query_value(query, "$version"));
    Some(TwinTopic::Desired {
        version: version.and_then(decimal),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_carry_their_id() {
        assert_eq!(get("7"), "$iothub/twin/GET/?$rid=7");
        assert_eq!(
            report("7"),
            "$iothub/twin/PATCH/properties/reported/?$rid=7"
        );
    }

    #[test]
    fn answers_are_read_with_and_without_a_version() {
        let check = |topic, status, rid, version| {
            let expected = TwinTopic::Response {
                status,
                rid,
                version,
            };
            assert_eq!(parse(topic), Some(expected), "{topic}");
        };
        check("$iothub/twin/res/200/?$rid=a-1", 200, "a-1", None);
        check("$iothub/twin/res/204/?$rid=2&$version=9", 204, "2", Some(9));
        check("$iothub/twin/res/204/?$version=9&$rid=2", 204, "2", Some(9));
        check("$iothub/twin/res/500?$rid=2", 500, "2", None);
    }

    #[test]
    fn changes_carry_their_version() {
        let check = |topic, version| {
            assert_eq!(
                parse(topic),
                Some(TwinTopic::Desired { version }),
                "{topic}"
            );
        };
        check(
            "$iothub/twin/PATCH/properties/desired/?$version=12",
            Some(12),
        );
        check("$iothub/twin/PATCH/properties/desired/", None);
        check("$iothub/twin/PATCH/properties/desired/?$version=+1", None);
    }

    #[test]
    fn other_topics_are_not_the_twins() {
        for topic in [
            "$iothub/twin/res/200/",
            "$iothub/twin/res/ok/?$rid=1",
            "$iothub/twin/res/-1/?$rid=1",
            "$iothub/twin/GET/?$rid=1",
            "$iothub/methods/POST/a/?$rid=1",
            "devices/d/modules/m/inputs/i/",
        ] {
            assert_eq!(parse(topic), None, "{topic}");
        }
    }
}
