//! The topics of direct methods. Names stand raw in them, and request ids are echoed
//! byte for byte. [edgeHub `DeviceProxy`, `MessagingServiceClient`]

use super::{query_value, split_query};

/// Filter for method requests.
pub const REQUESTS_FILTER: &str = "$iothub/methods/POST/#";

const REQUESTS: &str = "$iothub/methods/POST/";

/// Longest request id that is taken, in bytes. edgeHub's are GUIDs of 36; the answer's
/// topic repeats it, and a topic has an end.
pub const REQUEST_ID_LIMIT: usize = 256;

/// A topic on which the hub calls a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MethodTopic<'t> {
    /// Name of the method.
    pub name: &'t str,
    /// Id of the request, to be repeated in the answer.
    pub rid: &'t str,
}

/// Reads `$iothub/methods/POST/{name}/?$rid={rid}`; `None` for any other topic, and for a
/// request that cannot be answered because its id fits into no topic.
#[must_use]
pub fn parse(topic: &str) -> Option<MethodTopic<'_>> {
    let (name, query) = split_query(topic.strip_prefix(REQUESTS)?)?;
    let rid = query_value(query, "$rid")?;
    let answerable = !rid.is_empty()
        && rid.len() <= REQUEST_ID_LIMIT
        && !rid.contains(['#', '+', '/'])
        && !rid.contains(char::is_control);
    let named = !name.is_empty() && !name.contains('/');
    (answerable && named).then_some(MethodTopic { name, rid })
}

/// Where to answer the request `rid`. Nothing may follow the id.
#[must_use]
pub fn response(status: i32, rid: &str) -> String {
    format!("$iothub/methods/res/{status}/?$rid={rid}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_split_into_name_and_id() {
        let check = |topic, name, rid| {
            assert_eq!(parse(topic), Some(MethodTopic { name, rid }), "{topic}");
        };
        check(
            "$iothub/methods/POST/getReports/?$rid=6F-a",
            "getReports",
            "6F-a",
        );
        check("$iothub/methods/POST/a%20b/?$rid=1", "a%20b", "1");
        check("$iothub/methods/POST/a?$rid=1", "a", "1");
    }

    #[test]
    fn a_request_that_cannot_be_answered_is_none() {
        let long = format!("$iothub/methods/POST/a/?$rid={}", "x".repeat(257));
        for topic in [
            "$iothub/methods/POST/a/",
            "$iothub/methods/POST/a/?$rid=",
            "$iothub/methods/POST//?$rid=1",
            "$iothub/methods/POST/a/?$rid=1/#",
            "$iothub/methods/POST/a/?$rid=1+",
            "$iothub/methods/res/200/?$rid=1",
            &long,
        ] {
            assert_eq!(parse(topic), None, "{topic}");
        }
    }

    #[test]
    fn checklist_39_an_answer_repeats_the_id_and_ends_with_it() {
        assert_eq!(response(-2, "6F-a"), "$iothub/methods/res/-2/?$rid=6F-a");
    }
}
