//! Addresses that swallow everything, and attempts that run out of time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener};
use tokio::time::timeout;

use super::hub::{Hub, NAME, PATIENCE, begin};
use super::workload::environment;
use crate::dial::Dialler;
use crate::{
    ClientConfig, ConnectionError, Credentials, DialError, DialStep, FailureKind, Status,
    WorkloadClient,
};

const SHORT: Duration = Duration::from_millis(300);

/// An address at which SYNs get no answer: a listener whose backlog is full.
struct Mute {
    address: SocketAddr,
    _listener: TcpListener,
    _waiting: Vec<TcpStream>,
}

impl Mute {
    async fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        while let Ok(stream) = timeout(SHORT, TcpStream::connect(address)).await {
            waiting.push(stream.unwrap());
            assert!(waiting.len() < 100, "the backlog never fills");
        }
        Mute {
            address,
            _listener: listener,
            _waiting: waiting,
        }
    }
}

/// The error of the first attempt that ends, as the status shows it.
async fn first_error(config: ClientConfig) -> ConnectionError {
    let (client, _deliveries) = begin(config);
    let mut status = client.status();
    let failed = |status: &Status| {
        matches!(
            status,
            Status::Connecting {
                last_error: Some(_),
                ..
            }
        )
    };
    let seen = timeout(PATIENCE, status.wait_for(failed)).await;
    match &*seen.expect("a failure is reported").unwrap() {
        Status::Connecting {
            last_error: Some(error),
            ..
        } => error.clone(),
        other => panic!("{other:?}"),
    }
}

/// Asserts that an attempt ran out of time at `step`, and that its text says so.
fn assert_timed_out(error: &ConnectionError, at: DialStep, place: Option<SocketAddr>) {
    assert_eq!(error.kind(), FailureKind::TimedOut);
    let ConnectionError::Dial(dial) = error else {
        panic!("expected a dial error, got {error:?}")
    };
    let DialError::TimedOut { step, address, .. } = **dial else {
        panic!("expected a time-out, got {dial:?}")
    };
    assert_eq!((step, address), (at, place));
    let text = error.to_string();
    assert!(
        text.contains(NAME) && text.contains(&at.to_string()),
        "{text}"
    );
    if let Some(place) = place {
        assert!(text.contains(&place.to_string()), "{text}");
    }
}

#[tokio::test]
async fn an_address_that_swallows_syns_does_not_hide_the_next() {
    let mute = Mute::new().await;
    let good = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let good_address = good.local_addr().unwrap();
    let mut config = Hub::new().await.config();
    config.timings.address_deadline = SHORT;
    let dialler = Dialler::new(Arc::new(config));
    let addresses = vec![mute.address, good_address];
    let connected = timeout(PATIENCE, dialler.connect(addresses)).await;
    let (_stream, address) = connected.expect("the next is reached").unwrap();
    assert_eq!(address, good_address);
}

#[tokio::test]
async fn an_attempt_that_ran_out_of_time_at_one_address_is_followed_by_one_elsewhere() {
    let mute = Mute::new().await;
    let good = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addresses = vec![mute.address, good.local_addr().unwrap()];
    // More time per address than the attempt has.
    let dialler = Dialler::new(Arc::new(Hub::new().await.config()));
    let first = timeout(SHORT, dialler.connect(addresses.clone())).await;
    assert!(first.is_err(), "the first attempt hangs");
    let started = Instant::now();
    let (_stream, address) = dialler.connect(addresses).await.unwrap();
    assert_eq!(address, good.local_addr().unwrap());
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn an_unanswered_syn_is_a_timed_out_connect_that_names_the_address() {
    let mute = Mute::new().await;
    let mut config = Hub::new().await.config();
    config.dial = Some(mute.address);
    config.timings.address_deadline = SHORT;
    let error = first_error(config).await;
    assert_eq!(error.kind(), FailureKind::Unreachable);
    assert!(error.to_string().contains(&mute.address.to_string()));
    let source = std::error::Error::source(&error).expect("why").to_string();
    assert!(source.contains("300ms"), "{source}");
}

#[tokio::test]
async fn an_attempt_out_of_time_in_tcp_names_host_address_and_step() {
    let mute = Mute::new().await;
    let mut config = Hub::new().await.config();
    config.dial = Some(mute.address);
    config.timings.dial_deadline = SHORT;
    let error = first_error(config).await;
    assert_timed_out(&error, DialStep::Tcp, Some(mute.address));
}

#[tokio::test]
async fn an_attempt_out_of_time_in_tls_names_host_address_and_step() {
    let hub = Hub::new().await;
    let mut config = hub.config();
    config.timings.dial_deadline = SHORT;
    let address = config.dial;
    // The connection is made and then nothing is said on it.
    let (_silent, error) = tokio::join!(hub.accept_tcp(), first_error(config));
    assert_timed_out(&error, DialStep::Tls, address);
}

#[tokio::test]
async fn an_attempt_out_of_time_at_the_token_names_host_and_step() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("w.sock");
    let _silent = UnixListener::bind(&socket).unwrap();
    let mut config = Hub::new().await.config();
    config.credentials = Credentials::Workload(WorkloadClient::new(&environment(&socket)));
    config.timings.dial_deadline = SHORT;
    let error = first_error(config).await;
    assert_timed_out(&error, DialStep::Token, None);
}
