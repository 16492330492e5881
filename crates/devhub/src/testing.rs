//! A hub inside a test: in this process, on port 0, with queues in memory unless told otherwise.
//!
//! ```no_run
//! # async fn test() -> Result<(), devhub::testing::TestHubError> {
//! use std::time::Duration;
//!
//! let mut hub = devhub::testing::TestHub::builder()
//!     .route("FROM /messages/* WHERE NOT IS_DEFINED($connectionModuleId) \
//!             INTO BrokeredEndpoint(\"/modules/FruitCounter/inputs/images\")")
//!     .route("FROM /messages/modules/FruitCounter/outputs/counts INTO $upstream")
//!     .module("FruitCounter")
//!     .device("cam-01")
//!     .start()
//!     .await?;
//! let (address, trust) = (hub.address(), hub.ca_pem());
//! let camera = hub.connection_string("cam-01");
//! // … drive the client under test …
//! let report = hub.upstream().next(Duration::from_secs(5)).await;
//! hub.kill_connections().await;
//! hub.stop().await;
//! # Ok(()) }
//! ```

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use routes::{RouteSet, RouteSetError, RouteSpec};
use serde_json::Value;
use thiserror::Error;
use tokio::net::TcpListener;

use crate::ca::{Authority, CaError};
use crate::hub::{Counters, Fault, Settings};
use crate::identities::{Hosts, Identities, IdentitiesError, Wanted};
use crate::identity::IdentityId;
use crate::routing::Routing;
use crate::server::{self, HubHandle, HubParts, HubRemote, StartError};
use crate::store::{MemoryStore, QueueId, Store};
use crate::unix_socket::SocketError;
use crate::upstream::{self, UpstreamReceiver};
use crate::workload::{Workload, WorkloadHandle};

/// The IoT Hub that test hubs pretend to belong to.
pub const HUB_HOST: &str = "devhub.azure-devices.net";
/// The edge device of test hubs.
pub const EDGE_DEVICE: &str = "edge-dev";
/// The name their certificate is made for.
pub const GATEWAY_HOST: &str = "localhost";

/// Why a test hub does not start.
#[derive(Debug, Error)]
pub enum TestHubError {
    /// A route.
    #[error(transparent)]
    Routes(#[from] RouteSetError),
    /// An identity.
    #[error(transparent)]
    Identities(#[from] IdentitiesError),
    /// The certificates.
    #[error(transparent)]
    Ca(#[from] CaError),
    /// The hub itself.
    #[error(transparent)]
    Start(#[from] StartError),
    /// No port.
    #[error("no port on 127.0.0.1 can be bound")]
    Bind(#[source] std::io::Error),
}

/// What a test hub is made of. Defaults: no route, no identity but the edge device, time-outs of
/// [`Settings::default`], nothing ever expires.
#[derive(Default)]
pub struct TestHubBuilder {
    routes: Vec<RouteSpec>,
    wanted: Wanted,
    desired: BTreeMap<String, Value>,
    settings: Settings,
    time_to_live: Option<Duration>,
    store: Option<Box<dyn Store>>,
    identities: Option<Identities>,
    address: Option<SocketAddr>,
}

impl TestHubBuilder {
    /// Adds a route.
    #[must_use]
    pub fn route(self, text: &str) -> Self {
        self.route_with(RouteSpec::new(text))
    }

    /// Adds a route with a priority or a time to live of its own.
    #[must_use]
    pub fn route_with(mut self, route: RouteSpec) -> Self {
        self.routes.push(route);
        self
    }

    /// Makes a leaf device known, with a key of its own making.
    #[must_use]
    pub fn device(mut self, id: &str) -> Self {
        self.wanted.devices.push((id.to_owned(), None));
        self
    }

    /// Makes a module of the edge device known.
    #[must_use]
    pub fn module(mut self, name: &str) -> Self {
        self.wanted.modules.push(name.to_owned());
        self
    }

    /// Sets a module's desired properties.
    #[must_use]
    pub fn desired(mut self, module: &str, desired: Value) -> Self {
        self.desired.insert(module.to_owned(), desired);
        self
    }

    /// Sets how long a module may take to acknowledge.
    #[must_use]
    pub fn ack_timeout(mut self, timeout: Duration) -> Self {
        self.settings.ack_timeout = timeout;
        self
    }

    /// Sets time-outs, limits and habits, all at once.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Sets the hub's own time to live.
    #[must_use]
    pub fn time_to_live(mut self, time_to_live: Duration) -> Self {
        self.time_to_live = Some(time_to_live);
        self
    }

    /// Keeps queues in another store, for example a [`crate::store::DiskStore`].
    #[must_use]
    pub fn store(mut self, store: Box<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// Takes over the identities of an earlier hub, keys included, so that its clients can come
    /// back. Give the earlier hub's address too.
    #[must_use]
    pub fn identities_of(mut self, earlier: &TestHub) -> Self {
        self.identities = Some(earlier.identities.clone());
        self
    }

    /// Listens there in place of a free port of 127.0.0.1.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// Starts the hub.
    ///
    /// # Errors
    /// [`TestHubError`].
    pub async fn start(self) -> Result<TestHub, TestHubError> {
        self.start_under(Authority::generate()?).await
    }

    /// Starts the hub with certificates of a given authority, for example an earlier hub's.
    ///
    /// # Errors
    /// [`TestHubError`].
    pub async fn start_under(self, authority: Authority) -> Result<TestHub, TestHubError> {
        let hosts = Hosts {
            hub: HUB_HOST.to_owned(),
            gateway: GATEWAY_HOST.to_owned(),
            edge_device: EDGE_DEVICE.to_owned(),
        };
        let identities = match self.identities {
            Some(identities) => identities,
            None => Identities::generate(hosts, &self.wanted, "1")?,
        };
        let named = self.routes.into_iter().enumerate();
        let routes = RouteSet::parse(named.map(|(index, route)| (format!("r{index}"), route)))?;
        let (sink, upstream) = upstream::channel();
        let address = self
            .address
            .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)));
        let listener = TcpListener::bind(address)
            .await
            .map_err(TestHubError::Bind)?;
        let handle = server::start(
            listener,
            HubParts {
                journal: None,
                settings: self.settings,
                identities: identities.clone(),
                routing: Routing::new(routes, self.time_to_live, EDGE_DEVICE),
                store: self.store.unwrap_or_else(|| Box::new(MemoryStore::new())),
                desired: self.desired,
                upstream: vec![Box::new(sink)],
                credentials: authority.issue_server(GATEWAY_HOST)?,
            },
        )?;
        Ok(TestHub {
            handle,
            identities,
            authority,
            upstream,
        })
    }
}

/// A running hub. Stop it, or let the runtime end.
pub struct TestHub {
    handle: HubHandle,
    identities: Identities,
    authority: Authority,
    upstream: UpstreamReceiver,
}

impl TestHub {
    /// Begins a hub.
    pub fn builder() -> TestHubBuilder {
        TestHubBuilder::default()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.handle.address()
    }

    /// The name its certificate is for; 127.0.0.1 is in it too.
    pub fn host(&self) -> &'static str {
        GATEWAY_HOST
    }

    /// What clients have to trust.
    pub fn ca_pem(&self) -> &str {
        self.authority.certificate_pem()
    }

    /// What has signed its certificate.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// A leaf device's connection string.
    ///
    /// # Panics
    /// When the device was not named to the builder.
    pub fn connection_string(&self, device: &str) -> String {
        self.string_of(&IdentityId::device(device))
    }

    /// A module's connection string.
    ///
    /// # Panics
    /// When the module was not named to the builder.
    pub fn module_connection_string(&self, module: &str) -> String {
        self.string_of(&self.identities.module_id(module))
    }

    #[expect(
        clippy::panic,
        reason = "a test that asks for an identity it did not make is wrong"
    )]
    fn string_of(&self, id: &IdentityId) -> String {
        match self.identities.connection_string(id) {
            Some(text) => text,
            None => panic!("`{id}` is not known to this hub; name it to the builder"),
        }
    }

    /// The way to ask it and to tell it things: twins, methods, faults.
    pub fn remote(&self) -> &HubRemote {
        self.handle.remote()
    }

    /// Its identities, with their keys.
    pub fn identities(&self) -> &Identities {
        &self.identities
    }

    /// Serves its workload API on a unix socket.
    ///
    /// # Errors
    /// [`SocketError`].
    pub fn serve_workload(&self, path: &Path) -> Result<WorkloadHandle, SocketError> {
        Workload::new(self.identities.clone(), self.ca_pem()).listen(path)
    }

    /// What goes upstream.
    pub fn upstream(&mut self) -> &mut UpstreamReceiver {
        &mut self.upstream
    }

    /// What it has counted.
    pub async fn counters(&self) -> Counters {
        self.remote().counters().await.unwrap_or_default()
    }

    /// Its queues and how many messages each holds.
    pub async fn queues(&self) -> Vec<(QueueId, usize)> {
        self.remote().queues().await.unwrap_or_default()
    }

    /// Who is connected.
    pub async fn connected(&self) -> Vec<IdentityId> {
        self.remote().connected().await.unwrap_or_default()
    }

    /// A module's twin, as a GET would answer it.
    pub async fn twin(&self, module: &str) -> Option<Value> {
        self.remote()
            .twin(self.identities.module_id(module))
            .await
            .ok()
            .flatten()
    }

    /// Cuts every connection without a word.
    pub async fn kill_connections(&self) {
        let _stopped = self.remote().inject(Fault::DropConnections(None)).await;
    }

    /// Waits until `reached` is true of the counters; `false` when `patience` has passed. It asks
    /// every 5 ms, since counters have no other way to tell.
    pub async fn counters_reach(
        &self,
        patience: Duration,
        reached: impl Fn(&Counters) -> bool,
    ) -> bool {
        let waited = tokio::time::timeout(patience, async {
            while !reached(&self.counters().await) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        waited.await.is_ok()
    }

    /// Stops it and hands back its authority and what had gone upstream.
    pub async fn stop(self) -> (Authority, UpstreamReceiver) {
        self.handle.stop().await;
        (self.authority, self.upstream)
    }
}
