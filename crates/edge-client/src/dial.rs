//! From a wish to a connection: token, name, TCP, TLS; and what went wrong on the way.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use edge_protocol::session::Pass;
use rustls::CertificateError;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::config::ClientConfig;
use crate::workload::WorkloadError;

/// A connection whose handshake is finished and flushed, and the token for it.
pub(crate) type Dialled = (Box<TlsStream<TcpStream>>, Pass);

/// Gets a fresh token, then connects. The caller bounds the time.
pub(crate) async fn dial(config: Arc<ClientConfig>) -> Result<Dialled, DialError> {
    let host = config.gateway_host.as_str();
    let name = server_name(host)?;
    let tls = config
        .trust
        .tls_config(config.tls12_only)
        .map_err(|source| DialError::Setup { source })?;
    let lifetime = config.timings.token_lifetime;
    let signed_at = tokio::time::Instant::now();
    let token = config
        .credentials
        .token(&config.identity, lifetime)
        .await
        .map_err(|source| DialError::Token { source })?;

    let tcp = connect(host, config.port, config.dial).await?;
    // An acknowledgement must not wait for the hub's delayed ACK: that costs 40 ms each.
    let address = tcp.peer_addr().ok();
    tcp.set_nodelay(true).map_err(|source| DialError::Connect {
        host: host.to_owned(),
        address,
        source,
    })?;
    let mut stream = TlsConnector::from(tls)
        .connect(name, tcp)
        .await
        .map_err(|source| tls_error(host, source))?;
    // edgeHub 1.6.0 and 1.6.1 may lose a CONNECT that comes together with the end of the
    // handshake, so nothing of the handshake may wait for it.
    stream
        .flush()
        .await
        .map_err(|source| tls_error(host, source))?;
    let pass = Pass {
        token,
        lifetime: lifetime.saturating_sub(signed_at.elapsed()),
    };
    Ok((Box::new(stream), pass))
}

/// The name to check the certificate against; an IP address needs an IP entry there.
pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, DialError> {
    ServerName::try_from(host.to_owned()).map_err(|source| DialError::Name {
        host: host.to_owned(),
        detail: source.to_string(),
    })
}

async fn connect(
    host: &str,
    port: u16,
    override_address: Option<SocketAddr>,
) -> Result<TcpStream, DialError> {
    let resolve_error = |source| DialError::Resolve {
        host: host.to_owned(),
        source,
    };
    let addresses: Vec<SocketAddr> = match override_address {
        Some(address) => vec![address],
        None => lookup_host((host, port))
            .await
            .map_err(resolve_error)?
            .collect(),
    };
    let mut failure = resolve_error(io::Error::from(io::ErrorKind::NotFound));
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(source) => {
                failure = DialError::Connect {
                    host: host.to_owned(),
                    address: Some(address),
                    source,
                };
            }
        }
    }
    Err(failure)
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

/// Why no connection could be made.
#[derive(Debug, Error)]
pub enum DialError {
    /// No token.
    #[error("no token could be signed")]
    Token {
        /// Why.
        #[source]
        source: WorkloadError,
    },
    /// The gateway's name leads nowhere.
    #[error("the gateway name {host:?} cannot be resolved")]
    Resolve {
        /// The name.
        host: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// TCP failed at the last address tried.
    #[error("no TCP connection to {host} ({address:?})")]
    Connect {
        /// The name.
        host: String,
        /// The address tried.
        address: Option<SocketAddr>,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The gateway's name is neither a DNS name nor an IP address.
    #[error("{host:?} is not a name a certificate can carry ({detail}), expected DNS name or IP")]
    Name {
        /// The name.
        host: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The certificate is not acceptable.
    #[error("the certificate of {host} was refused: {problem}")]
    Certificate {
        /// The name we dialled.
        host: String,
        /// What is wrong with it.
        problem: CertificateProblem,
    },
    /// Another TLS failure.
    #[error("the TLS handshake with {host} failed")]
    Tls {
        /// The name we dialled.
        host: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// TLS could not be set up on our side.
    #[error("TLS could not be set up")]
    Setup {
        /// Why.
        #[source]
        source: rustls::Error,
    },
}

/// What is wrong with the hub's certificate.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum CertificateProblem {
    /// It is for other names.
    #[error("expected the name {expected}, found {}", found.join(", "))]
    WrongName {
        /// The gateway's name.
        expected: String,
        /// The names it carries.
        found: Vec<String>,
    },
    /// Its issuer is not in the trust bundle.
    #[error("its issuer is not among the roots of the trust bundle")]
    UnknownRoot,
    /// Anything else: expired, not yet valid, a bad signature.
    #[error("{0:?}")]
    Other(CertificateError),
}

impl CertificateProblem {
    fn of(error: &CertificateError) -> Self {
        match error {
            CertificateError::NotValidForNameContext {
                expected,
                presented,
            } => CertificateProblem::WrongName {
                expected: expected.to_str().into_owned(),
                found: presented.clone(),
            },
            CertificateError::UnknownIssuer => CertificateProblem::UnknownRoot,
            other => CertificateProblem::Other(other.clone()),
        }
    }
}
