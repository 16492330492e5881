//! Who may speak: ids of devices and modules, and the keys that prove them.
//!
//! Values only. The list of known identities lives in [`crate::identities`], the check of a token
//! in [`crate::sas`]. A key never appears in a log or in `Debug`.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use ring::rand::SecureRandom;
use thiserror::Error;

/// The id of a leaf device, or of a module on a device.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdentityId {
    device: String,
    module: Option<String>,
}

impl IdentityId {
    /// A device: a leaf, or the edge device itself.
    pub fn device(device: impl Into<String>) -> Self {
        Self {
            device: device.into(),
            module: None,
        }
    }

    /// A module of a device.
    pub fn module(device: impl Into<String>, module: impl Into<String>) -> Self {
        Self {
            device: device.into(),
            module: Some(module.into()),
        }
    }

    /// The device's id.
    pub fn device_id(&self) -> &str {
        &self.device
    }

    /// The module's id; `None` for a device.
    pub fn module_id(&self) -> Option<&str> {
        self.module.as_deref()
    }
}

/// The MQTT client id: `device` or `device/module`.
impl fmt::Display for IdentityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.module {
            None => f.write_str(&self.device),
            Some(module) => write!(f, "{}/{module}", self.device),
        }
    }
}

/// Why a text is not a key.
#[derive(Debug, Error)]
pub enum KeyError {
    /// Not base64 with padding.
    #[error("a shared access key is base64")]
    NotBase64(#[source] base64::DecodeError),
    /// No bytes in it.
    #[error("a shared access key has at least one byte")]
    Empty,
}

/// A symmetric key: the decoded bytes of a `SharedAccessKey`.
#[derive(Clone, PartialEq, Eq)]
pub struct SharedKey(Vec<u8>);

impl SharedKey {
    /// Length in bytes of a key that [`SharedKey::generate`] makes; IoT Hub's are as long.
    pub const GENERATED_BYTES: usize = 32;

    /// A fresh key.
    ///
    /// # Errors
    /// When the source of randomness fails.
    pub fn generate(random: &dyn SecureRandom) -> Result<Self, ring::error::Unspecified> {
        let mut bytes = vec![0; Self::GENERATED_BYTES];
        random.fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Reads the base64 form used in connection strings.
    ///
    /// # Errors
    /// [`KeyError`] when the text is not base64 or holds nothing.
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        let bytes = STANDARD.decode(text).map_err(KeyError::NotBase64)?;
        if bytes.is_empty() {
            Err(KeyError::Empty)
        } else {
            Ok(Self(bytes))
        }
    }

    /// The base64 form used in connection strings.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(&self.0)
    }

    /// HMAC-SHA256 over `data`: what the workload API's `sign` answers with.
    pub fn sign(&self, data: &[u8]) -> Vec<u8> {
        hmac::sign(&self.hmac(), data).as_ref().to_vec()
    }

    /// Whether `signature` is this key's HMAC-SHA256 over `data`; in constant time.
    pub fn verifies(&self, data: &[u8], signature: &[u8]) -> bool {
        hmac::verify(&self.hmac(), data, signature).is_ok()
    }

    fn hmac(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.0)
    }
}

impl fmt::Debug for SharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedKey({} bytes)", self.0.len())
    }
}
