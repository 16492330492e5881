//! From a wish to a connection: roots, token, name, TCP, TLS.
//!
//! A [`Dialler`] makes one connection at a time and remembers between attempts which
//! addresses led nowhere and whether the roots are still the right ones. When the hub's
//! certificate is not under roots that came from the trust bundle, the edge CA may have
//! been renewed: the bundle is fetched again before the next attempt, and what it says
//! then is believed, nothing else. It must never take roots from anywhere but there.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use edge_protocol::session::Pass;
use rustls::pki_types::ServerName;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::config::{ClientConfig, Credentials};
use crate::status::chain;
use crate::trust::TrustAnchors;

mod addresses;
mod error;

pub use error::{CertificateProblem, DialError, DialStep};

use addresses::Suspects;

/// A connection whose handshake is finished and flushed, and the token for it.
pub(crate) type Dialled = (Box<TlsStream<TcpStream>>, Pass);

/// Makes connections for one configuration.
#[derive(Debug)]
pub(crate) struct Dialler {
    config: Arc<ClientConfig>,
    memory: Mutex<Memory>,
}

/// What outlives an attempt, and how far the present one is. Never locked across a wait.
#[derive(Debug)]
struct Memory {
    trust: TrustAnchors,
    /// The hub's last certificate was not under `trust`.
    doubtful: bool,
    suspects: Suspects,
    step: DialStep,
    address: Option<SocketAddr>,
}

impl Dialler {
    pub(crate) fn new(config: Arc<ClientConfig>) -> Self {
        let memory = Memory {
            trust: config.trust.clone(),
            doubtful: false,
            suspects: Suspects::default(),
            step: DialStep::Token,
            address: None,
        };
        Dialler {
            config,
            memory: Mutex::new(memory),
        }
    }

    /// Gets a fresh token, then connects. The caller bounds the time; when it has run
    /// out, [`Dialler::timed_out`] tells where.
    pub(crate) async fn dial(self: Arc<Self>) -> Result<Dialled, DialError> {
        let result = self.attempt().await;
        match &result {
            Ok(_) => self.memory().doubtful = false,
            Err(DialError::Certificate { problem, .. }) => {
                self.memory().doubtful = problem.casts_doubt_on_roots();
            }
            // The hub's certificate was not judged, so nothing new is known about it.
            Err(_) => {}
        }
        result
    }

    /// What to say of an attempt that was given up `after` its beginning.
    pub(crate) fn timed_out(&self, after: Duration) -> DialError {
        let memory = self.memory();
        DialError::TimedOut {
            host: self.config.gateway_host.clone(),
            step: memory.step,
            address: memory.address,
            after,
        }
    }

    async fn attempt(&self) -> Result<Dialled, DialError> {
        let config = &*self.config;
        let host = config.gateway_host.as_str();
        let name = server_name(host)?;
        let tls = self
            .roots()
            .await
            .tls_config(config.tls12_only)
            .map_err(|source| DialError::Setup { source })?;

        self.at(DialStep::Token, None);
        let lifetime = config.timings.token_lifetime;
        let signed_at = tokio::time::Instant::now();
        let token = config
            .credentials
            .token(&config.identity, lifetime)
            .await
            .map_err(|source| DialError::Token { source })?;

        let addresses = self.resolve().await?;
        let (tcp, address) = self.connect(addresses).await?;

        self.at(DialStep::Tls, Some(address));
        let mut stream = TlsConnector::from(tls)
            .connect(name, tcp)
            .await
            .map_err(|source| tls_error(host, source))?;
        // edgeHub 1.6.0 and 1.6.1 may lose a CONNECT that comes together with the end of
        // the handshake, so nothing of the handshake may wait for it.
        stream
            .flush()
            .await
            .map_err(|source| tls_error(host, source))?;
        self.memory().suspects.clear(address);
        let pass = Pass {
            token,
            lifetime: lifetime.saturating_sub(signed_at.elapsed()),
        };
        Ok((Box::new(stream), pass))
    }

    /// The roots to check the hub against; those of a new trust bundle if there is doubt.
    ///
    /// When no usable bundle can be had the old roots stay: they are ours as well, and
    /// the attempt goes on to tell what is wrong with the hub.
    async fn roots(&self) -> TrustAnchors {
        let (trust, doubtful) = {
            let memory = self.memory();
            (memory.trust.clone(), memory.doubtful)
        };
        let workload = match &self.config.credentials {
            Credentials::Workload(workload) if doubtful && trust.is_trust_bundle() => workload,
            Credentials::Workload(_) | Credentials::SharedKey(_) => return trust,
        };
        self.at(DialStep::TrustBundle, None);
        let fetched = match workload.trust_bundle().await {
            Ok(bundle) => TrustAnchors::from_trust_bundle(&bundle),
            Err(error) => {
                let reason = chain(&error);
                tracing::warn!(reason, "trust bundle not fetched again, roots unchanged");
                return trust;
            }
        };
        match fetched {
            Ok(fetched) if fetched.same_roots(&trust) => {
                self.memory().doubtful = false;
                tracing::debug!("trust bundle fetched again, it is the same");
                trust
            }
            Ok(fetched) => {
                let (before, now) = (trust.count(), fetched.count());
                tracing::info!(
                    before,
                    now,
                    "trust bundle changed, its roots are taken over"
                );
                let mut memory = self.memory();
                memory.doubtful = false;
                memory.trust = fetched.clone();
                fetched
            }
            Err(error) => {
                let reason = chain(&error);
                tracing::warn!(reason, "new trust bundle is of no use, roots unchanged");
                trust
            }
        }
    }

    async fn resolve(&self) -> Result<Vec<SocketAddr>, DialError> {
        self.at(DialStep::Resolve, None);
        let config = &*self.config;
        if let Some(address) = config.dial {
            return Ok(vec![address]);
        }
        let resolved = lookup_host((config.gateway_host.as_str(), config.port)).await;
        resolved
            .map(Iterator::collect)
            .map_err(|source| self.unresolved(source))
    }

    /// Tries each address for its share of the time.
    pub(crate) async fn connect(
        &self,
        mut addresses: Vec<SocketAddr>,
    ) -> Result<(TcpStream, SocketAddr), DialError> {
        self.memory().suspects.order(&mut addresses);
        let deadline = self.config.timings.address_deadline;
        let mut failure = self.unresolved(io::Error::from(io::ErrorKind::NotFound));
        for address in addresses {
            self.at(DialStep::Tcp, Some(address));
            self.memory().suspects.suspect(address);
            // An acknowledgement must not wait for the hub's delayed ACK: 40 ms each.
            let connected = addresses::connect(address, deadline)
                .await
                .and_then(|stream| stream.set_nodelay(true).map(|()| stream));
            match connected {
                Ok(stream) => return Ok((stream, address)),
                Err(source) => {
                    tracing::debug!(%address, error = %source, "address not reached");
                    failure = DialError::Connect {
                        host: self.config.gateway_host.clone(),
                        address,
                        source,
                    };
                }
            }
        }
        Err(failure)
    }

    fn unresolved(&self, source: io::Error) -> DialError {
        DialError::Resolve {
            host: self.config.gateway_host.clone(),
            source,
        }
    }

    fn at(&self, step: DialStep, address: Option<SocketAddr>) {
        let mut memory = self.memory();
        memory.step = step;
        memory.address = address;
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // Nothing inside can be left half done, so a panic elsewhere does not matter.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name to check the certificate against; an IP address needs an IP entry there.
pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, DialError> {
    ServerName::try_from(host.to_owned()).map_err(|source| DialError::Name {
        host: host.to_owned(),
        detail: source.to_string(),
    })
}

fn tls_error(host: &str, source: io::Error) -> DialError {
    let problem = match source
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    {
        Some(rustls::Error::InvalidCertificate(error)) => CertificateProblem::of(error),
        _ => {
            return DialError::Tls {
                host: host.to_owned(),
                source,
            };
        }
    };
    DialError::Certificate {
        host: host.to_owned(),
        problem,
    }
}
