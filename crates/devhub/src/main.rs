//! The `devhub` command: `run`, `hub`, `agent`, questions to them, `manifest`. `--help` stands alone.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::log();
    match cli::run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("devhub: {error:#}");
            ExitCode::FAILURE
        }
    }
}
