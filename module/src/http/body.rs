//! Reads a body that somebody outside sends: bounded in bytes and in time.

use std::fmt;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout_at};

use super::body_room::Share;
use super::refusal::Refusal;

/// A body that is too long is read on for so many times the limit and thrown away, so that its
/// sender hears the answer: closing with bytes unread would reset the connection instead.
const HEARD_OUT: usize = 4;

/// A body that came to its end.
pub(super) struct Body {
    /// Its bytes; `None` when they were more than the limit.
    pub(super) picture: Option<Bytes>,
    /// SHA-256 of its first bytes: of all, unless they were over [`HEARD_OUT`] times the limit.
    pub(super) digest: [u8; 32],
    /// How many bytes that were.
    pub(super) length: usize,
}

impl Body {
    /// A picture that is there already, of so many bytes at most.
    pub(super) fn of(picture: Bytes, limit: usize) -> Self {
        Body {
            digest: Sha256::digest(&picture).into(),
            length: picture.len(),
            picture: (picture.len() <= limit).then_some(picture),
        }
    }
}

/// Never the bytes.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

/// Reads to the end, or until it is too late or far too long, or there is no room for it.
pub(super) async fn read(
    mut incoming: Incoming,
    limit: usize,
    share: &Share,
    deadline: Instant,
) -> Result<Body, Refusal> {
    let announced = incoming.size_hint().exact().unwrap_or(0);
    let mut reading = Reading::new(limit, announced);
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
        if !share.covers(reading.keeps_with(&data)) {
            // So that its sender hears of it.
            throw_away(incoming, limit, deadline).await;
            return Err(Refusal::Busy);
        }
        reading.take(&data);
        if reading.is_heard_out() {
            break;
        }
    }
    Ok(reading.end())
}

/// A body as far as it was read.
struct Reading {
    limit: usize,
    bytes: BytesMut,
    hash: Sha256,
    length: usize,
}

impl Reading {
    /// Of `announced` bytes, 0 when that is not known.
    fn new(limit: usize, announced: u64) -> Self {
        // At once, since growing would hold the old bytes beside the new room for them.
        let room = usize::try_from(announced)
            .ok()
            .filter(|room| *room <= limit);
        Reading {
            limit,
            bytes: BytesMut::with_capacity(room.unwrap_or(0)),
            hash: Sha256::new(),
            length: 0,
        }
    }

    /// Bytes that are kept when this is taken.
    fn keeps_with(&self, data: &[u8]) -> usize {
        match self.length.saturating_add(data.len()) {
            length if length <= self.limit => length,
            _too_many => 0,
        }
    }

    fn heard_out(&self) -> usize {
        self.limit.saturating_mul(HEARD_OUT)
    }

    fn is_heard_out(&self) -> bool {
        self.length > self.heard_out()
    }

    /// However it was cut into pieces on its way, a body has one digest.
    fn take(&mut self, data: &[u8]) {
        let room = self.heard_out().saturating_sub(self.length);
        self.hash.update(&data[..room.min(data.len())]);
        self.length = self.length.saturating_add(data.len());
        if self.length <= self.limit {
            self.bytes.extend_from_slice(data);
        } else {
            self.bytes = BytesMut::new();
        }
    }

    fn end(self) -> Body {
        Body {
            picture: (self.length <= self.limit).then(|| self.bytes.freeze()),
            digest: self.hash.finalize().into(),
            length: self.length,
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A body of so many bytes that comes in pieces, as long as it is listened to.
    fn read_in(pieces: usize, length: usize) -> Body {
        let body: Vec<u8> = (0..length).map(|at| at as u8).collect();
        let mut reading = Reading::new(10, 0);
        for piece in body.chunks(pieces) {
            reading.take(piece);
            if reading.is_heard_out() {
                break;
            }
        }
        reading.end()
    }

    #[test]
    fn a_body_has_one_digest_however_it_was_cut_on_its_way() {
        for length in [9, 10, 11, 39, 40, 41, 200] {
            let whole = read_in(length, length);
            assert_eq!(whole.picture.is_some(), length <= 10);
            for pieces in 1..60 {
                assert_eq!(read_in(pieces, length).digest, whole.digest, "{length}");
            }
        }
        assert_ne!(read_in(5, 39).digest, read_in(5, 40).digest);
    }
}
