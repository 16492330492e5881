//! One endpoint, asked over a connection that is kept open.
//!
//! A connection that the endpoint closed between two pictures is opened again and the picture sent
//! once more; an endpoint that is busy is waited for. What is measured is the last sending alone,
//! from the moment an open connection gets the request to the last byte of the reply.

use super::Side;
use super::answer::{self, Answer, Raw, Refusal, Reply, Unusable};
use super::dial::{Connection, DialError, Opening, Trust, dial};
use super::endpoint::Endpoint;
use super::keys::Key;
use super::patience;
use super::wire::{Counter, Reading};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
    USER_AGENT,
};
use hyper::{Request, Response};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// Who asks.
const AGENT: &str = concat!("fruit-counter-camera/", env!("CARGO_PKG_VERSION"));
/// The cloud's header for a key.
const PREDICTION_KEY: HeaderName = HeaderName::from_static("prediction-key");
/// Bytes of a reply that are read; 1000 labels have a fifth.
const REPLY_LIMIT: usize = 1 << 20;
/// Pictures in a row without any reply after which an endpoint counts as gone.
const MOST_SETBACKS: u32 = 3;

/// How an endpoint is asked.
#[derive(Debug, Clone)]
pub struct Asking {
    /// Which side it is.
    pub side: Side,
    /// Where it is.
    pub endpoint: Endpoint,
    /// The key that is sent along.
    pub key: Option<Key>,
    /// Whose certificates are believed.
    pub trust: Trust,
    /// For a connection, and again for each reply.
    pub limit: Duration,
}

/// An endpoint that cannot be compared with.
#[derive(Debug, thiserror::Error)]
#[error("the {side} endpoint {endpoint}")]
pub struct ClientError {
    /// Which side it is.
    pub side: Side,
    /// Where it is.
    pub endpoint: Endpoint,
    /// What is wrong with it.
    #[source]
    pub problem: Problem,
}

/// What is wrong with an endpoint.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// There is no connection.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// It is no endpoint for these pictures.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// It has fallen silent.
    #[error("{MOST_SETBACKS} pictures in a row got no answer; of the last: {0}")]
    Silent(String),
}

/// What became of one sending of a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    /// The answer, or why there is none.
    pub outcome: Result<Answer, Refusal>,
    /// What it cost.
    pub cost: Cost,
}

/// What one sending of a picture cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// From the request to the end of its reply.
    pub time: Duration,
    /// Bytes that went out for it.
    pub sent: u64,
    /// Bytes that came in for it.
    pub received: u64,
}

/// An endpoint and the connection to it.
#[derive(Debug)]
pub struct Client {
    asking: Asking,
    headers: HeaderMap,
    connection: Option<Connection>,
    counter: Arc<Counter>,
    openings: Vec<Opening>,
    /// Times that a busy endpoint was waited for.
    waits: u64,
    /// Pictures without a reply since the last reply.
    setbacks: u32,
}

/// Why a sending got no reply.
enum Lost {
    Late,
    Broken(hyper::Error),
}

impl Client {
    /// A client without a connection; the first picture opens one.
    #[must_use]
    pub fn new(asking: Asking) -> Self {
        let headers = headers(&asking);
        Self {
            asking,
            headers,
            connection: None,
            counter: Arc::default(),
            openings: Vec::new(),
            waits: 0,
            setbacks: 0,
        }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.asking.endpoint
    }

    pub(super) fn sends_key(&self) -> bool {
        self.asking.key.is_some()
    }

    /// Bytes of everything so far.
    pub(super) fn bytes(&self) -> Reading {
        self.counter.read()
    }

    pub(super) fn openings(&self) -> &[Opening] {
        &self.openings
    }

    pub(super) fn waits(&self) -> u64 {
        self.waits
    }

    /// Sends a picture and reads the answer. What concerns this picture alone is in the exchange.
    ///
    /// # Errors
    /// [`ClientError`] if the endpoint cannot be reached, takes no pictures from us, or has not
    /// answered one of the last three.
    pub async fn ask(&mut self, picture: &Bytes) -> Result<Exchange, ClientError> {
        self.try_to_ask(picture)
            .await
            .map_err(|problem| ClientError {
                side: self.asking.side,
                endpoint: self.asking.endpoint.clone(),
                problem,
            })
    }

    async fn try_to_ask(&mut self, picture: &Bytes) -> Result<Exchange, Problem> {
        let mut waited = 0;
        let mut sent_again = false;
        loop {
            let reused = match self.connect().await {
                Ok(reused) => reused,
                Err(error) if self.openings.is_empty() => return Err(error.into()),
                Err(error) => return self.setback(in_one_line(&error), Cost::default()),
            };
            let before = self.counter.read();
            let started = Instant::now();
            let replied = self.send(picture).await;
            let cost = Cost::between(started.elapsed(), before, self.counter.read());
            let raw = match replied {
                Ok(raw) => raw,
                // It was closed while the picture went out: nobody has looked at it.
                Err(Lost::Broken(_)) if reused && !sent_again => {
                    sent_again = true;
                    continue;
                }
                Err(Lost::Broken(error)) => {
                    let why = in_one_line(&error);
                    return self.setback(format!("the connection broke off: {why}"), cost);
                }
                Err(Lost::Late) => {
                    let limit = self.asking.limit.as_secs_f64();
                    return self.setback(format!("no answer within {limit} s"), cost);
                }
            };
            let outcome = match answer::read(&raw, self.asking.key.as_ref()) {
                Reply::Answer(answer) => Ok(answer),
                Reply::Refused(refusal) => Err(refusal),
                Reply::Unusable(unusable) => return Err(unusable.into()),
                Reply::Busy {
                    refusal,
                    retry_after,
                } => match patience::pause(waited, retry_after) {
                    Some(pause) => {
                        waited += 1;
                        self.waits += 1;
                        sleep(pause).await;
                        continue;
                    }
                    None => return self.lost(refusal, cost),
                },
            };
            self.setbacks = 0;
            return Ok(Exchange { outcome, cost });
        }
    }

    /// Sees that there is a connection; true if it was there before.
    async fn connect(&mut self) -> Result<bool, DialError> {
        if let Some(connection) = &mut self.connection
            && connection.sender.ready().await.is_ok()
        {
            return Ok(true);
        }
        self.connection = None;
        let Asking {
            endpoint,
            trust,
            limit,
            ..
        } = &self.asking;
        let (connection, opening) = dial(endpoint, trust, &self.counter, *limit).await?;
        self.connection = Some(connection);
        self.openings.push(opening);
        Ok(false)
    }

    /// One request and its reply. Without a reply the connection is closed.
    async fn send(&mut self, picture: &Bytes) -> Result<Raw, Lost> {
        let mut request = Request::new(Full::new(picture.clone()));
        *request.method_mut() = hyper::Method::POST;
        // The endpoint was read by the same parser.
        *request.uri_mut() = self
            .asking
            .endpoint
            .path_and_query()
            .parse()
            .unwrap_or_default();
        *request.headers_mut() = self.headers.clone();
        let Some(mut connection) = self.connection.take() else {
            return Err(Lost::Late);
        };
        let reply = async {
            let response = connection.sender.send_request(request).await?;
            read(response).await
        };
        let (raw, whole) = timeout(self.asking.limit, reply)
            .await
            .map_err(|_elapsed| Lost::Late)?
            .map_err(Lost::Broken)?;
        if whole {
            self.connection = Some(connection);
        }
        Ok(raw)
    }

    fn setback(&mut self, message: String, cost: Cost) -> Result<Exchange, Problem> {
        let refusal = Refusal {
            status: None,
            code: None,
            message,
        };
        self.lost(refusal, cost)
    }

    /// No answer to this picture, perhaps to none any more.
    fn lost(&mut self, refusal: Refusal, cost: Cost) -> Result<Exchange, Problem> {
        self.setbacks += 1;
        if self.setbacks >= MOST_SETBACKS {
            let status = refusal.status.map(|status| format!("{status}: "));
            let status = status.unwrap_or_default();
            return Err(Problem::Silent(format!("{status}{}", refusal.message)));
        }
        Ok(Exchange {
            outcome: Err(refusal),
            cost,
        })
    }
}

impl Cost {
    fn between(time: Duration, before: Reading, after: Reading) -> Self {
        Self {
            time,
            sent: after.sent - before.sent,
            received: after.received - before.received,
        }
    }
}

fn headers(asking: &Asking) -> HeaderMap {
    let mut headers = HeaderMap::new();
    // A host of visible ASCII letters; were it none, the endpoint would say what it misses.
    if let Ok(host) = HeaderValue::from_str(&asking.endpoint.authority()) {
        headers.insert(HOST, host);
    }
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let octets = HeaderValue::from_static("application/octet-stream");
    headers.insert(CONTENT_TYPE, octets);
    let key = asking.key.as_ref().map(Key::secret);
    if let Some(Ok(mut key)) = key.map(HeaderValue::from_str) {
        key.set_sensitive(true);
        headers.insert(PREDICTION_KEY, key);
    }
    headers
}

/// The reply, and whether all of it was read.
async fn read(response: Response<Incoming>) -> Result<(Raw, bool), hyper::Error> {
    let header = |name| {
        let value = response.headers().get(name);
        value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let mut raw = Raw {
        status: response.status().as_u16(),
        retry_after: header(RETRY_AFTER),
        location: header(LOCATION),
        body: Vec::new(),
    };
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        let room = REPLY_LIMIT - raw.body.len();
        raw.body.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            return Ok((raw, false));
        }
    }
    Ok((raw, true))
}

/// An error and its sources in one line.
fn in_one_line(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
