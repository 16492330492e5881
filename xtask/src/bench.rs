//! `cargo xtask bench`: the benchmarks whose numbers the project promises.
//!
//! Only names them in one place; they live beside what they measure.

use std::path::Path;
use std::process::ExitCode;

use crate::{setup, test};

/// What can be measured, as the command line has it; all but the last two run when nothing is named.
const NAMES: [&str; 6] = ["vision", "ledger", "system", "hub", HOSTILE, LEDGER_LONG];

/// Millions of frames through one ledger; an example program of its package, since it takes long.
const LEDGER_LONG: &str = "ledger-long";

/// The worst pictures, a hundred thousand of them.
const HOSTILE: &str = "hostile";

/// What runs only when it is named.
const ALONE: [&str; 2] = [HOSTILE, LEDGER_LONG];

/// Measure the way of one picture (decode, classify, record), the whole module, and the
/// development hub.
///
/// `system` measures the release build of the module from outside: pictures a second and times by
/// HTTP, its share of edgeHub's round trip, memory, start and idle load, each beside the bare
/// decoder and runtime on the same cores. It takes --model, --pictures, --seconds, --rounds,
/// --peer URL (another server that speaks `POST /image`) and --json.
///
/// `hostile` runs only when it is named, some minutes: pictures that want too much and damaged ones,
/// the longest held against an ordinary one (docs/hostile.md). It fails above 50 times that one or
/// 240 MB, and takes --mutations N, --seed X and --json.
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
    cargo xtask bench system -- --json --peer http://127.0.0.1:8080/image\n  \
    cargo xtask bench hostile --mutations 10000\n  \
    cargo xtask bench ledger-long --frames 10000000")]
pub(crate) struct Options {
    /// Measure this alone.
    #[arg(value_parser = NAMES)]
    name: Option<String>,
    /// Passed on to the benchmark program.
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "ARGS"
    )]
    extra: Vec<String>,
}

/// Sets up and measures; what fails ends it.
pub(crate) fn run(options: &Options, root: &Path) -> anyhow::Result<ExitCode> {
    let named = options.name.as_deref();
    if named != Some(LEDGER_LONG) {
        setup::run(root)?;
    }
    let wanted = NAMES
        .into_iter()
        .filter(|name| named.map_or(!ALONE.contains(name), |one| one == *name));
    for name in wanted {
        let mut words: Vec<String> = program(name).map(str::to_owned).collect();
        words.push("--".to_owned());
        words.extend(options.extra.iter().cloned());
        if !test::cargo(root, &words)? {
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The cargo call of a benchmark. Benchmark programs only: the test harness of a library refuses
/// their options.
fn program(name: &str) -> impl Iterator<Item = &str> {
    let words = match name {
        LEDGER_LONG => "run --release --quiet -p ledger --example ledger-long",
        HOSTILE => "bench -p end-to-end --bench hostile",
        "system" => "bench -p end-to-end --bench system",
        "hub" => "bench -p end-to-end --bench hub",
        "ledger" => "bench -p ledger --bench *",
        _ => "bench -p vision --bench *",
    };
    words.split(' ')
}
