//! A client of Azure IoT Edge's edgeHub for modules and leaf devices.
//!
//! It learns who it is from the environment that edgeAgent gives (or a connection
//! string), has its tokens signed by the workload API, connects over TLS with the trust
//! bundle as its only roots, and then stays connected by itself: lost connections,
//! refused tokens, hubs that hang and tokens that end are all one thing, a new connection.
//! Every decision about that is made in `edge_protocol::session`; this crate waits.
//!
//! - [`ClientConfig`] says where and as whom; [`start`] spawns the one task that does it.
//! - [`Client::publish`] resolves when the hub has the message in its queues.
//! - [`Deliveries`] gives the messages for the module's inputs. Each [`Delivery`] is
//!   acknowledged by hand, after its effect is durable; dropping it unused closes its
//!   connection, so that the hub delivers it again.
//! - [`Client::status`] tells whether it is connected, and if not, why.
//! - [`Client::close`] leaves in good order.
//!
//! When the edge CA is renewed, the roots follow the trust bundle without a restart.
//!
//! What it must never do: trust a root that is not in the bundle, write a token, a key or
//! a payload to the log, or acknowledge what the application has not.
//!
//! ```no_run
//! use edge_client::{ClientConfig, OutgoingMessage, start};
//! use edge_protocol::EdgeEnvironment;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let environment = EdgeEnvironment::parse(|name| std::env::var(name).ok())?;
//! let config = ClientConfig::from_edge_environment(&environment, "example/1.0").await?;
//! let (client, mut deliveries) = start(config);
//! while let Some(delivery) = deliveries.next().await {
//!     let mut seen = OutgoingMessage::new("seen-1", delivery.payload().len().to_string());
//!     seen.output = Some("sizes".to_owned());
//!     client.publish(seen).await?;
//!     delivery.acknowledge();
//! }
//! # Ok(()) }
//! ```

mod board;
mod client;
mod config;
mod delivery;
mod dial;
mod driver;
mod status;
mod trust;
mod wire;
mod workload;

#[cfg(test)]
mod tests;

pub use client::{Client, CloseOutcome, PublishError, start};
pub use config::{ClientConfig, Credentials, SetupError, SetupErrorKind};
pub use delivery::{Acknowledged, DELIVERY_CAPACITY, Deliveries, Delivery};
pub use dial::{CertificateProblem, DialError, DialStep};
pub use status::{ConnectionError, FailureKind, Status};
pub use trust::{TrustAnchors, TrustError};
pub use wire::WireError;
pub use workload::{WorkloadClient, WorkloadError};

// What callers need to fill in a configuration and a message.
pub use edge_protocol::message::{MessageError, TooLarge};
pub use edge_protocol::session::Timings;
pub use edge_protocol::{ConnectionString, EdgeEnvironment, Identity, OutgoingMessage, Properties};
