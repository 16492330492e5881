//! Finds any of many byte strings in a text, in one pass. Pure.

use std::collections::{BTreeSet, HashMap};

/// A longer one is recognised by its beginning; the length of a run.
pub(super) const RUN: usize = 16;

/// Fewer different bytes than this in a run say nothing: a rule of dashes has one.
const FEWEST_DIFFERENT: usize = 6;

/// What is looked for, each with its name in words.
#[derive(Debug, Default)]
pub(super) struct Search {
    /// By the first bytes of those that have so many.
    long: HashMap<u128, Vec<Needle>>,
    /// By the first byte of the others.
    short: HashMap<u8, Vec<Needle>>,
    /// Runs of bytes of larger things.
    runs: HashMap<u128, String>,
}

#[derive(Debug)]
struct Needle {
    name: String,
    bytes: Vec<u8>,
}

/// Something that was found. It does not say what it looks like: this too is written to a log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    /// The line that it begins in, from 1.
    pub(super) line: usize,
    pub(super) name: String,
}

impl Search {
    /// Looks for these bytes; of no bytes there is nothing to find.
    pub(super) fn add(&mut self, name: &str, bytes: &[u8]) {
        let needle = Needle {
            name: name.to_owned(),
            bytes: bytes.to_owned(),
        };
        if let Some(head) = head(bytes) {
            self.long.entry(head).or_default().push(needle);
        } else if let Some(first) = bytes.first() {
            self.short.entry(*first).or_default().push(needle);
        }
    }

    /// Looks for any 16 bytes of these that follow each other.
    pub(super) fn add_runs_of(&mut self, name: &str, bytes: &[u8]) {
        for run in bytes.windows(RUN) {
            let different: BTreeSet<&u8> = run.iter().collect();
            if let Some(head) = head(run).filter(|_| different.len() >= FEWEST_DIFFERENT) {
                self.runs.entry(head).or_insert_with(|| name.to_owned());
            }
        }
    }

    /// How many things are looked for.
    pub(super) fn len(&self) -> usize {
        let needles = self.long.values().chain(self.short.values());
        needles.map(Vec::len).sum::<usize>() + self.runs.len()
    }

    /// All that is found, each name once in a line.
    pub(super) fn in_text(&self, text: &[u8]) -> BTreeSet<Found> {
        let mut found = BTreeSet::new();
        let mut line = 1;
        for (at, byte) in text.iter().enumerate() {
            let rest = &text[at..];
            let mut note = |name: &str| {
                found.insert(Found {
                    line,
                    name: name.to_owned(),
                });
            };
            let short = self.short.get(byte).into_iter().flatten();
            let long = head(rest).and_then(|head| self.long.get(&head));
            for needle in short.chain(long.into_iter().flatten()) {
                if rest.starts_with(&needle.bytes) {
                    note(&needle.name);
                }
            }
            if let Some(name) = head(rest).and_then(|head| self.runs.get(&head)) {
                note(name);
            }
            line += usize::from(*byte == b'\n');
        }
        found
    }
}

fn head(bytes: &[u8]) -> Option<u128> {
    bytes.first_chunk().map(|head| u128::from_be_bytes(*head))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(search: &Search, text: &[u8]) -> Vec<(usize, String)> {
        let found = search.in_text(text).into_iter();
        found.map(|found| (found.line, found.name)).collect()
    }

    #[test]
    fn short_and_long_things_are_found_with_their_line_wherever_they_stand() {
        let mut search = Search::default();
        search.add("mark", b"sig=");
        search.add("key", b"0123456789abcdef-and-more");
        assert_eq!(search.len(), 2);
        let text = b"sig=\nnothing 0123456789abcdef-and-less\n\nx0123456789abcdef-and-more";
        let expected = [(1, "mark".to_owned()), (4, "key".to_owned())];
        assert_eq!(found(&search, text), expected);
        assert_eq!(found(&search, b""), []);
        assert_eq!(found(&search, b"sig"), []);
    }

    #[test]
    fn two_that_begin_alike_are_both_found() {
        let mut search = Search::default();
        search.add("one", b"0123456789abcdef1");
        search.add("two", b"0123456789abcdef2");
        let text = b"0123456789abcdef2 0123456789abcdef1";
        assert_eq!(
            found(&search, text),
            [(1, "one".to_owned()), (1, "two".to_owned())]
        );
    }

    #[test]
    fn sixteen_bytes_from_the_middle_are_enough_and_fifteen_are_not() {
        let picture: Vec<u8> = (0_u32..2000).map(|n| (n * n % 251) as u8).collect();
        let mut search = Search::default();
        search.add_runs_of("picture", &picture);
        assert_eq!(
            found(&search, &picture[700..716]),
            [(1, "picture".to_owned())]
        );
        assert_eq!(found(&search, &picture[700..715]), []);
    }

    #[test]
    fn a_run_of_one_byte_is_not_taken_for_a_picture() {
        let mut search = Search::default();
        search.add_runs_of("picture", &[b'-'; 400]);
        assert_eq!(search.len(), 0);
        assert_eq!(found(&search, &[b'-'; 400]), []);
    }
}
