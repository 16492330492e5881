//! Is it alive, is it ready, its metrics, and a page for people.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, Response, StatusCode};

use crate::health::Health;
use crate::metrics::{CONTENT_TYPE as CONTENT_TYPE_OF_METRICS, Metrics};

/// What `GET /` of the exported container says; clients look for it.
const CONTAINERS_LINE: &str = "CustomVision.ai model host harness";

/// For people; holds nothing from outside.
const PAGE: &str = include_str!("front.html");

pub(super) fn alive() -> Response<Full<Bytes>> {
    respond(StatusCode::OK, "text/plain; charset=utf-8", "alive\n")
}

pub(super) fn ready(health: &Health) -> Response<Full<Bytes>> {
    let readiness = health.readiness();
    let status = if readiness.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let json = serde_json::to_string(&readiness).unwrap_or_default();
    respond(status, "application/json", json)
}

pub(super) async fn metrics(metrics: &Metrics) -> Response<Full<Bytes>> {
    respond(
        StatusCode::OK,
        CONTENT_TYPE_OF_METRICS,
        metrics.page().await,
    )
}

pub(super) fn front(headers: &HeaderMap) -> Response<Full<Bytes>> {
    let wants_page = headers
        .get_all(ACCEPT)
        .iter()
        .any(|accept| accept.to_str().is_ok_and(|text| text.contains("text/html")));
    if wants_page {
        respond(StatusCode::OK, "text/html; charset=utf-8", PAGE)
    } else {
        respond(StatusCode::OK, "text/html; charset=utf-8", CONTAINERS_LINE)
    }
}

fn respond(
    status: StatusCode,
    kind: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
