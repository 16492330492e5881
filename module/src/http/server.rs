//! Takes connections and hands each request to whom it is for.
//!
//! A connection costs a task and a few kilobytes. Beyond the maximum they wait in the kernel's queue
//! until one ends. Each has its time: for the head of a request (also for the first and for the next
//! one, so that an idle connection ends), and for a body ([`super::body`]).

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tracing::{debug, warn};

/// Longest head of a request, in bytes.
const MAX_HEAD: usize = 16 << 10;

/// Pause after the system refused a connection, as when there are no file handles left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// How much is served at once, and how long a head may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) connections: usize,
    pub(super) timeout: Duration,
}

/// Serves until `stop` turns true and the requests in hand are answered, each by `answer`, which is
/// told who sent it.
pub(super) async fn serve<A, F>(
    listener: TcpListener,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
    answer: A,
) where
    A: Fn(IpAddr, Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Full<Bytes>>> + Send,
{
    let most = limits.connections;
    let room = Arc::new(Semaphore::new(most));
    loop {
        let accepted = tokio::select! {
            // Only with room for it: the others wait in the kernel's queue.
            accepted = async {
                let permit = Arc::clone(&room).acquire_owned().await;
                (permit, listener.accept().await)
            } => accepted,
            () = told(&mut stop) => break,
        };
        match accepted {
            (Ok(permit), Ok((stream, peer))) => {
                let answer = answer.clone();
                let answer = move |request| answer(peer.ip(), request);
                let stop = stop.clone();
                tokio::spawn(async move {
                    connection(stream, limits, stop, answer).await;
                    drop(permit);
                });
            }
            (_, Err(failure)) => {
                warn!(%failure, "an HTTP connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
            // Nobody closes the semaphore.
            (Err(_closed), _) => break,
        }
    }
    // Nobody is let in any more.
    drop(listener);
    let all = u32::try_from(most).unwrap_or(u32::MAX);
    // An error would mean that it was closed.
    let _ = room.acquire_many(all).await;
}

async fn connection<A, F>(
    stream: TcpStream,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
    answer: A,
) where
    A: Fn(Request<Incoming>) -> F,
    F: Future<Output = Response<Full<Bytes>>>,
{
    // Without it a small answer can wait 40 ms for the acknowledgement of the one before.
    if let Err(failure) = stream.set_nodelay(true) {
        debug!(%failure, "TCP_NODELAY is not set");
    }
    let service = service_fn(move |request| {
        let answered = answer(request);
        async move { Ok::<_, Infallible>(answered.await) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.timeout)
        .max_buf_size(MAX_HEAD)
        // A camera that closes its half after the request still hears the answer.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut serving = pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = told(&mut stop) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(failure) = ended {
        // Whoever is outside goes, or is late, as he likes.
        debug!(%failure, "an HTTP connection ended");
    }
}

/// Waits for the word to stop. Whoever gives it lives as long as the door.
async fn told(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
