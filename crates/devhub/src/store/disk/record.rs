//! One record: `header length u32 | body length u32 | checksum of the header u64 | header | body`.

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
        let lengths = [header.len(), message.body.len()];
        let mut record = Vec::with_capacity(PREFIX_BYTES + lengths[0] + lengths[1]);
        for length in lengths {
            // Both are below the size gate of 256 KiB plus properties of at most 64 KiB.
            record.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
        }
        record.extend_from_slice(&checksum(&header).to_le_bytes());
        record.extend_from_slice(&header);
        record.extend_from_slice(&message.body);
        record
    }

    pub(super) fn decode(record: Vec<u8>) -> Option<Entry> {
        let record = Bytes::from(record);
        let (header_length, _, sum) = Self::split_prefix(record.get(..PREFIX_BYTES)?)?;
        let body_at = PREFIX_BYTES + usize::try_from(header_length).ok()?;
        let header = record.get(PREFIX_BYTES..body_at)?;
        if checksum(header) != sum {
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

    pub(super) fn split_prefix(mut prefix: &[u8]) -> Option<(u32, u32, u64)> {
        let (mut a, mut b, mut sum) = ([0; 4], [0; 4], [0; 8]);
        prefix.read_exact(&mut a).ok()?;
        prefix.read_exact(&mut b).ok()?;
        prefix.read_exact(&mut sum).ok()?;
        Some((
            u32::from_le_bytes(a),
            u32::from_le_bytes(b),
            u64::from_le_bytes(sum),
        ))
    }
}

/// The first eight bytes of SHA-256.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    let digest = digest::digest(&digest::SHA256, bytes);
    let mut first = [0; 8];
    first.copy_from_slice(&digest.as_ref()[..8]);
    u64::from_le_bytes(first)
}
