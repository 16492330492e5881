//! Deliveries to module inputs.

use super::*;

#[test]
fn checklist_16_a_delivery_names_its_true_sender_and_no_output() {
    let into = "INTO BrokeredEndpoint(\"/modules/counter/inputs/in\")";
    let mut bench = Bench::new(&[&format!("FROM /messages/* {into}")]);
    let (camera, module) = bench.pair();
    bench.telemetry(
        camera,
        &format!("{CAM}%24.mid=7&site=north+1&%24.cdid=forged&empty="),
        "x",
    );
    assert_eq!(
        bench.delivery(module).0,
        "devices/edge/modules/counter/inputs/in/site=north%2B1&empty&%24.mid=7&%24.cdid=cam"
    );
    bench.ack(module);
    let (other, _) = bench.connect(&IdentityId::module("edge", "other"));
    bench.telemetry(
        other,
        "devices/edge/modules/other/messages/events/%24.on=out&%24.ct=text%2Fplain/",
        "x",
    );
    assert_eq!(
        bench.delivery(module).0,
        "devices/edge/modules/counter/inputs/in/%24.ct=text%2Fplain&%24.cdid=edge&%24.cmid=other"
    );
}

#[test]
fn checklist_19_an_unknown_filter_is_granted_and_never_served() {
    let mut bench = Bench::new(&[CAMERAS]);
    let (camera, _) = bench.connect(&cam());
    let (module, _) = bench.connect(&counter());
    assert_eq!(
        bench.subscribe(module, "#", QoS::ExactlyOnce),
        QoS::AtLeastOnce
    );
    assert_eq!(
        bench.subscribe(module, "#", QoS::AtMostOnce),
        QoS::AtMostOnce
    );
    bench.telemetry(camera, CAM, "x");
    bench.quiet(module);
    assert_eq!(bench.hub.queues()[0].1, 1);
}

#[test]
fn checklist_23_one_unacknowledged_message_over_two_inputs() {
    let routes = [
        "FROM /messages WHERE to = 'b' INTO BrokeredEndpoint(\"/modules/counter/inputs/b\")",
        "FROM /messages WHERE to = 'a' INTO BrokeredEndpoint(\"/modules/counter/inputs/a\")",
    ];
    let mut bench = Bench::new(&routes);
    let (camera, module) = bench.pair();
    for (index, input) in ["b", "a", "a", "b"].into_iter().enumerate() {
        bench.telemetry(camera, &format!("{CAM}to={input}"), &index.to_string());
    }
    for (index, input) in ["b", "a", "a", "b"].into_iter().enumerate() {
        let (topic, body) = bench.delivery(module);
        assert!(topic.contains(&format!("/inputs/{input}/")), "{topic}");
        assert_eq!(body, index.to_string());
        bench.quiet(module);
        bench.ack(module);
    }
    bench.quiet(module);
    assert_eq!(bench.hub.counters().delivered, 4);
}

#[test]
fn checklist_24_no_puback_in_time_sends_the_same_message_first_again() {
    let mut bench = Bench::new(&[CAMERAS]);
    let (camera, module) = bench.pair();
    bench.telemetry(camera, CAM, "one");
    bench.telemetry(camera, CAM, "two");
    assert_eq!(bench.body(module), "one");
    bench.pass(ACK_TIMEOUT - Duration::from_millis(1));
    bench.quiet(module);
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.body(module), "one");
    assert_eq!(bench.hub.counters().redelivered, 1);
    // The first PUBACK is for the first copy, which was given up.
    bench.ack(module);
    bench.quiet(module);
    bench.ack(module);
    assert_eq!(bench.body(module), "two");
    assert_eq!(bench.hub.counters().stray_acknowledgements, 1);
}

#[test]
fn checklist_23a_a_skipped_puback_makes_each_later_message_time_out() {
    let mut bench = Bench::new(&[CAMERAS]);
    let (camera, module) = bench.pair();
    for body in ["one", "two"] {
        bench.telemetry(camera, CAM, body);
    }
    assert_eq!(bench.body(module), "one");
    bench.pass(ACK_TIMEOUT);
    assert_eq!(bench.body(module), "one");
    // The client answers only the second copy: its PUBACK is spent on the first.
    bench.ack(module);
    bench.quiet(module);
    bench.pass(ACK_TIMEOUT);
    assert_eq!(bench.body(module), "one");
    bench.ack(module);
    bench.quiet(module);
}

#[test]
fn a_puback_with_another_id_is_ignored() {
    let mut bench = Bench::new(&[CAMERAS]);
    let (camera, module) = bench.pair();
    bench.telemetry(camera, CAM, "one");
    bench.telemetry(camera, CAM, "two");
    assert_eq!(bench.body(module), "one");
    bench.send(module, Packet::PubAck(PubAck::new(2)));
    bench.quiet(module);
    bench.ack(module);
    assert_eq!(bench.body(module), "two");
    bench.ack(module);
    bench.ack(module);
    assert_eq!(bench.hub.counters().stray_acknowledgements, 2);
}

#[test]
fn checklist_28_a_message_waits_for_connection_and_subscription() {
    let mut bench = Bench::new(&[CAMERAS]);
    let (camera, _) = bench.connect(&cam());
    for body in ["one", "two"] {
        bench.telemetry(camera, CAM, body);
    }
    let (module, session_present) = bench.connect(&counter());
    assert!(!session_present);
    bench.quiet(module);
    bench.subscribe(module, "devices/edge/modules/counter/#", QoS::AtLeastOnce);
    assert_eq!(bench.body(module), "one");
    bench.ack(module);
    assert_eq!(bench.body(module), "two");
}

#[test]
fn an_unacknowledged_message_comes_first_again_after_a_lost_connection() {
    let mut bench = Bench::new(&[CAMERAS]);
    let (camera, module) = bench.pair();
    bench.telemetry(camera, CAM, "one");
    bench.telemetry(camera, CAM, "two");
    assert_eq!(bench.body(module), "one");
    bench.hub.lost(module, CloseReason::PeerClosed, bench.now());
    bench.drain();
    // At once, without waiting for the time-out of the old connection.
    let (module, session_present) = bench.connect(&counter());
    assert!(session_present);
    assert_eq!(bench.body(module), "one");
    bench.ack(module);
    assert_eq!(bench.body(module), "two");
}

#[test]
fn a_clean_session_forgets_subscriptions_and_keeps_queues() {
    let mut bench = Bench::new(&[CAMERAS]);
    let (camera, _) = bench.pair();
    let mut connect = bench.connect_packet(&counter());
    connect.clean_session = true;
    let (module, session_present) = bench.connect_with(connect);
    assert!(!session_present);
    bench.telemetry(camera, CAM, "one");
    bench.quiet(module);
    let (module, session_present) = bench.connect(&counter());
    assert!(!session_present, "a clean session leaves nothing behind");
    bench.subscribe(
        module,
        "devices/edge/modules/counter/inputs/#",
        QoS::AtLeastOnce,
    );
    assert_eq!(bench.body(module), "one");
}

#[test]
fn an_unsubscribed_module_gets_nothing_more_and_loses_what_comes() {
    let mut bench = Bench::new(&[CAMERAS]);
    let (camera, module) = bench.pair();
    let mut unsubscribe = Unsubscribe::new("devices/edge/modules/counter/inputs/#");
    unsubscribe.pkid = 3;
    bench.send(module, Packet::Unsubscribe(unsubscribe));
    assert_eq!(
        bench.packet(module),
        Some(Packet::UnsubAck(UnsubAck::new(3)))
    );
    bench.telemetry(camera, CAM, "one");
    bench.quiet(module);
    assert_eq!(bench.hub.counters().dropped_undeliverable, 1);
}

#[test]
fn a_filter_that_does_not_cover_the_input_loses_its_messages() {
    let mut bench = Bench::new(&[CAMERAS]);
    let (camera, _) = bench.connect(&cam());
    let (module, _) = bench.connect(&counter());
    bench.subscribe(
        module,
        "devices/edge/modules/counter/inputs/other/#",
        QoS::AtLeastOnce,
    );
    bench.telemetry(camera, CAM, "one");
    bench.quiet(module);
    assert_eq!(bench.hub.counters().dropped_undeliverable, 1);
    assert_eq!(bench.hub.queues()[0].1, 0);
}

#[test]
fn at_qos_0_a_message_is_complete_when_it_is_written() {
    let mut bench = Bench::new(&[CAMERAS]);
    let (camera, _) = bench.connect(&cam());
    let (module, _) = bench.connect(&counter());
    bench.subscribe(
        module,
        "devices/edge/modules/counter/inputs/#",
        QoS::AtMostOnce,
    );
    bench.telemetry(camera, CAM, "one");
    bench.telemetry(camera, CAM, "two");
    assert_eq!(bench.body(module), "one");
    bench.quiet(module);
    let written = bench.written[&module][0];
    bench.hub.written(module, written, bench.now());
    bench.drain();
    assert_eq!(bench.body(module), "two");
    assert_eq!(bench.hub.counters().delivered, 1);
}

#[test]
fn a_message_chooses_the_qos_of_its_delivery_up_to_that_of_the_subscription() {
    let filter = "devices/edge/modules/counter/inputs/#";
    for (granted, choice, expected) in [
        (QoS::AtLeastOnce, "", QoS::AtLeastOnce),
        (QoS::AtLeastOnce, "mqtt-qos=0", QoS::AtMostOnce),
        (QoS::AtLeastOnce, "mqtt-qos=1", QoS::AtLeastOnce),
        (QoS::AtLeastOnce, "mqtt-qos=2", QoS::AtLeastOnce),
        (QoS::AtMostOnce, "mqtt-qos=0", QoS::AtMostOnce),
        (QoS::AtMostOnce, "mqtt-qos=1", QoS::AtMostOnce),
        (QoS::AtMostOnce, "mqtt-qos=2", QoS::AtMostOnce),
        // What is no QoS chooses nothing.
        (QoS::AtLeastOnce, "mqtt-qos=00", QoS::AtLeastOnce),
        (QoS::AtLeastOnce, "mqtt-qos=3", QoS::AtLeastOnce),
        (QoS::AtLeastOnce, "mqtt-qos", QoS::AtLeastOnce),
        (QoS::AtLeastOnce, "MQTT-QOS=0", QoS::AtLeastOnce),
    ] {
        let mut bench = Bench::new(&[CAMERAS]);
        let (camera, _) = bench.connect(&cam());
        let (module, _) = bench.connect(&counter());
        bench.subscribe(module, filter, granted);
        bench.telemetry(camera, &format!("{CAM}{choice}"), "one");
        match bench.packet(module) {
            Some(Packet::Publish(publish)) => {
                assert_eq!(publish.qos, expected, "{granted:?} {choice}");
            }
            other => panic!("{other:?}"),
        }
        // At QoS 0 it is complete when written, whatever the subscription says.
        if expected == QoS::AtMostOnce {
            let written = bench.written[&module][0];
            bench.hub.written(module, written, bench.now());
        } else {
            bench.ack(module);
        }
        assert_eq!(bench.hub.counters().delivered, 1, "{granted:?} {choice}");
    }
}
