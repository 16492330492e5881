//! Queues in files: what was acknowledged survives `kill -9` of the hub.
//!
//! It does not flush to the medium, so a power cut may take the last second; edgeHub's own store
//! makes the same choice, and a development hub has no better reason. One process per directory
//! (the caller holds a lock, see [`crate::state`]).
//!
//! Layout under the root, names percent-encoded:
//! ```text
//! queues/{priority}%20{endpoint}/{first sequence, 20 digits}.log   records, oldest file first
//! queues/{priority}%20{endpoint}/head                               u64 LE: last sequence removed
//! documents/{kind}%20{client id}.json
//! ```
//! A record is `header length u32 | body length u32 | checksum of the header u64 | header JSON |
//! body`, written by one call. Crash windows: a torn record at the end of the last file was never
//! acknowledged and is cut off at the next start; `head` is one 8-byte write, and if it is lost the
//! message comes again, which is what a redelivery is. Documents are replaced by rename.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use ring::digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Document, Endpoint, Entry, QueueId, Store, StoreError};
use crate::message::Message;

/// A new file is begun when the last one has passed this many bytes, so that space comes back.
const SEGMENT_BYTES: u64 = 16 * 1024 * 1024;
/// Bytes of undelivered messages that fit.
const CAPACITY_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Two lengths and a checksum.
const PREFIX_BYTES: usize = 16;

/// A [`Store`] in a directory. Holds at most 4 GiB of undelivered messages.
#[derive(Debug)]
pub struct DiskStore {
    root: PathBuf,
    queues: BTreeMap<QueueId, DiskQueue>,
    next_sequence: u64,
    held: u64,
}

impl DiskStore {
    /// Opens the store under `root`, which is made if absent. Reads every record's header once.
    ///
    /// # Errors
    /// [`StoreError`] when files cannot be made or read.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let mut store = Self {
            root: root.to_owned(),
            queues: BTreeMap::new(),
            next_sequence: 1,
            held: 0,
        };
        for folder in [store.queue_root(), store.document_root()] {
            fs::create_dir_all(&folder).map_err(io_error("make", &folder))?;
        }
        for name in names_in(&store.queue_root())? {
            let Some(id) = queue_id(&name) else { continue };
            let queue = DiskQueue::open(store.queue_root().join(&name))?;
            store.next_sequence = store.next_sequence.max(queue.last_sequence + 1);
            store.held += queue.held;
            store.queues.insert(id, queue);
        }
        Ok(store)
    }

    fn queue_root(&self) -> PathBuf {
        self.root.join("queues")
    }

    fn document_root(&self) -> PathBuf {
        self.root.join("documents")
    }
}

impl Store for DiskStore {
    fn append(
        &mut self,
        queue: &QueueId,
        message: &Arc<Message>,
        expires_at: Option<SystemTime>,
    ) -> Result<u64, StoreError> {
        let record = Record::encode(self.next_sequence, message, expires_at);
        let wanted = record.len() as u64;
        if self.held + wanted > CAPACITY_BYTES {
            return Err(StoreError::Full {
                held: self.held,
                wanted,
                limit: CAPACITY_BYTES,
            });
        }
        if !self.queues.contains_key(queue) {
            let folder = self.queue_root().join(queue_name(queue));
            self.queues.insert(queue.clone(), DiskQueue::open(folder)?);
        }
        let sequence = self.next_sequence;
        if let Some(queue) = self.queues.get_mut(queue) {
            queue.append(sequence, &record)?;
        }
        self.next_sequence += 1;
        self.held += wanted;
        Ok(sequence)
    }

    fn front(&mut self, queue: &QueueId) -> Result<Option<Entry>, StoreError> {
        self.queues.get(queue).map_or(Ok(None), DiskQueue::front)
    }

    fn front_sequence(&self, queue: &QueueId) -> Option<u64> {
        Some(self.queues.get(queue)?.index.front()?.sequence)
    }

    fn pop(&mut self, queue: &QueueId, sequence: u64) -> Result<(), StoreError> {
        if let Some(queue) = self.queues.get_mut(queue) {
            self.held -= queue.pop(sequence)?;
        }
        Ok(())
    }

    fn queues(&self) -> Vec<(QueueId, usize)> {
        self.queues
            .iter()
            .map(|(id, queue)| (id.clone(), queue.index.len()))
            .collect()
    }

    fn delete(&mut self, queue: &QueueId) -> Result<(), StoreError> {
        if let Some(gone) = self.queues.remove(queue) {
            self.held -= gone.held;
            fs::remove_dir_all(&gone.folder).map_err(io_error("delete", &gone.folder))?;
        }
        Ok(())
    }

    fn put_document(
        &mut self,
        name: &Document,
        document: Option<&Value>,
    ) -> Result<(), StoreError> {
        let path = self.document_root().join(document_name(name));
        match document {
            Some(document) => crate::state::replace(&path, document.to_string().as_bytes())
                .map_err(io_error("write", &path)),
            None => match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(io_error("delete", &path)(error))
                }
                _ => Ok(()),
            },
        }
    }

    fn documents(&self) -> Result<Vec<(Document, Value)>, StoreError> {
        let mut documents = Vec::new();
        for file in names_in(&self.document_root())? {
            let Some(name) = document_from(&file) else {
                continue;
            };
            let path = self.document_root().join(&file);
            let text = fs::read(&path).map_err(io_error("read", &path))?;
            let value = serde_json::from_slice(&text).map_err(|error| StoreError::Damaged {
                path: path.display().to_string(),
                what: error.to_string(),
            })?;
            documents.push((name, value));
        }
        Ok(documents)
    }
}

/// Where one record lies.
#[derive(Debug)]
struct Place {
    sequence: u64,
    segment: u64,
    offset: u64,
    length: u64,
}

/// One queue's files, with the place of each record that is not yet removed.
#[derive(Debug)]
struct DiskQueue {
    folder: PathBuf,
    head: File,
    segments: BTreeMap<u64, Segment>,
    index: VecDeque<Place>,
    last_sequence: u64,
    held: u64,
}

#[derive(Debug)]
struct Segment {
    path: PathBuf,
    file: File,
    length: u64,
}

impl DiskQueue {
    fn open(folder: PathBuf) -> Result<Self, StoreError> {
        fs::create_dir_all(&folder).map_err(io_error("make", &folder))?;
        let head_path = folder.join("head");
        let head = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&head_path)
            .map_err(io_error("open", &head_path))?;
        let mut removed = [0; 8];
        let removed = match head.read_exact_at(&mut removed, 0) {
            Ok(()) => u64::from_le_bytes(removed),
            Err(_) => 0,
        };
        let mut queue = Self {
            folder,
            head,
            segments: BTreeMap::new(),
            index: VecDeque::new(),
            last_sequence: removed,
            held: 0,
        };
        for name in names_in(&queue.folder)? {
            if let Some(first) = name
                .strip_suffix(".log")
                .and_then(|first| first.parse().ok())
            {
                queue.read_segment(first, removed)?;
            }
        }
        queue.drop_spent_segments()?;
        Ok(queue)
    }

    /// Reads the headers of one file and cuts off what was not written to its end.
    fn read_segment(&mut self, first: u64, removed: u64) -> Result<(), StoreError> {
        let mut segment = Segment::open(&self.folder, first)?;
        let mut offset = 0;
        while let Some((sequence, length)) = segment.record_at(offset) {
            if sequence > removed {
                self.index.push_back(Place {
                    sequence,
                    segment: first,
                    offset,
                    length,
                });
                self.held += length;
            }
            self.last_sequence = self.last_sequence.max(sequence);
            offset += length;
        }
        if offset < segment.length {
            tracing::warn!(
                file = %segment.path.display(),
                bytes = segment.length - offset,
                "queue file cut: its end was not written whole, and so never acknowledged"
            );
            segment
                .file
                .set_len(offset)
                .map_err(io_error("cut", &segment.path))?;
            segment.length = offset;
        }
        self.segments.insert(first, segment);
        Ok(())
    }

    fn append(&mut self, sequence: u64, record: &[u8]) -> Result<(), StoreError> {
        let current = match self.segments.last_key_value() {
            Some((first, segment)) if segment.length < SEGMENT_BYTES => *first,
            _ => {
                self.segments
                    .insert(sequence, Segment::open(&self.folder, sequence)?);
                self.drop_spent_segments()?;
                sequence
            }
        };
        let Some(segment) = self.segments.get_mut(&current) else {
            return Ok(());
        };
        let offset = segment.length;
        if let Err(error) = segment.file.write_all_at(record, offset) {
            // Half a record must not stand before the next whole one.
            let _cut = segment.file.set_len(offset);
            return Err(io_error("append to", &segment.path)(error));
        }
        let length = record.len() as u64;
        segment.length += length;
        self.index.push_back(Place {
            sequence,
            segment: current,
            offset,
            length,
        });
        self.last_sequence = sequence;
        self.held += length;
        Ok(())
    }

    fn front(&self) -> Result<Option<Entry>, StoreError> {
        let Some(place) = self.index.front() else {
            return Ok(None);
        };
        let Some(segment) = self.segments.get(&place.segment) else {
            return Ok(None);
        };
        let mut record = vec![0; usize::try_from(place.length).unwrap_or(usize::MAX)];
        segment
            .file
            .read_exact_at(&mut record, place.offset)
            .map_err(io_error("read", &segment.path))?;
        Record::decode(record)
            .map(Some)
            .ok_or_else(|| StoreError::Damaged {
                path: segment.path.display().to_string(),
                what: format!("no whole record at byte {}", place.offset),
            })
    }

    /// Returns the bytes set free.
    fn pop(&mut self, sequence: u64) -> Result<u64, StoreError> {
        let Some(place) = self.index.pop_front_if(|place| place.sequence == sequence) else {
            return Ok(0);
        };
        self.held -= place.length;
        let path = self.folder.join("head");
        self.head
            .write_all_at(&sequence.to_le_bytes(), 0)
            .map_err(io_error("write", &path))?;
        self.drop_spent_segments()?;
        Ok(place.length)
    }

    /// Deletes files before the one in which the oldest message lies, never the last file.
    fn drop_spent_segments(&mut self) -> Result<(), StoreError> {
        let oldest = self.index.front().map_or(u64::MAX, |place| place.segment);
        while self.segments.len() > 1
            && let Some(entry) = self.segments.first_entry()
            && *entry.key() < oldest
        {
            let path = entry.remove().path;
            fs::remove_file(&path).map_err(io_error("delete", &path))?;
        }
        Ok(())
    }
}

impl Segment {
    fn open(folder: &Path, first: u64) -> Result<Self, StoreError> {
        let path = folder.join(format!("{first:020}.log"));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io_error("open", &path))?;
        let length = file.metadata().map_err(io_error("look at", &path))?.len();
        Ok(Self { path, file, length })
    }

    /// Sequence and length of the record at `offset`, if a whole one is there.
    fn record_at(&self, offset: u64) -> Option<(u64, u64)> {
        let mut prefix = [0; PREFIX_BYTES];
        self.file.read_exact_at(&mut prefix, offset).ok()?;
        let (header_length, body_length, sum) = Record::split_prefix(&prefix)?;
        let length = PREFIX_BYTES as u64 + u64::from(header_length) + u64::from(body_length);
        if offset + length > self.length {
            return None;
        }
        let mut header = vec![0; usize::try_from(header_length).ok()?];
        self.file
            .read_exact_at(&mut header, offset + PREFIX_BYTES as u64)
            .ok()?;
        if checksum(&header) != sum {
            return None;
        }
        let header: Header<'_> = serde_json::from_slice(&header).ok()?;
        Some((header.sequence, length))
    }
}

/// What stands before the body.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header<'a> {
    sequence: u64,
    /// Milliseconds since the Unix epoch.
    expires_at: Option<u64>,
    message: std::borrow::Cow<'a, Message>,
}

/// The bytes of one record.
struct Record;

impl Record {
    fn encode(sequence: u64, message: &Message, expires_at: Option<SystemTime>) -> Vec<u8> {
        let expires_at = expires_at.map(|at| {
            let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        });
        let header = Header {
            sequence,
            expires_at,
            message: std::borrow::Cow::Borrowed(message),
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

    fn decode(record: Vec<u8>) -> Option<Entry> {
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

    fn split_prefix(mut prefix: &[u8]) -> Option<(u32, u32, u64)> {
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
fn checksum(bytes: &[u8]) -> u64 {
    let digest = digest::digest(&digest::SHA256, bytes);
    let mut first = [0; 8];
    first.copy_from_slice(&digest.as_ref()[..8]);
    u64::from_le_bytes(first)
}

fn queue_name(queue: &QueueId) -> String {
    encoded(&format!("{} {}", queue.priority, queue.endpoint))
}

fn queue_id(name: &str) -> Option<QueueId> {
    let name = percent_decode_str(name).decode_utf8().ok()?;
    let (priority, endpoint) = name.split_once(' ')?;
    let endpoint = match endpoint.split('/').collect::<Vec<_>>().as_slice() {
        ["$upstream"] => Endpoint::Upstream,
        ["", "modules", module, "inputs", input] => Endpoint::Input {
            module: (*module).to_owned(),
            input: (*input).to_owned(),
        },
        _ => return None,
    };
    Some(QueueId {
        endpoint,
        priority: priority.parse().ok()?,
    })
}

fn document_name(name: &Document) -> String {
    let name = match name {
        Document::Session(client) => format!("session {client}"),
        Document::Twin(client) => format!("twin {client}"),
    };
    encoded(&name) + ".json"
}

fn document_from(file: &str) -> Option<Document> {
    let name = percent_decode_str(file.strip_suffix(".json")?)
        .decode_utf8()
        .ok()?;
    match name.split_once(' ')? {
        ("session", client) => Some(Document::Session(client.to_owned())),
        ("twin", client) => Some(Document::Twin(client.to_owned())),
        _ => None,
    }
}

fn encoded(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}

/// Names in a folder, sorted, so that files are read oldest first.
fn names_in(folder: &Path) -> Result<Vec<String>, StoreError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(io_error("list", folder))? {
        let entry = entry.map_err(io_error("list", folder))?;
        names.extend(entry.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.display().to_string();
    move |source| StoreError::Io {
        action,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::IdentityId;

    fn message(body: &[u8]) -> Arc<Message> {
        let sender = IdentityId::module("edge", "m");
        let pairs = vec![
            ("$.mid".to_owned(), Some("1".to_owned())),
            ("k".to_owned(), None),
        ];
        Arc::new(Message::telemetry(
            &sender,
            pairs,
            Bytes::copy_from_slice(body),
            UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
        ))
    }

    fn queue(input: &str, priority: u32) -> QueueId {
        let endpoint = Endpoint::Input {
            module: "m%/".replace('/', ""),
            input: input.into(),
        };
        QueueId { endpoint, priority }
    }

    #[test]
    fn messages_and_their_order_survive_a_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let (images, upstream) = (
            queue("images", 5),
            QueueId {
                endpoint: Endpoint::Upstream,
                priority: 0,
            },
        );
        let expiry = Some(UNIX_EPOCH + Duration::from_millis(1_700_000_001_000));
        {
            let mut store = DiskStore::open(folder.path()).unwrap();
            store.append(&images, &message(b"one"), None).unwrap();
            store.append(&upstream, &message(b"two"), expiry).unwrap();
            store.append(&images, &message(b"three"), None).unwrap();
            store.pop(&images, 1).unwrap();
        }
        let mut store = DiskStore::open(folder.path()).unwrap();
        assert_eq!(store.queues(), [(upstream.clone(), 1), (images.clone(), 1)]);
        let front = store.front(&images).unwrap().unwrap();
        assert_eq!((front.sequence, front.expires_at), (3, None));
        assert_eq!(*front.message, *message(b"three"));
        assert_eq!(store.front(&upstream).unwrap().unwrap().expires_at, expiry);
        assert_eq!(store.append(&images, &message(b"four"), None).unwrap(), 4);
    }

    #[test]
    fn a_sequence_is_never_used_twice_even_when_all_is_delivered() {
        let folder = tempfile::tempdir().unwrap();
        let id = queue("images", 5);
        for expected in 1..=3 {
            let mut store = DiskStore::open(folder.path()).unwrap();
            assert_eq!(store.append(&id, &message(b"x"), None).unwrap(), expected);
            store.pop(&id, expected).unwrap();
        }
    }

    #[test]
    fn a_torn_end_is_cut_and_what_stands_before_it_stays() {
        let folder = tempfile::tempdir().unwrap();
        let id = queue("images", 5);
        let mut whole = 0;
        for cut in 1..60 {
            let mut store = DiskStore::open(folder.path()).unwrap();
            store.append(&id, &message(b"kept"), None).unwrap();
            store.append(&id, &message(b"torn"), None).unwrap();
            whole += 1;
            let (path, length) = {
                let segment = store.queues[&id].segments.values().last().unwrap();
                (segment.path.clone(), segment.length)
            };
            drop(store);
            let file = OpenOptions::new().write(true).open(&path).unwrap();
            file.set_len(length - cut).unwrap();
            let store = DiskStore::open(folder.path()).unwrap();
            assert_eq!(store.queues(), [(id.clone(), whole)], "cut by {cut}");
        }
    }

    #[test]
    fn spent_files_are_deleted_and_the_space_is_free_again() {
        let folder = tempfile::tempdir().unwrap();
        let id = queue("images", 5);
        let mut store = DiskStore::open(folder.path()).unwrap();
        let body = vec![7; 250 * 1024];
        for _ in 0..140 {
            store.append(&id, &message(&body), None).unwrap();
        }
        assert_eq!(store.queues[&id].segments.len(), 3);
        for sequence in 1..=140 {
            store.pop(&id, sequence).unwrap();
        }
        assert_eq!(store.queues[&id].segments.len(), 1);
        assert_eq!(store.held, 0);
        assert_eq!(store.append(&id, &message(b"next"), None).unwrap(), 141);
        assert_eq!(store.front(&id).unwrap().unwrap().message.body, "next");
    }

    #[test]
    fn documents_are_replaced_listed_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = DiskStore::open(folder.path()).unwrap();
        let session = Document::Session("edge/m".into());
        let twin = Document::Twin("edge/m".into());
        let value = serde_json::json!({"a": 1});
        store
            .put_document(&session, Some(&serde_json::json!({})))
            .unwrap();
        store.put_document(&session, Some(&value)).unwrap();
        store.put_document(&twin, Some(&value)).unwrap();
        store.put_document(&twin, None).unwrap();
        store.put_document(&twin, None).unwrap();
        let store = DiskStore::open(folder.path()).unwrap();
        assert_eq!(store.documents().unwrap(), [(session, value)]);
    }

    #[test]
    fn a_deleted_queue_is_gone_after_a_reopening_too() {
        let folder = tempfile::tempdir().unwrap();
        let id = queue("images", 5);
        let mut store = DiskStore::open(folder.path()).unwrap();
        store.append(&id, &message(b"x"), None).unwrap();
        store.delete(&id).unwrap();
        assert_eq!(store.front(&id).unwrap(), None);
        assert_eq!(DiskStore::open(folder.path()).unwrap().queues(), []);
    }
}
