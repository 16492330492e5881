//! What the container adds to a start, by the module's own log.

use std::ops::RangeInclusive;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use end_to_end::wait_for;

use crate::container::{Container, image};

/// Starts of each kind, in turns: so many at least, and at most, until the least of each are near
/// enough. Neighbours on the same cores only add.
const ROUNDS: RangeInclusive<usize> = 3..=15;

/// From the first line to the one that says where HTTP is served, by the stamps of both.
fn start_to_ready(log: &str) -> Duration {
    let stamp = |words: &str| {
        let line = log.lines().find(|line| line.contains(words));
        let line = line.unwrap_or_else(|| panic!("no {words:?} in {log}"));
        // <6> 2026-11-27 06:03:09.621 +00:00 [INF] - …
        let clock = line.split_whitespace().nth(2).unwrap();
        let parts: Vec<f64> = clock.split(':').map(|part| part.parse().unwrap()).collect();
        Duration::from_secs_f64(parts[0] * 3600.0 + parts[1] * 60.0 + parts[2])
    };
    let (first, ready) = (stamp("fruit-counter version="), stamp("HTTP is served"));
    // Over midnight.
    ready
        .checked_sub(first)
        .unwrap_or(ready + Duration::from_secs(86_400) - first)
}

/// The very files of the image, without a container.
fn bare(app: &Path, folder: &Path) -> Duration {
    let log = folder.join("log");
    let out = std::fs::File::create(&log).unwrap();
    let mut module = Command::new(app.join("fruit-counter"))
        .env_clear()
        .envs([
            ("ORT_DISABLE_TELEMETRY", "1"),
            ("MALLOC_ARENA_MAX", "1"),
            ("MALLOC_MMAP_THRESHOLD_", "262144"),
            ("MALLOC_TRIM_THRESHOLD_", "1048576"),
            ("FRUIT_COUNTER_HTTP", "127.0.0.1:0"),
            ("FRUIT_COUNTER_METRICS", "127.0.0.1:0"),
        ])
        .env("ORT_DYLIB_PATH", app.join("libonnxruntime.so"))
        .env("FRUIT_COUNTER_MODEL", app.join("model"))
        .env("FRUIT_COUNTER_LEDGER", folder.join("ledger"))
        .stdout(out.try_clone().unwrap())
        .stderr(out)
        .spawn()
        .unwrap();
    let read = wait_for("the bare program to be ready", || {
        let log = std::fs::read_to_string(&log)?;
        Ok(log.contains("HTTP is served").then_some(log))
    });
    module.kill().unwrap();
    module.wait().unwrap();
    start_to_ready(&read.unwrap())
}

#[test]
fn a_start_in_the_container_takes_at_most_twice_that_of_the_bare_program() {
    let Some(image) = image() else { return };
    let folder = tempfile::tempdir().unwrap();
    let app = folder.path().join("app");
    let mut least = [Duration::MAX; 2];
    for round in 1..=*ROUNDS.end() {
        let container = Container::start(&image, &[]).unwrap();
        container.address().unwrap();
        least[0] = least[0].min(start_to_ready(&container.log()));
        if round == 1 {
            container.copy_out("/app", &app).unwrap();
        }
        drop(container);
        let place = folder.path().join(round.to_string());
        std::fs::create_dir(&place).unwrap();
        least[1] = least[1].min(bare(&app, &place));
        if ROUNDS.contains(&round) && least[0] <= least[1] * 2 {
            break;
        }
    }
    let [in_container, bare] = least;
    println!("start to ready: {in_container:?} in the container, {bare:?} bare");
    assert!(in_container <= bare * 2, "{in_container:?} and {bare:?}");
}
