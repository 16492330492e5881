//! `.env` files: the variables that a template names, kept beside it.

/// A line of a `.env` file that says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: found \"{found}\", expected NAME=value")]
pub struct EnvFileError {
    /// The line, from 1.
    pub line: usize,
    /// Its name part; values may be secrets and are not shown.
    pub found: String,
}

/// The variables of a `.env` file's text, in order; of two equal names the
/// later one counts, so look from the end.
///
/// Lines are `NAME=value`, `export NAME=value`, empty, or comments with `#`.
/// A value may stand in single quotes (taken as it is) or double ones (`\n`,
/// `\t`, `\"`, `\\` and `\$` resolved); without quotes it ends before ` #`.
///
/// # Errors
/// [`EnvFileError`] names the first line that is none of these.
pub fn parse_env_file(text: &str) -> Result<Vec<(String, String)>, EnvFileError> {
    let mut variables = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let assignment = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = assignment.split_once('=').unwrap_or((assignment, ""));
        let name = name.trim();
        let is_name = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let value = if assignment.contains('=') {
            unquoted(value.trim())
        } else {
            None
        };
        match value {
            Some(value) if is_name => variables.push((name.to_owned(), value)),
            _ => {
                return Err(EnvFileError {
                    line: index + 1,
                    found: name.to_owned(),
                });
            }
        }
    }
    Ok(variables)
}

/// A value without its quotes; `None` if a quote does not end, or text follows.
fn unquoted(value: &str) -> Option<String> {
    let rest_is_comment =
        |rest: &str| rest.trim_start().is_empty() || rest.trim_start().starts_with('#');
    if let Some(inner) = value.strip_prefix('\'') {
        let (inner, rest) = inner.split_once('\'')?;
        return rest_is_comment(rest).then(|| inner.to_owned());
    }
    if let Some(inner) = value.strip_prefix('"') {
        let mut text = String::new();
        let mut characters = inner.chars();
        loop {
            match characters.next()? {
                '"' => return rest_is_comment(characters.as_str()).then_some(text),
                '\\' => match characters.next()? {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    other @ ('"' | '\\' | '$') => text.push(other),
                    other => text.extend(['\\', other]),
                },
                other => text.push(other),
            }
        }
    }
    let end = value.find(" #").unwrap_or(value.len());
    Some(value[..end].trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_values_quotes_and_comments_are_read() {
        let text = "# comment\n\nA=1\nexport B = two words # note\nC='as \\n is' # note\n\
                    D=\"q\\\"\\n\\x\"\nE=\nF=a=b#c\r\n";
        let variables = parse_env_file(text).expect("a good file");
        let expected = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "as \\n is"),
            ("D", "q\"\n\\x"),
            ("E", ""),
            ("F", "a=b#c"),
        ];
        assert_eq!(
            variables,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn a_line_that_is_no_assignment_is_refused_without_its_value() {
        for (text, line, found) in [
            ("A=1\nB", 2, "B"),
            ("=1", 1, ""),
            ("A B=secret", 1, "A B"),
            ("A=\"secret", 1, "A"),
            ("A='x' y", 1, "A"),
        ] {
            let expected = EnvFileError {
                line,
                found: found.to_owned(),
            };
            assert_eq!(parse_env_file(text), Err(expected), "{text:?}");
        }
    }
}
