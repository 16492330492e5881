//! Where it asks, and what it makes of strangers.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use super::*;

const NONE: [(String, String); 0] = [];

fn with(name: &str, value: &str) -> Result<Vec<SocketAddr>, Vec<String>> {
    addresses(None, [(name.to_owned(), value.to_owned())])
}

#[test]
fn the_module_is_asked_over_loopback_where_the_settings_say() {
    let check = |value: &str, expected: &str| {
        let asked = with("FRUIT_COUNTER_HTTP", value).unwrap();
        assert_eq!(asked[0].to_string(), expected, "{value}");
    };
    check("8080", "127.0.0.1:8080");
    check("0.0.0.0:8080", "127.0.0.1:8080");
    check("[::]:8080", "[::1]:8080");
    check("192.0.2.7:80", "192.0.2.7:80");
    assert_eq!(
        addresses(None, NONE).unwrap()[0].to_string(),
        "127.0.0.1:80"
    );
}

#[test]
fn a_bad_address_in_the_settings_is_told() {
    let why = with("FRUIT_COUNTER_HTTP", "nowhere").unwrap_err().join("");
    assert!(why.contains("FRUIT_COUNTER_HTTP") && why.contains("nowhere"));
}

#[test]
fn what_is_not_the_module_is_not_believed_and_does_not_hold_it_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let stranger = thread::spawn(move || {
        let (mut one, _) = listener.accept().unwrap();
        let _ = one.read(&mut [0; 1024]).unwrap();
        one.write_all(b"HTTP/1.1 200 OK\r\n\r\nwelcome").unwrap();
        drop(one);
        // The next one hears nothing at all.
        let (two, _) = listener.accept().unwrap();
        let mut two = two;
        while two.read(&mut [0; 1024]).is_ok_and(|length| length > 0) {}
    });
    let said = answer(Question::Ready, &[address], Duration::from_secs(5));
    assert_eq!(said.code, NOT_READY);
    assert!(said.words.contains("not the module"), "{}", said.words);
    let said = answer(Question::Ready, &[address], Duration::from_millis(100));
    assert!(said.words.contains("100ms"), "{}", said.words);
    stranger.join().unwrap();
    assert_eq!(said.json()["ready"], json!(false));
}
