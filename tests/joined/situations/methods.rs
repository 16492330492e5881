//! Method calls: one answer each, or one word that there is none.

use devhub::hub::Twins;

use super::*;
use crate::demand::Demand;
use crate::faults::Fault;
use crate::network::Way;
use crate::operator::Ending;

const ANSWERED: Ending = Ending::Answered(200);

fn call(world: &mut World, response: u64, connect: u64) {
    let [response, connect] = [response, connect].map(secs);
    let call = Happening::Call { response, connect };
    world.agenda.add(world.now, call);
}

/// How calls ended, in the order of their numbers.
fn endings(world: &World) -> Vec<Ending> {
    let mut ended = world.operator.ended.clone();
    ended.sort_unstable_by_key(|(number, _)| *number);
    ended.into_iter().map(|(_, ending)| ending).collect()
}

#[test]
fn checklist_39_each_call_gets_its_own_answer_in_whatever_order_they_come() {
    let mut world = calm(Setup::default());
    world.strike(Fault::Answering(secs(0), secs(4)));
    for _ in 0..8 {
        call(&mut world, 5, 0);
    }
    world.run_for(secs(5));
    assert_eq!(endings(&world), [ANSWERED; 8]);
    let order: Vec<_> = world.operator.ended.iter().map(|(n, _)| *n).collect();
    assert!(!order.is_sorted(), "{order:?}");
    settle(&mut world);
}

#[test]
fn checklist_39_an_answer_after_its_time_does_no_harm() {
    let mut world = calm(Setup::default());
    world.strike(Fault::Answering(secs(8), secs(8)));
    call(&mut world, 5, 0);
    world.run_for(secs(6));
    assert_eq!(endings(&world), [Ending::TimedOut]);
    // Its answer comes while the next call waits for its own.
    call(&mut world, 10, 0);
    world.run_for(secs(9));
    assert_eq!(endings(&world), [Ending::TimedOut, ANSWERED]);
    let stray = world.hub.counters().map(|it| it.stray_method_answers);
    assert_eq!(stray, Some(1));
    assert_eq!(losses(&mut world), []);
    settle(&mut world);
}

#[test]
fn checklist_39_a_call_that_is_dropped_or_one_too_many_is_answered_with_an_error() {
    let mut world = calm(Setup::default());
    world.strike(Fault::DropsCall);
    call(&mut world, 5, 0);
    world.run_for(secs(1));
    assert_eq!(endings(&world), [Ending::Answered(500)]);
    world.strike(Fault::Answering(secs(3), secs(3)));
    for _ in 0..9 {
        call(&mut world, 5, 0);
    }
    world.run_for(secs(4));
    let [_, eight @ .., ninth] = &endings(&world)[..] else {
        panic!("{:?}", endings(&world))
    };
    assert_eq!(*eight, [ANSWERED; 8]);
    assert_eq!(*ninth, Ending::Answered(503));
    settle(&mut world);
}

#[test]
fn checklist_39_a_call_does_not_outlive_its_connection_and_its_answer_goes_nowhere() {
    let mut world = calm(Setup::default());
    world.strike(Fault::Answering(secs(3), secs(3)));
    call(&mut world, 20, 0);
    world.run_for(secs(1));
    world.strike(Fault::Demand(Demand::Drops(Some(Who::Module))));
    // Back on a new connection when the application has its answer ready.
    world.run_for(secs(1));
    assert!(world.client(Who::Module).is_subscribed);
    call(&mut world, 20, 0);
    world.run_for(secs(19));
    assert_eq!(endings(&world), [Ending::TimedOut, ANSWERED]);
    settle(&mut world);
}

#[test]
fn checklist_39_a_call_waits_for_a_module_that_is_away_as_long_as_its_caller_does() {
    let mut world = calm(Setup::default());
    world.strike(Fault::Crash(Who::Module, secs(20)));
    world.run_for(secs(1));
    for connect in [0, 10, 60] {
        call(&mut world, 5, connect);
    }
    world.run_for(secs(18));
    let away = [(1, Ending::NotFound), (2, Ending::NotFound)];
    assert_eq!(world.operator.ended, away);
    world.run_for(secs(6));
    assert_eq!(
        endings(&world),
        [Ending::NotFound, Ending::NotFound, ANSWERED]
    );
    settle(&mut world);
}

#[test]
fn checklist_39_a_renewal_and_a_shutdown_wait_for_calls_in_hand() {
    let mut world = calm(Setup {
        token_lifetime: secs(60),
        ..Setup::default()
    });
    // From the 45th second on; the token is to be replaced between the 48th and the 54th.
    world.strike(Fault::Answering(secs(10), secs(10)));
    world.run_for(secs(44));
    call(&mut world, 20, 0);
    world.run_for(secs(9));
    assert_eq!(losses(&mut world), []);
    world.run_for(secs(3));
    assert_eq!(endings(&world), [ANSWERED]);
    assert_eq!(losses(&mut world).len(), 1);
    world.strike(Fault::Answering(secs(3), secs(3)));
    call(&mut world, 20, 0);
    world.run_for(secs(1));
    world.shut_down(Who::Module);
    call(&mut world, 20, 0);
    world.run_for(secs(4));
    // One that comes meanwhile is told so.
    assert_eq!(endings(&world), [ANSWERED, ANSWERED, Ending::Answered(503)]);
    settle(&mut world);
}

#[test]
fn calls_need_neither_the_twin_nor_confirmations() {
    let mut world = World::new(Setup::default());
    world.run_for(Duration::ZERO);
    world.strike(Fault::Demand(Demand::Twins(Twins::Ignored)));
    world.strike(Fault::Slow(Who::Module, Way::Down, secs(2)));
    world.run_for(secs(10));
    call(&mut world, 5, 0);
    world.run_for(secs(5));
    assert_eq!(endings(&world), [ANSWERED]);
    settle(&mut world);
}
