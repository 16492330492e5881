//! Topics a client writes, subscribes to and reads. Ids stand raw in them; only the
//! property segment is encoded.
//!
//! Messages and inputs are here; [`twin`] and [`methods`] have rooms of their own.

use crate::identity::Identity;

pub mod methods;
pub mod twin;

/// `devices/{d}[/modules/{m}]/messages/events/{properties}`, with `properties` already
/// encoded. A module names its output inside them as `%24.on`.
#[must_use]
pub fn events(identity: &Identity, properties: &str) -> String {
    format!("{}/messages/events/{properties}", prefix(identity))
}

/// The filter for all inputs of a module, `…/inputs/#`; `None` for a leaf device, which
/// has no inputs.
///
/// One filter for all on purpose: edgeHub drops for good a delivery that matches no
/// filter of a module that is subscribed to some other input.
#[must_use]
pub fn inputs_filter(identity: &Identity) -> Option<String> {
    identity
        .module_id()
        .map(|_| format!("{}/inputs/#", prefix(identity)))
}

/// Splits the topic of a delivery, `devices/{d}/modules/{m}/inputs/{input}/{properties}`,
/// into the input's name and the property segment, still encoded.
///
/// `None` when the topic is not one of our own inputs. The segment may be missing and
/// may end in one `/`: other brokers and the Node SDK write that.
#[must_use]
pub fn parse_input<'t>(identity: &Identity, topic: &'t str) -> Option<(&'t str, &'t str)> {
    let module_id = identity.module_id()?;
    let rest = topic
        .strip_prefix("devices/")?
        .strip_prefix(identity.device_id())?
        .strip_prefix("/modules/")?
        .strip_prefix(module_id)?
        .strip_prefix("/inputs/")?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (input, properties) = rest.split_once('/').unwrap_or((rest, ""));
    (!input.is_empty()).then_some((input, properties))
}

fn prefix(identity: &Identity) -> String {
    match identity.module_id() {
        Some(module_id) => format!("devices/{}/modules/{module_id}", identity.device_id()),
        None => format!("devices/{}", identity.device_id()),
    }
}

/// The value of `name` in the query at the end of an `$iothub/…` topic, as it stands.
fn query_value<'t>(query: &'t str, name: &str) -> Option<&'t str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// Splits `…/?query` into what is before the query and the query.
fn split_query(rest: &str) -> Option<(&str, &str)> {
    let (path, query) = rest.split_once('?')?;
    Some((path.strip_suffix('/').unwrap_or(path), query))
}

/// A number of decimal digits and nothing else.
fn decimal<N: std::str::FromStr>(text: &str) -> Option<N> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module() -> Identity {
        Identity::new("h", "d", Some("m".into())).unwrap()
    }

    fn leaf() -> Identity {
        Identity::new("h", "d", None).unwrap()
    }

    #[test]
    fn events_go_out_under_the_senders_own_name() {
        assert_eq!(
            events(&module(), "a=1"),
            "devices/d/modules/m/messages/events/a=1"
        );
        assert_eq!(events(&leaf(), ""), "devices/d/messages/events/");
    }

    #[test]
    fn only_modules_have_inputs() {
        assert_eq!(
            inputs_filter(&module()).as_deref(),
            Some("devices/d/modules/m/inputs/#")
        );
        assert_eq!(inputs_filter(&leaf()), None);
        assert_eq!(parse_input(&leaf(), "devices/d/modules/m/inputs/i/"), None);
    }

    #[test]
    fn deliveries_are_split_into_input_and_properties() {
        let check =
            |topic, expected| assert_eq!(parse_input(&module(), topic), expected, "{topic}");
        check(
            "devices/d/modules/m/inputs/images/%24.cdid=c",
            Some(("images", "%24.cdid=c")),
        );
        check(
            "devices/d/modules/m/inputs/images/a=1/",
            Some(("images", "a=1")),
        );
        check("devices/d/modules/m/inputs/images/", Some(("images", "")));
        check("devices/d/modules/m/inputs/images", Some(("images", "")));
        check("devices/d/modules/m/inputs/", None);
        check("devices/d/modules/m2/inputs/images/x", None);
        check("devices/d2/modules/m/inputs/images/x", None);
        check("devices/d/messages/devicebound/x", None);
        check("$iothub/twin/res/200/?$rid=1", None);
    }
}
