//! The asking end of the control socket; plain blocking reads, since it is a command that asks.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde_json::Value;
use thiserror::Error;

use super::{Reply, Request};

/// Why an answer did not come.
#[derive(Debug, Error)]
pub enum AskError {
    /// Nobody listens.
    #[error("no hub listens on {}; start `devhub hub` or `devhub run` on this --state", path.display())]
    NoHub {
        /// The socket.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The connection broke.
    #[error("the hub went away without an answer")]
    Lost(#[source] io::Error),
    /// What came is not an answer.
    #[error("the hub's answer cannot be read; is it of another version?")]
    Unreadable(#[source] serde_json::Error),
    /// The hub's own word.
    #[error("{0}")]
    Refused(String),
}

/// Asks the hub that listens at `socket`. Waits for as long as the hub takes, which is the sum of
/// both time-outs and 3 s for a method, and moments for all else.
///
/// # Errors
/// [`AskError`].
pub fn ask(socket: &Path, request: &Request) -> Result<Value, AskError> {
    let mut line = String::new();
    send(socket, request)?
        .read_line(&mut line)
        .map_err(AskError::Lost)?;
    if line.is_empty() {
        return Err(AskError::Lost(io::ErrorKind::UnexpectedEof.into()));
    }
    match serde_json::from_str(&line).map_err(AskError::Unreadable)? {
        Reply::Ok(value) => Ok(value),
        Reply::Error(text) => Err(AskError::Refused(text)),
    }
}

/// Hands each message that went upstream to `take` (one line of JSON) and each gap to `missed`,
/// until the hub ends or, without `follow`, the remembered ones are through.
///
/// # Errors
/// [`AskError`], or what `take` returned.
pub fn follow(
    socket: &Path,
    follow: bool,
    mut take: impl FnMut(&Value) -> io::Result<()>,
    mut missed: impl FnMut(u64),
) -> Result<(), AskError> {
    let lines = send(socket, &Request::Upstream { follow })?;
    for line in lines.lines() {
        let line = line.map_err(AskError::Lost)?;
        let value: Value = serde_json::from_str(&line).map_err(AskError::Unreadable)?;
        if let Some(message) = value.get("message") {
            take(message).map_err(AskError::Lost)?;
        } else if let Some(count) = value.get("missed").and_then(Value::as_u64) {
            missed(count);
        } else if let Some(text) = value.get("error").and_then(Value::as_str) {
            return Err(AskError::Refused(text.to_owned()));
        }
    }
    Ok(())
}

fn send(socket: &Path, request: &Request) -> Result<BufReader<UnixStream>, AskError> {
    let no_hub = |source| AskError::NoHub {
        path: socket.to_owned(),
        source,
    };
    let mut stream = UnixStream::connect(socket).map_err(no_hub)?;
    let mut line = serde_json::to_vec(request).map_err(AskError::Unreadable)?;
    line.push(b'\n');
    stream.write_all(&line).map_err(AskError::Lost)?;
    Ok(BufReader::new(stream))
}
