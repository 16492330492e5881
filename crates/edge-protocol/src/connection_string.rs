//! Connection strings for development and for leaf devices:
//! `HostName=…;GatewayHostName=…;DeviceId=…;ModuleId=…;SharedAccessKey=…`.
//!
//! The order of the parts is free; each is split at its first `=`, because keys end in
//! one. Errors name the part and never show the key, not even where a forgotten name makes
//! the key look like one.

use thiserror::Error;

use crate::identity::{Identity, IdentityError};
use crate::sas::{KeyError, SharedKey};

/// A parsed connection string. `Debug` does not show the key.
#[derive(Debug, Clone)]
pub struct ConnectionString {
    identity: Identity,
    gateway_host: Option<String>,
    key: SharedKey,
}

const HOST: &str = "HostName";
const GATEWAY: &str = "GatewayHostName";
const DEVICE: &str = "DeviceId";
const MODULE: &str = "ModuleId";
const KEY: &str = "SharedAccessKey";
const PARTS: [&str; 5] = [HOST, GATEWAY, DEVICE, MODULE, KEY];

impl ConnectionString {
    /// Parses one connection string. Part names are compared exactly; surrounding white
    /// space and a trailing `;` are tolerated.
    ///
    /// # Errors
    ///
    /// [`ConnectionStringError`] names the first unknown, repeated, malformed, missing
    /// or bad part.
    pub fn parse(text: &str) -> Result<Self, ConnectionStringError> {
        let mut values: [Option<&str>; PARTS.len()] = [None; PARTS.len()];
        let parts = text.trim().split(';').map(str::trim);
        for (ordinal, part) in (1..).zip(parts.filter(|part| !part.is_empty())) {
            let (name, value) = part
                .split_once('=')
                .ok_or(ConnectionStringError::NoEquals { ordinal })?;
            let slot = PARTS
                .iter()
                .position(|known| *known == name)
                .ok_or_else(|| ConnectionStringError::Unknown {
                    ordinal,
                    name: is_plainly_a_name(name, value).then(|| name.to_owned()),
                })?;
            if values[slot].replace(value).is_some() {
                return Err(ConnectionStringError::Repeated { name: PARTS[slot] });
            }
        }
        let [host, gateway, device, module, key] = values;
        let missing = |name| ConnectionStringError::Missing { name };
        let host = host.ok_or(missing(HOST))?;
        let device = device.ok_or(missing(DEVICE))?;
        let key = key.ok_or(missing(KEY))?;
        if gateway == Some("") {
            return Err(missing(GATEWAY));
        }
        Ok(ConnectionString {
            identity: Identity::new(host, device, module.map(str::to_owned))?,
            gateway_host: gateway.map(str::to_owned),
            key: SharedKey::from_base64(key)?,
        })
    }

    /// Who this string speaks for: a module when it has a `ModuleId`, else a device.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The host to dial: `GatewayHostName`, or `HostName` when there is none.
    #[must_use]
    pub fn dial_host(&self) -> &str {
        self.gateway_host
            .as_deref()
            .unwrap_or(self.identity.hub_host())
    }

    /// `GatewayHostName` as given.
    #[must_use]
    pub fn gateway_host(&self) -> Option<&str> {
        self.gateway_host.as_deref()
    }

    /// The key that signs this identity's tokens.
    #[must_use]
    pub fn key(&self) -> &SharedKey {
        &self.key
    }
}

/// The longest name that an error repeats, in bytes.
const LONGEST_NAME: usize = 24;

/// Whether `name` may be shown. A key without its name is split at its own `=` and stands
/// where a name should; it is longer, has digits or signs in it, or nothing behind the `=`.
fn is_plainly_a_name(name: &str, value: &str) -> bool {
    let is_word = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_word && name.len() <= LONGEST_NAME && value.bytes().any(|byte| byte != b'=')
}

/// Why a text is not a connection string.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConnectionStringError {
    /// A part without `=`; the text is not shown, it may be a key.
    #[error("part {ordinal} of the connection string has no '=', expected Name=Value")]
    NoEquals {
        /// Its place, counted from 1.
        ordinal: usize,
    },
    /// A part whose name is not known.
    #[error(
        "part {ordinal} of the connection string{} is unknown, expected one of {}",
        called(name.as_deref()),
        PARTS.join(", ")
    )]
    Unknown {
        /// Its place, counted from 1.
        ordinal: usize,
        /// The name seen; `None` when it might be a key.
        name: Option<String>,
    },
    /// The same part twice.
    #[error("{name} appears twice in the connection string")]
    Repeated {
        /// Which part.
        name: &'static str,
    },
    /// A required part is absent, or an optional one is empty.
    #[error("{name} is missing from the connection string or empty")]
    Missing {
        /// Which part.
        name: &'static str,
    },
    /// A name cannot be part of an identity.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
}

fn called(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!(", {name:?},"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const B64: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

    #[test]
    fn parts_come_in_any_order_and_the_key_keeps_its_equals_sign() {
        let text =
            format!("SharedAccessKey={B64};ModuleId=m;DeviceId=d;GatewayHostName=g;HostName=h;");
        let parsed = ConnectionString::parse(&text).unwrap();
        assert_eq!(parsed.identity().client_id(), "d/m");
        assert_eq!(parsed.dial_host(), "g");
        let same = SharedKey::from_base64(B64).unwrap();
        assert_eq!(parsed.key().sign_base64(b"x"), same.sign_base64(b"x"));
    }

    #[test]
    fn without_gateway_and_module_it_is_a_device_of_the_hub() {
        let parsed =
            ConnectionString::parse(&format!("HostName=h;DeviceId=d;SharedAccessKey={B64}"))
                .unwrap();
        assert_eq!(parsed.identity().module_id(), None);
        assert_eq!((parsed.gateway_host(), parsed.dial_host()), (None, "h"));
    }

    #[test]
    fn mistakes_are_named() {
        let check = |text: &str, expected| {
            assert_eq!(
                ConnectionString::parse(text).unwrap_err(),
                expected,
                "{text}"
            );
        };
        check(
            "HostName=h;Colour=red",
            ConnectionStringError::Unknown {
                ordinal: 2,
                name: Some("Colour".into()),
            },
        );
        check(
            "HostName=h;;DeviceID=d",
            ConnectionStringError::Unknown {
                ordinal: 2,
                name: Some("DeviceID".into()),
            },
        );
        check(
            "HostName=h;HostName=i",
            ConnectionStringError::Repeated { name: HOST },
        );
        check(
            "HostName=h;DeviceId=d",
            ConnectionStringError::Missing { name: KEY },
        );
        check(
            "HostName=h;oops",
            ConnectionStringError::NoEquals { ordinal: 2 },
        );
        check("", ConnectionStringError::Missing { name: HOST });
        check(
            &format!("HostName=h;DeviceId=a/b;SharedAccessKey={B64}"),
            ConnectionStringError::Identity(IdentityError::IllegalCharacter {
                part: "device id",
                value: "a/b".into(),
                character: '/',
            }),
        );
        assert!(matches!(
            ConnectionString::parse("HostName=h;DeviceId=d;SharedAccessKey=%%"),
            Err(ConnectionStringError::Key(KeyError::NotBase64 { .. }))
        ));
    }

    #[test]
    fn debug_and_errors_do_not_show_the_key() {
        let parsed =
            ConnectionString::parse(&format!("HostName=h;DeviceId=d;SharedAccessKey={B64}"))
                .unwrap();
        assert!(!format!("{parsed:?}").contains("MDEy"));
        // Its name forgotten: with one `=` at its end, with two, and with none.
        let other_ends = [
            "c2VjcmV0IGtleSBvZiAyNSBieXRlcyEhIQ==",
            "c2VjcmV0c2VjcmV0c2VjcmV0",
        ];
        for key in [B64, &B64[..43]].into_iter().chain(other_ends) {
            for text in [
                format!("HostName=h;DeviceId=d;{key}"),
                format!("{key};DeviceId=d"),
                format!("HostName=h;{key}{key}"),
                format!("HostName=h;sharedaccesskey={key}"),
            ] {
                let error = ConnectionString::parse(&text).unwrap_err();
                let shown = format!("{error:?} {error}");
                assert!(!shown.contains(&key[..6]), "{shown}");
            }
        }
    }

    #[test]
    fn a_stray_key_is_told_by_its_place() {
        let error = ConnectionString::parse(&format!("HostName=h;DeviceId=d;{B64}")).unwrap_err();
        let expected = ConnectionStringError::Unknown {
            ordinal: 3,
            name: None,
        };
        assert_eq!(error, expected);
        assert!(
            error
                .to_string()
                .starts_with("part 3 of the connection string is unknown")
        );
    }
}
