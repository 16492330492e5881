//! The schedule, for sites in any state.

use super::*;
use std::collections::BTreeMap;

const CALM: Situation = Situation {
    flowed: 100,
    backlog: 0,
    has_work: true,
    waited: Duration::ZERO,
    stalled: Duration::ZERO,
    module_runs: true,
    module_frozen: false,
    is_tender: false,
    hub_serves: true,
    pubacks_wrong: false,
    offline: false,
    module_losses: 0,
};

fn hundred(seed: u64) -> Vec<Order> {
    let mut schedule = Schedule::new(seed);
    (0..100).map(|_| schedule.next(&CALM).unwrap()).collect()
}

#[test]
fn a_hundred_faults_have_each_kind_as_often_as_its_share_says() {
    let mut counted = BTreeMap::new();
    for order in hundred(3) {
        *counted.entry(order.kind).or_insert(0) += 1;
    }
    assert_eq!(counted, KINDS.into_iter().collect());
    assert_eq!(KINDS.iter().map(|(_, share)| share).sum::<usize>(), 100);
}

#[test]
fn there_is_a_fault_in_any_state_of_a_site_that_runs() {
    let worn = Situation {
        module_losses: MOST_LOSSES,
        waited: PATIENCE * 2,
        pubacks_wrong: true,
        offline: true,
        ..CALM
    };
    let stalled = Situation {
        flowed: 0,
        stalled: PATIENCE * 2,
        ..worn
    };
    let tender = Situation {
        is_tender: true,
        ..worn
    };
    for site in [worn, stalled, tender] {
        let mut schedule = Schedule::new(5);
        for number in 0..1000 {
            assert!(schedule.next(&site).is_some(), "{number}: {site:?}");
        }
    }
}

#[test]
fn a_seed_repeats_its_faults_and_another_has_others() {
    assert_eq!(hundred(7), hundred(7));
    assert_ne!(hundred(7), hundred(8));
}

#[test]
fn every_aim_of_a_kind_has_its_turn() {
    let orders = hundred(1);
    for (kind, share) in KINDS {
        let mut missing = kind.aims().to_vec();
        for order in orders.iter().filter(|order| order.kind == kind) {
            missing.retain(|aim| *aim != order.aim);
        }
        assert!(
            share < kind.aims().len() || missing.is_empty(),
            "{kind:?}: {missing:?}"
        );
    }
}

#[test]
fn a_stalled_site_is_not_cut_off_further_but_its_module_may_be_killed() {
    let stalled = Situation {
        flowed: 0,
        stalled: PATIENCE * 2,
        ..CALM
    };
    assert!(fits(Kind::KillModule, &stalled, false));
    for kind in [
        Kind::KillHub,
        Kind::StopHub,
        Kind::DropModule,
        Kind::DropAll,
    ] {
        assert!(!fits(kind, &stalled, false), "{kind:?}");
    }
}

#[test]
fn shares_hold_where_frames_take_their_time_to_flow_again() {
    let mut schedule = Schedule::new(9);
    let mut counted = BTreeMap::new();
    let mut site = CALM;
    let mut struck = 0;
    while struck < 1000 {
        // One picture for each look at the site.
        site.flowed += 1;
        site.waited += Duration::from_millis(20);
        let Some(order) = schedule.next(&site) else {
            continue;
        };
        struck += 1;
        site.waited = Duration::ZERO;
        *counted.entry(order.kind).or_insert(0) += 1;
        if order.kind.interrupts() {
            site.flowed = 0;
        }
    }
    for (kind, share) in KINDS {
        let found: usize = counted[&kind];
        assert!(found.abs_diff(share * 10) <= share + 5, "{kind:?}: {found}");
    }
}
