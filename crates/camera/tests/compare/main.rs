//! `compare` against endpoints on the loopback that answer, refuse, stall and break.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod failing;
mod server;

use std::future::pending;
use std::time::Duration;

use camera::compare::Side;
use camera::compare::client::{Asking, Client};
use camera::compare::dial::Trust;
use camera::compare::pictures::{LeftOut, Picture};
use camera::compare::run::{Done, Event, Plan, compare};
use camera::compare::{Both, page::page};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::CertificateDer;

use server::{Act, Log, Server, cloud, container, relay, reply};

const ONCE: Plan = Plan {
    repeat: 1,
    warm_up: 0,
};

const CLOUD_PATH: &str = "/customvision/v3.0/Prediction/p/classify/iterations/i/image";

/// A client with patience for a busy machine.
fn client(side: Side, url: &str, key: Option<&str>) -> Client {
    client_within(side, url, key, Duration::from_secs(60))
}

fn client_within(side: Side, url: &str, key: Option<&str>, limit: Duration) -> Client {
    Client::new(Asking {
        side,
        endpoint: url.parse().unwrap(),
        key: key.map(|key| key.parse().unwrap()),
        trust: Trust::new(&[]).unwrap(),
        limit,
    })
}

/// Pictures of 100, 101, … bytes; nobody here looks at them.
fn pictures(number: usize) -> impl Iterator<Item = Result<Picture, LeftOut>> {
    (0..number).map(|index| {
        Ok(Picture {
            name: format!("picture {index}"),
            bytes: vec![7; 100 + index].into(),
        })
    })
}

async fn run(plan: Plan, left: Client, right: Client, number: usize) -> Done {
    let mut clients = Both { left, right };
    compare(plan, &mut clients, pictures(number), pending(), |_event| {}).await
}

/// Three pictures, once each, to two endpoints that answer in the end.
async fn three_pictures(left: &Server, right: &Server) -> camera::compare::summary::Summary {
    let left = client(Side::Left, &left.url(""), None);
    let right = client(Side::Right, &right.url(""), None);
    let done = run(ONCE, left, right, 3).await;
    assert!(done.failure.is_none(), "{:?}", done.failure);
    done.summary
}

#[tokio::test]
async fn both_get_every_picture_in_changing_order_and_each_its_own_key() {
    let log = Log::default();
    let box_ = Server::start("box", &log, |_| container(0.75)).await;
    let far = Server::start("far", &log, |_| cloud(0.5)).await;
    let left = client(Side::Left, &box_.url(""), None);
    let right = client(Side::Right, &far.url(CLOUD_PATH), Some("far-key"));
    let plan = Plan {
        repeat: 2,
        warm_up: 1,
    };
    let done = run(plan, left, right, 2).await;
    assert!(done.failure.is_none(), "{:?}", done.failure);
    let seen = box_.seen();
    let servers: Vec<_> = seen.iter().map(|seen| seen.server).collect();
    // A warm-up, then two sendings of each picture: the first one goes to each side first in turns.
    let (left, right) = (["box", "far"], ["far", "box"]);
    assert_eq!(servers, [left, left, right, right, left].concat());
    for seen in &seen {
        let (line, key) = match seen.server {
            "box" => ("POST /image HTTP/1.1".to_owned(), None),
            _ => (
                format!("POST {CLOUD_PATH} HTTP/1.1"),
                Some("far-key".to_owned()),
            ),
        };
        assert_eq!((&seen.line, &seen.key), (&line, &key));
    }
    let bodies: Vec<_> = seen.iter().map(|seen| seen.body).collect();
    assert_eq!(bodies, [100, 100, 100, 100, 100, 100, 101, 101, 101, 101]);

    let summary = done.summary;
    assert_eq!((summary.pictures, summary.agreement.same), (2, 2));
    let largest = summary.difference.largest.as_ref().unwrap();
    assert!((largest.value - 0.25).abs() < 1e-12, "{largest:?}");
    for side in [&summary.left, &summary.right] {
        assert_eq!(side.milliseconds.samples, 4);
        assert_eq!(side.connections.opened, 1);
    }
    assert!(summary.right.key_sent && !summary.left.key_sent);
    let shown = format!(
        "{}{}",
        page(&summary),
        serde_json::to_string(&summary).unwrap()
    );
    assert!(!shown.contains("far-key"), "{shown}");
}

#[tokio::test]
async fn bytes_are_those_that_the_network_saw() {
    let log = Log::default();
    let plain = Server::start("plain", &log, |_| container(0.75)).await;
    let (authority, certificate, key) = certificates();
    let secure = Server::start_secure("secure", &log, &certificate, &key, |_| cloud(0.75)).await;
    let (plain_port, plain_bytes) = relay(plain.port).await;
    let (secure_port, secure_bytes) = relay(secure.port).await;
    let left = client(Side::Left, &format!("http://127.0.0.1:{plain_port}"), None);
    let right = Client::new(Asking {
        side: Side::Right,
        endpoint: format!("https://localhost:{secure_port}").parse().unwrap(),
        key: None,
        trust: Trust::new(&[authority]).unwrap(),
        limit: Duration::from_secs(60),
    });
    let plan = Plan {
        repeat: 3,
        warm_up: 2,
    };
    let Done {
        summary, failure, ..
    } = run(plan, left, right, 4).await;
    assert!(failure.is_none(), "{failure:?}");
    let (left, right) = (summary.left, summary.right);
    // The clients are gone, so the connections have ended.
    assert_eq!(
        (left.bytes.sent, left.bytes.received),
        plain_bytes.await.unwrap()
    );
    assert_eq!(
        (right.bytes.sent, right.bytes.received),
        secure_bytes.await.unwrap()
    );
    // TLS costs: a handshake once, and some bytes with every picture.
    let body = 100;
    assert!(left.bytes.sent_per_picture > body, "{left:?}");
    assert!(
        right.bytes.sent_per_picture > left.bytes.sent_per_picture,
        "{right:?}"
    );
    assert!(
        right.bytes.sent > 14 * right.bytes.sent_per_picture,
        "{right:?}"
    );
    assert!(right.connections.tls_milliseconds.is_some());
    assert!(left.connections.tls_milliseconds.is_none());
}

#[tokio::test]
async fn refused_pictures_are_counted_with_what_was_said() {
    let log = Log::default();
    let left = Server::start("left", &log, |number| match number {
        1 => Act::Say(reply(
            400,
            "",
            r#"{"code":"BadRequestImageFormat","message":"no"}"#,
        )),
        // So many that silence would have ended it.
        2.. => Act::Say(reply(500, "", "Error processing image")),
        _ => container(0.75),
    })
    .await;
    let right = Server::start("right", &log, |_| cloud(0.75)).await;
    let done = run(
        ONCE,
        client(Side::Left, &left.url(""), None),
        client(Side::Right, &right.url(""), None),
        6,
    )
    .await;
    assert!(done.failure.is_none(), "{:?}", done.failure);
    let summary = done.summary;
    let agreement = summary.agreement;
    assert_eq!((agreement.same, agreement.of), (1, 6));
    assert_eq!((agreement.both, agreement.right_only), (1, 5));
    let refused: Vec<_> = summary
        .left
        .refused
        .iter()
        .map(|r| (r.refusal.status, r.pictures, r.first.as_str()))
        .collect();
    assert_eq!(
        refused,
        [(Some(500), 4, "picture 2"), (Some(400), 1, "picture 1")]
    );
    // One connection all the while.
    assert_eq!(summary.left.connections.opened, 1);
}

#[tokio::test]
async fn a_busy_endpoint_is_waited_for() {
    let log = Log::default();
    let left = Server::start("left", &log, |_| container(0.75)).await;
    let right = Server::start("right", &log, |number| match number {
        1 => Act::Say(reply(429, "Retry-After: 0\r\n", "{}")),
        2 => Act::Say(reply(503, "Retry-After: 0\r\n", "")),
        _ => cloud(0.75),
    })
    .await;
    let summary = three_pictures(&left, &right).await;
    assert_eq!((summary.agreement.same, summary.right.waits), (3, 2));
    assert!(summary.right.refused.is_empty());
    // What was sent in vain is in the sum of bytes, not in those of a picture.
    let bytes = summary.right.bytes;
    assert!(bytes.sent > 4 * bytes.sent_per_picture, "{bytes:?}");
}

#[tokio::test]
async fn connections_that_the_endpoint_closes_are_opened_again() {
    let log = Log::default();
    let said = |act| match act {
        Act::Say(text) => Act::SayAndHangUp(text),
        other => other,
    };
    // As the old container's server does after each answer.
    let left = Server::start("left", &log, move |_| said(container(0.75))).await;
    // Without an answer, on a connection that had answered before.
    let right = Server::start("right", &log, |number| match number {
        1 | 3 => Act::HangUp,
        _ => cloud(0.75),
    })
    .await;
    let summary = three_pictures(&left, &right).await;
    assert_eq!(summary.agreement.same, 3);
    assert_eq!(summary.left.connections.opened, 3);
    assert_eq!(summary.right.connections.opened, 3);
}

#[tokio::test]
async fn a_stop_ends_it_though_an_endpoint_says_nothing() {
    let log = Log::default();
    let left = Server::start("left", &log, |_| container(0.75)).await;
    let right = Server::start("right", &log, |number| match number {
        0 | 1 => cloud(0.75),
        _ => Act::Nothing,
    })
    .await;
    let mut clients = Both {
        left: client(Side::Left, &left.url(""), None),
        right: client(Side::Right, &right.url(""), None),
    };
    let (stop, stopping) = tokio::sync::oneshot::channel();
    let mut stop = Some(stop);
    let mut compared = 0;
    let observe = |_event: Event<'_>| {
        compared += 1;
        if compared == 2 {
            stop.take().unwrap().send(()).unwrap();
        }
    };
    let stopping = async { stopping.await.unwrap() };
    let done = compare(ONCE, &mut clients, pictures(9), stopping, observe).await;
    assert!(done.stopped && done.failure.is_none(), "{done:?}");
    assert_eq!(done.summary.agreement.same, 2);
    assert_eq!(done.summary.pictures, 2);
}

/// An authority, and a certificate under it for `localhost` with its key, as PEM.
fn certificates() -> (CertificateDer<'static>, String, String) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let root = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    (root.der().clone(), leaf.pem(), key.serialize_pem())
}
