//! The guides under `docs/guides`, read as the commands that they are.
//!
//! Each block of commands says after its language where it is run: `sh run` here, `sh box` on the
//! box, `sh cloud` with an account. This room reads them and must never guess: a block that does not
//! say it is a mistake. `commands` finds the names of commands, `session` follows a guide,
//! `shell` asks the shell about what is not run, `links` sees where links lead.

mod commands;
mod links;
mod session;
mod shell;

use std::path::Path;

use anyhow::{Context as _, bail};

pub use commands::command_names;
pub use links::{anchors, links};
pub use session::{Followed, Session};
pub use shell::{check_shell, programs};

/// Where a block of commands is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On the computer that has the clone; a test runs it.
    Here,
    /// On the IoT Edge box.
    Box,
    /// Wherever there is an account.
    Cloud,
}

/// One thing of a guide that can be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A fenced block of commands.
    Block {
        /// Where it is run.
        place: Place,
        /// What is run.
        script: String,
    },
    /// A row of a table with the head `| in the cloud | … | here |`: a command of the cloud in its
    /// first cell, and in its last what does the same without one.
    Row {
        /// The name of the command, such as `az iot hub create`.
        cloud: String,
        /// What is run here.
        script: String,
    },
}

/// A guide, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guide {
    /// Its file name.
    pub name: String,
    /// What it has, each with the number of its line.
    pub items: Vec<(usize, Item)>,
}

/// Blocks in these languages are shown and not run.
const SHOWN: [&str; 4] = ["text", "json", "toml", "python"];

impl Guide {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, and as [`Guide::parse`].
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Self::parse(&name, &text)
    }

    /// Reads the text of a guide.
    ///
    /// # Errors
    /// When a block has no language, an unknown one, commands without a tag, or no end; the message
    /// names the line and the cure.
    pub fn parse(name: &str, text: &str) -> anyhow::Result<Self> {
        let mut items = Vec::new();
        let mut lines = text.lines().zip(1..);
        let mut in_table = false;
        while let Some((line, number)) = lines.next() {
            let at = || format!("{name}:{number}");
            in_table = line.starts_with('|') && (in_table || is_head(line));
            if let Some(info) = line.trim_start().strip_prefix("```") {
                let indent = line.len() - line.trim_start().len();
                let place = place(info).with_context(at)?;
                let mut script = String::new();
                loop {
                    let (line, _) = lines
                        .next()
                        .with_context(|| format!("{}: the block has no end", at()))?;
                    if line.trim() == "```" {
                        break;
                    }
                    script.push_str(line.get(indent..).unwrap_or_else(|| line.trim_start()));
                    script.push('\n');
                }
                if let Some(place) = place {
                    items.push((number, Item::Block { place, script }));
                }
            } else if in_table && !is_head(line) && !line.starts_with("|-") {
                let row = row(line).with_context(|| {
                    format!(
                        "{}: the first and the last cell of a row are one piece of code each",
                        at()
                    )
                })?;
                items.push((number, row));
            }
        }
        let name = name.to_owned();
        Ok(Guide { name, items })
    }

    /// The blocks for one place.
    pub fn scripts(&self, wanted: Place) -> impl Iterator<Item = (usize, &str)> {
        self.items
            .iter()
            .filter_map(move |(line, item)| match item {
                Item::Block { place, script } if *place == wanted => Some((*line, script.as_str())),
                Item::Block { .. } | Item::Row { .. } => None,
            })
    }

    /// The commands of the cloud that have a row.
    pub fn rows(&self) -> impl Iterator<Item = &str> {
        self.items.iter().filter_map(|(_, item)| match item {
            Item::Row { cloud, .. } => Some(cloud.as_str()),
            Item::Block { .. } => None,
        })
    }

    /// What is run here, in order: the blocks for here, and what stands for the cloud in each row.
    pub fn steps(&self) -> impl Iterator<Item = (usize, &str)> {
        self.items.iter().filter_map(|(line, item)| match item {
            Item::Block {
                place: Place::Here,
                script,
            }
            | Item::Row { script, .. } => Some((*line, script.as_str())),
            Item::Block { .. } => None,
        })
    }
}

/// What stands behind the three ticks; `None` for what is only shown.
fn place(info: &str) -> anyhow::Result<Option<Place>> {
    let words: Vec<&str> = info.split_whitespace().collect();
    let place = match words.as_slice() {
        ["sh", "run"] => Place::Here,
        ["sh", "box"] => Place::Box,
        ["sh", "cloud"] => Place::Cloud,
        [language] if SHOWN.contains(language) => return Ok(None),
        ["sh", ..] => bail!("{info:?} does not say where: write `sh run`, `sh box` or `sh cloud`"),
        _ => bail!("{info:?} is neither `sh` with a tag nor one of {SHOWN:?}"),
    };
    Ok(Some(place))
}

/// Whether this begins a table of commands.
fn is_head(line: &str) -> bool {
    let cells = cells(line);
    // Before the first `|` and behind the last one there is nothing.
    matches!(cells.as_slice(), [_, first, .., last, _]
        if first.trim() == "in the cloud" && last.trim() == "here")
}

/// A row whose first and last cells are a piece of code each.
fn row(line: &str) -> Option<Item> {
    let cells = cells(line);
    let [_, first, .., last, _] = cells.as_slice() else {
        return None;
    };
    Some(Item::Row {
        cloud: code(first)?.to_owned(),
        script: format!("{}\n", code(last)?),
    })
}

/// What is between the ticks, if that is all.
fn code(cell: &str) -> Option<&str> {
    let inner = cell.trim().strip_prefix('`')?.strip_suffix('`')?;
    (!inner.is_empty() && !inner.contains('`')).then_some(inner)
}

/// Cells of a row; `\|` is a `|` that parts none.
fn cells(row: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut characters = row.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek(), cells.last_mut()) {
            ('\\', Some('|'), Some(cell)) => {
                characters.next();
                cell.push('|');
            }
            ('|', ..) => cells.push(String::new()),
            (other, _, Some(cell)) => cell.push(other),
            (_, _, None) => {}
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Vec<(usize, Item)> {
        Guide::parse("g.md", text).unwrap().items
    }

    #[track_caller]
    fn refused(text: &str, words: &str) {
        let error = format!("{:#}", Guide::parse("g.md", text).unwrap_err());
        assert!(error.contains(words), "{error}");
    }

    fn block(place: Place, script: &str) -> Item {
        let script = script.to_owned();
        Item::Block { place, script }
    }

    #[test]
    fn each_tag_is_read_with_its_line() {
        let text = "a\n\n```sh run\none\ntwo\n```\n```sh box\nthree\n```\n```sh cloud\naz\n```\n";
        assert_eq!(
            parse(text),
            [
                (3, block(Place::Here, "one\ntwo\n")),
                (7, block(Place::Box, "three\n")),
                (10, block(Place::Cloud, "az\n")),
            ]
        );
    }

    #[test]
    fn what_is_shown_is_not_run() {
        assert_eq!(parse("```text\nrm -r /\n```\n```json\n{}\n```\n"), []);
    }

    #[test]
    fn an_indented_block_loses_its_indent_and_keeps_that_of_its_lines() {
        let text = "1. do\n\n   ```sh run\n   if a; then\n       b\n   fi\n\n   ```\n";
        let expected = block(Place::Here, "if a; then\n    b\nfi\n\n");
        assert_eq!(parse(text), [(3, expected)]);
    }

    #[test]
    fn a_block_that_does_not_say_where_it_is_run_is_refused_with_its_line() {
        refused("a\n```sh\nls\n```\n", "g.md:2");
        refused("```sh\nls\n```\n", "does not say where");
        refused("```sh cluod\nls\n```\n", "does not say where");
        refused("```\nls\n```\n", "neither");
        refused("```bash run\nls\n```\n", "neither");
        refused("```text run\nls\n```\n", "neither");
        refused("```sh run\nls\n", "no end");
    }

    #[test]
    fn the_rows_of_a_table_of_commands_are_run_and_those_of_no_other() {
        let head = "| in the cloud | what | here |\n|---|---|---|\n";
        let other = "| symptom | here |\n|---|---|\n| `a` | `b` |\n\n";
        let text = format!("{other}{head}| `az a b` | does it | `x \\| y` |\n\n{other}");
        let expected = Item::Row {
            cloud: "az a b".to_owned(),
            script: "x | y\n".to_owned(),
        };
        assert_eq!(parse(&text), [(7, expected)]);
        refused(&format!("{head}| `az` | does it | nothing |\n"), "g.md:3");
        refused(
            &format!("{head}| `az` | does it | `a`; `b` |\n"),
            "one piece",
        );
    }
}
