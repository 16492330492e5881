//! Fetches a picture that somebody sent as an address.
//!
//! Whoever reaches the door can have the module ask for things, from a place inside the box's
//! network. So a name is resolved once, every address behind it is checked, and a connection goes
//! to one that was checked and nowhere else, at each redirect anew. What must never happen here: a
//! second look at a name, a proxy or credentials out of the environment, a wait without an end, a
//! byte more in memory than a picture may have, an address's query in a log.
//!
//! `target` and `address` decide, without a socket; `exchange` asks one question; [`fetch`] and
//! what it calls know the order.

mod address;
mod error;
mod exchange;
mod network;
mod target;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::{io, iter};

use bytes::Bytes;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::body_room::Share;
use crate::settings::UrlAccess;

pub(super) use error::FetchError;
use exchange::Answer;
use network::{Internet, Network};
use target::{Target, TargetError};

/// Redirects that are followed.
const REDIRECTS: usize = 5;

/// Addresses of one name that are tried; all are checked.
const TRIED: usize = 4;

/// What may be fetched.
#[derive(Debug, Clone)]
pub(super) struct FetchLimits {
    /// From where.
    pub(super) access: UrlAccess,
    /// Bytes of a picture at most.
    pub(super) max_body: usize,
    /// What it may have of the memory for bodies; `None` where nobody counts.
    pub(super) share: Option<Share>,
}

/// What was fetched. Nobody has looked at the bytes: they need not be a picture.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Fetched {
    /// All of them.
    pub(super) bytes: Bytes,
    /// How many.
    pub(super) length: usize,
}

/// Never the bytes.
impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched")
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

/// Reads the address out of a request's body, `{"url":…}` or `{"Url":…}`.
pub(super) fn named_in(body: &[u8]) -> Result<String, FetchError> {
    target::named_in(body).map_err(FetchError::Target)
}

/// Fetches what is at `url`, with everything that belongs to it done by `deadline`.
///
/// Dropping the future ends the connection; a name that is being looked up goes on, for as long as
/// the box's resolver takes.
pub(super) async fn fetch(
    url: &str,
    limits: &FetchLimits,
    deadline: Instant,
) -> Result<Fetched, FetchError> {
    fetch_over(&Internet, url, limits, deadline).await
}

async fn fetch_over(
    network: &impl Network,
    url: &str,
    limits: &FetchLimits,
    deadline: Instant,
) -> Result<Fetched, FetchError> {
    if limits.access == UrlAccess::Off {
        return Err(FetchError::Off);
    }
    let target = Target::parse(url).map_err(FetchError::Target)?;
    let late = FetchError::Late {
        host: target.host().to_owned(),
    };
    let bytes = timeout_at(deadline, follow(network, target, limits, deadline))
        .await
        .map_err(|_elapsed| late)??;
    Ok(Fetched {
        length: bytes.len(),
        bytes,
    })
}

/// Asks, and asks on where it is sent to.
async fn follow(
    network: &impl Network,
    mut target: Target,
    limits: &FetchLimits,
    deadline: Instant,
) -> Result<Bytes, FetchError> {
    for _ in 0..=REDIRECTS {
        let location = match ask(network, &target, limits, deadline).await? {
            Answer::Picture(bytes) => return Ok(bytes),
            Answer::Moved(location) => location,
        };
        let host = || target.host().to_owned();
        let next = target
            .moved_to(&location)
            .map_err(|problem| FetchError::Location {
                host: host(),
                problem,
            })?;
        if target.is_https() && !next.is_https() {
            return Err(FetchError::Downgrade { host: host() });
        }
        target = next;
    }
    Err(FetchError::Redirects {
        host: target.host().to_owned(),
        limit: REDIRECTS,
    })
}

async fn ask(
    network: &impl Network,
    target: &Target,
    limits: &FetchLimits,
    deadline: Instant,
) -> Result<Answer, FetchError> {
    let addresses = addresses(network, target, limits.access).await?;
    let tcp = connect(network, target, &addresses, deadline).await?;
    if target.is_https() {
        let tls = secure(network, target, tcp).await?;
        exchange::get(tls, target, limits).await
    } else {
        exchange::get(tcp, target, limits).await
    }
}

/// The addresses that may be connected to. One that may not among them spoils all: an honest name
/// has no reason to lead both outside and inside.
async fn addresses(
    network: &impl Network,
    target: &Target,
    access: UrlAccess,
) -> Result<Vec<SocketAddr>, FetchError> {
    let (host, port) = (target.host(), target.port());
    let unresolved = || FetchError::Resolve {
        host: host.to_owned(),
    };
    let addresses = match host.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_a_name) => network.resolve(host, port).await.map_err(|error| {
            tracing::debug!(%error, host, "a name is not resolved");
            unresolved()
        })?,
    };
    if addresses.is_empty() {
        return Err(unresolved());
    }
    let special = addresses.iter().find_map(|a| address::special(a.ip()));
    match (access, special) {
        (UrlAccess::Off, _) => Err(FetchError::Off),
        (UrlAccess::Public, Some(special)) => {
            tracing::debug!(host, ?addresses, "a name leads inside");
            Err(FetchError::NotPublic {
                host: host.to_owned(),
                special,
            })
        }
        (UrlAccess::Public, None) | (UrlAccess::Any, _) => Ok(addresses),
    }
}

/// Tries each address for its share of the time that is left.
async fn connect(
    network: &impl Network,
    target: &Target,
    addresses: &[SocketAddr],
    deadline: Instant,
) -> Result<TcpStream, FetchError> {
    let tried = &addresses[..addresses.len().min(TRIED)];
    let mut kind = io::ErrorKind::NotFound;
    for (address, left) in iter::zip(tried, (1..=tried.len() as u32).rev()) {
        let share = deadline.saturating_duration_since(Instant::now()) / left;
        kind = match timeout(share, network.connect(*address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => error.kind(),
            Err(_elapsed) => io::ErrorKind::TimedOut,
        };
        tracing::debug!(%address, %kind, "a web server is not reached");
    }
    Err(FetchError::Connect {
        host: target.host().to_owned(),
        port: target.port(),
        kind,
    })
}

async fn secure(
    network: &impl Network,
    target: &Target,
    tcp: TcpStream,
) -> Result<Box<TlsStream<TcpStream>>, FetchError> {
    let host = target.host().to_owned();
    let name = ServerName::try_from(host.clone())
        .map_err(|_no_name| FetchError::Target(TargetError::Host))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map(|builder| {
            builder
                .with_root_certificates(network.roots())
                .with_no_client_auth()
        });
    let tls_failed = |error: &dyn fmt::Display| {
        tracing::debug!(%error, ?target, "no TLS with a web server");
    };
    let config = config.map_err(|error| {
        tls_failed(&error);
        FetchError::Tls { host: host.clone() }
    })?;
    let connected = TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await;
    connected.map(Box::new).map_err(|error| {
        tls_failed(&error);
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        match inner {
            Some(rustls::Error::InvalidCertificate(_)) => FetchError::Certificate { host },
            _ => FetchError::Tls { host },
        }
    })
}

#[cfg(test)]
mod tests;
