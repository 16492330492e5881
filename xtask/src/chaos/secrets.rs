//! What no log may hold, in every form in which it could get there by mistake.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;

use super::search::{RUN, Search};

/// What a token, a key or a picture begins with, whosever it is.
const MARKS: [(&str, &[u8]); 14] = [
    ("a SAS token", b"SharedAccessSignature"),
    ("a signature", b"sig="),
    ("a signature", b"sig%3D"),
    ("a signature", b"sig%3d"),
    ("a connection string", b"SharedAccessKey="),
    ("a private key", b"PRIVATE KEY"),
    ("a JPEG", b"\xff\xd8\xff"),
    ("a JPEG", b"JFIF"),
    ("a JPEG in base64", b"/9j/4AAQ"),
    ("a JPEG in numbers", b"255, 216, 255"),
    ("a JPEG in escapes", b"\\xff\\xd8\\xff"),
    ("a PNG", b"\x89PNG\r\n\x1a\n"),
    ("a PNG", b"IHDR"),
    ("a PNG in base64", b"iVBORw0KGgo"),
];

/// A search for the marks alone.
pub(super) fn marks() -> Search {
    let mut search = Search::default();
    for (name, mark) in MARKS {
        search.add(name, mark);
    }
    search
}

/// Adds every key in the hub's `identities.json`, wherever it stands there.
pub(super) fn add_keys(search: &mut Search, owner: &str, identities: &Value) {
    match identities {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(key) if name == "key" || name == "secondaryKey" => {
                        add_shared_key(search, owner, key);
                    }
                    value => add_keys(search, name, value),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                add_keys(search, owner, item);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A key as IoT Hub gives them, which is base64: the bytes themselves too.
fn add_shared_key(search: &mut Search, owner: &str, key: &str) {
    let name = format!("the key of {owner}");
    add_text(search, &name, key);
    if let Ok(bytes) = STANDARD.decode(key) {
        search.add(&name, &bytes);
        search.add(&name, hex(&bytes).as_bytes());
        search.add(&name, URL_SAFE_NO_PAD.encode(&bytes).as_bytes());
    }
}

/// A secret text: as it is, in base64 by itself and within something longer, in percent form.
pub(super) fn add_text(search: &mut Search, name: &str, secret: &str) {
    // The padding says nothing, and may be cut off.
    let secret = secret.trim_end_matches('=');
    search.add(name, secret.as_bytes());
    for percent in [percent(secret), percent(secret).to_ascii_lowercase()] {
        if percent != secret {
            search.add(name, percent.as_bytes());
        }
    }
    search.add(name, hex(secret.as_bytes()).as_bytes());
    add_base64(search, name, secret.as_bytes());
}

/// The letters of base64 that depend on these bytes alone, for each place at which they can begin.
fn add_base64(search: &mut Search, name: &str, bytes: &[u8]) {
    for before in 0..3 {
        let mut padded = vec![0; before];
        padded.extend_from_slice(bytes);
        let whole = STANDARD_NO_PAD.encode(&padded);
        // Six bits a letter; the first and the last may have bits of others.
        let first = (before * 8).div_ceil(6);
        let last = padded.len() * 8 / 6;
        search.add(name, &whole.as_bytes()[first..last]);
    }
}

/// Adds a picture: any 16 bytes of it, and its beginning in words of other kinds.
pub(super) fn add_picture(search: &mut Search, name: &str, picture: &[u8]) {
    let beginning = &picture[..picture.len().min(2 * RUN)];
    search.add(name, hex(beginning).as_bytes());
    add_base64(search, name, beginning);
    search.add_runs_of(name, picture);
}

/// Adds the lines of a PEM file that are the key itself.
pub(super) fn add_pem(search: &mut Search, name: &str, pem: &str) {
    for line in pem.lines().filter(|line| !line.starts_with("-----")) {
        if line.len() >= RUN {
            search.add(name, line.as_bytes());
        }
    }
}

fn percent(text: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encoded).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KEY: &str = "6LDyHQNdtFq2/qStiIuEplDeHGnW1o28+6ZEgKU7rPM=";

    fn names(search: &Search, text: &[u8]) -> Vec<String> {
        let found = search.in_text(text).into_iter();
        found.map(|found| found.name).collect()
    }

    #[test]
    fn a_key_is_found_in_every_form() {
        let mut search = Search::default();
        let identities = json!({
            "ca": "/a/path", "devices": {"cam-01": {"key": KEY, "generationId": "1"}},
        });
        add_keys(&mut search, "", &identities);
        let bytes = STANDARD.decode(KEY).unwrap();
        let forms = [
            format!("SharedAccessKey={KEY};x"),
            format!("key {}", KEY.trim_end_matches('=')),
            format!("key={}", percent(KEY)),
            format!("key={}", percent(KEY).to_lowercase()),
            STANDARD.encode(KEY),
            STANDARD.encode(format!("x:{KEY}")),
            STANDARD.encode(format!("user:{KEY}:more")),
            URL_SAFE_NO_PAD.encode(&bytes),
            format!("{{\"key\":\"{}\"}}", hex(&bytes)),
        ];
        for form in forms {
            assert_eq!(
                names(&search, form.as_bytes()),
                ["the key of cam-01"],
                "{form}"
            );
        }
        assert_eq!(names(&search, &bytes), ["the key of cam-01"]);
        let other = KEY.replace('n', "m");
        assert!(names(&search, other.as_bytes()).is_empty());
    }

    #[test]
    fn the_second_key_of_a_device_is_looked_for_too() {
        let mut search = Search::default();
        let identity = json!({"modules": {"m": {"key": "QUFB", "secondaryKey": KEY}}});
        add_keys(&mut search, "", &identity);
        assert_eq!(names(&search, KEY.as_bytes()), ["the key of m"]);
    }

    #[test]
    fn tokens_and_pictures_are_known_by_their_marks() {
        let search = marks();
        let token = "SharedAccessSignature sr=h%2Fdevices%2Fd&sig=abc%3D&se=1";
        assert_eq!(
            names(&search, token.as_bytes()),
            ["a SAS token", "a signature"]
        );
        let lossy = String::from_utf8_lossy(b"\xff\xd8\xff\xe0\0\x10JFIF\0").into_owned();
        assert_eq!(names(&search, lossy.as_bytes()), ["a JPEG"]);
        assert_eq!(
            names(&search, b"body=[255, 216, 255, 224, 0"),
            ["a JPEG in numbers"]
        );
        assert_eq!(
            names(&search, b"b\"\\xff\\xd8\\xff\\xe0\""),
            ["a JPEG in escapes"]
        );
        assert_eq!(
            names(&search, b"picture=/9j/4AAQSkZJRgAB"),
            ["a JPEG in base64"]
        );
    }

    #[test]
    fn honest_lines_hold_nothing() {
        let mut search = marks();
        add_text(&mut search, "the HTTP key", "chaos/0123456789abcdef+=");
        let line = "<7> 2026-11-27 05:23:26.783 +00:00 [DBG] - recorded outcome=Classified { label: \
                    \"ripe\" } recorded=Counted { reused_id: false } camera=\"cam-0000\" \
                    id=\"cam-0000-af9bb992-1\" sha256=\
                    \"89a699be6b3f35f8601098c199e57377aaaa1118130777b000329436a119e88f\"\n";
        assert!(names(&search, line.repeat(50).as_bytes()).is_empty());
    }

    #[test]
    fn a_picture_is_found_by_its_middle_and_by_its_beginning_in_base64_and_hexadecimal() {
        let picture: Vec<u8> = (0_u32..3000).map(|n| (n * n % 251) as u8).collect();
        let mut search = Search::default();
        add_picture(&mut search, "a picture", &picture);
        let data = format!("data:image/jpeg;base64,{}", STANDARD.encode(&picture));
        for text in [
            data.into_bytes(),
            hex(&picture).into_bytes(),
            picture[900..1000].to_vec(),
        ] {
            assert_eq!(names(&search, &text), ["a picture"]);
        }
    }

    #[test]
    fn lines_of_a_private_key_are_looked_for() {
        let mut search = Search::default();
        let pem = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqG\n-----END";
        add_pem(&mut search, "the CA's key", pem);
        assert_eq!(names(&search, pem.as_bytes()), ["the CA's key"]);
    }
}
