//! Settings at the ends of their ranges: nothing overflows, spins or hangs.

use std::time::Duration;

use super::rig::{Rig, config, message, secs, whole_config};
use crate::backoff::Backoff;
use crate::session::{Inbound, Outbound, Timings};

/// Every duration at `all`, and waits that are as short or as long.
fn timings(all: Duration) -> Timings {
    let shortest = Duration::from_nanos(1);
    let wait = Backoff::new(all.max(shortest), all.max(shortest)).unwrap();
    Timings {
        dial_deadline: all,
        address_deadline: all,
        connack_deadline: all,
        longest_connack_deadline: all,
        first_connect_pause: all,
        longest_connect_pause: all,
        suback_deadline: all,
        keep_alive: all,
        ping_deadline: all,
        answer_deadline: all,
        attention: all,
        receipt: all,
        receipt_doubt: all,
        healthy_after: all,
        retry: wait,
        refused_retry: wait,
        token_lifetime: all,
        parting_deadline: all,
        twin_deadline: all,
        twin_retry: wait,
    }
}

#[test]
fn the_longest_durations_mean_never() {
    let mut config = whole_config();
    config.timings = timings(Duration::MAX);
    let mut rig = Rig::with(config, 1);
    rig.lifetime = Duration::MAX;
    rig.dialled();
    rig.connack(false);
    rig.suback();
    // The one range: the hub must hear of us before it cuts the connection.
    rig.advance(secs(65_535));
    assert_eq!(rig.packets.last(), Some(&Outbound::PingReq));
    rig.packet(Inbound::PingResp);
    assert_eq!(rig.last_loss(), None);
    rig.session.shut_down(rig.now, Duration::MAX, None);
    rig.closed();
    assert!(rig.session.is_closed());
}

#[test]
fn a_pause_before_connect_does_not_outgrow_the_clock() {
    let mut config = config();
    config.timings.first_connect_pause = Duration::MAX;
    config.timings.longest_connect_pause = Duration::MAX;
    let mut rig = Rig::with(config, 1);
    rig.dialled();
    rig.advance_to_dial();
    rig.dialled();
    // Three hundred years.
    rig.advance(secs(10_000_000_000));
    assert_eq!(rig.dials.len(), 2, "it pauses for ever, as it was told to");
}

#[test]
fn no_time_at_all_does_not_make_it_spin() {
    let mut config = whole_config();
    config.timings = timings(Duration::ZERO);
    let mut rig = Rig::with(config, 1);
    for _ in 0..100 {
        rig.advance_to_dial();
        rig.dialled();
    }
    assert!(rig.session.failures() >= 100);
}

#[test]
fn a_keep_alive_of_zero_does_not_ping_at_every_answer() {
    let mut config = config();
    config.timings.keep_alive = Duration::ZERO;
    let mut rig = Rig::with(config, 1);
    rig.dialled();
    rig.connack(false);
    rig.suback();
    rig.clear();
    for _ in 0..100 {
        rig.advance(Duration::from_millis(1));
        if rig.packets.last() == Some(&Outbound::PingReq) {
            rig.packet(Inbound::PingResp);
        }
    }
    let pings = rig
        .packets
        .iter()
        .filter(|packet| **packet == Outbound::PingReq);
    assert_eq!(pings.count(), 1);
}

#[test]
fn a_window_without_limit_is_filled_and_not_beyond() {
    let mut config = config();
    config.publish_window = usize::MAX;
    let mut rig = Rig::with(config, 1);
    rig.dialled();
    rig.connack(false);
    rig.suback();
    let message = message("m");
    while rig.session.can_publish() {
        assert!(rig.session.publish(rig.now, message.clone()).is_ok());
    }
    rig.collect();
    assert_eq!(rig.count("devices/"), 1024);
}
