//! Is it alive, is it ready, and a page for people.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, Response, StatusCode};
use serde::Serialize;

use super::house::{House, Hub};

/// What `GET /` of the exported container says; clients look for it.
const CONTAINERS_LINE: &str = "CustomVision.ai model host harness";

/// For people; holds nothing from outside.
const PAGE: &str = include_str!("front.html");

/// What `/readyz` says.
#[derive(Debug, Serialize)]
struct Readiness {
    ready: bool,
    /// Why not; empty when it is.
    reasons: Vec<&'static str>,
    model: String,
    ledger: &'static str,
    hub: &'static str,
    version: &'static str,
}

pub(super) fn alive() -> Response<Full<Bytes>> {
    respond(StatusCode::OK, "text/plain; charset=utf-8", "alive\n")
}

pub(super) fn ready(house: &House) -> Response<Full<Bytes>> {
    let (hub, connected) = match house.hub() {
        Some(Hub::Standalone) => ("standalone", true),
        Some(Hub::Edge(status)) if status.borrow().is_connected() => ("connected", true),
        Some(Hub::Edge(_)) | None => ("not connected", false),
    };
    let writable = house.recorder.is_writable();
    let readiness = readiness(house.model.name.clone(), (hub, connected), writable);
    let status = if readiness.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let json = serde_json::to_string(&readiness).unwrap_or_default();
    respond(status, "application/json", json)
}

fn readiness(model: String, (hub, connected): (&'static str, bool), writable: bool) -> Readiness {
    let mut reasons = Vec::new();
    if !writable {
        reasons.push("the ledger cannot be written");
    }
    if !connected {
        reasons.push("edgeHub is not connected");
    }
    Readiness {
        ready: reasons.is_empty(),
        reasons,
        model,
        ledger: if writable { "writable" } else { "failing" },
        hub,
        version: env!("CARGO_PKG_VERSION"),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_told() {
        let both = readiness("m".into(), ("not connected", false), false);
        assert!(!both.ready);
        assert_eq!(both.reasons.len(), 2, "{both:?}");
        let alone = readiness("m".into(), ("standalone", true), true);
        assert!(alone.ready && alone.reasons.is_empty(), "{alone:?}");
    }
}
