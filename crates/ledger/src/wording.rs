//! Short texts that people give things: what they may be, and how a refusal shows one.

/// The longest of them, in bytes.
pub(crate) const MAX_BYTES: usize = 128;

/// Whether a text has 1 to [`MAX_BYTES`] bytes and no control character, so that JSON writes each of
/// its bytes as two at most.
pub(crate) fn is_short(text: &str) -> bool {
    (1..=MAX_BYTES).contains(&text.len()) && !text.contains(char::is_control)
}

/// A text from outside, for an error: one that is too long by its length alone.
pub(crate) fn shown(text: &str) -> String {
    if text.len() > MAX_BYTES {
        return format!("{} bytes long", text.len());
    }
    format!("{text:?}")
}

/// The text of this kind that takes most bytes in JSON.
pub(crate) fn longest() -> String {
    "\"".repeat(MAX_BYTES)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_short_text_takes_more_bytes_in_json_than_the_longest(text in "\\PC{1,128}|[\"\\\\a]{100,128}") {
            let bytes = |text: &str| serde_json::to_vec(text).unwrap().len();
            prop_assume!(is_short(&text));
            prop_assert!(bytes(&text) <= bytes(&longest()));
        }
    }
}
