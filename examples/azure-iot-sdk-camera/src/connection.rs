//! The device's connection string.
//!
//! The crate reads one itself, but knows no `GatewayHostName`.

use std::fs;
use std::path::Path;

use anyhow::Context;

/// Where to connect, and as whom.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Connection {
    /// Name of the IoT Hub: the audience of the token.
    pub(crate) hub: String,
    /// Name that is dialled and that the certificate must carry: the gateway, or the hub.
    pub(crate) dial: String,
    pub(crate) device: String,
    /// Base64.
    pub(crate) key: String,
}

impl Connection {
    /// Reads the file that holds it.
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let text =
            fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        Self::parse(text.trim()).with_context(|| format!("in {}", file.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let part = |name: &str| {
            text.split(';')
                .filter_map(|part| part.split_once('='))
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.to_owned())
        };
        let needed = |name| part(name).with_context(|| format!("{name} is missing"));
        let hub = needed("HostName")?;
        Ok(Self {
            dial: part("GatewayHostName").unwrap_or_else(|| hub.clone()),
            hub,
            device: needed("DeviceId")?,
            key: needed("SharedAccessKey")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gateway_is_dialled_and_padding_of_the_key_is_kept() {
        let text = "HostName=hub;GatewayHostName=box;DeviceId=cam;SharedAccessKey=a2V5cw==";
        let connection = Connection::parse(text).unwrap();
        assert_eq!((&*connection.hub, &*connection.dial), ("hub", "box"));
        assert_eq!((&*connection.device, &*connection.key), ("cam", "a2V5cw=="));
        let without = Connection::parse("HostName=hub;DeviceId=c;SharedAccessKey=aw==");
        assert_eq!(without.unwrap().dial, "hub");
        let error = Connection::parse("HostName=hub;DeviceId=c").unwrap_err();
        assert_eq!(error.to_string(), "SharedAccessKey is missing");
    }
}
