//! The handle on a running hub: what tests, the control socket and the command ask and tell it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::{Map, Value};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::StartError;
use super::event::Event;
use crate::ca::ServerCredentials;
use crate::clock::Now;
use crate::hub::{
    Counters, DesiredError, Fault, Faults, Hub, MethodCall, MethodError, MethodOutcome,
};
use crate::identity::IdentityId;
use crate::store::QueueId;
use crate::twin::Twin;

/// A running hub. Dropping it leaves the hub running until the runtime ends; call
/// [`HubHandle::stop`].
#[derive(Debug)]
pub struct HubHandle {
    remote: HubRemote,
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// The way to ask a running hub and to tell it things. Clones share it.
#[derive(Debug, Clone)]
pub struct HubRemote {
    events: mpsc::Sender<Event>,
}

/// The hub's task has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the hub has stopped")]
pub struct Stopped;

/// Why a hub did not do what it was told.
#[derive(Debug, Error)]
pub enum RemoteError {
    /// It has stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The change of desired properties cannot be.
    #[error(transparent)]
    Desired(#[from] DesiredError),
    /// The method call cannot be.
    #[error(transparent)]
    Method(#[from] MethodError),
    /// The certificate cannot be presented.
    #[error(transparent)]
    Certificate(#[from] StartError),
}

impl HubHandle {
    pub(super) fn new(
        address: SocketAddr,
        events: mpsc::Sender<Event>,
        stop: CancellationToken,
        task: JoinHandle<()>,
    ) -> Self {
        Self {
            remote: HubRemote { events },
            address,
            stop,
            task,
        }
    }

    /// The address it listens on, with the port that was bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The way to ask it things.
    pub fn remote(&self) -> &HubRemote {
        &self.remote
    }

    /// Closes the listener and every connection, and waits for the hub's end.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the hub's task failed");
        }
    }
}

impl HubRemote {
    /// What it has counted.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn counters(&self) -> Result<Counters, Stopped> {
        self.ask(|hub, _| hub.counters().clone()).await
    }

    /// Its queues and how many messages each holds.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn queues(&self) -> Result<Vec<(QueueId, usize)>, Stopped> {
        self.ask(|hub, _| hub.queues()).await
    }

    /// Who is connected.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn connected(&self) -> Result<Vec<IdentityId>, Stopped> {
        self.ask(|hub, _| hub.connected()).await
    }

    /// The models that those have announced; see [`Hub::models`].
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn models(&self) -> Result<BTreeMap<IdentityId, String>, Stopped> {
        self.ask(|hub, _| hub.models()).await
    }

    /// The twin of an identity as a GET would answer it; `None` for an unknown one.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn twin(&self, id: IdentityId) -> Result<Option<Value>, Stopped> {
        self.ask(move |hub, _| hub.twin(&id).map(Twin::document))
            .await
    }

    /// Changes desired properties; see [`Hub::patch_desired`].
    ///
    /// # Errors
    /// [`RemoteError::Desired`], [`RemoteError::Stopped`].
    pub async fn patch_desired(
        &self,
        id: IdentityId,
        patch: Map<String, Value>,
    ) -> Result<Value, RemoteError> {
        let patched = self.ask(move |hub, now| hub.patch_desired(&id, &patch, now));
        Ok(patched.await??)
    }

    /// Calls a direct method and waits for its end, which comes after the sum of both time-outs
    /// at the latest, and 3 s more when the client came while it was waited for.
    ///
    /// # Errors
    /// [`RemoteError::Method`], [`RemoteError::Stopped`].
    pub async fn invoke(&self, call: MethodCall) -> Result<MethodOutcome, RemoteError> {
        let (caller, outcome) = oneshot::channel();
        let sent = self.events.send(Event::Call(call, caller)).await;
        sent.map_err(|_gone| Stopped)?;
        Ok(outcome.await.map_err(|_gone| Stopped)??)
    }

    /// Begins, ends or does a fault; returns the number of connections it ended.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn inject(&self, fault: Fault) -> Result<usize, Stopped> {
        self.ask(move |hub, now| hub.inject(fault, now)).await
    }

    /// The lasting faults in force.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn faults(&self) -> Result<Faults, Stopped> {
        self.ask(|hub, _| hub.faults().clone()).await
    }

    /// Shows these certificates to who connects from now on.
    ///
    /// # Errors
    /// [`RemoteError::Certificate`], [`RemoteError::Stopped`].
    pub async fn present(&self, credentials: ServerCredentials) -> Result<(), RemoteError> {
        let (asker, presented) = oneshot::channel();
        let sent = self.events.send(Event::Present(credentials, asker)).await;
        sent.map_err(|_gone| Stopped)?;
        Ok(presented.await.map_err(|_gone| Stopped)??)
    }

    /// Runs something on the core, between two events.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Hub, Now) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let (answer, reply) = oneshot::channel();
        let event = Event::Ask(Box::new(move |hub, now| {
            // An asker that is gone needs no answer.
            let _gone = answer.send(question(hub, now));
        }));
        self.events.send(event).await.map_err(|_gone| Stopped)?;
        reply.await.map_err(|_gone| Stopped)
    }
}
