//! Bytes as choices: a condition that is well typed by construction.
//!
//! Random text rarely compiles, and text that compiles rarely calls a function
//! with three arguments that fit. Here every input is a condition, and changing
//! one byte changes one decision in it.

/// How deep a condition grows before only leaves are chosen.
const DEPTH: usize = 6;

const NUMBERS: [&str; 12] = [
    "0",
    "1",
    "2",
    "3",
    "-1",
    ".5",
    "1e300",
    "1e999",
    "0xFFFFFFFFFFFFFFFF",
    "(3 % 0)",
    "9",
    "-2.5",
];
const TEXTS: [&str; 12] = [
    "''",
    "'a'",
    "'abc'",
    "'\\ud83d\\ude00x'",
    "fruit",
    "weight",
    "missing",
    "empty",
    "$tray",
    "$contentType",
    "$connectionModuleId",
    "{$messageId}",
];
const TRUTHS: [&str; 5] = ["true", "false", "undefined", "null", "fruit = 'banana'"];
const BODIES: [&str; 12] = [
    "$body.lot.weight",
    "$body.lot.name",
    "$body.lot.open",
    "$body.lot.none",
    "$body.lot.missing",
    "$body.lot.past[0]",
    "$body.lot.past[2147483648]",
    "$body.lot.when",
    "$body.lot.own",
    "{$body.lot.own}",
    "$body.*",
    "$body.$.lot.*.n",
];
const MATHS: [&str; 7] = ["abs", "exp", "square", "ceiling", "floor", "sign", "sqrt"];
const TESTS: [&str; 5] = ["is_bool", "is_defined", "is_null", "is_number", "is_string"];
const COMPARISONS: [&str; 6] = ["=", "<>", "<", "<=", ">", ">="];

/// The condition that `bytes` choose. Total; bytes that are missing are zero.
pub fn condition(bytes: &[u8]) -> String {
    Choices { bytes }.truth(0)
}

struct Choices<'b> {
    bytes: &'b [u8],
}

impl Choices<'_> {
    /// One of `count`.
    fn choose(&mut self, count: usize) -> usize {
        match self.bytes.split_first() {
            Some((first, rest)) => {
                self.bytes = rest;
                usize::from(*first) % count
            }
            None => 0,
        }
    }

    fn one_of(&mut self, words: &[&str]) -> String {
        words[self.choose(words.len())].to_owned()
    }

    /// A kind of expression; the first is the leaf.
    fn kind(&mut self, depth: usize, count: usize) -> usize {
        if depth >= DEPTH {
            0
        } else {
            self.choose(count)
        }
    }

    fn truth(&mut self, depth: usize) -> String {
        let below = depth + 1;
        match self.kind(depth, 8) {
            0 => self.one_of(&TRUTHS),
            1 => format!("NOT ({})", self.truth(below)),
            2 => {
                let operator = self.one_of(&["AND", "OR"]);
                format!("({}) {operator} ({})", self.truth(below), self.truth(below))
            }
            3 => {
                let operator = self.one_of(&COMPARISONS);
                format!("{} {operator} {}", self.number(below), self.number(below))
            }
            4 => {
                let operator = self.one_of(&COMPARISONS);
                format!("{} {operator} {}", self.text(below), self.text(below))
            }
            5 => {
                let operator = self.one_of(&COMPARISONS);
                format!("{} {operator} {}", self.body(below), self.any(below))
            }
            6 => format!("{}({})", self.one_of(&TESTS), self.any(below)),
            _ => {
                let function = self.one_of(&["starts_with", "ends_with", "contains"]);
                format!("{function}({}, {})", self.text(below), self.text(below))
            }
        }
    }

    fn number(&mut self, depth: usize) -> String {
        let below = depth + 1;
        match self.kind(depth, 7) {
            0 => self.one_of(&NUMBERS),
            1 => {
                let operator = self.one_of(&["+", "-", "*", "/", "%", "??"]);
                format!("({} {operator} {})", self.number(below), self.number(below))
            }
            2 => format!("{}({})", self.one_of(&MATHS), self.number(below)),
            3 => format!("power({}, {})", self.number(below), self.number(below)),
            4 => format!("as_number({})", self.text(below)),
            5 => format!("length({})", self.text(below)),
            _ => format!("index_of({}, {})", self.text(below), self.text(below)),
        }
    }

    fn text(&mut self, depth: usize) -> String {
        let below = depth + 1;
        match self.kind(depth, 6) {
            0 => self.one_of(&TEXTS),
            1 => {
                let operator = self.one_of(&["||", "??"]);
                format!("({} {operator} {})", self.text(below), self.text(below))
            }
            2 => format!("{}({})", self.one_of(&["lower", "upper"]), self.text(below)),
            3 => {
                let (text, start) = (self.text(below), self.number(below));
                format!("substring({text}, {start})")
            }
            4 => {
                let (text, start) = (self.text(below), self.number(below));
                format!("substring({text}, {start}, {})", self.number(below))
            }
            _ => format!("concat({}, {})", self.text(below), self.text(below)),
        }
    }

    /// A value whose type the message decides.
    fn body(&mut self, depth: usize) -> String {
        match self.kind(depth, 2) {
            0 => self.one_of(&BODIES),
            _ => {
                let operator = self.one_of(&["+", "-", "*", "/"]);
                format!(
                    "({} {operator} {})",
                    self.body(depth + 1),
                    self.body(depth + 1)
                )
            }
        }
    }

    fn any(&mut self, depth: usize) -> String {
        match self.choose(4) {
            0 => self.body(depth),
            1 => self.number(depth),
            2 => self.text(depth),
            _ => format!("({} = null)", self.body(depth)),
        }
    }
}
