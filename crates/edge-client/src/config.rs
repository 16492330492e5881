//! Where to connect, as whom, and whom to trust.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use edge_protocol::environment::EnvironmentError;
use edge_protocol::sas::{SasToken, SharedKey, TokenRequest};
use edge_protocol::session::Timings;
use edge_protocol::{ConnectionString, EdgeEnvironment, Identity};
use thiserror::Error;

use crate::dial::{DialError, server_name};
use crate::trust::{TrustAnchors, TrustError};
use crate::workload::{WorkloadClient, WorkloadError};

/// The port on which edgeHub speaks MQTT over TLS.
const MQTT_PORT: u16 = 8883;

/// Everything a client needs to know. Made by one of the constructors, then adjusted
/// field by field.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Who we are.
    pub identity: Identity,
    /// The name edgeHub's certificate must carry, a DNS name or an IP address; also what
    /// is resolved and dialled unless `dial` is set.
    pub gateway_host: String,
    /// TCP port; 8883.
    pub port: u16,
    /// Dial this address instead of resolving `gateway_host`; `None`.
    pub dial: Option<SocketAddr>,
    /// The only roots. Those that [`ClientConfig::from_edge_environment`] puts here follow
    /// the trust bundle: when the hub's certificate is not under them, the bundle is
    /// fetched again before the next attempt. Others, put here instead, never change.
    pub trust: TrustAnchors,
    /// What signs our tokens.
    pub credentials: Credentials,
    /// Name and version of the software, shown to the hub as `DeviceClientType`.
    pub product: String,
    /// The IoT Plug and Play model that the software implements, as a DTMI
    /// (`dtmi:orchard:Counter;1`); `None`. Announced with every CONNECT.
    pub model_id: Option<String>,
    /// Whether to subscribe to the module's inputs; true for modules. Without effect for
    /// leaf devices.
    pub receives_inputs: bool,
    /// Whether to follow the desired properties of the twin and to be able to report;
    /// true for modules, false for leaf devices, which may set it.
    pub follows_twin: bool,
    /// Whether to take method calls; true for modules, false for leaf devices, which may
    /// set it. Where it is false the hub answers callers that nobody is there.
    pub takes_methods: bool,
    /// All durations; see [`Timings`] for each default.
    pub timings: Timings,
    /// Never offer TLS 1.3; false. For hubs that handle it badly.
    pub tls12_only: bool,
}

impl ClientConfig {
    /// The configuration of a module started by edgeAgent, out of this process's own
    /// environment; else as [`ClientConfig::from_edge_environment`].
    ///
    /// # Errors
    ///
    /// [`SetupError`] as there, and when the environment is not one that edgeAgent gives.
    pub async fn from_environment(product: &str) -> Result<Self, SetupError> {
        let environment = EdgeEnvironment::parse(|name| std::env::var(name).ok())?;
        Self::from_edge_environment(&environment, product).await
    }

    /// The configuration of a module started by edgeAgent. Asks the workload API for the
    /// trust bundle, with its retries; all of them take about 35 s at most.
    ///
    /// # Errors
    ///
    /// [`SetupError`] when the workload API stays silent or refuses, when the bundle
    /// cannot be used, or when the gateway's name cannot be in a certificate.
    pub async fn from_edge_environment(
        env: &EdgeEnvironment,
        product: &str,
    ) -> Result<Self, SetupError> {
        let workload = WorkloadClient::new(env);
        let bundle = workload.trust_bundle().await?;
        Self::assemble(
            env.identity.clone(),
            env.gateway_host.clone(),
            TrustAnchors::from_trust_bundle(&bundle)?,
            Credentials::Workload(workload),
            product,
        )
    }

    /// The configuration of a module or leaf device with a key of its own. `ca_pem` holds
    /// the gateway's root certificates.
    ///
    /// # Errors
    ///
    /// [`SetupError`] when the certificates cannot be used or the host's name cannot be
    /// in a certificate.
    pub fn from_connection_string(
        cs: &ConnectionString,
        ca_pem: &[u8],
        product: &str,
    ) -> Result<Self, SetupError> {
        Self::assemble(
            cs.identity().clone(),
            cs.dial_host().to_owned(),
            TrustAnchors::from_pem(ca_pem)?,
            Credentials::SharedKey(cs.key().clone()),
            product,
        )
    }

    fn assemble(
        identity: Identity,
        gateway_host: String,
        trust: TrustAnchors,
        credentials: Credentials,
        product: &str,
    ) -> Result<Self, SetupError> {
        server_name(&gateway_host)?;
        let is_module = identity.module_id().is_some();
        Ok(ClientConfig {
            identity,
            gateway_host,
            port: MQTT_PORT,
            dial: None,
            trust,
            credentials,
            product: product.to_owned(),
            model_id: None,
            receives_inputs: is_module,
            follows_twin: is_module,
            takes_methods: is_module,
            timings: Timings::default(),
            tls12_only: false,
        })
    }
}

/// What signs tokens. `Debug` shows no key.
#[derive(Clone)]
pub enum Credentials {
    /// The workload API, for modules started by edgeAgent.
    Workload(WorkloadClient),
    /// A key of our own, from a connection string.
    SharedKey(SharedKey),
}

impl Credentials {
    /// A fresh token that ends `lifetime` from now by the wall clock, the only clock the
    /// hub can compare it with.
    pub(crate) async fn token(
        &self,
        identity: &Identity,
        lifetime: Duration,
    ) -> Result<SasToken, WorkloadError> {
        let ends = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .saturating_add(lifetime);
        let request = TokenRequest::new(identity, ends.as_secs());
        match self {
            Credentials::Workload(workload) => {
                let digest = workload.sign(&request.to_sign()).await?;
                Ok(request.into_token(&digest))
            }
            Credentials::SharedKey(key) => Ok(key.token(request)),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Credentials::Workload(workload) => f.debug_tuple("Workload").field(workload).finish(),
            Credentials::SharedKey(_) => f.write_str("SharedKey(…)"),
        }
    }
}

/// Why a configuration cannot be made. Callers branch on [`SetupError::kind`], or only on
/// [`SetupError::is_retryable`].
#[derive(Debug, Error)]
pub enum SetupError {
    /// The environment is not one that edgeAgent gives.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The workload API gave no trust bundle.
    #[error("the workload API gave no trust bundle")]
    Workload(#[from] WorkloadError),
    /// The roots cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The gateway's name cannot be in a certificate.
    #[error(transparent)]
    Gateway(#[from] DialError),
}

impl SetupError {
    /// What sort of failure it is.
    #[must_use]
    pub fn kind(&self) -> SetupErrorKind {
        match self {
            SetupError::Environment(_) => SetupErrorKind::Environment,
            SetupError::Workload(error) if error.is_retryable() => {
                SetupErrorKind::WorkloadUnavailable
            }
            SetupError::Workload(_) => SetupErrorKind::WorkloadRefused,
            SetupError::Trust(_) => SetupErrorKind::TrustBundle,
            SetupError::Gateway(_) => SetupErrorKind::GatewayName,
        }
    }

    /// Whether the same call may succeed later without anybody's doing: true for
    /// [`SetupErrorKind::WorkloadUnavailable`] alone. After any other kind a program
    /// should say so and end rather than try again for ever.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self.kind() {
            SetupErrorKind::WorkloadUnavailable => true,
            SetupErrorKind::Environment
            | SetupErrorKind::WorkloadRefused
            | SetupErrorKind::TrustBundle
            | SetupErrorKind::GatewayName => false,
        }
    }
}

/// Sorts of failure in making a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SetupErrorKind {
    /// A variable of the environment is missing or cannot be used.
    Environment,
    /// The workload API cannot be reached, gave no whole answer in time, or answered 408
    /// or 5xx: the daemon starts, restarts or is busy. Time mends it.
    WorkloadUnavailable,
    /// The workload API answered with another status than 2xx, 408 and 5xx (403: it does
    /// not know this process as the module it claims to be), or with something that is
    /// not the JSON expected.
    WorkloadRefused,
    /// The roots, from the workload API or from a file, are not certificates in PEM, or
    /// there are none.
    TrustBundle,
    /// The gateway's name can be in no certificate.
    GatewayName,
}
