//! How edgeHub is reached, and as whom: asked for until it is known.

use std::time::Duration;

use anyhow::{Context as _, bail};
use edge_client::ClientConfig;
use tracing::warn;

use super::unfit;
use crate::settings::{Connection, Settings};
use crate::twin;

/// What the client calls itself in its CONNECT.
const PRODUCT: &str = concat!("fruit-counter/", env!("CARGO_PKG_VERSION"));

/// First and longest pause between attempts to reach the workload API at start.
const WORKLOAD_PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Asks the workload API until it answers: at boot the module can be up first.
pub(super) async fn client_config(
    settings: &Settings,
    connection: &Connection,
) -> anyhow::Result<ClientConfig> {
    let mut config = match connection {
        Connection::Standalone => bail!("there is no edgeHub to connect to"),
        Connection::Development {
            connection_string,
            ca_file,
        } => {
            let doing = || {
                unfit(format!(
                    "reading EdgeModuleCACertificateFile {}",
                    ca_file.display()
                ))
            };
            let roots = std::fs::read(ca_file).with_context(doing)?;
            ClientConfig::from_connection_string(connection_string, &roots, PRODUCT)
                .with_context(doing)?
        }
        Connection::Edge(environment) => {
            let mut pause = WORKLOAD_PAUSES.0;
            loop {
                match ClientConfig::from_edge_environment(environment, PRODUCT).await {
                    Ok(config) => break config,
                    Err(error) if !error.is_retryable() => {
                        return Err(error).context("setting up the connection to edgeHub");
                    }
                    Err(error) => {
                        let why = crate::error_chain(&error);
                        warn!(
                            why,
                            pause_s = pause.as_secs(),
                            "the connection cannot be set up yet"
                        );
                    }
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(WORKLOAD_PAUSES.1);
            }
        }
    };
    config.port = settings.edgehub_port;
    config.tls12_only = settings.tls12_only;
    config.receives_inputs = true;
    config.model_id = Some(twin::MODEL_ID.to_owned());
    Ok(config)
}
