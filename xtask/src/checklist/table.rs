//! `docs/checklist.md`: a page whose table is read, and whose last column is written.

use std::fmt;

use anyhow::bail;

use super::found::Found;

/// The lines there are: 1 to 40, and 23a.
const LINES: usize = 41;

/// A page with the table in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// Anything that is no row, with its line end.
    Text(String),
    Row(Line),
}

/// One line of the checklist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) number: String,
    /// Whose duty it is.
    pub(super) of: String,
    pub(super) claim: String,
    tests: String,
}

impl Table {
    /// Reads a page; its table has to have every line once.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let parts: Vec<_> = text
            .split_inclusive('\n')
            .map(|line| row(line).map_or_else(|| Part::Text(line.to_owned()), Part::Row))
            .collect();
        let table = Self { parts };
        let count = table.lines().count();
        if count != LINES {
            bail!("the table has {count} lines, expected {LINES}");
        }
        Ok(table)
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &Line> {
        self.parts.iter().filter_map(|part| match part {
            Part::Row(line) => Some(line),
            Part::Text(_) => None,
        })
    }

    /// The page with the tests that exist.
    pub(super) fn with_tests(&self, found: &Found) -> anyhow::Result<Self> {
        if let Some(stranger) = found
            .lines()
            .find(|number| self.lines().all(|line| line.number != *number))
        {
            let test = found.tests(stranger).next();
            bail!(
                "{} names a line that the table does not have",
                test.unwrap_or_default()
            );
        }
        let mut table = self.clone();
        for part in &mut table.parts {
            if let Part::Row(line) = part {
                let tests: Vec<_> = found
                    .tests(&line.number)
                    .map(|test| format!("`{test}`"))
                    .collect();
                line.tests = tests.join(" ");
            }
        }
        Ok(table)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Row(line) => {
                let space = if line.tests.is_empty() { "" } else { " " };
                writeln!(
                    f,
                    "| {} | {} | {} |{space}{} |",
                    line.number, line.of, line.claim, line.tests
                )
            }
        })
    }
}

/// A row of the table: its first cell is a number.
fn row(text: &str) -> Option<Line> {
    let cells: Vec<_> = text
        .trim()
        .strip_prefix('|')?
        .split('|')
        .map(str::trim)
        .collect();
    let [number, of, claim, tests, ""] = cells.as_slice() else {
        return None;
    };
    number.chars().next().filter(char::is_ascii_digit)?;
    Some(Line {
        number: (*number).to_owned(),
        of: (*of).to_owned(),
        claim: (*claim).to_owned(),
        tests: (*tests).to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::workspace;

    #[test]
    fn the_page_names_the_tests_that_exist_and_no_line_is_without_one() {
        let root = workspace::root();
        let text = std::fs::read_to_string(root.join(super::super::TABLE)).unwrap();
        let found = Found::in_sources(Path::new(&root)).unwrap();
        let current = Table::parse(&text).unwrap().with_tests(&found).unwrap();
        assert_eq!(
            current.to_string(),
            text,
            "run `cargo xtask checklist --write`"
        );
        let untested: Vec<_> = current
            .lines()
            .filter(|line| line.tests.is_empty())
            .map(|line| &line.number)
            .collect();
        assert_eq!(untested, Vec::<&String>::new());
    }

    #[test]
    fn only_rows_that_begin_with_a_number_are_lines() {
        assert_eq!(row("| line | of | claim | tests |\n"), None);
        assert_eq!(row("|---|---|---|---|\n"), None);
        assert_eq!(row("text\n"), None);
        assert_eq!(row("| 23a | both | c | `t` |\n").unwrap().number, "23a");
    }
}
