//! CONNECT and the ends of connections.

use super::*;

#[test]
fn checklist_1_another_protocol_level_gets_connack_1() {
    let mut bench = Bench::new(&[]);
    let connection = bench.open();
    bench.hub.wrong_protocol(connection, bench.now());
    bench.drain();
    let refused = ConnAck::new(ConnectReturnCode::RefusedProtocolVersion, false);
    assert_eq!(bench.packet(connection), Some(Packet::ConnAck(refused)));
    assert_eq!(bench.closed[&connection], CloseReason::Refused);
}

#[test]
fn checklist_2_a_client_id_other_than_the_usernames_gets_connack_5() {
    let mut bench = Bench::new(&[]);
    let mut connect = bench.connect_packet(&cam());
    connect.client_id = "Cam".into();
    assert_eq!(bench.refusal(connect), 5);
}

#[test]
fn checklist_3_a_bad_username_or_blank_client_id_gets_connack_3() {
    let mut bench = Bench::new(&[]);
    for name in [
        "",
        "hub.test/cam",
        "hub.test/cam/?x=1",
        "hub.test/cam/?api-version=",
    ] {
        let mut connect = bench.connect_packet(&cam());
        let token = bench.token(&cam(), 60);
        connect.set_credentials(name, token);
        assert_eq!(bench.refusal(connect), 3, "{name}");
    }
    let mut connect = bench.connect_packet(&cam());
    connect.client_id = " ".into();
    assert_eq!(bench.refusal(connect), 3);
    let mut connect = bench.connect_packet(&cam());
    connect.auth = ConnectAuth::None;
    assert_eq!(bench.refusal(connect), 3);
}

#[test]
fn checklist_4_a_missing_wrong_or_foreign_token_gets_connack_5() {
    let mut bench = Bench::new(&[]);
    let mut connect = bench.connect_packet(&cam());
    connect.set_username("hub.test/cam/?api-version=1");
    assert_eq!(bench.refusal(connect), 5);
    let foreign = bench.token(&IdentityId::device("cam2"), 60);
    for password in ["", "x", foreign.as_str()] {
        let mut connect = bench.connect_packet(&cam());
        connect.set_credentials("hub.test/cam/?api-version=1", password.to_owned());
        assert_eq!(bench.refusal(connect), 5, "{password}");
    }
    let mut connect = bench.connect_packet(&cam());
    connect.client_id = "cam3".into();
    connect.set_credentials(
        "hub.test/cam3/?api-version=1",
        "SharedAccessSignature sr=a&sig=b&se=1",
    );
    assert_eq!(bench.refusal(connect), 5);
    assert_eq!(bench.hub.counters().refused, 5);
}

#[test]
fn checklist_5_a_second_connection_takes_over_with_its_subscriptions() {
    let mut bench = Bench::new(&[CAMERAS]);
    let (camera, old) = bench.pair();
    bench.telemetry(camera, CAM, "one");
    assert_eq!(bench.body(old), "one");
    let (new, session_present) = bench.connect(&counter());
    assert_eq!(bench.closed[&old], CloseReason::TakenOver);
    assert!(session_present);
    // Delivered right after CONNACK, before any SUBSCRIBE.
    assert_eq!(bench.body(new), "one");
    // A PUBACK of the old connection is nobody's.
    bench.ack(old);
    bench.quiet(new);
    bench.telemetry(camera, CAM, "two");
    bench.ack(new);
    assert_eq!(bench.body(new), "two");
    assert_eq!(bench.hub.connected(), [cam(), counter()]);
}

#[test]
fn checklist_6_no_connect_another_packet_first_or_a_second_connect_closes() {
    let mut bench = Bench::new(&[]);
    let silent = bench.open();
    bench.pass(Duration::from_secs(59));
    assert!(!bench.closed.contains_key(&silent));
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.closed[&silent], CloseReason::ConnectTimeout);
    bench.quiet(silent);

    let rash = bench.open();
    bench.send(rash, Packet::PingReq);
    assert_eq!(bench.closed[&rash], CloseReason::NotConnectFirst);
    bench.quiet(rash);

    let (twice, _) = bench.connect(&cam());
    let again = bench.connect_packet(&cam());
    bench.send(twice, Packet::Connect(again));
    assert_eq!(bench.closed[&twice], CloseReason::SecondConnect);
    bench.quiet(twice);
}

#[test]
fn checklist_7_silence_closes_and_the_will_is_telemetry_but_not_after_disconnect() {
    let mut bench = Bench::new(&["FROM /messages INTO $upstream"]);
    let mut connect = bench.connect_packet(&cam());
    connect.keep_alive = 10;
    connect.last_will = Some(LastWill::new(
        format!("{CAM}why=gone"),
        "farewell",
        QoS::AtLeastOnce,
        false,
    ));
    let (camera, _) = bench.connect_with(connect.clone());
    bench.pass(Duration::from_secs(14));
    bench.send(camera, Packet::PingReq);
    assert_eq!(bench.packet(camera), Some(Packet::PingResp));
    bench.pass(Duration::from_millis(14_999));
    assert!(!bench.closed.contains_key(&camera));
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.closed[&camera], CloseReason::KeepAlive);
    let will = bench.upstream.pop_front().unwrap();
    assert_eq!(will.message.body, "farewell");
    assert_eq!(
        will.message.application,
        [("why".to_owned(), Some("gone".to_owned()))]
    );
    let (sequence, now) = (will.sequence, bench.now());
    bench.hub.upstream_finished(sequence, true, now);

    // A route can tell it (sheet 6.1).
    assert_eq!(will.message.system_property("messageType"), Some("Will"));
    let (camera, _) = bench.connect_with(connect);
    bench.send(camera, Packet::Disconnect);
    assert_eq!(bench.closed[&camera], CloseReason::Disconnected);
    assert_eq!(bench.upstream, []);
}

#[test]
fn a_token_past_its_grace_ends_the_connection() {
    let mut bench = Bench::new(&[]);
    let mut connect = bench.connect_packet(&cam());
    let token = bench.token(&cam(), 60);
    connect.set_credentials("hub.test/cam/?api-version=1", token);
    let (camera, _) = bench.connect_with(connect);
    bench.pass(Duration::from_secs(359));
    assert!(!bench.closed.contains_key(&camera));
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.closed[&camera], CloseReason::TokenExpired);
}

#[test]
fn who_subscribes_without_end_is_closed() {
    let mut bench = Bench::new(&[]);
    let (module, _) = bench.connect(&counter());
    for n in 0..100 {
        bench.subscribe(module, &format!("filter/{n}"), QoS::AtLeastOnce);
    }
    let mut subscribe = Subscribe::new("filter/100", QoS::AtLeastOnce);
    subscribe.pkid = 1;
    bench.send(module, Packet::Subscribe(subscribe));
    assert_eq!(bench.closed[&module], CloseReason::TooManySubscriptions);
}

#[test]
fn who_is_sent_without_end_and_acknowledges_nothing_is_closed() {
    for habit in [PacketIds::One, PacketIds::Rising] {
        let mut settings = Settings::default();
        settings.habits.packet_ids = habit;
        let mut bench = Bench::with_settings(&[], settings);
        let (module, _) = bench.connect(&counter());
        bench.subscribe(module, "$iothub/twin/res/#", QoS::AtLeastOnce);
        for _ in 0..1000 {
            bench.publish(module, "$iothub/twin/GET/?$rid=1", QoS::AtMostOnce, "");
        }
        assert!(!bench.closed.contains_key(&module));
        bench.publish(module, "$iothub/twin/GET/?$rid=1", QoS::AtMostOnce, "");
        assert_eq!(bench.closed[&module], CloseReason::NotAcknowledging);
    }
}

#[test]
fn a_model_is_known_while_its_client_is_connected_and_the_last_connect_says_which() {
    let mut bench = Bench::new(&[]);
    let announcing = |bench: &mut Bench, model: &str| {
        let mut connect = bench.connect_packet(&counter());
        let token = bench.token(&counter(), 60);
        let name = format!("hub.test/edge/counter/?api-version=1{model}");
        connect.set_credentials(name, token);
        bench.connect_with(connect).0
    };
    bench.connect(&cam());
    announcing(&mut bench, "&model-id=dtmi%3Aa%3B1");
    let known = |model: &str| BTreeMap::from([(counter(), model.to_owned())]);
    assert_eq!(bench.hub.models(), known("dtmi:a;1"));
    announcing(&mut bench, "&model-id=dtmi%3Aa%3B2");
    assert_eq!(bench.hub.models(), known("dtmi:a;2"));
    let last = announcing(&mut bench, "");
    assert_eq!(bench.hub.models(), BTreeMap::new());
    bench.send(last, Packet::Disconnect);
    announcing(&mut bench, "&model-id=dtmi%3Aa%3B3");
    assert_eq!(bench.hub.models(), known("dtmi:a;3"));
    // The twin that a client asks for does not have it.
    let twin = bench.hub.twin(&counter()).unwrap().document();
    assert!(twin.get("modelId").is_none(), "{twin}");
}
