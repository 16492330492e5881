//! Shared access signatures: the MQTT password of modules and devices.
//!
//! A token is built in two steps, because a module does not hold its key: the workload
//! API signs for it. [`TokenRequest::to_sign`] gives the text, whoever holds the key
//! gives the digest, [`TokenRequest::into_token`] joins them. Keys and tokens never
//! show in `Debug`.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use thiserror::Error;

use crate::identity::Identity;
use crate::percent;

/// A token that is not signed yet: an audience and an expiry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    encoded_resource: String,
    expires_unix: u64,
}

impl TokenRequest {
    /// A token for `identity` that ends at `expires_unix`, in seconds since 1970 UTC.
    /// edgeHub grants five minutes of grace after it.
    #[must_use]
    pub fn new(identity: &Identity, expires_unix: u64) -> Self {
        TokenRequest {
            encoded_resource: percent::encode(&identity.resource_uri()),
            expires_unix,
        }
    }

    /// The bytes to sign with HMAC-SHA256: the *encoded* resource, a line feed, the
    /// expiry; nothing after it.
    #[must_use]
    pub fn to_sign(&self) -> String {
        format!("{}\n{}", self.encoded_resource, self.expires_unix)
    }

    /// The token, given the signature over [`TokenRequest::to_sign`] as base64 (the
    /// form in which the workload API answers).
    #[must_use]
    pub fn into_token(self, digest_base64: &str) -> SasToken {
        SasToken(format!(
            "SharedAccessSignature sr={}&sig={}&se={}",
            self.encoded_resource,
            percent::encode(digest_base64),
            self.expires_unix
        ))
    }
}

/// A signed token. `Debug` hides it; [`SasToken::expose`] is for the wire only.
#[derive(Clone, PartialEq, Eq)]
pub struct SasToken(String);

impl SasToken {
    /// The token as it goes into the password field of CONNECT. Never log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SasToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SasToken(…)")
    }
}

/// A symmetric key of an identity, for development connection strings and leaf devices.
/// `Debug` hides it.
#[derive(Clone)]
pub struct SharedKey(hmac::Key);

impl SharedKey {
    /// Decodes a key as IoT Hub prints it.
    ///
    /// # Errors
    ///
    /// [`KeyError`] when it is empty or not standard base64; the error does not show it.
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        let bytes = STANDARD
            .decode(text)
            .map_err(|source| KeyError::NotBase64 { source })?;
        if bytes.is_empty() {
            return Err(KeyError::Empty);
        }
        Ok(SharedKey(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// HMAC-SHA256 over `data`, as standard base64: what the workload API's `sign`
    /// answers.
    #[must_use]
    pub fn sign_base64(&self, data: &[u8]) -> String {
        STANDARD.encode(hmac::sign(&self.0, data))
    }

    /// Signs `request`.
    #[must_use]
    pub fn token(&self, request: TokenRequest) -> SasToken {
        let digest = self.sign_base64(request.to_sign().as_bytes());
        request.into_token(&digest)
    }
}

impl fmt::Debug for SharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedKey(…)")
    }
}

/// Why a text is not a shared key. Never carries the text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Nothing there.
    #[error("the shared access key is empty")]
    Empty,
    /// Not standard base64 with padding.
    #[error("the shared access key is not base64")]
    NotBase64 {
        /// Where decoding stopped.
        #[source]
        source: base64::DecodeError,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    const HOST: &str = "hub1.azure-devices.net";
    const EXPIRY: u64 = 1_893_456_000;

    fn request(device: &str, module: &str) -> TokenRequest {
        TokenRequest::new(
            &Identity::new(HOST, device, Some(module.into())).unwrap(),
            EXPIRY,
        )
    }

    #[test]
    fn checklist_12_the_vector_of_a_plain_module_is_met() {
        let request = request("edge-dev", "ripeness");
        assert_eq!(
            STANDARD.encode(request.to_sign()),
            "aHViMS5henVyZS1kZXZpY2VzLm5ldCUyRmRldmljZXMlMkZlZGdlLWRldiUyRm1vZHVsZXMlMkZyaXBlbmVzcwoxODkzNDU2MDAw"
        );
        let key = SharedKey::from_base64(KEY).unwrap();
        assert_eq!(
            key.sign_base64(request.to_sign().as_bytes()),
            "9yyPuqKI26EIxYWvmv+31mEkkaQgzC0YkNAEcII6DsU="
        );
        assert_eq!(
            key.token(request).expose(),
            "SharedAccessSignature sr=hub1.azure-devices.net%2Fdevices%2Fedge-dev%2Fmodules%2Fripeness\
             &sig=9yyPuqKI26EIxYWvmv%2B31mEkkaQgzC0YkNAEcII6DsU%3D&se=1893456000"
        );
    }

    #[test]
    fn checklist_12_the_vector_with_special_characters_is_encoded_once() {
        let key = SharedKey::from_base64(KEY).unwrap();
        assert_eq!(
            key.token(request("edge:01", "cam.1")).expose(),
            "SharedAccessSignature sr=hub1.azure-devices.net%2Fdevices%2Fedge%3A01%2Fmodules%2Fcam.1\
             &sig=YHMl1QyBAm%2BrX1fpc53LqjINOIRErMOeRWrSRigE1mA%3D&se=1893456000"
        );
    }

    #[test]
    fn a_leaf_token_has_no_modules_part() {
        let leaf = Identity::new(HOST, "cam1", None).unwrap();
        assert_eq!(
            TokenRequest::new(&leaf, 1).to_sign(),
            "hub1.azure-devices.net%2Fdevices%2Fcam1\n1"
        );
    }

    #[test]
    fn debug_shows_neither_key_nor_token() {
        let key = SharedKey::from_base64(KEY).unwrap();
        let token = key.token(request("d", "m"));
        let shown = format!("{key:?} {token:?}");
        assert!(!shown.contains("sig") && !shown.contains("MDEy"), "{shown}");
    }

    #[test]
    fn keys_that_are_not_base64_are_refused_without_showing_them() {
        assert_eq!(SharedKey::from_base64("").unwrap_err(), KeyError::Empty);
        let error = SharedKey::from_base64("s3cret key").unwrap_err();
        assert!(!format!("{error:?} {error}").contains("s3cret"));
    }
}
