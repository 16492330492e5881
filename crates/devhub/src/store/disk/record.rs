//! One record: `header length u32 | body length u32 | checksum 8 bytes | header | body`. The checksum
//! covers the lengths and the header, not the body: a start reads headers only.

use std::borrow::Cow;
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use ring::digest;
use serde::{Deserialize, Serialize};

use crate::message::Message;
use crate::store::Entry;

/// Two lengths and a checksum.
pub(super) const PREFIX_BYTES: usize = 16;

/// What stands before the body.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Header<'a> {
    pub(super) sequence: u64,
    /// Milliseconds since the Unix epoch.
    expires_at: Option<u64>,
    message: Cow<'a, Message>,
}

/// The bytes of one record.
pub(super) struct Record;

impl Record {
    pub(super) fn encode(
        sequence: u64,
        message: &Message,
        expires_at: Option<SystemTime>,
    ) -> Vec<u8> {
        let expires_at = expires_at.map(|at| {
            let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        });
        let header = Header {
            sequence,
            expires_at,
            message: Cow::Borrowed(message),
        };
        // A struct of strings and numbers always has a JSON form.
        let header = serde_json::to_vec(&header).unwrap_or_default();
        // Both are below the size gate of 256 KiB plus properties of at most 64 KiB.
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let prefix = Prefix {
            header_length: length(&header),
            body_length: length(&message.body),
        };
        let mut record = Vec::with_capacity(PREFIX_BYTES + header.len() + message.body.len());
        record.extend_from_slice(&prefix.lengths());
        record.extend_from_slice(&prefix.checksum(&header));
        record.extend_from_slice(&header);
        record.extend_from_slice(&message.body);
        record
    }

    pub(super) fn decode(record: Vec<u8>) -> Option<Entry> {
        let record = Bytes::from(record);
        let (prefix, sum) = Prefix::read(record.get(..PREFIX_BYTES)?)?;
        let body_at = PREFIX_BYTES + usize::try_from(prefix.header_length).ok()?;
        let header = record.get(PREFIX_BYTES..body_at)?;
        if prefix.checksum(header) != sum || prefix.record_length() != record.len() as u64 {
            return None;
        }
        let header: Header<'_> = serde_json::from_slice(header).ok()?;
        let expires_at = match header.expires_at {
            Some(millis) => UNIX_EPOCH.checked_add(Duration::from_millis(millis)),
            None => None,
        };
        let mut message = header.message.into_owned();
        message.body = record.slice(body_at..);
        Some(Entry {
            sequence: header.sequence,
            expires_at,
            message: Arc::new(message),
        })
    }
}

/// The lengths that stand before a header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prefix {
    pub(super) header_length: u32,
    body_length: u32,
}

impl Prefix {
    /// The lengths, and the checksum that is to be that of the header.
    pub(super) fn read(mut prefix: &[u8]) -> Option<(Self, [u8; 8])> {
        let (mut header, mut body, mut sum) = ([0; 4], [0; 4], [0; 8]);
        prefix.read_exact(&mut header).ok()?;
        prefix.read_exact(&mut body).ok()?;
        prefix.read_exact(&mut sum).ok()?;
        let lengths = Self {
            header_length: u32::from_le_bytes(header),
            body_length: u32::from_le_bytes(body),
        };
        Some((lengths, sum))
    }

    /// Bytes of the whole record.
    pub(super) fn record_length(self) -> u64 {
        PREFIX_BYTES as u64 + u64::from(self.header_length) + u64::from(self.body_length)
    }

    /// The first eight bytes of SHA-256 over the lengths and the header: a damaged length must not
    /// hide what stands behind it.
    pub(super) fn checksum(self, header: &[u8]) -> [u8; 8] {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&self.lengths());
        context.update(header);
        let mut first = [0; 8];
        first.copy_from_slice(&context.finish().as_ref()[..8]);
        first
    }

    fn lengths(self) -> [u8; 8] {
        let mut lengths = [0; 8];
        lengths[..4].copy_from_slice(&self.header_length.to_le_bytes());
        lengths[4..].copy_from_slice(&self.body_length.to_le_bytes());
        lengths
    }
}
