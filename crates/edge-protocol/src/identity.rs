//! Who speaks: a module of an edge device, or a leaf device, and the names that MQTT
//! and SAS derive from it. Never holds a key.

use thiserror::Error;

use crate::percent;

/// The `api-version` we put into the MQTT username. edgeHub asks for one that is not
/// blank and ignores its value; this one is what Microsoft's Node SDK sends.
const API_VERSION: &str = "2021-04-12";

/// A module (`module_id` present) or a leaf device (absent) of one IoT hub.
///
/// Ids stand raw in MQTT topics, so they are checked once, here, for what a topic
/// level cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    hub_host: String,
    device_id: String,
    module_id: Option<String>,
}

impl Identity {
    /// Checks the parts and makes an identity of them. `module_id` is `None` for a
    /// leaf device.
    ///
    /// # Errors
    ///
    /// [`IdentityError`] names the part that is empty or holds a character that a
    /// topic level cannot carry.
    pub fn new(
        hub_host: impl Into<String>,
        device_id: impl Into<String>,
        module_id: Option<String>,
    ) -> Result<Self, IdentityError> {
        let identity = Identity {
            hub_host: hub_host.into(),
            device_id: device_id.into(),
            module_id,
        };
        check("IoT hub host name", &identity.hub_host)?;
        check("device id", &identity.device_id)?;
        if let Some(module_id) = &identity.module_id {
            check("module id", module_id)?;
        }
        Ok(identity)
    }

    /// Host name of the IoT hub in the cloud, such as `hub1.azure-devices.net`. It is
    /// part of the SAS audience even when edgeHub is who we talk to.
    #[must_use]
    pub fn hub_host(&self) -> &str {
        &self.hub_host
    }

    /// Id of the edge device (for a module) or of the leaf device itself.
    #[must_use]
    pub fn device_id(&self) -> &str {
        &self.device_id
    }

    /// Id of the module; `None` for a leaf device.
    #[must_use]
    pub fn module_id(&self) -> Option<&str> {
        self.module_id.as_deref()
    }

    /// MQTT client id: `{device}/{module}`, or `{device}` for a leaf device. edgeHub
    /// answers CONNACK 5 when it differs from the identity in the username.
    #[must_use]
    pub fn client_id(&self) -> String {
        match &self.module_id {
            Some(module_id) => format!("{}/{module_id}", self.device_id),
            None => self.device_id.clone(),
        }
    }

    /// MQTT username: `{hub}/{client id}/?api-version=…&DeviceClientType={product}`, and
    /// `&model-id={model_id}` where there is one.
    ///
    /// `product` is free text that names the client software, `model_id` the DTMI of the
    /// IoT Plug and Play model that it implements; both are percent-encoded here.
    #[must_use]
    pub fn username(&self, product: &str, model_id: Option<&str>) -> String {
        let mut name = format!(
            "{}/{}/?api-version={API_VERSION}&DeviceClientType={}",
            self.hub_host,
            self.client_id(),
            percent::encode(product)
        );
        if let Some(model_id) = model_id {
            name.push_str("&model-id=");
            name.push_str(&percent::encode(model_id));
        }
        name
    }

    /// The SAS audience before encoding: `{hub}/devices/{device}[/modules/{module}]`.
    #[must_use]
    pub fn resource_uri(&self) -> String {
        match &self.module_id {
            Some(module_id) => {
                format!(
                    "{}/devices/{}/modules/{module_id}",
                    self.hub_host, self.device_id
                )
            }
            None => format!("{}/devices/{}", self.hub_host, self.device_id),
        }
    }
}

/// Why a set of names is not an identity.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// A part is empty.
    #[error("the {part} is empty")]
    Empty {
        /// Which part.
        part: &'static str,
    },
    /// A part holds a character that is special in MQTT topics or SAS audiences.
    #[error(
        "the {part} {value:?} holds {character:?}, expected none of / + # or control characters"
    )]
    IllegalCharacter {
        /// Which part.
        part: &'static str,
        /// The whole value seen.
        value: String,
        /// The first character that is not allowed.
        character: char,
    },
}

fn check(part: &'static str, value: &str) -> Result<(), IdentityError> {
    if value.is_empty() {
        return Err(IdentityError::Empty { part });
    }
    match value
        .chars()
        .find(|c| matches!(c, '/' | '+' | '#') || c.is_control())
    {
        Some(character) => Err(IdentityError::IllegalCharacter {
            part,
            value: value.to_owned(),
            character,
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module() -> Identity {
        Identity::new(
            "hub1.azure-devices.net",
            "edge-dev",
            Some("ripeness".into()),
        )
        .unwrap()
    }

    #[test]
    fn module_names_carry_device_and_module() {
        let id = module();
        assert_eq!(id.client_id(), "edge-dev/ripeness");
        assert_eq!(
            id.username("fruit-counter/0.1 (x)", None),
            "hub1.azure-devices.net/edge-dev/ripeness/?api-version=2021-04-12\
             &DeviceClientType=fruit-counter%2F0.1%20%28x%29"
        );
        assert_eq!(
            id.resource_uri(),
            "hub1.azure-devices.net/devices/edge-dev/modules/ripeness"
        );
    }

    #[test]
    fn a_model_id_is_announced_percent_encoded() {
        let name = module().username("p", Some("dtmi:orchard:Counter;1"));
        let expected = "&DeviceClientType=p&model-id=dtmi%3Aorchard%3ACounter%3B1";
        assert!(name.ends_with(expected), "{name}");
    }

    #[test]
    fn leaf_names_stop_at_the_device() {
        let id = Identity::new("hub1.azure-devices.net", "cam1", None).unwrap();
        assert_eq!(id.client_id(), "cam1");
        assert!(
            id.username("p", None)
                .starts_with("hub1.azure-devices.net/cam1/?api-version=")
        );
        assert_eq!(id.resource_uri(), "hub1.azure-devices.net/devices/cam1");
    }

    #[test]
    fn ids_that_would_break_a_topic_are_refused_by_name() {
        let refused = |device: &str, module: &str| {
            Identity::new("h", device, Some(module.to_owned())).unwrap_err()
        };
        assert_eq!(refused("", "m"), IdentityError::Empty { part: "device id" });
        for (module, character) in [("a/b", '/'), ("a+", '+'), ("#", '#'), ("a\0", '\0')] {
            let expected = IdentityError::IllegalCharacter {
                part: "module id",
                value: module.to_owned(),
                character,
            };
            assert_eq!(refused("d", module), expected);
        }
    }
}
