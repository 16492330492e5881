//! Cells of a CSV file: RFC 4180, and no cell that a spreadsheet takes for a formula.
//!
//! A camera names itself, so a name may begin as a formula does and then runs when the file is
//! opened. Such a text gets an apostrophe in front, which spreadsheets take for "this is text". So
//! does a text that begins with an apostrophe, so that taking one off gives every name back.
//! `--format json` has the names as they are.

use std::io::{self, Write};

/// Begins of text that a spreadsheet may take for more than text.
const RISKY: [char; 8] = ['=', '+', '-', '@', '\t', '\r', '\n', '\''];

/// What ends a cell: the comma here, and what spreadsheets of other countries split at, so that no
/// part of a name becomes a cell of its own there.
const ENDS: [char; 6] = [',', ';', '\t', '"', '\n', '\r'];

/// A text cell, quoted where it must be.
pub(super) fn text(text: &str) -> String {
    let guard = if text.starts_with(RISKY) { "'" } else { "" };
    if text.contains(ENDS) {
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        format!("{guard}{text}")
    }
}

/// Writes one record.
pub(super) fn record(out: &mut impl Write, cells: &[String]) -> io::Result<()> {
    write!(out, "{}\r\n", cells.join(","))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads one record as RFC 4180 has it.
    fn read(line: &str) -> Vec<String> {
        let mut cells = vec![String::new()];
        let mut quoted = false;
        let mut characters = line.strip_suffix("\r\n").unwrap().chars().peekable();
        while let Some(character) = characters.next() {
            let cell = cells.last_mut().unwrap();
            match character {
                '"' if quoted && characters.peek() == Some(&'"') => {
                    cell.push('"');
                    characters.next();
                }
                '"' => quoted = !quoted,
                ',' if !quoted => cells.push(String::new()),
                other => cell.push(other),
            }
        }
        cells
    }

    #[test]
    fn commas_quotes_and_line_ends_are_quoted() {
        let check = |name: &str, cell: &str| assert_eq!(text(name), cell, "{name:?}");
        check("cam-01", "cam-01");
        check("", "");
        check("shed 2, left", "\"shed 2, left\"");
        check("the \"new\" one", "\"the \"\"new\"\" one\"");
        check("two\nlines", "\"two\nlines\"");
    }

    #[test]
    fn a_spreadsheet_that_splits_at_semicolons_or_tabs_makes_no_cell_of_a_part() {
        assert_eq!(text("x;=A1;y"), "\"x;=A1;y\"");
        assert_eq!(text("x\t=A1"), "\"x\t=A1\"");
    }

    #[test]
    fn what_a_spreadsheet_would_run_is_made_text() {
        for name in ["=1+1", "+1", "-cam", "@SUM(A1)", "'cam"] {
            assert_eq!(text(name), format!("'{name}"));
        }
        assert_eq!(text("\tx"), "\"'\tx\"");
        assert_eq!(text("=A1,\"x\""), "\"'=A1,\"\"x\"\"\"");
        assert_eq!(text("\nx"), "\"'\nx\"");
    }

    proptest! {
        #[test]
        fn every_name_comes_back_when_one_apostrophe_is_taken_off(
            names in proptest::collection::vec("[-=+@',\"\\r\\n\\tа-яa-c ]{0,6}", 1..6),
        ) {
            let cells: Vec<String> = names.iter().map(|name| text(name)).collect();
            let mut line = Vec::new();
            record(&mut line, &cells).unwrap();
            let read = read(std::str::from_utf8(&line).unwrap());
            let back: Vec<String> = read
                .iter()
                .map(|cell| cell.strip_prefix('\'').unwrap_or(cell).to_owned())
                .collect();
            prop_assert_eq!(back, names);
            prop_assert!(read.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])));
        }
    }
}
