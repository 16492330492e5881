//! Any text as a route; where it parses, evaluated for any message.
//!
//! The input is the route, a NUL, and a message as [`fuzz::Message`] cuts it.

#![no_main]

use fuzz::Message;
use libfuzzer_sys::fuzz_target;
use routes::{MAX_ROUTE_BYTES, Route};

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let text = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let message = Message::cut(parts.next().unwrap_or_default());
    match Route::parse(&text) {
        Ok(route) => {
            let view = message.view();
            let truth = match route.condition() {
                Some(condition) => condition.truth(&view),
                None => Some(true),
            };
            let wanted = route.source().matches(&view.origin()) && truth == Some(true);
            assert_eq!(route.matches(&view), wanted);
            assert_eq!(Route::parse(route.text()).as_ref(), Ok(&route));
            if let Some(condition) = route.condition() {
                // Another source of the same kind: a path may hold what begins a
                // comment, and a name that stars at its end made one.
                let is_twin = route.source().is_twin_change();
                let source = if is_twin {
                    "/twinChangeNotifications"
                } else {
                    "/x"
                };
                let printed = format!("FROM {source} WHERE {condition} INTO $upstream");
                if printed.len() <= MAX_ROUTE_BYTES {
                    let again = Route::parse(&printed).expect("what was printed");
                    assert_eq!(again.condition(), Some(condition), "{printed}");
                }
            }
        }
        Err(error) => {
            assert!(text.is_char_boundary(error.position.offset));
            assert_eq!(error.to_string().lines().count(), 3);
        }
    }
});
