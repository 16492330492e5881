//! Clients that post pictures, each on one connection and without a pause.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// A client that is told to wait does not come back at once.
const PAUSE: Duration = Duration::from_millis(20);

/// Where pictures go.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) host: String,
    pub(crate) path: String,
}

impl Target {
    pub(crate) fn new(address: SocketAddr, path: &str) -> Self {
        Self {
            address,
            host: address.to_string(),
            path: path.to_owned(),
        }
    }
}

/// One client; it connects again where the server closes after each answer.
struct Client {
    target: Target,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    fn new(target: Target) -> Self {
        Self {
            target,
            connection: None,
        }
    }

    async fn send(&mut self, method: Method, body: Bytes) -> anyhow::Result<StatusCode> {
        let mut connection = match self.connection.take() {
            Some(open) if !open.is_closed() => open,
            _ => self.connect().await?,
        };
        connection.ready().await?;
        let request = Request::builder()
            .method(method)
            .uri(&self.target.path)
            .header(HOST, &self.target.host)
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(Full::new(body))?;
        let answered = async {
            let answer = connection.send_request(request).await?;
            let status = answer.status();
            answer.into_body().collect().await?;
            anyhow::Ok(status)
        };
        let status = timeout(PATIENCE, answered)
            .await
            .context("an answer takes too long")??;
        self.connection = Some(connection);
        Ok(status)
    }

    async fn connect(&self) -> anyhow::Result<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect(self.target.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // Its errors come out at the request.
        tokio::spawn(connection);
        Ok(sender)
    }
}

/// The status of a GET on a connection of its own.
pub(crate) async fn get(address: SocketAddr, path: &str) -> anyhow::Result<StatusCode> {
    let mut client = Client::new(Target::new(address, path));
    client.send(Method::GET, Bytes::new()).await
}

/// What came of a load.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Of the pictures that were answered with 200.
    pub(crate) times: Vec<Duration>,
    /// Answers of 429.
    pub(crate) busy: usize,
    /// From the first request to the last answer.
    pub(crate) took: Duration,
}

impl Outcome {
    pub(crate) fn rate(&self) -> f64 {
        self.times.len() as f64 / self.took.as_secs_f64()
    }
}

/// Has so many clients post the pictures in turn for `span`, each its next one when it has the
/// answer to the last.
pub(crate) async fn load(
    target: &Target,
    pictures: &Arc<[Bytes]>,
    clients: usize,
    span: Duration,
) -> anyhow::Result<Outcome> {
    let began = Instant::now();
    let mut running = JoinSet::new();
    for number in 0..clients {
        let (target, pictures) = (target.clone(), Arc::clone(pictures));
        running.spawn(async move {
            let mut client = Client::new(target);
            let mut outcome = Outcome::default();
            for picture in pictures.iter().cycle().skip(number % pictures.len()) {
                if began.elapsed() >= span {
                    break;
                }
                let sent = Instant::now();
                match client.send(Method::POST, picture.clone()).await? {
                    StatusCode::OK => outcome.times.push(sent.elapsed()),
                    StatusCode::TOO_MANY_REQUESTS => {
                        outcome.busy += 1;
                        sleep(PAUSE).await;
                    }
                    other => bail!("a picture was answered with {other}"),
                }
            }
            Ok(outcome)
        });
    }
    let mut all = Outcome::default();
    while let Some(one) = running.join_next().await {
        let one = one??;
        all.times.extend(one.times);
        all.busy += one.busy;
    }
    all.took = began.elapsed();
    Ok(all)
}
