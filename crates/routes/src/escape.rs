//! Strings of the language: what stands between the quotes.

/// The text of a string token. Like the real hub it resolves `\uXXXX` first
/// and the other escapes in what that leaves.
pub(crate) fn unescape(token: &str) -> String {
    let inner = token
        .get(1..token.len().saturating_sub(1))
        .unwrap_or_default();
    let mut units: Vec<u16> = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(next) = rest.chars().next() {
        // The real hub takes a capital U here as well; its lexer lets one come
        // only behind an escaped backslash.
        let code = rest
            .strip_prefix("\\u")
            .or_else(|| rest.strip_prefix("\\U"))
            .and_then(|rest| rest.get(..4))
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u16::from_str_radix(digits, 16).ok());
        if let Some(code) = code {
            units.push(code);
            rest = &rest[6..];
        } else {
            units.extend_from_slice(next.encode_utf16(&mut [0; 2]));
            rest = &rest[next.len_utf8()..];
        }
    }
    let resolved = String::from_utf16_lossy(&units);
    let mut text = String::with_capacity(resolved.len());
    let mut characters = resolved.chars().peekable();
    while let Some(character) = characters.next() {
        match characters.peek() {
            Some(&escaped @ ('"' | '\'' | '\\')) if character == '\\' => {
                text.push(escaped);
                characters.next();
            }
            _ => text.push(character),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_resolved_code_points_first() {
        for (token, expected) in [
            ("''", ""),
            (r"'it\'s'", "it's"),
            (r#""a\"b\\c""#, r#"a"b\c"#),
            (r"'\u0041\u00e4'", "Aä"),
            (r"'\ud83d\ude00'", "😀"),
            // What the first pass leaves may look like an escape to the second.
            (r"'\u005c\u005c'", r"\"),
            (r"'\\u0041'", r"\A"),
            (r"'\\u+041'", r"\u+041"),
            (r"'\\U0041'", r"\A"),
        ] {
            assert_eq!(unescape(token), expected, "{token}");
        }
    }
}
