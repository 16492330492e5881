//! The hub half of the command.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use devhub::ca::{self, Authority, CA_FILE, TlsFiles};
use devhub::hub::Settings;
use devhub::server::{self, HubHandle, HubParts};
use devhub::state::{Lock, PUBLIC, StateDir};
use devhub::store::DiskStore;
use devhub::upstream::{FileSink, StdoutSink, UpstreamSink};

use super::args::HubOptions;
use super::common::Ground;

/// Says where the hub listens, for as long as it does.
pub(crate) const STATUS_FILE: &str = "hub.json";
/// The port of the last run, which a restart with port 0 takes again.
const PORT_FILE: &str = "hub-port";

/// The content of [`STATUS_FILE`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HubStatus {
    pub(crate) pid: u32,
    pub(crate) listen: String,
    pub(crate) port: u16,
    pub(crate) host: String,
    pub(crate) hub_host: String,
    pub(crate) edge_device: String,
    pub(crate) ca: String,
}

/// A running hub and its claim on the state directory.
pub(crate) struct RunningHub {
    handle: HubHandle,
    state: StateDir,
    _claim: Lock,
}

impl RunningHub {
    pub(crate) async fn stop(self) {
        self.state.remove(STATUS_FILE);
        if let Ok(counters) = self.handle.remote().counters().await {
            let counters = serde_json::to_string(&counters).unwrap_or_default();
            tracing::info!(counters, "hub stopping");
        }
        self.handle.stop().await;
    }
}

pub(crate) async fn start(ground: &Ground, options: &HubOptions) -> anyhow::Result<RunningHub> {
    let state = &ground.state;
    let claim = state.claim("hub")?;
    // What a killed hub left behind would mislead those who wait for this one.
    state.remove(STATUS_FILE);
    let hosts = ground.identities.hosts();
    let credentials = match (&options.tls_cert, &options.tls_key, &ground.tls_ca) {
        (Some(certificate), Some(key), Some(ca)) => {
            let files = TlsFiles {
                certificate: certificate.clone(),
                key: key.clone(),
                ca: ca.clone(),
            };
            ca::given(state, &files)?
        }
        _ => Authority::load(state)?.issue_server(&hosts.gateway)?,
    };
    let listener = bind(state, options.listen).await?;
    let handle = server::start(
        listener,
        HubParts {
            settings: Settings {
                ack_timeout: options.ack_timeout,
                ..Settings::default()
            },
            identities: ground.identities.clone(),
            routing: ground.deployment.routing(&hosts.edge_device),
            store: Box::new(DiskStore::open(&state.path("hub"))?),
            desired: ground.deployment.desired().clone(),
            upstream: upstream(options.upstream.as_deref())?,
            credentials,
        },
    )?;
    let address = handle.address();
    let ca = state.path(CA_FILE).display().to_string();
    let status = HubStatus {
        pid: std::process::id(),
        listen: address.to_string(),
        port: address.port(),
        host: hosts.gateway.clone(),
        hub_host: hosts.hub.clone(),
        edge_device: hosts.edge_device.clone(),
        ca: ca.clone(),
    };
    state.write(PORT_FILE, address.port().to_string().as_bytes(), PUBLIC)?;
    state.write_json(STATUS_FILE, &status, PUBLIC)?;
    tracing::info!(%address, host = hosts.gateway, edge_device = hosts.edge_device, "hub is listening");
    print_identities(ground, &ca);
    Ok(RunningHub {
        handle,
        state: state.clone(),
        _claim: claim,
    })
}

async fn bind(state: &StateDir, wanted: SocketAddr) -> anyhow::Result<TcpListener> {
    if wanted.port() == 0
        && let Some(port) = state
            .read(PORT_FILE)?
            .and_then(|port| port.trim().parse().ok())
        && let Ok(listener) = TcpListener::bind(SocketAddr::new(wanted.ip(), port)).await
    {
        return Ok(listener);
    }
    TcpListener::bind(wanted).await.with_context(|| {
        format!("cannot listen on {wanted}; is another hub or broker running? --listen names another address")
    })
}

fn upstream(path: Option<&Path>) -> anyhow::Result<Vec<Box<dyn UpstreamSink>>> {
    match path {
        None => Ok(Vec::new()),
        Some(path) if path == Path::new("-") => Ok(vec![Box::new(StdoutSink)]),
        Some(path) => {
            let sink = FileSink::open(path)
                .with_context(|| format!("cannot open {} for upstream messages", path.display()))?;
            Ok(vec![Box::new(sink)])
        }
    }
}

/// Connection strings, for people to copy; scripts read identities.json.
fn print_identities(ground: &Ground, ca: &str) {
    eprintln!("Clients trust {ca}");
    for id in ground.identities.ids() {
        if let Some(text) = ground.identities.connection_string(id) {
            eprintln!("  {id}: {text}");
        }
    }
    eprintln!(
        "These and more stand in {}",
        ground.state.path("identities.json").display()
    );
}
