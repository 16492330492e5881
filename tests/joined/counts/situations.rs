//! One of every kind of trouble that counting has, by name.

use std::time::Duration;

use crate::agenda::Happening;
use crate::books::Disk;
use crate::camera::{Ids, Labels, Stamps};
use crate::client::Who;
use crate::counter::{Counting, Nature, nature};
use crate::faults::Fault;
use crate::setup::Setup;
use crate::world::World;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn world(setup: Setup) -> World {
    let counting = setup.counting.unwrap_or_default();
    let mut world = World::new(Setup {
        counting: Some(counting),
        ..setup
    });
    world.run_for(secs(1));
    world
}

fn take_picture(world: &mut World) {
    let camera = 0;
    world.agenda.add(world.now, Happening::Picture { camera });
}

fn settle(world: &mut World) {
    if let Err(what) = world.settle() {
        panic!("{what}\nthe last of the story:\n{}", world.trace.tell());
    }
}

/// Of all cameras: received, duplicate, rejected as crashed.
fn frames(world: &World) -> (u64, u64, u64) {
    let books = world.books.as_ref().expect("a counting world");
    let frames = books
        .ledger
        .totals()
        .expect("memory that works")
        .whole
        .frames;
    let crashed = frames.rejected.get("crashed").copied().unwrap_or(0);
    (frames.received, frames.duplicate, crashed)
}

#[test]
fn a_kill_between_commit_and_puback_makes_a_duplicate_and_no_second_count() {
    let mut world = world(Setup::default());
    world.strike(Fault::Slow(Who::Module, crate::network::Way::Up, secs(3)));
    take_picture(&mut world);
    world.run_for(secs(1));
    world.strike(Fault::Crash(Who::Module, secs(1)));
    // What was under way is lost with it.
    world.strike(Fault::Slow(Who::Module, crate::network::Way::Up, secs(0)));
    settle(&mut world);
    let (received, duplicates, _) = frames(&world);
    assert_eq!(received, 1 + duplicates);
}

#[test]
fn a_picture_that_kills_is_rejected_as_crashed_after_three_deaths_and_the_next_ones_count() {
    let mut world = world(Setup::default());
    let poison = (1..).find(|number| nature(&format!("cam-0/{number}")) == Nature::Poison);
    for _ in 0..=poison.unwrap() {
        take_picture(&mut world);
    }
    settle(&mut world);
    let (received, duplicates, crashed) = frames(&world);
    assert_eq!((received - duplicates, crashed), (poison.unwrap() + 1, 1));
}

#[test]
fn a_full_disk_leaves_pictures_with_the_hub_until_it_has_room() {
    let mut world = world(Setup::default());
    world.strike(Fault::Disk(Disk::Full));
    take_picture(&mut world);
    world.run_for(secs(60));
    assert_eq!(world.hub.store.waiting_for_inputs(), 1);
    assert_eq!(frames(&world), (0, 0, 0));
    world.strike(Fault::Disk(Disk::Works));
    settle(&mut world);
    assert_eq!(frames(&world), (1, 0, 0));
}

#[test]
fn a_long_outage_joins_windows_and_loses_none_of_their_counts() {
    let mut world = world(Setup {
        counting: Some(Counting {
            window: secs(10),
            merge_after: Some(secs(30)),
            ..Counting::default()
        }),
        ..Setup::default()
    });
    world.strike(Fault::Demand(crate::demand::Demand::Pubacks(
        devhub::hub::Pubacks::Withheld,
    )));
    for _ in 0..4 {
        take_picture(&mut world);
        world.run_for(secs(20));
    }
    assert_eq!(world.tally.merges, 1);
    world.strike(Fault::Demand(crate::demand::Demand::Pubacks(
        devhub::hub::Pubacks::AtOnce,
    )));
    settle(&mut world);
}

#[test]
fn a_camera_that_uses_its_numbers_again_has_all_its_pictures_counted() {
    let mut world = world(Setup {
        labels: [Labels {
            ids: Ids::Reused,
            stamps: Stamps::None,
        }; 3],
        ..Setup::default()
    });
    for _ in 0..6 {
        take_picture(&mut world);
    }
    settle(&mut world);
    assert_eq!(frames(&world).0, 6);
}

#[test]
fn a_picture_without_an_id_counts_once_when_its_repeats_are_read_together_after_a_freeze() {
    let mut world = world(Setup {
        labels: [Labels {
            ids: Ids::None,
            stamps: Stamps::None,
        }; 3],
        ..Setup::default()
    });
    // The 19th kills whoever looks at it; seven more come on the connection after that.
    for _ in 0..26 {
        take_picture(&mut world);
        world.run_for(secs(20));
    }
    let (before, ..) = frames(&world);
    world.strike(Fault::Freeze(Who::Module, secs(200)));
    take_picture(&mut world);
    settle(&mut world);
    let (received, ..) = frames(&world);
    assert!(
        received - before > 3,
        "its repeats go beyond ten deliveries"
    );
}
