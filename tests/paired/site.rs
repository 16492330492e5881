//! A hub in this process, and clients for it.

use std::time::Duration;

use devhub::testing::{TestHub, TestHubBuilder};
use edge_client::{
    Client, ClientConfig, ConnectionString, Delivery, OutgoingMessage, PublishError, Status,
};

/// How long anything may take on two busy cores.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const MODULE: &str = "FruitCounter";
pub(crate) const CAMERA: &str = "cam-01";

/// A hub with the template's two routes, the module and one camera.
pub(crate) fn hub() -> TestHubBuilder {
    TestHub::builder()
        .route(
            "FROM /messages/* WHERE NOT IS_DEFINED($connectionModuleId) \
             INTO BrokeredEndpoint(\"/modules/FruitCounter/inputs/images\")",
        )
        .route("FROM /messages/modules/FruitCounter/outputs/counts INTO $upstream")
        .module(MODULE)
        .device(CAMERA)
}

/// The module's configuration; tests shorten its durations.
pub(crate) fn module(hub: &TestHub) -> ClientConfig {
    config(hub, &hub.module_connection_string(MODULE))
}

/// A camera's configuration.
pub(crate) fn camera(hub: &TestHub, id: &str) -> ClientConfig {
    config(hub, &hub.connection_string(id))
}

fn config(hub: &TestHub, connection_string: &str) -> ClientConfig {
    let string = ConnectionString::parse(connection_string).unwrap();
    let mut config =
        ClientConfig::from_connection_string(&string, hub.ca_pem().as_bytes(), "paired/1").unwrap();
    config.dial = Some(hub.address());
    config
}

/// Publishes until the hub has it, with the same id each time, as every sender must.
pub(crate) async fn insist(client: &Client, message: OutgoingMessage) {
    let confirmed = async {
        loop {
            match client.publish(message.clone()).await {
                Ok(()) => return,
                Err(PublishError::ConnectionLost) => {}
                Err(error) => panic!("{error}"),
            }
        }
    };
    within("a PUBACK", confirmed).await;
}

/// Waits, but not for ever.
pub(crate) async fn within<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("no {what} within {PATIENCE:?}"))
}

/// Waits until the client's status is as wanted, and gives it.
pub(crate) async fn status(client: &Client, wanted: impl FnMut(&Status) -> bool) -> Status {
    let mut status = client.status();
    within("wanted status", status.wait_for(wanted))
        .await
        .unwrap()
        .clone()
}

/// The message id of a delivery.
pub(crate) fn id_of(delivery: &Delivery) -> String {
    delivery.properties().get("$.mid").unwrap().to_owned()
}
