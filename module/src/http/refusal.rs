//! What is said to a request that does not get a look at its picture.
//!
//! Errors are JSON as the Custom Vision cloud writes them, `{"code":…,"message":…}`. The client
//! reads what it can do about it; what went wrong inside goes to the log. A picture that was looked
//! at and found bad is a [reply](super::reply), since it is kept with its key.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde_json::json;

use super::fetch::FetchError;
use super::names::NameError;
use super::route::Unrouted;

/// Seconds after which a busy door is worth another try.
const RETRY_BUSY: u16 = 1;

/// The same for a ledger that cannot be written.
const RETRY_LEDGER: u16 = 5;

/// Why a request is not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("there is nothing at this path; pictures go to POST /image")]
    Path,
    #[error("this path takes {allowed} only")]
    Method { allowed: &'static str },
    #[error("{0}")]
    Camera(NameError),
    #[error("the request names more than one camera; name it once, as ?camera= or X-Camera")]
    Cameras,
    #[error(
        "Idempotency-Key is none, or more than one; expected 1 to 256 visible ASCII characters"
    )]
    Key,
    #[error(
        "this Idempotency-Key was used for another picture of the same camera; \
         use a new key for each picture"
    )]
    KeyReused,
    #[error("the Prediction-Key is missing or wrong; nothing was counted")]
    Unauthorized,
    #[error(
        "the form has no boundary in its Content-Type; send the picture alone, or a whole form"
    )]
    Boundary,
    #[error("the form cannot be read ({0}); nothing was counted")]
    Form(String),
    #[error("the form has no part imageData; name the part with the picture so")]
    NoPart,
    #[error("the body did not arrive in time; nothing was counted")]
    BodyLate,
    #[error("the body ended early or is malformed; nothing was counted")]
    BodyBroken,
    #[error("{0}; nothing was counted")]
    Url(FetchError),
    #[error("too many pictures are in hand; try again in a moment")]
    Busy,
    #[error("the counts cannot be written at the moment; the picture is not known to be counted")]
    Ledger,
    #[error("the module is stopping or cannot look at pictures; nothing was counted")]
    Stopping,
}

impl From<Unrouted> for Refusal {
    fn from(unrouted: Unrouted) -> Self {
        match unrouted {
            Unrouted::Path => Refusal::Path,
            Unrouted::Method { allowed } => Refusal::Method { allowed },
        }
    }
}

impl From<FetchError> for Refusal {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::NoRoom => Refusal::Busy,
            error => Refusal::Url(error),
        }
    }
}

impl Refusal {
    /// The cloud's own codes where it has one.
    fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Refusal::Path => (StatusCode::NOT_FOUND, "NotFound"),
            Refusal::Method { .. } => (StatusCode::METHOD_NOT_ALLOWED, "BadRequest"),
            Refusal::Camera(_)
            | Refusal::Cameras
            | Refusal::Key
            | Refusal::BodyBroken
            | Refusal::Boundary
            | Refusal::Form(_)
            | Refusal::NoPart => (StatusCode::BAD_REQUEST, "BadRequest"),
            Refusal::Unauthorized => (StatusCode::UNAUTHORIZED, "Unauthorized"),
            Refusal::Url(_) => (StatusCode::BAD_REQUEST, "BadRequestImageUrl"),
            Refusal::KeyReused => (StatusCode::CONFLICT, "Conflict"),
            Refusal::BodyLate => (StatusCode::REQUEST_TIMEOUT, "BadRequest"),
            Refusal::Busy => (StatusCode::TOO_MANY_REQUESTS, "TooManyRequests"),
            Refusal::Ledger | Refusal::Stopping => {
                (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable")
            }
        }
    }

    fn retry_after(&self) -> Option<u16> {
        match self {
            Refusal::Busy => Some(RETRY_BUSY),
            Refusal::Ledger | Refusal::Stopping => Some(RETRY_LEDGER),
            Refusal::Path
            | Refusal::Method { .. }
            | Refusal::Camera(_)
            | Refusal::Cameras
            | Refusal::Key
            | Refusal::KeyReused
            | Refusal::BodyLate
            | Refusal::BodyBroken
            | Refusal::Unauthorized
            | Refusal::Boundary
            | Refusal::Form(_)
            | Refusal::NoPart
            | Refusal::Url(_) => None,
        }
    }

    pub(super) fn into_response(self) -> Response<Full<Bytes>> {
        let (status, code) = self.status_and_code();
        let mut response = Response::new(Full::from(error_json(code, &self.to_string())));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Refusal::Method { allowed } = self {
            headers.insert(ALLOW, HeaderValue::from_static(allowed));
        }
        response
    }
}

/// An error as the cloud writes it.
pub(super) fn error_json(code: &str, message: &str) -> Bytes {
    json!({ "code": code, "message": message })
        .to_string()
        .into()
}
