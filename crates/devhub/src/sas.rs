//! The check of a shared access signature, as edgeHub makes it (sheet 3.2, six points).
//!
//! Pure: the wall clock comes in. The outcome names its reason, because "refused" alone costs
//! whoever writes a client an afternoon. Must never log or return a signature or a key.
//!
//! Sources: edgeHub's `SharedAccessSignature.cs` and `DeviceScopeTokenAuthenticator.cs`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use thiserror::Error;

use crate::identity::{IdentityId, SharedKey};

/// How long a token is still taken after its `se`.
pub const GRACE: Duration = Duration::from_secs(300);

/// How often percent-encoding is undone along the path of an audience: C# clients encode the ids
/// once and the whole once more.
const DECODINGS: usize = 3;

/// What a token is held against.
#[derive(Debug)]
pub struct Expected<'a> {
    /// Host name of the IoT Hub the hub pretends to belong to.
    pub hub_host: &'a str,
    /// Host name clients dial; edgeHub takes it in an audience as well.
    pub gateway_host: &'a str,
    /// Who claims to connect.
    pub identity: &'a IdentityId,
    /// Keys that may have signed: primary, secondary, then those of the parent device.
    pub keys: &'a [&'a SharedKey],
}

/// Why a token was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SasRefusal {
    /// Not two words of which the first is `SharedAccessSignature`.
    #[error("not a token: expected `SharedAccessSignature sr=…&sig=…&se=…`")]
    NotAToken,
    /// `sr`, `sig` or `se` is not there.
    #[error("the token has no `{0}` field")]
    MissingField(&'static str),
    /// `se` is not a number of seconds.
    #[error("the token's `se` is `{0}`, expected Unix seconds")]
    BadExpiry(String),
    /// Too old, grace included.
    #[error("the token expired {seconds} s ago, at most {} s are forgiven", GRACE.as_secs())]
    Expired {
        /// Seconds since `se`.
        seconds: u64,
    },
    /// Made for somebody else.
    #[error("the token is for `{seen}`, expected `{expected}`")]
    WrongAudience {
        /// The resource this connection needs.
        expected: String,
        /// The resource the token names, decoded once.
        seen: String,
    },
    /// No key of the identity made this signature.
    #[error("the signature does not match any key of {0}")]
    WrongSignature(String),
}

/// A token that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// When the hub drops the connection: `se` plus [`GRACE`].
    pub usable_until: SystemTime,
}

/// Checks `token` for [`Expected::identity`] at the wall time `now`.
///
/// # Errors
/// The first of the six points that fails.
pub fn check(
    token: &str,
    expected: &Expected<'_>,
    now: SystemTime,
) -> Result<Accepted, SasRefusal> {
    let fields = Fields::split(token)?;
    let usable_until = fields.expiry()?;
    if let Ok(late) = now.duration_since(usable_until)
        && !late.is_zero()
    {
        return Err(SasRefusal::Expired {
            seconds: (late + GRACE).as_secs(),
        });
    }
    check_audience(fields.resource, expected)?;
    let signed = format!("{}\n{}", fields.resource, fields.expiry);
    let verified = fields.signature().is_some_and(|mac| {
        expected
            .keys
            .iter()
            .any(|key| key.verifies(signed.as_bytes(), &mac))
    });
    if verified {
        Ok(Accepted { usable_until })
    } else {
        Err(SasRefusal::WrongSignature(expected.identity.to_string()))
    }
}

/// The three fields, encoded as they stand in the token.
struct Fields<'a> {
    resource: &'a str,
    signature: &'a str,
    expiry: &'a str,
}

impl<'a> Fields<'a> {
    fn split(token: &'a str) -> Result<Self, SasRefusal> {
        let mut words = token.split_whitespace();
        let (Some("SharedAccessSignature"), Some(fields), None) =
            (words.next(), words.next(), words.next())
        else {
            return Err(SasRefusal::NotAToken);
        };
        // Like edgeHub: what follows a second `=` is lost, so a raw `=` in `sig` truncates it.
        let field = |name: &'static str| {
            fields
                .split('&')
                .map(|pair| {
                    let mut parts = pair.split('=');
                    (
                        parts.next().unwrap_or_default(),
                        parts.next().unwrap_or_default(),
                    )
                })
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value)
                .ok_or(SasRefusal::MissingField(name))
        };
        Ok(Self {
            resource: field("sr")?,
            signature: field("sig")?,
            expiry: field("se")?,
        })
    }

    fn expiry(&self) -> Result<SystemTime, SasRefusal> {
        self.expiry
            .parse::<u64>()
            .ok()
            .and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))
            .and_then(|expiry| expiry.checked_add(GRACE))
            .ok_or_else(|| SasRefusal::BadExpiry(self.expiry.to_owned()))
    }

    /// The decoded MAC. A raw `+` means a space here, as in a form, and so spoils the base64.
    fn signature(&self) -> Option<Vec<u8>> {
        let spaced = self.signature.replace('+', " ");
        let text = percent_decode_str(&spaced).decode_utf8().ok()?;
        STANDARD.decode(text.as_bytes()).ok()
    }
}

fn check_audience(resource: &str, expected: &Expected<'_>) -> Result<(), SasRefusal> {
    let decoded = percent_decode_str(resource)
        .decode_utf8_lossy()
        .into_owned();
    let wrong = || SasRefusal::WrongAudience {
        expected: audience(expected.hub_host, expected.identity),
        seen: decoded.clone(),
    };
    let parts: Vec<&str> = decoded.split('/').collect();
    let (host, device, module) = match parts.as_slice() {
        [host, "devices", device] => (host, device, None),
        [host, "devices", device, "modules", module] => (host, device, Some(module)),
        _ => return Err(wrong()),
    };
    let host_fits = host.eq_ignore_ascii_case(expected.hub_host)
        || host.eq_ignore_ascii_case(expected.gateway_host);
    let device_fits = same_id(device, expected.identity.device_id());
    // An audience that names only the device is good for each of its modules, not the reverse.
    let module_fits = match (module, expected.identity.module_id()) {
        (None, _) => true,
        (Some(seen), Some(wanted)) => same_id(seen, wanted),
        (Some(_), None) => false,
    };
    if host_fits && device_fits && module_fits {
        Ok(())
    } else {
        Err(wrong())
    }
}

/// The resource a token for `identity` names, not encoded.
fn audience(hub_host: &str, identity: &IdentityId) -> String {
    match identity.module_id() {
        None => format!("{hub_host}/devices/{}", identity.device_id()),
        Some(module) => format!(
            "{hub_host}/devices/{}/modules/{module}",
            identity.device_id()
        ),
    }
}

/// Ids compare without case; the path was decoded once before it was split.
fn same_id(seen: &str, wanted: &str) -> bool {
    let mut seen = seen.to_owned();
    for _ in 0..DECODINGS {
        if seen.eq_ignore_ascii_case(wanted) {
            return true;
        }
        seen = percent_decode_str(&seen).decode_utf8_lossy().into_owned();
    }
    false
}

#[cfg(test)]
mod tests {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

    use super::*;

    const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    const HUB: &str = "hub1.azure-devices.net";
    const SE: u64 = 1_893_456_000;
    const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'~');

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn key(text: &str) -> SharedKey {
        SharedKey::from_base64(text).unwrap()
    }

    fn verdict(token: &str, identity: &IdentityId, now: u64) -> Result<Accepted, SasRefusal> {
        let key = key(KEY);
        let expected = Expected {
            hub_host: HUB,
            gateway_host: "box",
            identity,
            keys: &[&key],
        };
        check(token, &expected, at(now))
    }

    fn signed(resource: &str, se: u64) -> String {
        let sr = utf8_percent_encode(resource, UNRESERVED).to_string();
        let mac = STANDARD.encode(key(KEY).sign(format!("{sr}\n{se}").as_bytes()));
        let sig = utf8_percent_encode(&mac, UNRESERVED);
        format!("SharedAccessSignature sr={sr}&sig={sig}&se={se}")
    }

    const RIPENESS: &str = "SharedAccessSignature sr=hub1.azure-devices.net%2Fdevices%2Fedge-dev%2Fmodules%2Fripeness&sig=9yyPuqKI26EIxYWvmv%2B31mEkkaQgzC0YkNAEcII6DsU%3D&se=1893456000";

    #[test]
    fn checklist_4_the_sheets_vectors_are_accepted_encoded_once_and_twice() {
        let ripeness = IdentityId::module("edge-dev", "ripeness");
        assert_eq!(
            verdict(RIPENESS, &ripeness, SE),
            Ok(Accepted {
                usable_until: at(SE + 300)
            })
        );
        let odd = IdentityId::module("edge:01", "cam.1");
        for token in [
            "SharedAccessSignature sr=hub1.azure-devices.net%2Fdevices%2Fedge%3A01%2Fmodules%2Fcam.1&sig=YHMl1QyBAm%2BrX1fpc53LqjINOIRErMOeRWrSRigE1mA%3D&se=1893456000",
            "SharedAccessSignature sr=hub1.azure-devices.net%2Fdevices%2Fedge%253A01%2Fmodules%2Fcam.1&sig=VUTscs2Bo30zV26Sv0V2cuFLvgqVbeSOQ3h%2B4mYpV%2Fw%3D&se=1893456000",
        ] {
            assert!(verdict(token, &odd, SE).is_ok(), "{token}");
        }
    }

    #[test]
    fn checklist_4_five_minutes_of_grace_and_not_a_second_more() {
        let ripeness = IdentityId::module("edge-dev", "ripeness");
        assert!(verdict(RIPENESS, &ripeness, SE + 240).is_ok());
        assert!(verdict(RIPENESS, &ripeness, SE + 300).is_ok());
        assert_eq!(
            verdict(RIPENESS, &ripeness, SE + 301),
            Err(SasRefusal::Expired { seconds: 301 })
        );
    }

    #[test]
    fn checklist_4_a_raw_plus_or_equals_sign_spoils_the_signature() {
        let ripeness = IdentityId::module("edge-dev", "ripeness");
        for (from, to) in [("%2B", "+"), ("%3D", "=")] {
            let token = RIPENESS.replace(from, to);
            assert_eq!(
                verdict(&token, &ripeness, SE),
                Err(SasRefusal::WrongSignature("edge-dev/ripeness".into())),
                "{token}"
            );
        }
    }

    #[test]
    fn shape_and_fields_are_named_when_missing() {
        let id = IdentityId::device("cam-01");
        for token in [
            "",
            "x",
            "sharedaccesssignature sr=a&sig=b&se=1",
            "SharedAccessSignature a b",
        ] {
            assert_eq!(
                verdict(token, &id, SE),
                Err(SasRefusal::NotAToken),
                "{token:?}"
            );
        }
        let cases = [
            (
                "SharedAccessSignature sig=a&se=1",
                SasRefusal::MissingField("sr"),
            ),
            (
                "SharedAccessSignature sr=a&se=1",
                SasRefusal::MissingField("sig"),
            ),
            (
                "SharedAccessSignature sr=a&sig=b",
                SasRefusal::MissingField("se"),
            ),
            (
                "SharedAccessSignature sr=a&sig=b&se=soon",
                SasRefusal::BadExpiry("soon".into()),
            ),
        ];
        for (token, refusal) in cases {
            assert_eq!(verdict(token, &id, SE), Err(refusal), "{token:?}");
        }
    }

    #[test]
    fn field_names_and_ids_and_hosts_compare_without_case() {
        let id = IdentityId::device("Cam-01");
        let token = signed("HUB1.azure-devices.net/devices/cam-01", SE);
        assert!(verdict(&token.replace("&sig=", "&SIG="), &id, SE).is_ok());
        assert!(verdict(&signed("BOX/devices/cam-01", SE), &id, SE).is_ok());
    }

    #[test]
    fn checklist_4_a_foreign_audience_is_refused_with_both_sides_named() {
        let id = IdentityId::device("cam-01");
        for resource in [
            "hub1.azure-devices.net/devices/cam-02",
            "other.azure-devices.net/devices/cam-01",
            "hub1.azure-devices.net/devices/cam-01/modules/x",
            "hub1.azure-devices.net/devices",
        ] {
            assert_eq!(
                verdict(&signed(resource, SE), &id, SE),
                Err(SasRefusal::WrongAudience {
                    expected: format!("{HUB}/devices/cam-01"),
                    seen: resource.into()
                })
            );
        }
    }

    #[test]
    fn a_device_scoped_token_is_good_for_a_module_of_that_device() {
        let id = IdentityId::module("edge-dev", "ripeness");
        assert!(
            verdict(
                &signed("hub1.azure-devices.net/devices/edge-dev", SE),
                &id,
                SE
            )
            .is_ok()
        );
    }

    #[test]
    fn checklist_4_the_secondary_key_is_tried_after_the_primary() {
        let identity = IdentityId::device("cam-01");
        let (primary, secondary) = (key("c29tZSBvdGhlciBrZXk="), key(KEY));
        let token = signed("hub1.azure-devices.net/devices/cam-01", SE);
        let both = Expected {
            hub_host: HUB,
            gateway_host: "box",
            identity: &identity,
            keys: &[&primary, &secondary],
        };
        assert!(check(&token, &both, at(SE)).is_ok());
        let first_only = Expected {
            keys: &[&primary],
            ..both
        };
        assert_eq!(
            check(&token, &first_only, at(SE)),
            Err(SasRefusal::WrongSignature("cam-01".into()))
        );
    }
}
