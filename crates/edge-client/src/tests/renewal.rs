//! The edge CA is renewed while the module runs: the roots follow the trust bundle, and
//! nothing else.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use edge_protocol::sas::SharedKey;
use tokio::net::UnixListener;
use tokio::task::JoinHandle;

use super::hub::{Hub, NAME, Pki, begin, pki};
use super::workload::{KEY, environment, reply, request};
use crate::{ClientConfig, TrustAnchors};

/// A workload daemon that signs, and gives whatever the trust bundle is at the moment.
struct Daemon {
    _folder: tempfile::TempDir,
    socket: PathBuf,
    bundle: Arc<Mutex<String>>,
    bundles_given: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Daemon {
    fn with_bundle(bundle: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("w.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let bundle = Arc::new(Mutex::new(bundle.to_owned()));
        let bundles_given = Arc::new(AtomicUsize::new(0));
        let task = tokio::spawn(serve(
            listener,
            Arc::clone(&bundle),
            Arc::clone(&bundles_given),
        ));
        Daemon {
            _folder: folder,
            socket,
            bundle,
            bundles_given,
            task,
        }
    }

    fn set_bundle(&self, bundle: &str) {
        bundle.clone_into(&mut self.bundle.lock().unwrap());
    }

    fn bundles_given(&self) -> usize {
        self.bundles_given.load(Ordering::SeqCst)
    }

    /// A module's configuration from this daemon, for that hub.
    async fn config(&self, hub: &Hub) -> ClientConfig {
        let env = environment(&self.socket);
        let mut config = ClientConfig::from_edge_environment(&env, "test/1")
            .await
            .unwrap();
        let for_hub = hub.config();
        config.identity = for_hub.identity;
        config.dial = for_hub.dial;
        config.timings = for_hub.timings;
        config
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: UnixListener, bundle: Arc<Mutex<String>>, given: Arc<AtomicUsize>) {
    let key = SharedKey::from_base64(KEY).unwrap();
    while let Ok((mut stream, _)) = listener.accept().await {
        let (head, body) = request(&mut stream).await;
        let answer = if head.starts_with("GET /trust-bundle?") {
            given.fetch_add(1, Ordering::SeqCst);
            let bundle = bundle.lock().unwrap().clone();
            serde_json::json!({ "certificate": bundle })
        } else {
            let body: HashMap<String, String> = serde_json::from_str(&body).unwrap();
            let data = STANDARD.decode(&body["data"]).unwrap();
            serde_json::json!({ "digest": key.sign_base64(&data) })
        };
        reply(&mut stream, "200 OK", &answer.to_string()).await;
    }
}

/// The edge CA before and after a renewal, in every way it shows.
fn renewals() -> [(Pki, Pki); 4] {
    let case = |old, new| (pki(old, NAME), pki(new, NAME));
    let whole = |(old, new): (Pki, Pki)| (old.with_ca_in_chain(), new.with_ca_in_chain());
    [
        // The quickstart CA keeps its name, so the old root's key is tried and fails.
        case("edge CA", "edge CA"),
        whole(case("edge CA", "edge CA")),
        case("edge CA 1", "edge CA 2"),
        whole(case("edge CA 1", "edge CA 2")),
    ]
}

#[tokio::test]
async fn a_renewed_edge_ca_is_learnt_from_the_trust_bundle() {
    for (number, (old, new)) in renewals().into_iter().enumerate() {
        let mut hub = Hub::with(&old).await;
        let daemon = Daemon::with_bundle(&old.ca_pem);
        let (client, _deliveries) = begin(daemon.config(&hub).await);
        let peer = hub.accept_session(false).await;
        // The hub restarts with a certificate under the new root.
        daemon.set_bundle(&new.ca_pem);
        hub.present(&new);
        drop(peer);
        assert!(
            hub.try_accept().await.is_err(),
            "case {number}: not known yet"
        );
        let peer = hub.accept_session(true).await;
        drop(peer);
        hub.accept_session(true).await;
        assert_eq!(daemon.bundles_given(), 2, "case {number}: once is enough");
        drop(client);
    }
}

#[tokio::test]
async fn a_hub_outside_the_bundle_stays_refused_however_often_it_is_fetched() {
    let hub = Hub::with(&pki("foreign CA", NAME)).await;
    let daemon = Daemon::with_bundle(&pki("edge CA", NAME).ca_pem);
    let (_client, _deliveries) = begin(daemon.config(&hub).await);
    for attempt in 1..=4 {
        assert!(hub.try_accept().await.is_err(), "attempt {attempt}");
        // Once before each attempt; the next one may have begun.
        let given = daemon.bundles_given();
        assert!((attempt..=attempt + 1).contains(&given), "{given}");
    }
}

#[tokio::test]
async fn a_bundle_that_cannot_be_used_leaves_the_roots_as_they_are() {
    let own = pki("edge CA", NAME);
    let mut hub = Hub::with(&pki("foreign CA", NAME)).await;
    let daemon = Daemon::with_bundle(&own.ca_pem);
    let (_client, _deliveries) = begin(daemon.config(&hub).await);
    daemon.set_bundle("");
    assert!(hub.try_accept().await.is_err());
    assert!(hub.try_accept().await.is_err());
    assert!(daemon.bundles_given() >= 2);
    hub.present(&own);
    hub.accept_session(false).await;
}

#[tokio::test]
async fn roots_that_are_not_from_the_bundle_are_not_replaced_by_it() {
    let hub_pki = pki("edge CA", NAME);
    let hub = Hub::with(&hub_pki).await;
    let daemon = Daemon::with_bundle(&hub_pki.ca_pem);
    let mut config = daemon.config(&hub).await;
    config.trust = TrustAnchors::from_pem(pki("edge CA", NAME).ca_pem.as_bytes()).unwrap();
    let (_client, _deliveries) = begin(config);
    for attempt in 1..=3 {
        assert!(hub.try_accept().await.is_err(), "attempt {attempt}");
    }
    assert_eq!(
        daemon.bundles_given(),
        1,
        "only the configuration's own call"
    );
}
