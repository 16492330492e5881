//! What a module or a leaf device says to Azure IoT Edge's edgeHub, as plain values.
//!
//! This crate decides and never waits: it has no socket, no clock, no runtime, no
//! random source and no MQTT codec. Packets, moments and seeds come in as arguments;
//! packets, events and deadlines go out. `edge-client` is the shell that waits.
//!
//! The rooms, in the order in which a connection meets them:
//!
//! - [`environment`] and [`connection_string`]: the two ways to learn who we are;
//! - [`identity`]: that identity, and the names MQTT and SAS make of it;
//! - [`workload`] and [`sas`]: how a token is signed, and the token that is the MQTT
//!   password;
//! - [`backoff`] and [`moment`]: how long to wait, and since when;
//! - [`session`]: the life of the connection as a state machine;
//! - [`properties`], [`topics`], [`message`]: the messages that travel over it;
//! - [`twin`] and [`methods`]: the settings and calls that do.
//!
//! Facts about edgeHub's behaviour are quoted where they are used, with the part of
//! edgeHub or of the MQTT 3.1.1 specification they come from.

pub mod backoff;
pub mod connection_string;
pub mod environment;
pub mod identity;
pub mod message;
pub mod methods;
pub mod moment;
pub mod properties;
pub mod sas;
pub mod session;
pub mod topics;
pub mod twin;
pub mod workload;

mod percent;

pub use connection_string::ConnectionString;
pub use environment::EdgeEnvironment;
pub use identity::Identity;
pub use message::OutgoingMessage;
pub use properties::Properties;
