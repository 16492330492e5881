//! Opens a connection to an endpoint: its name, TCP, TLS, HTTP/1.1, within one limit of time.

use super::endpoint::Endpoint;
use super::wire::{Counted, Counter};
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

/// Bytes of a reply's head at most.
const HEAD_LIMIT: usize = 16 << 10;

/// Whose certificates are believed: Mozilla's public roots, and those that were given.
#[derive(Debug, Clone)]
pub struct Trust(Arc<rustls::ClientConfig>);

impl Trust {
    /// Trusts the public roots and these.
    ///
    /// # Errors
    /// If one of them is no certificate of an authority.
    pub fn new(authorities: &[CertificateDer<'static>]) -> Result<Self, rustls::Error> {
        let mut roots: rustls::RootCertStore =
            webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        for authority in authorities {
            roots.add(authority.clone())?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }
}

/// No connection.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The name leads nowhere.
    #[error("the name `{host}` cannot be looked up; check its spelling and this machine's DNS")]
    Resolve {
        /// The name.
        host: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Nobody there, or nobody lets us through.
    #[error("it cannot be reached at {authority}; check that it runs and that the port is right")]
    Connect {
        /// Host and port.
        authority: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Too slow.
    #[error(
        "no connection within {0:?}; check the address and what is between, or raise --timeout"
    )]
    Late(Duration),
    /// A certificate that is not believed.
    #[error(
        "its certificate is not trusted; if it is under an authority of your own, name that with \
         --ca-file"
    )]
    Certificate(#[source] io::Error),
    /// No TLS.
    #[error("TLS fails; check that this port speaks https")]
    Tls(#[source] io::Error),
    /// No HTTP.
    #[error("it does not speak HTTP/1.1")]
    Http(#[source] hyper::Error),
}

/// How long it took to open a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Opening {
    /// Looking up the name, and TCP.
    pub(super) tcp: Duration,
    /// TLS, if there is any.
    pub(super) tls: Option<Duration>,
}

/// An open connection; dropping it closes it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Opens a connection whose bytes go into `counter`.
pub(super) async fn dial(
    endpoint: &Endpoint,
    trust: &Trust,
    counter: &Arc<Counter>,
    limit: Duration,
) -> Result<(Connection, Opening), DialError> {
    timeout(limit, open(endpoint, trust, counter))
        .await
        .map_err(|_elapsed| DialError::Late(limit))?
}

async fn open(
    endpoint: &Endpoint,
    trust: &Trust,
    counter: &Arc<Counter>,
) -> Result<(Connection, Opening), DialError> {
    let started = Instant::now();
    let tcp = connect(endpoint).await?;
    let tcp = Counted::new(tcp, Arc::clone(counter));
    let mut opening = Opening {
        tcp: started.elapsed(),
        tls: None,
    };
    if !endpoint.is_secure() {
        return Ok((speak(tcp).await?, opening));
    }
    let started = Instant::now();
    let name = ServerName::try_from(endpoint.host().to_owned())
        .map_err(|no_name| DialError::Tls(io::Error::new(io::ErrorKind::InvalidInput, no_name)))?;
    let tls = TlsConnector::from(Arc::clone(&trust.0)).connect(name, tcp);
    let tls = tls.await.map_err(|error| {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        match inner {
            Some(rustls::Error::InvalidCertificate(_)) => DialError::Certificate(error),
            _ => DialError::Tls(error),
        }
    })?;
    opening.tls = Some(started.elapsed());
    Ok((speak(tls).await?, opening))
}

/// Tries each address of the name in turn.
async fn connect(endpoint: &Endpoint) -> Result<TcpStream, DialError> {
    let unresolved = |source| DialError::Resolve {
        host: endpoint.host().to_owned(),
        source,
    };
    let addresses = lookup_host((endpoint.host(), endpoint.port())).await;
    let addresses: Vec<_> = addresses.map_err(unresolved)?.collect();
    let unreached = |source| DialError::Connect {
        authority: endpoint.authority(),
        source,
    };
    let tcp = TcpStream::connect(addresses.as_slice())
        .await
        .map_err(unreached)?;
    // A head and a body are two writes: without this the second may wait for the first's ACK.
    tcp.set_nodelay(true).map_err(unreached)?;
    Ok(tcp)
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<Connection, DialError> {
    let (sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_LIMIT)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(DialError::Http)?;
    // How it ends is told to whoever waits for a reply on it.
    let driver = tokio::spawn(async move { drop(connection.await) });
    Ok(Connection { sender, driver })
}
