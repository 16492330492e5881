//! What the hub has written down for those who check a module against it.

use super::*;
use crate::journal::Event;

fn lines(bench: &mut Bench) -> Vec<String> {
    let recorded = std::mem::take(&mut bench.recorded);
    let line = |event: &Event| serde_json::to_string(event).unwrap();
    recorded.iter().map(line).collect()
}

#[test]
fn every_delivery_and_every_confirmation_is_recorded_once_and_a_late_one_too() {
    let settings = Settings {
        ack_timeout: ACK_TIMEOUT,
        journal: true,
        ..Settings::default()
    };
    let mut bench = Bench::with_settings(&[CAMERAS], settings);
    let (camera, module) = bench.pair();
    bench.telemetry(camera, &format!("{CAM}%24.mid=7"), "x");
    let handed = |delivery| {
        format!(
            r#"{{"event":"handed","delivery":{delivery},"client":"edge/counter","connection":{module},"from":"cam","id":"7"}}"#
        )
    };
    let took =
        format!(r#"{{"event":"took","client":"cam","connection":{camera},"packet":77,"id":"7"}}"#);
    let confirmed = format!(r#"{{"event":"confirmed","connection":{camera},"packet":77}}"#);
    assert_eq!(lines(&mut bench), [handed(1), took, confirmed]);
    bench.body(module);
    bench.pass(ACK_TIMEOUT);
    assert_eq!(lines(&mut bench), [handed(2)]);
    bench.body(module);
    bench.ack(module);
    bench.ack(module);
    let acknowledged = |delivery| format!(r#"{{"event":"acknowledged","delivery":{delivery}}}"#);
    assert_eq!(lines(&mut bench), [acknowledged(1), acknowledged(2)]);
}

#[test]
fn nothing_is_recorded_where_nobody_asks_for_it() {
    let mut bench = Bench::new(&[CAMERAS]);
    let (camera, module) = bench.pair();
    bench.telemetry(camera, CAM, "x");
    bench.body(module);
    bench.ack(module);
    assert_eq!(lines(&mut bench), Vec::<String>::new());
}
