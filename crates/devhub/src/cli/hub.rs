//! The hub half of the command.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use devhub::ca::{self, Authority, CA_FILE, CaError, ServerCredentials, TlsFiles};
use devhub::control::{self, Certificate, Certifier, ControlHandle, ControlParts, SOCKET_FILE};
use devhub::hub::{Checkpoint, Habits, Settings};
use devhub::journal::Journal;
use devhub::server::{self, HubHandle, HubParts};
use devhub::state::{Lock, PUBLIC, StateDir};
use devhub::store::{DiskStore, MemoryStore, Store};
use devhub::upstream::{Feed, FileSink, StdoutSink, UpstreamSink};

use super::agent::check_module;
use super::args::{HubOptions, Queues};
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
    control: ControlHandle,
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
        self.control.stop().await;
    }
}

/// Starts a hub; `restart` is told when the control socket asks for one, where that can be.
pub(crate) async fn start(
    ground: &Ground,
    options: &HubOptions,
    restart: Option<Arc<Notify>>,
) -> anyhow::Result<RunningHub> {
    let state = &ground.state;
    let claim = state.claim("hub")?;
    // What a killed hub left behind would mislead those who wait for this one.
    state.remove(STATUS_FILE);
    let hosts = ground.identities.hosts();
    let habits = habits(&options.habits)?;
    let tls_files = match (&options.tls_cert, &options.tls_key, &ground.tls_ca) {
        (Some(certificate), Some(key), Some(ca)) => Some(TlsFiles {
            certificate: certificate.clone(),
            key: key.clone(),
            ca: ca.clone(),
        }),
        _ => None,
    };
    let certifier = certifier(state.clone(), hosts.gateway.clone(), tls_files);
    let credentials = certifier(Certificate::Right)?;
    let store: Box<dyn Store> = match options.queues {
        Queues::Disk => {
            let store = DiskStore::open(&state.path("hub"))?;
            Box::new(match habits.checkpoint {
                Checkpoint::Each => store,
                Checkpoint::Batch => store.with_batched_checkpoints(),
            })
        }
        Queues::Memory => Box::new(MemoryStore::new()),
    };
    let (feed, feed_sink) = Feed::new();
    let mut upstream = upstream(options.upstream.as_deref())?;
    // Last: who follows sees what was written elsewhere, too.
    upstream.push(Box::new(feed_sink));
    let journal = options.journal.as_deref().map(|path| {
        Journal::open(path).with_context(|| format!("cannot open the journal {}", path.display()))
    });
    let journal = journal.transpose()?;
    let listener = bind(state, options.listen).await?;
    let handle = server::start(
        listener,
        HubParts {
            settings: Settings {
                ack_timeout: options.ack_timeout,
                habits,
                ..Settings::default()
            },
            identities: ground.identities.clone(),
            routing: ground.deployment.routing(&hosts.edge_device),
            store,
            desired: desired(ground, &options.desired)?,
            upstream,
            journal,
            credentials,
        },
    )?;
    let control = control::serve(
        &state.path(SOCKET_FILE),
        ControlParts {
            hub: handle.remote().clone(),
            identities: ground.identities.clone(),
            feed,
            certifier,
            restart,
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
        control,
        state: state.clone(),
        _claim: claim,
    })
}

fn habits(choices: &[String]) -> anyhow::Result<Habits> {
    let mut habits = Habits::default();
    for text in choices {
        let Some((name, value)) = text.split_once('=') else {
            bail!("--habit {text}: expected NAME=VALUE");
        };
        let chosen = habits.choose(name, value);
        chosen.with_context(|| format!("--habit {text}"))?;
    }
    Ok(habits)
}

/// Desired properties of the deployment, with those of the command line over them.
fn desired(ground: &Ground, more: &[String]) -> anyhow::Result<BTreeMap<String, Value>> {
    let mut desired = ground.deployment.desired().clone();
    for text in more {
        let parts = text.split_once(':').and_then(|(name, pair)| {
            let (key, value) = pair.split_once('=')?;
            Some((name, key, value))
        });
        let Some((name, key, value)) = parts else {
            bail!("--desired {text}: expected NAME:KEY=VALUE");
        };
        check_module(name, ground.deployment.modules())
            .with_context(|| format!("--desired {text}"))?;
        let value = serde_json::from_str(value).unwrap_or_else(|_text| Value::from(value));
        let twin = desired
            .entry(name.to_owned())
            .or_insert_with(|| Value::Object(Map::new()));
        match twin.as_object_mut() {
            Some(twin) => twin.insert(key.to_owned(), value),
            None => bail!("--desired {text}: the twin of the deployment is no object"),
        };
    }
    Ok(desired)
}

/// Makes the hub's own certificate, or a wrong one on demand.
fn certifier(state: StateDir, gateway: String, files: Option<TlsFiles>) -> Box<Certifier> {
    Box::new(move |which| -> Result<ServerCredentials, CaError> {
        match (which, &files) {
            (Certificate::Right, Some(files)) => ca::given(&state, files),
            (Certificate::Right, None) => Authority::load(&state)?.issue_server(&gateway),
            // Under a root of somebody else's, both are wrong; the name is what tells.
            (Certificate::WrongName, Some(_)) => Authority::generate()?.issue_wrong_name(),
            (Certificate::WrongName, None) => Authority::load(&state)?.issue_wrong_name(),
            (Certificate::WrongRoot, _) => Authority::generate()?.issue_server(&gateway),
        }
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

/// Connection strings, for people to copy. On a terminal only: elsewhere they would end up in a log,
/// and scripts read identities.json.
fn print_identities(ground: &Ground, ca: &str) {
    eprintln!("Clients trust {ca}");
    if std::io::stderr().is_terminal() {
        for id in ground.identities.ids() {
            if let Some(text) = ground.identities.connection_string(id) {
                eprintln!("  {id}: {text}");
            }
        }
    }
    eprintln!(
        "Connection strings and more stand in {}",
        ground.state.path("identities.json").display()
    );
}
