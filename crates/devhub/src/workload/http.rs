//! One request of the workload API: from its path and body to its answer, with the daemon's own
//! status codes and messages (sheet 2.3 and 2.5).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Body;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Workload;

/// How long a request's body may take; then 408 (sheet 2.1).
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// Versions the daemon of 1.5 takes (sheet 2.1).
const API_VERSIONS: &[&str] = &[
    "2018-06-28",
    "2019-01-30",
    "2019-10-22",
    "2019-11-05",
    "2020-07-07",
    "2021-12-07",
    "2022-08-03",
];

/// Largest body that is read, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// A refusal: status and message.
#[derive(Debug)]
struct Refusal(StatusCode, String);

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self(status, message.into())
    }
}

#[derive(Deserialize)]
struct SignRequest {
    data: String,
}

pub(super) async fn answer<B>(workload: &Workload, request: Request<B>) -> Response<Full<Bytes>>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let call = format!("{} {}", request.method(), request.uri().path());
    let (status, body) = match route(workload, request).await {
        Ok(body) => (StatusCode::OK, body),
        Err(Refusal(status, message)) => {
            tracing::warn!(
                call,
                status = status.as_u16(),
                message,
                "workload call refused"
            );
            (status, json!({ "message": message }))
        }
    };
    let text = body.to_string();
    let length = HeaderValue::from(text.len());
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, length);
    response
}

async fn route<B>(workload: &Workload, request: Request<B>) -> Result<Value, Refusal>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let path = request.uri().path().to_owned();
    let segments = path
        .split('/')
        .skip(1)
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect::<Vec<_>>();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let wanted = match segments.as_slice() {
        ["trust-bundle" | "manifest-trust-bundle" | "modules"] => Method::GET,
        ["modules", _, "genid", _, "sign" | "encrypt" | "decrypt"]
        | ["modules", _, "genid", _, "certificate", "server"]
        | ["modules", _, "certificate", "identity"] => Method::POST,
        _ => return Err(Refusal::new(StatusCode::NOT_FOUND, "not found")),
    };
    check_version(request.uri().query())?;
    if *request.method() != wanted {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "method not allowed"));
    }
    match segments.as_slice() {
        ["trust-bundle"] => match workload.trust_bundle.pem() {
            Ok(pem) => Ok(json!({ "certificate": pem })),
            Err(error) => {
                let message = format!("the trust bundle cannot be read: {error}");
                Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message))
            }
        },
        ["manifest-trust-bundle"] => Ok(json!({ "certificate": "" })),
        ["modules", name, "genid", _, "sign"] => sign(workload, name, request).await,
        ["modules", name, ..] => {
            known_module(workload, name)?;
            Err(Refusal::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "devhub offers sign and trust-bundle only",
            ))
        }
        _ => Ok(modules(workload)),
    }
}

fn check_version(query: Option<&str>) -> Result<(), Refusal> {
    let version = query
        .unwrap_or_default()
        .split('&')
        .find_map(|pair| pair.strip_prefix("api-version="));
    match version {
        None => Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "api-version not specified",
        )),
        Some(version) if API_VERSIONS.contains(&version) => Ok(()),
        Some(version) => Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            format!("invalid api-version \"{version}\""),
        )),
    }
}

fn known_module<'a>(
    workload: &'a Workload,
    name: &str,
) -> Result<&'a crate::identity::SharedKey, Refusal> {
    let id = workload.identities.module_id(name);
    workload
        .identities
        .identity(&id)
        .map(|identity| &identity.primary)
        .ok_or_else(|| Refusal::new(StatusCode::FORBIDDEN, "forbidden"))
}

/// Only `data` matters: key id, algorithm and generation id are not looked at (sheet 2.5).
async fn sign<B>(workload: &Workload, name: &str, request: Request<B>) -> Result<Value, Refusal>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let key = known_module(workload, name)?;
    let is_json = request
        .headers()
        .get(CONTENT_TYPE)
        .is_none_or(|media_type| {
            media_type.to_str().is_ok_and(|text| {
                let essence = text.split(';').next().unwrap_or_default().trim();
                essence.eq_ignore_ascii_case("application/json")
            })
        });
    let missing = || Refusal::new(StatusCode::BAD_REQUEST, "missing parameter: request body");
    if !is_json {
        return Err(missing());
    }
    let collected = Limited::new(request.into_body(), MAX_BODY).collect();
    let body = match tokio::time::timeout(BODY_TIMEOUT, collected).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) => {
            let error: Box<dyn std::error::Error + Send + Sync> = error;
            return Err(Refusal::new(StatusCode::BAD_REQUEST, error.to_string()));
        }
        Err(_late) => {
            return Err(Refusal::new(
                StatusCode::REQUEST_TIMEOUT,
                "request body too slow",
            ));
        }
    };
    if body.is_empty() {
        return Err(missing());
    }
    let request: SignRequest = serde_json::from_slice(&body)
        .map_err(|error| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))?;
    let data = STANDARD.decode(&request.data).map_err(|error| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            format!("invalid parameter: {error}"),
        )
    })?;
    Ok(json!({ "digest": STANDARD.encode(key.sign(&data)) }))
}

fn modules(workload: &Workload) -> Value {
    let edge_device = &workload.identities.hosts().edge_device;
    let names: Vec<_> = workload
        .identities
        .ids()
        .filter(|id| id.device_id() == edge_device)
        .filter_map(|id| id.module_id())
        .map(|name| json!({ "name": name, "type": "process", "status": { "runtimeStatus": { "status": "running" } } }))
        .collect();
    json!({ "modules": names })
}
