//! A client of Azure IoT Edge's edgeHub for modules and leaf devices.
//!
//! It learns who it is from the environment that edgeAgent gives (or a connection
//! string), has its tokens signed by the workload API, connects over TLS with the trust
//! bundle as its only roots, and then stays connected by itself: lost connections,
//! refused tokens, hubs that hang and tokens that end are all one thing, a new connection.
//! Every decision about that is made in `edge_protocol::session`; this crate waits.
//!
//! - [`ClientConfig`] says where and as whom; [`start`] spawns the one task that does it
//!   and gives a [`Started`]: the handle and the streams.
//! - [`Client::publish`] resolves when the hub has the message in its queues.
//! - [`Deliveries`] gives the messages for the module's inputs. Each [`Delivery`] is
//!   acknowledged by hand, after its effect is durable; dropping it unused closes its
//!   connection, so that the hub delivers it again.
//! - [`Desired`] gives the desired properties of the module's twin, whole at each new
//!   version; [`Client::report`] changes the reported ones. [`Setting`] keeps one desired
//!   property as a value in use, and makes the report about it.
//! - [`Methods`] gives direct method calls. Each [`MethodCall`] gets one answer; dropping
//!   it answers with status 500.
//! - [`Client::status`] tells whether it is connected, and if not, why;
//!   [`Client::twin_status`] which version of the twin is known.
//! - [`Client::vitals`] counts why connections ended, for metrics.
//! - [`Client::close`] leaves in good order.
//!
//! When the edge CA is renewed, the roots follow the trust bundle without a restart.
//!
//! What it must never do: trust a root that is not in the bundle, write a token, a key or
//! a payload to the log, or acknowledge what the application has not.
//!
//! A whole module, which counts the bytes of what comes to its inputs. It outlives lost
//! connections: a message is sent again, with its id, until the hub has it, and only then
//! is the delivery acknowledged that it came of. [`Desired`] and [`Methods`] have examples
//! of their own.
//!
//! ```no_run
//! use edge_client::{ClientConfig, OutgoingMessage, PublishError, Started};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let config = ClientConfig::from_environment("example/1.0").await?;
//!     let Started { client, mut deliveries, .. } = edge_client::start(config);
//!     let mut total = 0;
//!     while let Some(delivery) = deliveries.next().await {
//!         total += delivery.payload().len();
//!         let mut count = OutgoingMessage::new(format!("count-{total}"), total.to_string());
//!         count.output = Some("counts".to_owned());
//!         while let Err(PublishError::ConnectionLost) = client.publish(count.clone()).await {}
//!         let _ = delivery.acknowledge();
//!     }
//!     Ok(())
//! }
//! ```

mod board;
mod client;
mod config;
mod delivery;
mod desired;
mod dial;
mod driver;
mod methods;
mod report;
mod start;
mod status;
mod trust;
mod vitals;
mod wire;
mod workload;

#[cfg(test)]
mod tests;

pub use client::{Client, CloseOutcome, PublishError};
pub use config::{ClientConfig, Credentials, SetupError, SetupErrorKind};
pub use delivery::{Acknowledged, DELIVERY_CAPACITY, Deliveries, Delivery};
pub use desired::Desired;
pub use dial::{CertificateProblem, DialError, DialStep};
pub use methods::{Answered, MethodCall, Methods};
pub use report::ReportError;
pub use start::{Started, start};
pub use status::{ConnectionError, FailureKind, Status, TwinStatus};
pub use trust::{TrustAnchors, TrustError};
pub use vitals::Vitals;
pub use wire::WireError;
pub use workload::{WorkloadClient, WorkloadError};

// What callers need to fill in a configuration and a message, and to name what comes back.
pub use bytes::Bytes;
pub use edge_protocol::backoff::{Backoff, BackoffError};
pub use edge_protocol::connection_string::ConnectionStringError;
pub use edge_protocol::environment::{
    EnvironmentError, Problem as EnvironmentProblem, WorkloadUri,
};
pub use edge_protocol::identity::IdentityError;
pub use edge_protocol::message::{Gate, MessageError, TooLarge};
pub use edge_protocol::methods::{ANSWER_LIMIT, AnswerTooLarge};
pub use edge_protocol::properties::PropertiesError;
pub use edge_protocol::sas::{KeyError, SharedKey};
pub use edge_protocol::session::{
    Cause, METHOD_CAPACITY, REPORT_WINDOW, Refusal, Timings, TwinFailure, Violation,
};
pub use edge_protocol::twin::{
    Acknowledgement, DesiredState, DocumentError, PatchError, PatchProblem, Setting,
};
pub use edge_protocol::{ConnectionString, EdgeEnvironment, Identity, OutgoingMessage, Properties};
/// The JSON values of twins and methods, of the version of `serde_json` used here.
pub use serde_json::{Map, Value, json};
