//! Reads a page by the rules of IoT Edge's metrics collector, which are narrower than Prometheus's: a line
//! is a comment, or a name, labels with three escapes, and a value of digits, `.`, `e`, `E`, `+` and `-`;
//! other values, infinite ones too, are passed over with a warning. One label twice is an error.

/// One line with a number.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) labels: Vec<(String, String)>,
    pub(super) value: f64,
}

impl Sample {
    pub(super) fn has(&self, label: &str, value: &str) -> bool {
        self.labels.iter().any(|(k, v)| k == label && v == value)
    }

    /// What tells it from others.
    pub(super) fn series(&self) -> (&str, Vec<(String, String)>) {
        let mut labels = self.labels.clone();
        labels.sort();
        (&self.name, labels)
    }
}

/// All samples, or the first line that is not read.
pub(super) fn read(page: &str) -> Result<Vec<Sample>, String> {
    page.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| sample(line).ok_or_else(|| line.to_owned()))
        .collect()
}

fn sample(line: &str) -> Option<Sample> {
    let (name, rest) = word(line, |c| c == '_' || c == ':')?;
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inside) => labels(inside)?,
        None => (Vec::new(), rest),
    };
    // Between number and time stamp there would be a space; the module gives none.
    let value = rest.strip_prefix(' ')?;
    let is_number = |c: char| c.is_ascii_digit() || ".eE+-".contains(c);
    if value.is_empty() || !value.chars().all(is_number) {
        return None;
    }
    Some(Sample {
        name: name.to_owned(),
        labels,
        value: value.parse().ok()?,
    })
}

type Labels = Vec<(String, String)>;

fn labels(mut rest: &str) -> Option<(Labels, &str)> {
    let mut labels = Labels::new();
    while !rest.starts_with('}') {
        let (name, after) = word(rest, |c| c == '_')?;
        let (value, after) = quoted(after.strip_prefix("=\"")?)?;
        if labels.iter().any(|(known, _)| known == name) {
            return None;
        }
        labels.push((name.to_owned(), value));
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    Some((labels, &rest[1..]))
}

/// A name that begins with no digit.
fn word(text: &str, also: impl Fn(char) -> bool) -> Option<(&str, &str)> {
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || also(c)))
        .unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (!word.is_empty() && !word.starts_with(|c: char| c.is_ascii_digit())).then_some((word, rest))
}

/// Up to the closing quote.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                escaped @ ('"' | '\\') => value.push(escaped),
                _ => return None,
            },
            plain => value.push(plain),
        }
    }
    None
}

#[test]
fn what_the_collector_passes_over_is_not_read() {
    assert!(read("a{b=\"c\"} 1.5e-3\nd 2\n# e f\n").is_ok());
    for line in [
        "a +Inf",
        "a NaN",
        "a{b=\"c\"d=} 1",
        "a{b=\"c\",b=\"d\"} 1",
        "a{b=\"\\t\"} 1",
        "a{b=\"c\" 1",
        "1a 1",
        "a",
    ] {
        assert_eq!(read(line).unwrap_err(), line);
    }
}
