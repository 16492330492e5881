//! `$NAME` and `${NAME}` in a document's text.
//!
//! As in the IoT Edge tools: names that are not known stay as they are
//! (`$edgeAgent`, `$upstream` and `${MODULES.…}` live from that), and what is
//! put in is not looked through again. One thing is better than there: inside
//! a JSON string the value is escaped, so a password with a quote in it does
//! not break the document.

use crate::json::escaped;

/// `text`, which is JSON, with every known variable put in. `variables` answers
/// the value of a name, `None` for an unknown one.
///
/// Outside of strings (`"timeToLiveSecs": $TTL`) the value is put in as it is.
pub fn expand(text: &str, variables: &dyn Fn(&str) -> Option<String>) -> String {
    put_in(text, variables, true)
}

/// The same outside of strings alone: enough for `text` to be JSON, and what stands in a string
/// stays the placeholder that its author wrote.
pub(crate) fn expand_bare(text: &str, variables: &dyn Fn(&str) -> Option<String>) -> String {
    put_in(text, variables, false)
}

fn put_in(text: &str, variables: &dyn Fn(&str) -> Option<String>, into_strings: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_string = false;
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if character == '$'
            && (into_strings || !in_string)
            && let Some((name, length)) = reference(rest)
            && let Some(value) = variables(name)
        {
            out.push_str(&if in_string { escaped(&value) } else { value });
            rest = &rest[length..];
            continue;
        }
        let mut length = character.len_utf8();
        if character == '"' {
            in_string = !in_string;
        } else if character == '\\' && in_string {
            // The next character is escaped and ends nothing.
            length += rest[length..].chars().next().map_or(0, char::len_utf8);
        }
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out
}

/// The name at the front of `text`, which begins with `$`, and how many bytes
/// the whole reference takes.
fn reference(text: &str) -> Option<(&str, usize)> {
    let after = &text[1..];
    if let Some(inner) = after.strip_prefix('{') {
        let end = inner.find('}')?;
        return Some((&inner[..end], end + 3));
    }
    let length = after
        .bytes()
        .take_while(|b| b.is_ascii_alphanumeric() || *b == b'_')
        .count();
    (length > 0).then(|| (&after[..length], length + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(name: &str) -> Option<String> {
        match name {
            "REGISTRY" => Some("reg.example:5000".to_owned()),
            "PASSWORD" => Some(r#"a"b\c$REGISTRY"#.to_owned()),
            "TTL" => Some("7200".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    #[test]
    fn both_spellings_are_put_in_and_unknown_names_stay() {
        for (text, expected) in [
            (
                "$REGISTRY/x ${REGISTRY}/y",
                "reg.example:5000/x reg.example:5000/y",
            ),
            (
                "$REGISTRY_X $edgeAgent ${MODULES.a.amd64} $upstream",
                "$REGISTRY_X $edgeAgent ${MODULES.a.amd64} $upstream",
            ),
            ("$ $$ ${ ${} $-", "$ $$ ${ ${} $-"),
            ("[$EMPTY]", "[]"),
            ("ä$TTLä", "ä7200ä"),
        ] {
            assert_eq!(expand(text, &known), expected);
        }
    }

    #[test]
    fn a_value_is_escaped_inside_a_string_and_not_looked_through_again() {
        let text = r#"{"p\"w":"$PASSWORD","ttl":$TTL}"#;
        assert_eq!(
            expand(text, &known),
            r#"{"p\"w":"a\"b\\c$REGISTRY","ttl":7200}"#
        );
        assert_eq!(
            expand_bare(text, &known),
            r#"{"p\"w":"$PASSWORD","ttl":7200}"#
        );
    }
}
