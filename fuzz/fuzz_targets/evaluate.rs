//! Any well-typed condition for any message.
//!
//! The input is a length in one byte, that many choices ([`fuzz::grammar`]),
//! and a message as [`fuzz::Message`] cuts it. Where `route` spends its time on
//! texts that do not parse, this one spends all of it on values.

#![no_main]

use fuzz::{Message, grammar};
use libfuzzer_sys::fuzz_target;
use routes::{MAX_ROUTE_BYTES, Route};

fuzz_target!(|data: &[u8]| {
    let Some((length, rest)) = data.split_first() else {
        return;
    };
    let (choices, message) = rest.split_at(usize::from(*length).min(rest.len()));
    let condition = grammar::condition(choices);
    let text = format!("FROM /x WHERE {condition} INTO $upstream");
    if text.len() > MAX_ROUTE_BYTES {
        return;
    }
    let route = Route::parse(&text).unwrap_or_else(|error| panic!("{error}"));
    let condition = route.condition().expect("a condition");
    let message = Message::cut(message);
    let truth = condition.truth(&message.view());
    assert_eq!(condition.truth(&message.view()), truth, "{condition}");

    let printed = format!("FROM /x WHERE {condition} INTO $upstream");
    if printed.len() <= MAX_ROUTE_BYTES {
        let again = Route::parse(&printed).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(again.condition(), Some(condition), "{printed}");
    }
});
