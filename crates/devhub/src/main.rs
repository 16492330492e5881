//! The `devhub` command: `run`, `hub`, `agent`. `--help` stands alone.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::log();
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("devhub: {error:#}");
            ExitCode::FAILURE
        }
    }
}
