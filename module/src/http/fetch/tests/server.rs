//! A web server that is a script: one answer for each path, one request for each connection.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

/// Whole answers, heads included, by path.
type Script = dyn Fn(&str) -> Vec<u8> + Send + Sync;
type Heads = Arc<Mutex<Vec<String>>>;

pub(super) struct Server {
    pub(super) address: SocketAddr,
    heads: Heads,
}

impl Server {
    pub(super) async fn start(script: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::serve(None, Arc::new(script)).await
    }

    pub(super) async fn secure(
        secret: &Secret,
        script: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        Self::serve(Some(secret.acceptor()), Arc::new(script)).await
    }

    /// Sends a beginning, says so, and then nothing more until the other side is gone.
    pub(super) async fn stalling(beginning: &'static [u8], begun: oneshot::Sender<()>) -> Self {
        let (server, listener) = Self::bind().await;
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            head(&mut stream).await;
            stream.write_all(beginning).await.unwrap();
            begun.send(()).unwrap();
            let _ = stream.read(&mut [0]).await;
        });
        server
    }

    async fn serve(tls: Option<TlsAcceptor>, script: Arc<Script>) -> Self {
        let (server, listener) = Self::bind().await;
        let heads = Arc::clone(&server.heads);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, script, heads) = (tls.clone(), Arc::clone(&script), Arc::clone(&heads));
                tokio::spawn(async move {
                    match tls {
                        None => say(stream, &*script, &heads).await,
                        // Whoever does not like the certificate is gone.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                say(stream, &*script, &heads).await;
                            }
                        }
                    }
                });
            }
        });
        server
    }

    async fn bind() -> (Self, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server {
            address: listener.local_addr().unwrap(),
            heads: Heads::default(),
        };
        (server, listener)
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The heads of all requests so far.
    pub(super) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn say(mut stream: impl AsyncRead + AsyncWrite + Unpin, script: &Script, heads: &Heads) {
    let head = head(&mut stream).await;
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    heads.lock().unwrap().push(head);
    // The other side may have heard enough.
    let _ = stream.write_all(&script(&path)).await;
    let _ = stream.shutdown().await;
}

/// Up to the empty line, or the end.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    // 22 begins TLS, which is not understood here.
    while !bytes.ends_with(b"\r\n\r\n") && bytes != [22] {
        match stream.read_u8().await {
            Ok(byte) => bytes.push(byte),
            Err(_end) => break,
        }
    }
    String::from_utf8_lossy(&bytes).trim_end().to_owned()
}

/// 200 with a body.
pub(super) fn answer(body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// A redirect.
pub(super) fn moved(location: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").into_bytes()
}

/// A certificate that is its own root.
pub(super) struct Secret {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Secret {
    pub(super) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        Secret {
            certificate: params.self_signed(&key).unwrap().der().clone(),
            key: key.serialize_der(),
        }
    }

    pub(super) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        roots
    }

    fn acceptor(&self) -> TlsAcceptor {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()));
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}
