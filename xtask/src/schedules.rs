//! `cargo xtask schedules`: very many fault schedules against the module's own decisions and its
//! real ledger, in virtual time.
//!
//! Only names the test and its numbers; the world itself is `tests/joined`.

use std::path::Path;
use std::process::{ExitCode, Stdio};

use anyhow::Context;

use crate::workspace;

/// Put client, hub, module and ledger through seeded schedules of faults, in virtual time.
///
/// Pictures are taken, processes killed, connections cut, PUBACKs withheld, disks filled and
/// clocks set; at the end of each schedule every picture has to be counted exactly once, camera by
/// camera, and the reports have to add up. All cores are used. Says how often each fault came and
/// at which moments the module was killed; a seed that fails is named with the command that tells
/// its story. Compiles our own crates with optimisation, which takes minutes the first time.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask schedules\n  \
    cargo xtask schedules --count 1000000 --from 100000\n  \
    cargo xtask schedules --seed 4711            (one schedule, and its story)")]
pub(crate) struct Options {
    /// How many schedules.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    from: u64,
    /// Only this seed, with the last lines of its story.
    #[arg(long, conflicts_with_all = ["count", "from"])]
    seed: Option<u64>,
}

/// The test that runs them.
const TEST: &str = "no_schedule_of_faults_loses_or_doubles_a_count";

/// Compiled with optimisation for this: what a schedule runs through, SQLite above all. What else
/// they depend on stays as the tests have it, so that little is compiled twice.
const OPTIMISED: [(&str, u8); 8] = [
    ("end-to-end", 2),
    ("devhub", 2),
    ("edge-protocol", 2),
    ("fruit-counter", 2),
    ("ledger", 2),
    ("routes", 2),
    ("rusqlite", 2),
    ("libsqlite3-sys", 3),
];

/// Builds and runs.
pub(crate) fn run(options: &Options, root: &Path) -> anyhow::Result<ExitCode> {
    let mut cargo = workspace::cargo();
    cargo
        .current_dir(root)
        .args(["test", "-p", "end-to-end", "--test", "joined"])
        .stdin(Stdio::null());
    for (package, level) in OPTIMISED {
        cargo.arg("--config");
        cargo.arg(format!("profile.dev.package.{package}.opt-level={level}"));
    }
    cargo.args([TEST, "--", "--nocapture"]);
    match options.seed {
        Some(seed) => {
            cargo
                .env("COUNTS_SEED", seed.to_string())
                .env_remove("COUNTS_SCHEDULES");
        }
        None => {
            cargo
                .env("COUNTS_SEED", options.from.to_string())
                .env("COUNTS_SCHEDULES", options.count.to_string());
        }
    }
    let status = cargo.status().context("cannot start cargo")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
