//! The hub's end of the control socket.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;

use super::{Certificate, FaultRequest, MAX_REQUEST, Reply, Request};
use crate::ca::{CaError, ServerCredentials};
use crate::hub::{Fault, MethodCall, MethodOutcome};
use crate::identities::Identities;
use crate::identity::IdentityId;
use crate::server::HubRemote;
use crate::unix_socket::{self, Manner, Served, SocketError};
use crate::upstream::{Feed, Seen};

/// Connections at the same time; more are closed without an answer.
const MAX_CONNECTIONS: usize = 32;
/// How long a stop waits for those who are still reading.
const STOP_GRACE: Duration = Duration::from_secs(1);
/// Bytes of a request that is too long that are read to their end, so that its answer arrives.
const MAX_DISCARDED: u64 = 64 * 1024 * 1024;
/// How long a reader may take to take a line.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a request may take to come.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// Makes the certificate that a fault asks for.
pub type Certifier = dyn Fn(Certificate) -> Result<ServerCredentials, CaError> + Send + Sync;

/// What the socket answers from.
pub struct ControlParts {
    /// The hub.
    pub hub: HubRemote,
    /// Who exists, to read names.
    pub identities: Identities,
    /// What goes upstream.
    pub feed: Feed,
    /// For [`FaultRequest::Certificate`].
    pub certifier: Box<Certifier>,
    /// Told when somebody asks for [`FaultRequest::Restart`]; `None` where the process has more to
    /// do than to be a hub.
    pub restart: Option<Arc<Notify>>,
}

/// A served control socket.
#[derive(Debug)]
pub struct ControlHandle(Served);

impl ControlHandle {
    /// Closes the socket and every connection, and removes the file.
    pub async fn stop(self) {
        self.0.stop().await;
    }
}

/// Serves a control socket at `path`, for this user only. Must be called within a tokio runtime.
///
/// # Errors
/// [`SocketError`].
pub fn serve(path: &Path, parts: ControlParts) -> Result<ControlHandle, SocketError> {
    let manner = Manner {
        name: "control",
        mode: 0o600,
        connections: MAX_CONNECTIONS,
        // Who follows sees the hub's last messages and its end.
        grace: STOP_GRACE,
    };
    let parts = Arc::new(parts);
    let served = unix_socket::serve(path, manner, move |stream| {
        let parts = Arc::clone(&parts);
        async move {
            if let Err(error) = converse(stream, &parts).await {
                tracing::debug!(%error, "control connection ended");
            }
        }
    })?;
    Ok(ControlHandle(served))
}

async fn converse(stream: UnixStream, parts: &ControlParts) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    let limit = u64::try_from(MAX_REQUEST).unwrap_or(u64::MAX);
    let mut limited = (&mut reader).take(limit);
    let read = tokio::time::timeout(READ_TIMEOUT, limited.read_until(b'\n', &mut line)).await;
    read.map_err(|_late| std::io::ErrorKind::TimedOut)??;
    let mut restarts = false;
    let reply = match serde_json::from_slice(&line) {
        Ok(Request::Upstream { follow }) => {
            return tell(reader, &mut writer, &parts.feed, follow).await;
        }
        Ok(request) => {
            restarts = matches!(request, Request::Fault(FaultRequest::Restart));
            match parts.answer(request).await {
                Ok(value) => Reply::Ok(value),
                Err(text) => Reply::Error(text),
            }
        }
        Err(_) if line.len() >= MAX_REQUEST => {
            Reply::Error(format!("a request has at most {MAX_REQUEST} bytes"))
        }
        Err(error) => Reply::Error(format!("not a request: {error}")),
    };
    let mut text = serde_json::to_string(&reply)?;
    text.push('\n');
    let told = write(&mut writer, text.as_bytes()).await;
    // Not before the answer is out, if it can get out: a restart cuts everything.
    if let (true, Some(restart)) = (restarts, &parts.restart) {
        restart.notify_one();
    }
    told?;
    if line.len() >= MAX_REQUEST {
        // A socket that is closed on unread bytes resets, and takes the answer along.
        let mut rest = reader.take(MAX_DISCARDED);
        let mut nowhere = tokio::io::sink();
        let discarding = tokio::io::copy(&mut rest, &mut nowhere);
        let _late = tokio::time::timeout(READ_TIMEOUT, discarding).await;
    }
    writer.shutdown().await
}

/// Passes on what goes upstream until the hub ends, the reader leaves, or, without `on`, the
/// remembered messages are through.
async fn tell(
    mut reader: BufReader<OwnedReadHalf>,
    writer: &mut OwnedWriteHalf,
    feed: &Feed,
    on: bool,
) -> std::io::Result<()> {
    let mut follower = feed.follow();
    let mut byte = [0; 1];
    loop {
        let seen = if on {
            tokio::select! {
                seen = follower.next() => seen,
                // It has nothing more to say, so this is its end.
                _ = reader.read(&mut byte) => None,
            }
        } else {
            follower.remembered().map(Seen::Message)
        };
        let line = match seen {
            Some(Seen::Message(text)) => format!("{{\"message\":{text}}}\n"),
            Some(Seen::Missed(count)) => format!("{{\"missed\":{count}}}\n"),
            None => break,
        };
        write(writer, line.as_bytes()).await?;
    }
    writer.shutdown().await
}

/// Writes, unless the reader has stopped reading.
async fn write(writer: &mut OwnedWriteHalf, bytes: &[u8]) -> std::io::Result<()> {
    let written = tokio::time::timeout(WRITE_TIMEOUT, writer.write_all(bytes)).await;
    written.map_err(|_late| std::io::ErrorKind::TimedOut)?
}

impl ControlParts {
    async fn answer(&self, request: Request) -> Result<Value, String> {
        let hub = &self.hub;
        match request {
            Request::Twin { of } => {
                let id = self.identity(&of)?;
                let twin = hub.twin(id).await.map_err(text)?;
                Ok(twin.unwrap_or_default())
            }
            Request::PatchDesired { of, patch } => {
                let id = self.identity(&of)?;
                let desired = hub.patch_desired(id, patch).await.map_err(text)?;
                Ok(json!({ "desired": desired }))
            }
            Request::Method {
                of,
                name,
                payload,
                response_timeout_ms,
                connect_timeout_ms,
            } => {
                let call = MethodCall {
                    target: self.identity(&of)?,
                    name,
                    payload,
                    response_timeout: Duration::from_millis(response_timeout_ms),
                    connect_timeout: Duration::from_millis(connect_timeout_ms),
                };
                match hub.invoke(call).await.map_err(text)? {
                    MethodOutcome::Answered { status, payload } => {
                        Ok(json!({ "status": status, "payload": payload }))
                    }
                    MethodOutcome::NotFound => Err(format!(
                        "404: {of} is not connected, or has not subscribed to methods"
                    )),
                    MethodOutcome::TimedOut => Err(format!(
                        "504: {of} did not answer within {} s",
                        Duration::from_millis(response_timeout_ms).as_secs_f64()
                    )),
                }
            }
            Request::Upstream { .. } => Err("upstream is answered by lines".to_owned()),
            Request::Queues => {
                let queues = hub.queues().await.map_err(text)?;
                let queues: Vec<_> = queues
                    .into_iter()
                    .map(|(queue, messages)| {
                        json!({
                            "endpoint": queue.endpoint.to_string(),
                            "priority": queue.priority,
                            "messages": messages,
                        })
                    })
                    .collect();
                Ok(Value::Array(queues))
            }
            Request::Status => {
                let connected = hub.connected().await.map_err(text)?;
                let connected: Vec<_> = connected.iter().map(IdentityId::to_string).collect();
                let models: Map<_, _> = hub
                    .models()
                    .await
                    .map_err(text)?
                    .into_iter()
                    .map(|(id, model)| (id.to_string(), model.into()))
                    .collect();
                let counters = hub.counters().await.map_err(text)?;
                let faults = hub.faults().await.map_err(text)?;
                Ok(json!({
                    "connected": connected,
                    "models": models,
                    "counters": counters,
                    "faults": faults,
                }))
            }
            Request::Fault(fault) => self.fault(fault).await,
        }
    }

    async fn fault(&self, fault: FaultRequest) -> Result<Value, String> {
        let client = |client: Option<String>| client.map(|of| self.identity(&of)).transpose();
        let fault = match fault {
            FaultRequest::DropConnections { client: of } => Fault::DropConnections(client(of)?),
            FaultRequest::ExpireTokens { client: of } => Fault::ExpireTokens(client(of)?),
            FaultRequest::Redeliver { messages } => Fault::Redeliver(messages),
            FaultRequest::Pubacks(pubacks) => Fault::Pubacks(pubacks),
            FaultRequest::Connects(connects) => Fault::Connects(connects),
            FaultRequest::Twins(twins) => Fault::Twins(twins),
            FaultRequest::Offline(offline) => Fault::Offline(offline),
            FaultRequest::FullQueues(full) => Fault::FullQueues(full),
            FaultRequest::Certificate(which) => {
                tracing::warn!(?which, "certificate on demand");
                let credentials = (self.certifier)(which).map_err(text)?;
                self.hub.present(credentials).await.map_err(text)?;
                return Ok(json!({ "connections": 0 }));
            }
            FaultRequest::Restart => {
                self.restart.as_ref().ok_or(
                    "this hub shares its process with an agent; only `devhub hub` can restart",
                )?;
                return Ok(json!({ "connections": 0 }));
            }
        };
        let ended = self.hub.inject(fault).await.map_err(text)?;
        Ok(json!({ "connections": ended }))
    }

    /// Reads a name: a module of the edge device, `DEVICE/MODULE`, or a device.
    fn identity(&self, name: &str) -> Result<IdentityId, String> {
        let candidates = [
            self.identities.module_id(name),
            match name.split_once('/') {
                Some((device, module)) => IdentityId::module(device, module),
                None => IdentityId::device(name),
            },
        ];
        let known = |id: &IdentityId| self.identities.identity(id).is_some();
        candidates.into_iter().find(known).ok_or_else(|| {
            let known: Vec<_> = self.identities.ids().map(IdentityId::to_string).collect();
            format!("`{name}` is unknown here; there are {}", known.join(", "))
        })
    }
}

/// An error with its causes, on one line.
fn text(error: impl std::error::Error + Send + Sync + 'static) -> String {
    format!("{:#}", anyhow::Error::new(error))
}
