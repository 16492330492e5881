//! Both ways of each thing that is not certain about edgeHub; the default ways are in the other
//! rooms.

use super::*;

fn bench(choose: impl FnOnce(&mut Habits)) -> Bench {
    bench_of(&[CAMERAS], choose)
}

fn bench_of(routes: &[&str], choose: impl FnOnce(&mut Habits)) -> Bench {
    let mut settings = Settings::default();
    choose(&mut settings.habits);
    Bench::with_settings(routes, settings)
}

const INPUTS: &str = "devices/edge/modules/counter/inputs/#";

#[test]
fn a_lost_connection_may_cost_the_rest_of_the_acknowledgement_time() {
    let mut bench = bench(|habits| habits.connection_loss = ConnectionLoss::AfterTimeout);
    let (camera, module) = bench.pair();
    bench.telemetry(camera, CAM, "one");
    assert_eq!(bench.body(module), "one");
    bench.pass(Duration::from_secs(10));
    bench.hub.lost(module, CloseReason::PeerClosed, bench.now());
    let (module, _) = bench.connect(&counter());
    bench.pass(ACK_TIMEOUT - Duration::from_secs(10) - Duration::from_millis(1));
    bench.quiet(module);
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.body(module), "one");
}

#[test]
fn a_takeover_does_not_wait_even_so() {
    let mut bench = bench(|habits| habits.connection_loss = ConnectionLoss::AfterTimeout);
    let (camera, module) = bench.pair();
    bench.telemetry(camera, CAM, "one");
    assert_eq!(bench.body(module), "one");
    let (taker, _) = bench.connect(&counter());
    assert_eq!(bench.closed.get(&module), Some(&CloseReason::TakenOver));
    assert_eq!(bench.body(taker), "one");
}

#[test]
fn retries_may_come_1_2_4_and_at_most_60_s_after_each_time_out() {
    let mut bench = bench(|habits| habits.retry = Retry::Backoff);
    let (camera, module) = bench.pair();
    bench.telemetry(camera, CAM, "one");
    for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert_eq!(bench.body(module), "one");
        bench.pass(ACK_TIMEOUT + Duration::from_secs(pause) - Duration::from_millis(1));
        bench.quiet(module);
        bench.pass(Duration::from_millis(1));
    }
    assert_eq!(bench.body(module), "one");
}

#[test]
fn a_client_that_comes_back_may_wait_for_the_next_retry() {
    let mut bench = bench(|habits| habits.retry = Retry::Backoff);
    let (camera, module) = bench.pair();
    bench.hub.lost(module, CloseReason::PeerClosed, bench.now());
    bench.telemetry(camera, CAM, "one");
    // Retries at 1, 3, 7, 15, 31, 63 s.
    bench.pass(Duration::from_secs(32));
    let (module, _) = bench.connect(&counter());
    bench.pass(Duration::from_secs(31) - Duration::from_millis(1));
    bench.quiet(module);
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.body(module), "one");
}

#[test]
fn after_an_unsubscribe_messages_may_stay_queued() {
    let mut bench = bench(|habits| habits.unsubscribed = Unsubscribed::Keep);
    let (camera, module) = bench.pair();
    let mut unsubscribe = Unsubscribe::new(INPUTS);
    unsubscribe.pkid = 3;
    bench.send(module, Packet::Unsubscribe(unsubscribe));
    bench.packet(module);
    bench.telemetry(camera, CAM, "one");
    bench.quiet(module);
    bench.subscribe(module, INPUTS, QoS::AtLeastOnce);
    assert_eq!(bench.body(module), "one");
}

#[test]
fn a_client_too_many_is_accepted_and_never_served_or_served_like_others() {
    for crowd in [Crowd::Ignore, Crowd::Serve] {
        let mut settings = Settings {
            max_clients: 1,
            ..Settings::default()
        };
        settings.habits.crowd = crowd;
        let mut bench = Bench::with_settings(&[CAMERAS], settings);
        bench.connect(&cam());
        let (module, _) = bench.connect(&counter());
        bench.send(module, Packet::PingReq);
        match crowd {
            Crowd::Ignore => bench.quiet(module),
            Crowd::Serve => assert_eq!(bench.packet(module), Some(Packet::PingResp)),
        }
        // The one that was there may come again.
        let (camera, _) = bench.connect(&cam());
        bench.send(camera, Packet::PingReq);
        assert_eq!(bench.packet(camera), Some(Packet::PingResp));
    }
}

#[test]
fn properties_named_like_topic_parameters_replace_the_sender_or_stay() {
    let topic = format!("{CAM}deviceId=ghost&a=1");
    let mut replaced = bench(|_| {});
    let (camera, module) = replaced.pair();
    replaced.telemetry(camera, &topic, "x");
    let (seen, _) = replaced.delivery(module);
    assert!(seen.ends_with("/a=1&%24.cdid=ghost"), "{seen}");

    let mut kept = bench(|habits| habits.sender_properties = SenderProperties::Keep);
    let (camera, module) = kept.pair();
    kept.telemetry(camera, &topic, "x");
    let (seen, _) = kept.delivery(module);
    assert!(seen.ends_with("/deviceId=ghost&a=1&%24.cdid=cam"), "{seen}");
}

#[test]
fn keys_that_differ_in_case_only_lose_the_message_or_travel_both() {
    let topic = format!("{CAM}Site=1&site=2");
    let mut dropped = bench(|_| {});
    let (camera, module) = dropped.pair();
    dropped.telemetry(camera, &topic, "x");
    dropped.quiet(module);
    assert_eq!(dropped.hub.counters().dropped_case_twins, 1);

    let mut kept = bench(|habits| habits.case_twins = CaseTwins::Keep);
    let (camera, module) = kept.pair();
    kept.telemetry(camera, &topic, "x");
    let (seen, _) = kept.delivery(module);
    assert!(seen.ends_with("/Site=1&site=2&%24.cdid=cam"), "{seen}");
}

#[test]
fn a_plain_broker_gives_rising_ids_marks_repeats_and_looks_for_the_id_of_a_puback() {
    let mut bench = bench(|habits| habits.packet_ids = PacketIds::Rising);
    let (camera, module) = bench.pair();
    bench.subscribe(module, "$iothub/twin/res/#", QoS::AtLeastOnce);
    let publish = |packet: Option<Packet>| match packet {
        Some(Packet::Publish(publish)) => (publish.pkid, publish.dup),
        other => panic!("{other:?}"),
    };
    bench.publish(module, "$iothub/twin/GET/?$rid=1", QoS::AtMostOnce, "");
    bench.telemetry(camera, CAM, "one");
    bench.telemetry(camera, CAM, "two");
    assert_eq!(publish(bench.packet(module)), (1, false));
    assert_eq!(publish(bench.packet(module)), (2, false));
    // The delivery first, though the twin's answer is older.
    bench.send(module, Packet::PubAck(PubAck::new(2)));
    assert_eq!(publish(bench.packet(module)), (3, false));
    bench.pass(ACK_TIMEOUT);
    let (again, dup) = publish(bench.packet(module));
    assert!(dup && again > 3);
    bench.send(module, Packet::PubAck(PubAck::new(again)));
    bench.quiet(module);
    assert_eq!(bench.hub.counters().delivered, 2);
}
