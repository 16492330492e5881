//! Who sends, and to which gateway: a leaf device by its connection string, or a module by what
//! edgeAgent told it.

use anyhow::{Context as _, bail};
use clap::Args;
use edge_client::{ClientConfig, ConnectionString};
use std::fs;
use std::path::{Path, PathBuf};

/// The options that say it.
#[derive(Debug, Args)]
pub(super) struct Who {
    /// Who the camera is and where the gateway is:
    /// HostName=..;GatewayHostName=..;DeviceId=..;SharedAccessKey=..
    /// Other users of this machine can see it; better use the next option
    #[arg(long, value_name = "TEXT")]
    #[arg(required_unless_present_any = ["connection_string_file", "as_module"])]
    #[arg(conflicts_with_all = ["connection_string_file", "as_module"])]
    connection_string: Option<String>,
    /// File with the connection string
    #[arg(long, value_name = "FILE", conflicts_with = "as_module")]
    connection_string_file: Option<PathBuf>,
    /// Send as a module of the box, on this output. Who it is, where edgeHub is and whom to trust
    /// comes from what edgeAgent gives each module (`IOTEDGE_…` and the workload API)
    #[arg(long, value_name = "OUTPUT")]
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    as_module: Option<String>,
    /// PEM file with the gateway's root certificates; the only ones that are trusted
    #[arg(long, value_name = "FILE")]
    #[arg(required_unless_present = "as_module", conflicts_with = "as_module")]
    ca: Option<PathBuf>,
    /// MQTT over TLS port of the gateway
    #[arg(long, default_value_t = 8883)]
    port: u16,
}

impl Who {
    /// The output that a module sends on.
    pub(super) fn output(&self) -> Option<&str> {
        self.as_module.as_deref()
    }

    /// How to connect. As a module it asks the workload API, with the client's retries.
    pub(super) async fn config(&self, product: &str) -> anyhow::Result<ClientConfig> {
        let mut config = match (self.as_module.is_some(), &self.ca) {
            (true, _) => ClientConfig::from_environment(product)
                .await
                .context("this is not a module that edgeAgent started")?,
            (false, Some(ca)) => self.device(ca, product)?,
            (false, None) => bail!("no certificates"),
        };
        config.port = self.port;
        // A camera only sends; nothing else is asked for.
        config.receives_inputs = false;
        config.follows_twin = false;
        config.takes_methods = false;
        Ok(config)
    }

    fn device(&self, ca: &Path, product: &str) -> anyhow::Result<ClientConfig> {
        let text = match (&self.connection_string, &self.connection_string_file) {
            (Some(text), _) => text.clone(),
            (None, Some(path)) => fs::read_to_string(path)
                .with_context(|| format!("connection string {} cannot be read", path.display()))?,
            (None, None) => bail!("no connection string"),
        };
        let parsed = ConnectionString::parse(text.trim()).context("wrong connection string")?;
        if let Some(module) = parsed.identity().module_id() {
            bail!(
                "the connection string is that of module {module}; a camera is a device, or a \
                 module that edgeAgent started (--as-module)"
            );
        }
        let certificates = fs::read(ca)
            .with_context(|| format!("certificates {} cannot be read", ca.display()))?;
        ClientConfig::from_connection_string(&parsed, &certificates, product)
            .with_context(|| format!("cannot connect with {}", ca.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        who: Who,
    }

    #[track_caller]
    fn check(arguments: &[&str], accepted: bool) {
        let line = std::iter::once("camera").chain(arguments.iter().copied());
        let parsed = Line::try_parse_from(line);
        assert_eq!(parsed.is_ok(), accepted, "{arguments:?}: {parsed:?}");
    }

    #[test]
    fn a_camera_is_a_device_with_certificates_or_a_module_without_any() {
        let file = ["--connection-string-file", "c.txt"];
        check(&[&file[..], &["--ca", "ca.pem"]].concat(), true);
        check(&["--connection-string", "c", "--ca", "ca.pem"], true);
        check(&["--as-module", "pictures"], true);
        check(&["--as-module", ""], false);
        check(&[], false);
        check(&["--ca", "ca.pem"], false);
        check(&file, false);
        check(&[&file[..], &["--as-module", "pictures"]].concat(), false);
        check(&["--as-module", "pictures", "--ca", "ca.pem"], false);
    }
}
