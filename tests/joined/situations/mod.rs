//! One of every kind of trouble, by name. Numbers are lines of the conformance checklist in
//! the fact sheet on edgeHub's protocol, section 11.

mod connecting;
mod delivering;
mod ending;
mod habits;
mod half_open;
mod methods;
mod on_demand;
mod publishing;
mod tokens;
mod twins;

use std::time::Duration;

use edge_protocol::session::Cause;

use crate::agenda::{Happening, Instant};
use crate::client::Who;
use crate::setup::Setup;
use crate::world::World;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A world in which everyone is connected and nothing has happened yet.
fn calm(setup: Setup) -> World {
    let mut world = World::new(setup);
    world.run_for(secs(1));
    assert!(world.client(Who::Module).is_subscribed);
    world
}

fn take_picture(world: &mut World, camera: usize) {
    world.agenda.add(world.now, Happening::Picture { camera });
}

fn settle(world: &mut World) {
    if let Err(what) = world.settle() {
        panic!("{what}\nthe last of the story:\n{}", world.trace.tell());
    }
}

/// Why and when the module's connections and attempts ended.
fn losses(world: &mut World) -> Vec<(Instant, Cause)> {
    world.client(Who::Module).losses.clone()
}

/// Waits between the module's dials.
fn pauses(world: &mut World) -> Vec<Duration> {
    let dials = &world.client(Who::Module).dials;
    let pairs = dials.iter().zip(dials.iter().skip(1));
    pairs.map(|(one, next)| *next - *one).collect()
}

/// Bodies of all deliveries, in the order in which the hub sent them.
fn sent(world: &World) -> Vec<&str> {
    let sent = world.watch.sent.iter();
    sent.map(|delivery| delivery.body.as_str()).collect()
}
