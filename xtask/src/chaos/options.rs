//! What can be asked of `cargo xtask chaos` on the command line.

use clap::value_parser;

/// Kill, stop, freeze and cut off hub and module while pictures flow, and check each count.
///
/// Real processes (development profile), faults at moments that the seed chooses, many cameras
/// with few pictures each. Afterwards each camera's counts are compared with what the cameras
/// sent, what the hub handed over and what `fruit-counter classify` says; docs/chaos.md has the
/// rule. Exits with 1 if anything is wrong, and then keeps the folder of the run.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask chaos --faults 60 --cameras 60\n  \
    cargo xtask chaos --faults 1000 --seed 7 --json | tail -1")]
pub(crate) struct Options {
    /// Faults in all.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = value_parser!(u32).range(1..=100_000))]
    pub(super) faults: u32,
    /// Repeats the faults, their order and their aims of an earlier run; the machine's own timing
    /// it cannot repeat [default: random, printed].
    #[arg(long, value_name = "S")]
    pub(super) seed: Option<u64>,
    /// Cameras in all, six pictures each; at most 90 are connected at a time.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = value_parser!(u32).range(1..=5000))]
    pub(super) cameras: u32,
    /// Print the result as one JSON object on the last line of stdout, and everything else on
    /// stderr.
    #[arg(long)]
    pub(super) json: bool,
    /// Keep the folder of the run (ledger, logs, journal) also when all is right.
    #[arg(long)]
    pub(super) keep: bool,
}
