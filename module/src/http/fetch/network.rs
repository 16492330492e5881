//! The way out: names and connections, as an argument, so that tests can stand in for it.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpStream, lookup_host};

/// What a fetch wants of the world.
pub(super) trait Network: Sync {
    /// The roots that an https server's certificate must be under.
    fn roots(&self) -> rustls::RootCertStore;

    /// The addresses of a name.
    fn resolve(
        &self,
        host: &str,
        port: u16,
    ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;

    /// A connection to this very address.
    fn connect(&self, address: SocketAddr) -> impl Future<Output = io::Result<TcpStream>> + Send;
}

/// The box's own, and Mozilla's roots. It knows of no proxy.
pub(super) struct Internet;

impl Network for Internet {
    fn roots(&self) -> rustls::RootCertStore {
        webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        lookup_host((host, port)).await.map(Iterator::collect)
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect(address).await
    }
}
