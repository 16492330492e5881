//! Pictures that want too much: how each ends, and that its decoding takes no more memory than was
//! promised before.
//!
//! Each is decoded in a process of its own, this very program with the picture's name, whose peak is
//! read from the kernel: what an allocator keeps of one decode would hide in the next.

use std::process::Command;
use std::time::Instant;

use hostile::{Bomb, Ending, Mutator, bombs, seeds};
use vision::{DecodeError, DecodeErrorKind, DecodeLimits, Formats, decode, examine};

/// Names the bomb that a child decodes.
const NAME: &str = "VISION_TEST_BOMB";
/// The first word of the line with a child's findings.
const FOUND: &str = "found";
/// Beside pixels: tables, state, and what the kernel counts late.
const SPARE: u64 = 3 << 20;

fn limits() -> DecodeLimits {
    DecodeLimits {
        formats: Formats::ALL,
        ..DecodeLimits::default()
    }
}

fn ending<T>(outcome: &Result<T, DecodeError>) -> Ending {
    match outcome.as_ref().map_err(DecodeError::kind) {
        Ok(_) => Ending::Taken,
        Err(DecodeErrorKind::TooLarge) => Ending::TooLarge,
        Err(DecodeErrorKind::Truncated) => Ending::Truncated,
        Err(DecodeErrorKind::Undecodable) => Ending::Undecodable,
        Err(kind) => panic!("{kind}"),
    }
}

/// The most memory of this process so far, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.unwrap().split_whitespace().next().unwrap();
    kib.parse::<u64>().unwrap() * 1024
}

/// Does nothing unless a name is given: then it decodes that one and says what it cost.
#[test]
fn one_bomb_by_its_name() {
    let Ok(name) = std::env::var(NAME) else {
        return;
    };
    let bomb = bombs().into_iter().find(|bomb| bomb.name == name).unwrap();
    let (bytes, limits) = (bomb.bytes(), limits());
    let promised = examine(&bytes, &limits).map_or(0, |examined| examined.memory());
    // The peak begins anew: see proc_pid_clear_refs(5).
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = peak();
    let start = Instant::now();
    let outcome = decode(&bytes, &limits);
    let time = start.elapsed().as_millis();
    let taken = peak() - before;
    let length = bytes.len();
    let ending = ending(&outcome);
    println!("\n{FOUND} {ending:?} {promised} {taken} {length} {time}");
}

/// What a child found.
#[derive(Debug)]
struct Found {
    ending: String,
    promised: u64,
    taken: u64,
    length: u64,
    millis: u64,
}

fn in_a_process_of_its_own(bomb: &Bomb) -> Found {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["hostile::one_bomb_by_its_name", "--exact", "--nocapture"])
        .env(NAME, bomb.name)
        // As the module has it: what is freed of pixels goes back at once.
        .env("MALLOC_MMAP_THRESHOLD_", "262144")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = said.lines().find_map(|line| line.strip_prefix(FOUND));
    let line = line.unwrap_or_else(|| panic!("{}: {output:?}", bomb.name));
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |at: usize| words[at].parse().unwrap();
    Found {
        ending: words[0].to_owned(),
        promised: number(1),
        taken: number(2),
        length: number(3),
        millis: number(4),
    }
}

#[test]
fn bombs_end_as_they_should_and_take_no_more_memory_than_was_promised() {
    let mut wrong = Vec::new();
    for bomb in bombs() {
        let found = in_a_process_of_its_own(&bomb);
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        println!(
            "{:40} {:>8} bytes  {:11}  promised {:3} MiB, taken {:3} MiB  {:4} ms",
            bomb.name,
            found.length,
            found.ending,
            mib(found.promised),
            mib(found.taken),
            found.millis,
        );
        let allowed = found.promised + 2 * found.length + SPARE;
        if found.ending != format!("{:?}", bomb.ending) || found.taken > allowed {
            wrong.push((bomb, found));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_seed_is_a_picture() {
    for (at, seed) in seeds().iter().enumerate() {
        let pixels = decode(&seed.bytes, &limits());
        let pixels = pixels.unwrap_or_else(|error| panic!("{} {at}: {error:?}", seed.format));
        assert!(pixels.width() >= 40, "{} {at}: {pixels:?}", seed.format);
    }
}

#[test]
fn damaged_pictures_end_in_a_name() {
    let mut taken = 0;
    for mutated in Mutator::new(seeds(), 20_261_127).take(3000) {
        taken += u32::from(decode(&mutated.bytes, &limits()).is_ok());
    }
    // Neither all whole nor all refused at the door.
    assert!((300..2700).contains(&taken), "{taken}");
}
