//! Where the fuzzer begins: every line of the route language's case tables, and
//! small pictures of every format.
//!
//! A table that grows makes the fuzzer start further on, without anything to
//! keep in step. The forms are those of `fuzz/fuzz_targets`: a route, a NUL and
//! a message; or a length, choices and a message; or a choice of limits and a
//! picture. A message is origin, encoding, properties and body with NULs between
//! them.

use std::path::Path;

use anyhow::Context;

/// How a line of a table becomes a route; `None` for a line that holds none.
type RouteOf = fn(&str) -> Option<String>;

/// The case tables, under `crates/routes/tests/cases`.
const TABLES: [(&str, RouteOf); 7] = [
    ("routes.txt", whole_route),
    ("sources.txt", source),
    ("conditions.txt", condition),
    ("operators.txt", condition),
    ("functions.txt", condition),
    ("bodies.txt", condition),
    ("mistakes.txt", mistake),
];

/// The message that the tables are written for, near enough.
const PROPERTIES: &str = "fruit=banana&weight=3&SHOUT=LOUD&empty&$tray=own&site=A";
const BODY: &str = r#"{"lot":{"name":"A","weight":50,"frost":-50.4,"open":true,"shut":false,"none":null,"when":"2030-01-01T00:00:00Z","past":[20,30],"crates":[{"n":1},{"n":2}],"own":"body"}}"#;

/// Bodies that are no ordinary ones.
const ODD_BODIES: [&str; 8] = [
    "",
    "null",
    "[[[[[[[[",
    r#"{"lot":{"weight":1e999,"name":"/Date(0)/"}}"#,
    r#"{"lot":{"weight":-0.0,"past":[]}}"#,
    r#"{"lot":{"weight":18446744073709551616}}"#,
    r#"{"lot":{"name":"\ud83d\ude00"}}"#,
    r#"{"properties":{"reported":{"state":null}}}"#,
];

/// Write the seeds of `target` into `folder`, which is emptied before, and say
/// how many there are.
pub(super) fn write(folder: &Path, target: &str, root: &Path) -> anyhow::Result<usize> {
    let seeds = match target {
        "evaluate" => choices(),
        "decode" => pictures(),
        _ => routes(&root.join("crates/routes/tests/cases"))?,
    };
    if folder.exists() {
        std::fs::remove_dir_all(folder)
            .with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    for (index, seed) in seeds.iter().enumerate() {
        let file = folder.join(format!("{index:05}"));
        std::fs::write(&file, seed).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(seeds.len())
}

/// Every case as a route with a message behind it.
fn routes(cases: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
    let message = message("o", "utf-8", BODY.as_bytes());
    let mut seeds = Vec::new();
    for (name, route_of) in TABLES {
        let file = cases.join(name);
        let table = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let lines = table.lines().filter(|line| !line.starts_with('#'));
        for route in lines.filter_map(route_of) {
            let mut seed = route.into_bytes();
            seed.push(0);
            seed.extend_from_slice(&message);
            seeds.push(seed);
        }
    }
    Ok(seeds)
}

/// Each picture under short limits and under the module's.
fn pictures() -> Vec<Vec<u8>> {
    let pictures = hostile::seeds().into_iter();
    let seeds =
        pictures.flat_map(|picture| [1, 0].map(|choice| [&[choice], &picture.bytes[..]].concat()));
    seeds.collect()
}

/// Choices spread over all bytes, each with one of the messages.
fn choices() -> Vec<Vec<u8>> {
    const LENGTH: u8 = 40;
    let messages = messages();
    let mut seeds = Vec::new();
    for (index, message) in (0..=u8::MAX).step_by(2).zip(messages.iter().cycle()) {
        let mut seed = vec![LENGTH];
        seed.extend((0..LENGTH).map(|place| index.wrapping_mul(7) ^ place.wrapping_mul(index)));
        seed.extend_from_slice(message);
        seeds.push(seed);
    }
    seeds
}

/// Messages of every origin in every encoding, and with odd bodies.
fn messages() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for origin in ["l", "m", "o", "t"] {
        seeds.push(message(origin, "utf-8", BODY.as_bytes()));
    }
    let utf_16: Vec<u8> = BODY.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf_32: Vec<u8> = BODY
        .chars()
        .flat_map(|character| u32::from(character).to_le_bytes())
        .collect();
    seeds.push(message("l", "utf-16", &utf_16));
    seeds.push(message("l", "utf-32", &utf_32));
    seeds.extend(ODD_BODIES.map(|body| message("l", "utf-8", body.as_bytes())));
    seeds
}

fn message(origin: &str, encoding: &str, body: &[u8]) -> Vec<u8> {
    let mut message = format!("{origin}\0{encoding}\0{PROPERTIES}\0").into_bytes();
    message.extend_from_slice(body);
    message
}

/// `ok ROUTE`, `refused LINE:COLUMN ROUTE`; the lines that begin with `>` are
/// error messages.
fn whole_route(line: &str) -> Option<String> {
    let route = line.strip_prefix("ok ").or_else(|| {
        let (_, route) = line.strip_prefix("refused ")?.split_once(' ')?;
        Some(route)
    })?;
    Some(route.to_owned())
}

/// A route, and below it a message that is none.
fn mistake(line: &str) -> Option<String> {
    line.ends_with("$upstream").then(|| line.trim().to_owned())
}

/// A path and what passes it.
fn source(line: &str) -> Option<String> {
    let path = line.split_whitespace().next()?;
    Some(format!("FROM {path} INTO $upstream"))
}

/// A verdict and a condition.
fn condition(line: &str) -> Option<String> {
    let (_, condition) = line.split_once(char::is_whitespace)?;
    Some(format!("FROM /* WHERE {} INTO $upstream", condition.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_of_the_language_gives_seeds() {
        let root = crate::workspace::root();
        let cases = root.join("crates/routes/tests/cases");
        let mut listed: Vec<_> = TABLES.iter().map(|(name, _)| (*name).to_owned()).collect();
        let mut present: Vec<_> = std::fs::read_dir(&cases)
            .expect("the case tables")
            .map(|entry| entry.expect("an entry").file_name().into_string())
            .collect::<Result<_, _>>()
            .expect("plain names");
        listed.sort();
        present.sort();
        assert_eq!(listed, present, "a table the fuzzer does not start from");
        let seeds = routes(&cases).expect("readable tables");
        assert!(seeds.len() > 1000, "only {} seeds", seeds.len());
        let seed: &[u8] = b"FROM /* WHERE fruit = 'banana' INTO $upstream\0o\0utf-8\0fruit=banana&";
        assert!(seeds.iter().any(|known| known.starts_with(seed)));
        assert!(seeds.iter().any(|known| known.starts_with(b"FORM /* INTO")));
    }

    #[test]
    fn a_picture_of_every_format_is_a_seed() {
        let seeds = pictures();
        for start in ["\u{1}\u{89}PNG", "\u{1}GIF8", "\u{1}BM", "\u{1}RIFF"] {
            let start: Vec<u8> = start.chars().map(|one| one as u8).collect();
            assert!(
                seeds.iter().any(|seed| seed.starts_with(&start)),
                "{start:?}"
            );
        }
        assert!(seeds.iter().any(|seed| seed.starts_with(&[1, 0xFF, 0xD8])));
    }

    #[test]
    fn seeds_replace_those_of_the_run_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let seeds = folder.path().join("seeds");
        std::fs::create_dir(&seeds).expect("a folder");
        std::fs::write(seeds.join("stale"), "x").expect("a file");
        let count = write(&seeds, "evaluate", Path::new("unused")).expect("written");
        let left: Vec<_> = std::fs::read_dir(&seeds).expect("the folder").collect();
        assert_eq!(left.len(), count);
        assert!(!seeds.join("stale").exists());
    }
}
