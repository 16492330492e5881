//! One question and its answer, over a connection that is used for nothing else.

use std::pin::pin;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, HOST, LOCATION, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::FetchLimits;
use super::error::FetchError;
use super::target::Target;

/// Who asks.
const AGENT: &str = concat!("fruit-counter/", env!("CARGO_PKG_VERSION"));

/// Bytes of an answer's head at most.
const HEAD_LIMIT: usize = 16 << 10;

/// What a server said.
pub(super) enum Answer {
    /// Here it is.
    Picture(Bytes),
    /// It is there, as its `Location` has it.
    Moved(String),
}

/// Asks for the target. Its time is the caller's to bound.
pub(super) async fn get(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    target: &Target,
    limits: &FetchLimits,
) -> Result<Answer, FetchError> {
    let broken = |error: hyper::Error| {
        tracing::debug!(%error, ?target, "a web server broke off");
        FetchError::Broken {
            host: target.host().to_owned(),
        }
    };
    // Nothing but this: no cookie, no Referer, no credentials, whoever redirects.
    let request = Request::get(target.path_and_query())
        .header(HOST, target.authority())
        .header(USER_AGENT, AGENT)
        .header(ACCEPT, "*/*")
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|_no_request| FetchError::Target(super::TargetError::Malformed))?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_LIMIT)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(broken)?;
        match moved(&response, target)? {
            Some(location) => Ok(Answer::Moved(location)),
            None => read(response.into_body(), target, limits, broken)
                .await
                .map(Answer::Picture),
        }
    };
    let mut exchange = pin!(exchange);
    tokio::select! {
        answer = &mut exchange => answer,
        // The connection ended, but perhaps not everything that came over it was read.
        _ended = connection => exchange.await,
    }
}

/// Where the answer leads; `None` if it is the picture itself.
fn moved(response: &Response<Incoming>, target: &Target) -> Result<Option<String>, FetchError> {
    let status = response.status();
    if status.is_success() {
        return Ok(None);
    }
    let location = response
        .headers()
        .get(LOCATION)
        .and_then(|location| location.to_str().ok());
    match (status, location) {
        (
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT,
            Some(location),
        ) => Ok(Some(location.to_owned())),
        _ => Err(FetchError::Status {
            host: target.host().to_owned(),
            status: status.as_u16(),
        }),
    }
}

/// Reads a body, whatever length it announces, and stops at the first byte too many.
async fn read(
    mut body: Incoming,
    target: &Target,
    limits: &FetchLimits,
    broken: impl Fn(hyper::Error) -> FetchError,
) -> Result<Bytes, FetchError> {
    let max_body = limits.max_body;
    let too_long = || FetchError::TooLong {
        host: target.host().to_owned(),
        limit: max_body,
    };
    let announced = body.size_hint().exact().unwrap_or(0);
    // At once, since growing would hold the old bytes beside the new room for them.
    let room = usize::try_from(announced)
        .ok()
        .filter(|room| *room <= max_body)
        .ok_or_else(too_long)?;
    let mut bytes = BytesMut::with_capacity(room);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(&broken)?.into_data() else {
            continue;
        };
        if data.len() > max_body - bytes.len() {
            return Err(too_long());
        }
        let length = bytes.len() + data.len();
        if limits
            .share
            .as_ref()
            .is_some_and(|share| !share.covers(length))
        {
            return Err(FetchError::NoRoom);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}
