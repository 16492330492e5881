//! The language against tables of cases (`../cases/*.txt`), and properties that
//! hold for every text and every message.
//!
//! Conformance lines of the edge protocol notes shown here: 31 (one copy per
//! endpoint), 33 (valid and invalid routes, a bad route refuses the set), 34
//! (a content type with a charset ends body queries).

mod conditions;
mod guide;
mod messages;
mod mistakes;
mod proofs;
mod properties;
mod reach;
mod sets;
mod whole_routes;

/// The lines of a table that say something, each with its number.
fn cases(table: &'static str) -> impl Iterator<Item = (usize, &'static str)> {
    let numbered = table
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim_end()));
    numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// Owned properties from pairs; a value of `None` is a key alone.
fn properties(pairs: &[(&str, Option<&str>)]) -> Vec<(String, Option<String>)> {
    let owned =
        |(name, value): &(&str, Option<&str>)| ((*name).to_owned(), value.map(str::to_owned));
    pairs.iter().map(owned).collect()
}
