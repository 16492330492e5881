//! An endpoint by hand: it does what its script says, request by request, and remembers what came.
//!
//! By hand, since it must do what no server library does: hang up, or say nothing at all.

use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What to do with a request.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// This answer.
    Say(String),
    /// This answer, and then no connection any more.
    SayAndHangUp(String),
    /// No answer, and no connection any more.
    HangUp,
    /// No answer.
    Nothing,
}

/// A request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Which server saw it.
    pub(crate) server: &'static str,
    /// Its first line.
    pub(crate) line: String,
    /// Its `Prediction-Key`.
    pub(crate) key: Option<String>,
    /// Bytes of its body.
    pub(crate) body: usize,
}

/// Requests in the order in which they came, to one server or to several.
pub(crate) type Log = Arc<Mutex<Vec<Seen>>>;

/// A running server; it ends with its test.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) log: Log,
}

type Script = Arc<dyn Fn(usize) -> Act + Send + Sync>;

impl Server {
    /// Acts on the n-th request, from 0, as the script says.
    pub(crate) async fn start(
        name: &'static str,
        log: &Log,
        script: impl Fn(usize) -> Act + Send + Sync + 'static,
    ) -> Self {
        Self::listen(name, log, Arc::new(script), None).await
    }

    /// The same behind TLS.
    pub(crate) async fn start_secure(
        name: &'static str,
        log: &Log,
        certificate: &str,
        key: &str,
        script: impl Fn(usize) -> Act + Send + Sync + 'static,
    ) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
            )
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self::listen(name, log, Arc::new(script), Some(acceptor)).await
    }

    async fn listen(
        name: &'static str,
        log: &Log,
        script: Script,
        tls: Option<TlsAcceptor>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let all = Arc::clone(log);
        tokio::spawn(async move {
            let number = Arc::new(Mutex::new(0));
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                let (script, all) = (Arc::clone(&script), Arc::clone(&all));
                let number = Arc::clone(&number);
                let tls = tls.clone();
                tokio::spawn(async move {
                    let next = move || {
                        let mut number = number.lock().unwrap();
                        *number += 1;
                        script(*number - 1)
                    };
                    match tls {
                        None => serve(tcp, name, &all, next).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(tcp).await {
                                serve(stream, name, &all, next).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            port,
            log: Arc::clone(log),
        }
    }

    /// Where it is.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.log.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    server: &'static str,
    log: &Log,
    next: impl Fn() -> Act,
) {
    while let Some(mut seen) = request(&mut stream).await {
        seen.server = server;
        log.lock().unwrap().push(seen);
        let (text, ends) = match next() {
            Act::Say(text) => (text, false),
            Act::SayAndHangUp(text) => (text, true),
            Act::HangUp => return,
            Act::Nothing => std::future::pending().await,
        };
        // A client that has read enough hangs up first.
        if stream.write_all(text.as_bytes()).await.is_err() || ends {
            let _ = stream.shutdown().await;
            return;
        }
    }
}

/// Reads one request whole; `None` at the end of the connection.
async fn request(stream: &mut (impl AsyncRead + Unpin)) -> Option<Seen> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_owned()).unwrap();
    let header = |name: &str| {
        let line = head
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.map(str::to_owned)
    };
    let body: usize = header("content-length").unwrap().parse().unwrap();
    while bytes.len() < end + 4 + body {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(Seen {
        server: "",
        line: head.lines().next().unwrap().to_owned(),
        key: header("prediction-key"),
        body,
    })
}

/// An answer of this status with this body and more header lines.
pub(crate) fn reply(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
}

/// As the exported container answers.
pub(crate) fn container(ripe: f64) -> Act {
    let unripe = 1.0 - ripe;
    let body = format!(
        r#"{{"created":"2026-11-23T07:29:52.143911","id":"","iteration":"","predictions":[{{"boundingBox":null,"probability":{ripe},"tagId":"","tagName":"ripe"}},{{"boundingBox":null,"probability":{unripe},"tagId":"","tagName":"unripe"}}],"project":""}}"#
    );
    Act::Say(reply(200, "", &body))
}

/// As the cloud answers.
pub(crate) fn cloud(ripe: f64) -> Act {
    let unripe = 1.0 - ripe;
    let body = format!(
        r#"{{"id":"7","project":"p","iteration":"i","created":"2026-11-23T07:29:52.143Z","predictions":[{{"probability":{unripe},"tagId":"b","tagName":"unripe","tagType":"Regular"}},{{"probability":{ripe},"tagId":"a","tagName":"ripe","tagType":"Regular"}}]}}"#
    );
    Act::Say(reply(200, "", &body))
}

/// Passes one connection on to `port` and, when it has ended, says how many bytes went there and
/// came back: what the network saw.
pub(crate) async fn relay(port: u16) -> (u16, tokio::task::JoinHandle<(u64, u64)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap().port();
    let passing = tokio::spawn(async move {
        let (mut near, _) = listener.accept().await.unwrap();
        let mut far = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        tokio::io::copy_bidirectional(&mut near, &mut far)
            .await
            .unwrap()
    });
    (here, passing)
}
