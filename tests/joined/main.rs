//! The client's core joined with the hub's core, in memory and under virtual time.
//!
//! Nothing here is a double: [`edge_protocol::session::Session`] plays the module and the
//! cameras, [`devhub::hub::Hub`] the hub, and between them travel the bytes that the codec
//! writes. Only the sockets, the clocks, the cloud and the module's store are ours, so that
//! each can fail on request and an hour takes milliseconds.
//!
//! Rooms, from the outside in:
//! - `world`: the clock and the loop that lets one thing happen after the other, made by
//!   `setup`; `orders` and `hearings` hold what it does on a session's and on the hub's
//!   behalf, `post` what is on the way between them, `dialling` how a connection begins;
//! - `agenda`: what will happen and when; `network`: links that are cut, swallow or dawdle;
//!   `wire`: packets to bytes and back;
//! - `edge_hub`: the hub with its clock, its restarts and `kept_store`; `cloud`: what is
//!   upstream of it;
//! - `client`: a session and its shell; `camera` and `application`: who uses it, for
//!   `errands`; `ledger`: what the application never forgets;
//! - `operator`: who changes desired properties and calls methods; `answering`: what the
//!   module does with both;
//! - `faults`: what can go wrong; `demand`: what the hub does wrong when asked to; `plan`: a
//!   whole schedule of it from one seed;
//! - `watch`: what must hold on the wire at every step; `reckoning`: what must hold when the
//!   faults are over; `tally`: what a run was put through.
//!
//! Where a world is `counting`, its module is the product's instead of `application`:
//! - `counter`: what its process holds, all of it values of the product; `counting` and
//!   `reporting` carry out what they decide, a step at a time;
//! - `books`: the real ledger in memory, on a disk that fails, and the world's notes of what
//!   was committed; `audit`: the one against the other, camera by camera.
//!
//! Tests: `situations` has one of every kind of trouble by name, `every_step` repeats each
//! fault at each step of one short story, `schedules` draws whole schedules from seeds;
//! `counts` has the same with the product's module, and `flaws`: modules that break a promise
//! on purpose and are seen.
//! `JOINED_SEED=n cargo test -p end-to-end --test joined no_schedule -- --nocapture` repeats
//! one of them and tells it; `JOINED_SCHEDULES=n` sets how many are drawn. For `counts` there
//! is `cargo xtask schedules`, see `docs/schedules.md`.

mod agenda;
mod answering;
mod application;
mod audit;
mod books;
mod camera;
mod client;
mod cloud;
mod counter;
mod counting;
mod demand;
mod dialling;
mod edge_hub;
mod errands;
mod faults;
mod hearings;
mod kept_store;
mod ledger;
mod network;
mod operator;
mod orders;
mod plan;
mod post;
mod reckoning;
mod reporting;
mod setup;
mod tally;
mod trace;
mod watch;
mod wire;
mod world;

mod counts;
mod every_step;
mod schedules;
mod situations;
