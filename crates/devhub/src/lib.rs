//! A development edgeHub: MQTT over TLS, SAS, routes, queues, workload API and a supervisor that
//! plays edgeAgent, without Docker and without a cloud account.
//!
//! It behaves as edgeHub does where a client could tell the difference: PUBACK only after every
//! matched queue has the message, one unacknowledged input message per module, packet id 1 and
//! DUP 0 always, same-id takeover, kept subscriptions, two size gates. It shares the MQTT codec with
//! our client and nothing else, so that one misreading of the protocol cannot pass both sides.
//!
//! Where to go:
//! - a hub inside a test: [`testing`];
//! - the decisions, without sockets or clock: [`hub`]; its storage: [`store`];
//! - the network side: [`server`]; the module's side: [`workload`] and [`agent`]; the side of the
//!   person who watches: [`control`];
//! - what the wire says, one room each: [`sas`], [`username`], [`topics`], [`properties`],
//!   [`message`], [`twin`];
//! - what is kept between runs: [`state`], [`identities`], [`ca`]; what a check of a module's
//!   counts is held against: [`journal`].

pub mod agent;
pub mod ca;
pub mod clock;
pub mod control;
pub mod deployment;
pub mod hub;
pub mod identities;
pub mod identity;
pub mod journal;
mod lines;
pub mod message;
pub mod properties;
pub mod routing;
pub mod sas;
pub mod server;
pub mod state;
pub mod store;
pub mod testing;
pub mod topics;
pub mod twin;
pub mod unix_socket;
pub mod upstream;
pub mod username;
pub mod workload;

pub use server::MAX_PACKET_BYTES;
