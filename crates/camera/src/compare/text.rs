//! Text from outside, made fit for a screen.

/// At most `most` characters on one line, without control characters.
///
/// What a server says may hold escape sequences, line ends, or a whole page of HTML.
pub(super) fn one_line(text: &str, most: usize) -> String {
    let words = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty());
    let mut line = String::new();
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > 4 * most {
            break;
        }
    }
    shortened(&line, most)
}

/// The text itself, or its beginning and an ellipsis.
pub(super) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_becomes_one_harmless_line() {
        let cases = [
            ("plain", 20, "plain"),
            ("  two\r\n\tlines  ", 20, "two lines"),
            ("\u{1b}[31mred\u{7}", 20, "[31mred"),
            ("äöü and more", 5, "äöü …"),
            ("", 5, ""),
            ("<html><body>", 6, "<html…"),
        ];
        for (text, most, expected) in cases {
            assert_eq!(one_line(text, most), expected, "{text:?}");
        }
        let long = "word ".repeat(1_000_000);
        assert_eq!(one_line(&long, 80).chars().count(), 80);
    }
}
