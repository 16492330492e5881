//! The session under virtual time: no socket, no sleep; the tests are the hub.

mod connecting;
mod deliveries;
mod endings;
mod extremes;
mod lifetime;
mod methods;
mod reports;
mod requests;
mod rig;
mod schedules;
mod twin;
