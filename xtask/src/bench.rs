//! `cargo xtask bench`: the benchmarks whose numbers the project promises.
//!
//! Only names them in one place; they live beside what they measure.

use std::path::Path;
use std::process::ExitCode;

use crate::{setup, test};

/// The packages that have benchmarks.
const PACKAGES: [&str; 3] = ["vision", "ledger", HUB];

/// The benchmark of the hub against mosquitto; it lives in the package of the end-to-end tests.
const HUB: &str = "hub";

/// Millions of frames through one ledger; an example program of its package, since it takes long.
const LEDGER_LONG: &str = "ledger-long";

/// Measure the way of one picture (decode, classify, record), and the development hub.
///
/// `hub` needs mosquitto for its comparison, and says so without it. `ledger-long` runs only when
/// it is named: millions of frames through one ledger, to see whether memory, time a frame or
/// the file grows; it fails where memory or file do. It takes --frames N, --store DIR, --json.
///
/// Compiles with optimisation. Close other programs: neighbours on the same
/// cores show in the numbers.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask bench\n  \
    cargo xtask bench vision -- jpeg             (one package, benchmarks with this name)\n  \
    cargo xtask bench ledger-long --frames 10000000")]
pub(crate) struct Options {
    /// Measure this package alone.
    #[arg(value_parser = [PACKAGES[0], PACKAGES[1], PACKAGES[2], LEDGER_LONG])]
    package: Option<String>,
    /// Passed on to the benchmark program.
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "ARGS"
    )]
    extra: Vec<String>,
}

/// Sets up and measures.
pub(crate) fn run(options: &Options, root: &Path) -> anyhow::Result<ExitCode> {
    if options.package.as_deref() == Some(LEDGER_LONG) {
        return long(options, root);
    }
    setup::run(root)?;
    let packages = PACKAGES
        .iter()
        .filter(|name| options.package.as_deref().is_none_or(|one| one == **name));
    let mut words = vec!["bench".to_owned()];
    for package in packages {
        let package = if *package == HUB {
            "end-to-end"
        } else {
            package
        };
        words.extend(["-p".to_owned(), package.to_owned()]);
    }
    // Benchmark programs only: the test harness of a library refuses their options.
    words.extend(["--bench".to_owned(), "*".to_owned(), "--".to_owned()]);
    words.extend(options.extra.iter().cloned());
    Ok(if test::cargo(root, &words)? {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Needs no library of others, so no set-up.
fn long(options: &Options, root: &Path) -> anyhow::Result<ExitCode> {
    let program = [
        "run",
        "--release",
        "--quiet",
        "-p",
        "ledger",
        "--example",
        LEDGER_LONG,
        "--",
    ];
    let words: Vec<String> = program
        .into_iter()
        .map(str::to_owned)
        .chain(options.extra.iter().cloned())
        .collect();
    Ok(if test::cargo(root, &words)? {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
