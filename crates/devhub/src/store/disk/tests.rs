//! The files of the disk store, opened, torn and opened again.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;

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

/// Bytes of a record of `message(body)` for a body of four bytes.
fn record_length(store: &DiskStore, id: &QueueId) -> u64 {
    store.queues[id].index[0].length
}

/// Opens a store over one queue of six messages, after `damage` was done to its only file.
fn reopened_after(damage: impl FnOnce(&fs::File, u64)) -> (tempfile::TempDir, DiskStore) {
    let folder = tempfile::tempdir().unwrap();
    let id = queue("images", 5);
    let mut store = DiskStore::open(folder.path()).unwrap();
    for body in [b"no 1", b"no 2", b"no 3", b"no 4", b"no 5", b"no 6"] {
        store.append(&id, &message(body), None).unwrap();
    }
    let path = store.queues[&id].segments[&1].path.clone();
    let length = record_length(&store, &id);
    drop(store);
    let file = OpenOptions::new().write(true).open(path).unwrap();
    damage(&file, length);
    let store = DiskStore::open(folder.path()).unwrap();
    (folder, store)
}

/// Takes everything out of a queue: bodies, and `None` where the store says damaged.
fn drained(store: &mut DiskStore, id: &QueueId) -> Vec<Option<String>> {
    let mut taken = Vec::new();
    while let Some(sequence) = store.front_sequence(id) {
        taken.push(match store.front(id) {
            Ok(Some(entry)) => {
                assert_eq!(entry.sequence, sequence);
                Some(String::from_utf8(entry.message.body.to_vec()).unwrap())
            }
            Err(StoreError::Damaged { .. }) => None,
            other => panic!("{other:?}"),
        });
        store.pop(id, sequence).unwrap();
    }
    assert_eq!(store.held, 0);
    taken
}

fn texts<const N: usize>(bodies: [&str; N]) -> Vec<Option<String>> {
    let damaged = |body: &str| (!body.is_empty()).then(|| body.to_owned());
    bodies.into_iter().map(damaged).collect()
}

#[test]
fn damage_in_the_middle_is_told_once_and_what_stands_behind_it_is_kept() {
    let id = queue("images", 5);
    for (at, byte, what) in [
        (0, 0xff, "header length, within the file or beyond it"),
        (3, 0x7f, "header length, far beyond the file"),
        (4, 0xff, "body length, within the file"),
        (6, 0x7f, "body length, beyond the file"),
        (9, 0xff, "checksum"),
        (30, 0xff, "header"),
    ] {
        let (folder, mut store) = reopened_after(|file, length| {
            file.write_all_at(&[byte], 2 * length + at).unwrap();
        });
        assert_eq!(
            drained(&mut store, &id),
            texts(["no 1", "no 2", "", "no 4", "no 5", "no 6"]),
            "{what}"
        );
        // The damage was passed like a message and does not come again.
        assert_eq!(store.append(&id, &message(b"next"), None).unwrap(), 7);
        drop(store);
        let mut store = DiskStore::open(folder.path()).unwrap();
        assert_eq!(drained(&mut store, &id), texts(["next"]), "{what}");
    }
}

#[test]
fn damage_over_several_messages_is_told_once() {
    let id = queue("images", 5);
    let (_folder, mut store) = reopened_after(|file, length| {
        let zeros = vec![0; 2 * length as usize];
        file.write_all_at(&zeros, length + length / 2).unwrap();
    });
    // The second lost the end of its header, the third all of it, the fourth its lengths.
    assert_eq!(
        drained(&mut store, &id),
        texts(["no 1", "", "no 5", "no 6"])
    );
}

#[test]
fn a_whole_message_damaged_at_the_end_is_no_torn_end() {
    let id = queue("images", 5);
    let (folder, mut store) = reopened_after(|file, length| {
        file.write_all_at(&[0xff], 5 * length + 30).unwrap();
    });
    let bodies = ["no 1", "no 2", "no 3", "no 4", "no 5", ""];
    assert_eq!(drained(&mut store, &id), texts(bodies));
    assert_eq!(store.append(&id, &message(b"next"), None).unwrap(), 7);
    drop(store);
    let mut store = DiskStore::open(folder.path()).unwrap();
    assert_eq!(drained(&mut store, &id), texts(["next"]));
}

#[test]
fn damage_among_what_was_delivered_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let id = queue("images", 5);
    let mut store = DiskStore::open(folder.path()).unwrap();
    for body in [b"no 1", b"no 2", b"no 3", b"no 4"] {
        store.append(&id, &message(body), None).unwrap();
    }
    store.pop(&id, 1).unwrap();
    store.pop(&id, 2).unwrap();
    let path = store.queues[&id].segments[&1].path.clone();
    drop(store);
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&[0xff; 8], 0).unwrap();
    let mut store = DiskStore::open(folder.path()).unwrap();
    assert_eq!(drained(&mut store, &id), texts(["no 3", "no 4"]));
}

#[test]
fn a_file_that_is_not_the_last_has_no_torn_end() {
    let folder = tempfile::tempdir().unwrap();
    let id = queue("images", 5);
    let mut store = DiskStore::open(folder.path()).unwrap();
    let body = vec![b'7'; 250 * 1024];
    for _ in 0..70 {
        store.append(&id, &message(&body), None).unwrap();
    }
    assert_eq!(store.queues[&id].segments.len(), 2);
    let (path, length) = {
        let first = &store.queues[&id].segments[&1];
        (first.path.clone(), first.length)
    };
    let second = *store.queues[&id].segments.keys().last().unwrap();
    drop(store);
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(length - 1).unwrap();
    let mut store = DiskStore::open(folder.path()).unwrap();
    // Nothing is cut, and the last of the first file is told as damaged.
    assert_eq!(file.metadata().unwrap().len(), length - 1);
    let taken = drained(&mut store, &id);
    assert_eq!(taken.len(), 70);
    let damaged: Vec<_> = (1..)
        .zip(&taken)
        .filter(|(_, body)| body.is_none())
        .map(|(sequence, _)| sequence)
        .collect();
    assert_eq!(damaged, [second - 1]);
}

#[test]
fn a_head_that_cannot_be_written_costs_no_space() {
    let folder = tempfile::tempdir().unwrap();
    let id = queue("images", 5);
    let mut store = DiskStore::open(folder.path()).unwrap();
    store.append(&id, &message(b"one"), None).unwrap();
    let head = folder.path().join("queues").join(queue_name(&id));
    store.queues.get_mut(&id).unwrap().head = fs::File::open(head.join("head")).unwrap();
    let error = store.pop(&id, 1).unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Io {
                action: "write",
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(store.front_sequence(&id), None);
    assert_eq!(store.held, 0);
}

#[test]
fn a_killed_process_repeats_what_was_removed_since_the_last_batch_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let id = queue("images", 5);
    let other = queue("other", 5);
    let open = || {
        let store = DiskStore::open(folder.path()).unwrap();
        store.with_batched_checkpoints()
    };
    let mut store = open();
    for _ in 0..12 {
        store.append(&id, &message(b"x"), None).unwrap();
    }
    store.append(&other, &message(b"y"), None).unwrap();
    let take = |store: &mut DiskStore, times| {
        for _ in 0..times {
            let sequence = store.front_sequence(&id).unwrap();
            store.pop(&id, sequence).unwrap();
        }
    };
    take(&mut store, 7);
    // As if killed, here and below: dropping a store writes nothing.
    let mut store = open();
    assert_eq!(store.queues(), [(id.clone(), 12), (other.clone(), 1)]);
    take(&mut store, 10);
    let mut store = open();
    assert_eq!(store.queues(), [(id.clone(), 2), (other.clone(), 1)]);
    take(&mut store, 1);
    let mut store = open();
    assert_eq!(store.front_sequence(&id), Some(11));
    // An empty queue ends its batch.
    take(&mut store, 2);
    let store = open();
    assert_eq!(store.queues(), [(id, 0), (other, 1)]);
}

#[test]
fn a_stop_in_order_ends_every_batch() {
    let folder = tempfile::tempdir().unwrap();
    let id = queue("images", 5);
    let mut store = DiskStore::open(folder.path())
        .unwrap()
        .with_batched_checkpoints();
    for _ in 0..3 {
        store.append(&id, &message(b"x"), None).unwrap();
    }
    store.pop(&id, 1).unwrap();
    store.checkpoint().unwrap();
    drop(store);
    let store = DiskStore::open(folder.path()).unwrap();
    assert_eq!(store.front_sequence(&id), Some(2));
}

#[test]
fn files_with_messages_that_may_come_again_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let id = queue("images", 5);
    let body = vec![7; 250 * 1024];
    let mut store = DiskStore::open(folder.path())
        .unwrap()
        .with_batched_checkpoints();
    for _ in 0..68 {
        store.append(&id, &message(&body), None).unwrap();
    }
    let second = *store.queues[&id].segments.keys().last().unwrap();
    for sequence in 1..=second {
        store.pop(&id, sequence).unwrap();
    }
    let repeated = second as usize % CHECKPOINT_BATCH as usize;
    assert!(repeated > 0, "the file has to end within a batch");
    for _ in 0..68 {
        store.append(&id, &message(&body), None).unwrap();
    }
    drop(store);
    let store = DiskStore::open(folder.path()).unwrap();
    assert_eq!(store.queues()[0].1, 136 - second as usize + repeated);
}
