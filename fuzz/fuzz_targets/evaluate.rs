//! Any message through every condition of the case tables.
//!
//! The input is a message as [`fuzz::Message`] cuts it. Where `route` spends
//! its time on texts that do not parse, this one spends all of it on values.

#![no_main]

use std::sync::OnceLock;

use fuzz::Message;
use libfuzzer_sys::fuzz_target;
use routes::Route;

/// The tables whose lines are a verdict and a condition.
const TABLES: [&str; 2] = [
    include_str!("../../crates/routes/tests/cases/conditions.txt"),
    include_str!("../../crates/routes/tests/cases/bodies.txt"),
];

fuzz_target!(|data: &[u8]| {
    let message = Message::cut(data);
    let view = message.view();
    for route in routes() {
        let truth = route
            .condition()
            .and_then(|condition| condition.truth(&view));
        assert_eq!(route.matches(&view), truth == Some(true), "{route}");
    }
});

fn routes() -> &'static [Route] {
    static ROUTES: OnceLock<Vec<Route>> = OnceLock::new();
    ROUTES.get_or_init(|| {
        let lines = TABLES.iter().flat_map(|table| table.lines());
        let conditions = lines.filter_map(|line| line.split_once(char::is_whitespace));
        conditions
            .filter_map(|(_, condition)| {
                let condition = condition.trim();
                Route::parse(&format!("FROM /* WHERE {condition} INTO $upstream")).ok()
            })
            .collect()
    })
}
