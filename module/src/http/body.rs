//! Reads a body that somebody outside sends: bounded in bytes and in time.

use std::fmt;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout_at};

use super::refusal::Refusal;

/// A body that is too long is read on for so many times the limit and thrown away, so that its
/// sender hears the answer: closing with bytes unread would reset the connection instead.
const HEARD_OUT: usize = 4;

/// A body that came to its end.
pub(super) struct Body {
    /// Its bytes; `None` when they were more than the limit.
    pub(super) picture: Option<Bytes>,
    /// SHA-256 of what was read of it: all, unless it was many times too long.
    pub(super) digest: [u8; 32],
    /// How many bytes that were.
    pub(super) length: usize,
}

/// Never the bytes.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

/// Reads to the end, or until it is too late or far too long.
pub(super) async fn read(
    mut incoming: Incoming,
    limit: usize,
    deadline: Instant,
) -> Result<Body, Refusal> {
    let mut bytes = BytesMut::new();
    let mut hash = Sha256::new();
    let mut length: usize = 0;
    while let Some(frame) = timeout_at(deadline, incoming.frame())
        .await
        .map_err(|_elapsed| Refusal::BodyLate)?
    {
        let frame = frame.map_err(|error| {
            tracing::debug!(%error, "a body broke off");
            Refusal::BodyBroken
        })?;
        // Trailers say nothing to us.
        let Ok(data) = frame.into_data() else {
            continue;
        };
        length = length.saturating_add(data.len());
        hash.update(&data);
        if length <= limit {
            bytes.extend_from_slice(&data);
        } else {
            bytes = BytesMut::new();
            if length > limit.saturating_mul(HEARD_OUT) {
                break;
            }
        }
    }
    Ok(Body {
        picture: (length <= limit).then(|| bytes.freeze()),
        digest: hash.finalize().into(),
        length,
    })
}

/// Reads what is left of a body that nobody wants, within the same bounds.
pub(super) async fn throw_away(mut incoming: Incoming, limit: usize, deadline: Instant) {
    let mut length: usize = 0;
    while let Ok(Some(Ok(frame))) = timeout_at(deadline, incoming.frame()).await {
        length = length.saturating_add(frame.data_ref().map_or(0, Bytes::len));
        if length > limit {
            return;
        }
    }
}
