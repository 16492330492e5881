//! The files of the disk store, opened, torn and opened again.

use std::fs::OpenOptions;
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
