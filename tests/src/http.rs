//! A client of the module's HTTP door, by hand: one request, one connection.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::Context as _;
use serde_json::Value;

use crate::PATIENCE;

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// Such as 200.
    pub status: u16,
    /// Everything before the body, in lower case.
    pub head: String,
    /// The body, which is always JSON for a picture.
    pub body: String,
}

impl HttpAnswer {
    /// The body as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// Whether the module says that it gave this very answer before.
    #[must_use]
    pub fn was_replayed(&self) -> bool {
        self.head.contains("idempotency-replayed: true")
    }
}

/// Asks for a page.
///
/// # Errors
/// When nobody listens, or the answer does not come whole.
pub fn get(address: SocketAddr, path: &str) -> anyhow::Result<HttpAnswer> {
    let head = format!("GET {path} HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n");
    ask(address, head.as_bytes(), &[])
}

/// Posts a body with more header lines.
///
/// # Errors
/// When nobody listens, or the answer does not come whole.
pub fn post(
    address: SocketAddr,
    path: &str,
    headers: &[&str],
    body: &[u8],
) -> anyhow::Result<HttpAnswer> {
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: box\r\nConnection: close\r\nContent-Length: {}\r\n{lines}\r\n",
        body.len()
    );
    ask(address, head.as_bytes(), body)
}

fn ask(address: SocketAddr, head: &[u8], body: &[u8]) -> anyhow::Result<HttpAnswer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(head)?;
    stream.write_all(body)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .context("the answer broke off")?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    Ok(HttpAnswer {
        status,
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    })
}

/// Where the module said last that it serves HTTP.
#[must_use]
pub fn http_address(log: &str) -> Option<SocketAddr> {
    address_after(log, "HTTP is served")
}

/// Where the module said last that it serves its metrics.
#[must_use]
pub fn metrics_address(log: &str) -> Option<SocketAddr> {
    address_after(log, "metrics are served")
}

fn address_after(log: &str, said: &str) -> Option<SocketAddr> {
    let line = log.lines().rfind(|line| line.contains(said))?;
    let (_, rest) = line.split_once("address=")?;
    rest.split_whitespace()
        .next()?
        .trim_matches('"')
        .parse()
        .ok()
}
