//! The MQTT username, as edgeHub reads it (sheet 4.2):
//! `{iothub-hostname}/{deviceId}[/{moduleId}]/?api-version={v}[&…]`.
//!
//! Pure. Ids are taken as they stand (not percent-decoded); the first segment is not looked at.
//! Source: edgeHub's `MqttUsernameParser.cs`.

use percent_encoding::percent_decode_str;
use thiserror::Error;

use crate::identity::IdentityId;

/// A username, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username {
    /// Who the client says it is.
    pub identity: IdentityId,
    /// `DeviceClientType`, decoded: the product's own description, for the log.
    pub client_type: Option<String>,
    /// `model-id`: the plug-and-play model the client implements.
    pub model_id: Option<String>,
}

/// Why a username was refused; the connection gets CONNACK 3.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UsernameError {
    /// Not three or four segments.
    #[error("the username has {0} segments, expected `HUB/DEVICE[/MODULE]/?api-version=…`")]
    Segments(usize),
    /// Device or module id is blank.
    #[error("the username has a blank device or module id")]
    BlankId,
    /// `api-version` is not there, or blank.
    #[error("the username has no `api-version`, or a blank one")]
    NoApiVersion,
}

/// Takes a username apart.
///
/// # Errors
/// See [`UsernameError`].
pub fn parse(text: &str) -> Result<Username, UsernameError> {
    let segments: Vec<&str> = text.split('/').collect();
    let (identity, query) = match segments.as_slice() {
        [_, device, query] => (IdentityId::device(*device), query),
        [_, device, module, query] => (IdentityId::module(*device, *module), query),
        other => return Err(UsernameError::Segments(other.len())),
    };
    let blank = |id: &str| id.trim().is_empty();
    if blank(identity.device_id()) || identity.module_id().is_some_and(blank) {
        return Err(UsernameError::BlankId);
    }
    let query = query.strip_prefix('?').unwrap_or(query);
    // The first of several equal keys wins; keys we do not know are nobody's business.
    let value = |name: &str| {
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| percent_decode_str(value).decode_utf8_lossy().into_owned())
            .filter(|value| !value.trim().is_empty())
    };
    if value("api-version").is_none() {
        return Err(UsernameError::NoApiVersion);
    }
    Ok(Username {
        identity,
        client_type: value("DeviceClientType"),
        model_id: value("model-id"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checklist_3_three_segments_are_a_device_and_four_a_module() {
        let cases = [
            (
                "hub/cam-01/?api-version=2019-10-01",
                IdentityId::device("cam-01"),
            ),
            ("hub/cam-01/api-version=x", IdentityId::device("cam-01")),
            (
                "hub/edge/vision/?api-version=2021-04-12&x=y",
                IdentityId::module("edge", "vision"),
            ),
            (
                "/edge?/vision/?api-version=1",
                IdentityId::module("edge?", "vision"),
            ),
        ];
        for (text, identity) in cases {
            assert_eq!(parse(text).unwrap().identity, identity, "{text}");
        }
    }

    #[test]
    fn query_values_are_decoded_and_the_first_of_two_wins() {
        let name = parse(
            "h/d/?DeviceClientType=py%2F2%20x&DeviceClientType=b&api-version=1&model-id=dtmi%3Aa%3B1",
        );
        let name = name.unwrap();
        assert_eq!(name.client_type.as_deref(), Some("py/2 x"));
        assert_eq!(name.model_id.as_deref(), Some("dtmi:a;1"));
    }

    #[test]
    fn checklist_3_a_missing_or_blank_api_version_is_refused() {
        for text in [
            "h/d/?x=y",
            "h/d/?",
            "h/d/?api-version=",
            "h/d/?api-version=%20",
            "h/d/m/?API=1",
        ] {
            assert_eq!(parse(text), Err(UsernameError::NoApiVersion), "{text}");
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        assert_eq!(parse(""), Err(UsernameError::Segments(1)));
        assert_eq!(parse("h/?api-version=1"), Err(UsernameError::Segments(2)));
        assert_eq!(
            parse("h/d/m/x/?api-version=1"),
            Err(UsernameError::Segments(5))
        );
        assert_eq!(parse("h//?api-version=1"), Err(UsernameError::BlankId));
        assert_eq!(parse("h/d/ /?api-version=1"), Err(UsernameError::BlankId));
    }
}
