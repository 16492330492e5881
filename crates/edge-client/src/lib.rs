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
//! - [`Client::close`] leaves in good order.
//!
//! When the edge CA is renewed, the roots follow the trust bundle without a restart.
//!
//! What it must never do: trust a root that is not in the bundle, write a token, a key or
//! a payload to the log, or acknowledge what the application has not.
//!
//! A whole module, which counts the bytes of what comes to its inputs:
//!
//! ```no_run
//! use edge_client::{ClientConfig, EdgeEnvironment, OutgoingMessage, Setting, Started, Value, json};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let environment = EdgeEnvironment::parse(|name| std::env::var(name).ok())?;
//!     let config = ClientConfig::from_edge_environment(&environment, "example/1.0").await?;
//!     let Started { client, mut deliveries, mut desired, mut methods } = edge_client::start(config);
//!     let (mut total, mut limit) = (0, Setting::new("limit", 1_000_000));
//!     while total < *limit.value() {
//!         tokio::select! {
//!             Some(delivery) = deliveries.next() => {
//!                 total += delivery.payload().len() as i64;
//!                 let mut count = OutgoingMessage::new(format!("count-{total}"), total.to_string());
//!                 count.output = Some("counts".to_owned());
//!                 client.publish(count).await?;
//!                 let _ = delivery.acknowledge();
//!             }
//!             Some(call) = methods.next() => match call.name() {
//!                 "total" => drop(call.answer(200, &json!({ "total": total }))?),
//!                 _ => drop(call.answer(404, &json!({ "message": "no such method" }))?),
//!             },
//!             Some(state) = desired.next() => {
//!                 let answer = limit.follow(&state, |v| v.as_i64().ok_or("expected a number"));
//!                 client.report(&json!({ limit.name(): answer.to_value() })).await?;
//!             }
//!             else => break,
//!         }
//!     }
//!     client.close(std::time::Duration::from_secs(5)).await;
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
pub use wire::WireError;
pub use workload::{WorkloadClient, WorkloadError};

// What callers need to fill in a configuration and a message.
pub use edge_protocol::backoff::Backoff;
pub use edge_protocol::message::{MessageError, TooLarge};
pub use edge_protocol::methods::AnswerTooLarge;
pub use edge_protocol::session::{METHOD_CAPACITY, REPORT_WINDOW, Timings, TwinFailure};
pub use edge_protocol::twin::{Acknowledgement, DesiredState, PatchError, PatchProblem, Setting};
pub use edge_protocol::{ConnectionString, EdgeEnvironment, Identity, OutgoingMessage, Properties};
/// The JSON values of twins and methods, of the version of `serde_json` used here.
pub use serde_json::{Value, json};
