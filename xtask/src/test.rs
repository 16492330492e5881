//! `cargo xtask test`: everything that can be tested here, in one command.
//!
//! The end-to-end tests run real programs, so all of them are built first.

use std::path::Path;
use std::process::{ExitCode, Stdio};

use anyhow::Context;

use crate::{setup, workspace};

/// Build every program and run every test of the workspace.
///
/// Fetches ONNX Runtime if needed. Tests that need the project's photographs say
/// so and are skipped where there are none.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask test\n  \
    cargo xtask test -- -p ledger                (one package)\n  \
    cargo xtask test -- -- --nocapture           (options of the test programs)")]
pub(crate) struct Options {
    /// Passed on to `cargo test`; a package named here replaces --workspace.
    #[arg(last = true, value_name = "ARGS")]
    extra: Vec<String>,
}

/// The cargo call that builds the programs.
const BUILD: [&str; 3] = ["build", "--workspace", "--bins"];

/// Sets up, builds and tests. The exit code is that of the first step that failed.
pub(crate) fn run(options: &Options, root: &Path) -> anyhow::Result<ExitCode> {
    setup::run(root)?;
    for step in steps(&options.extra) {
        if !cargo(root, &step)? {
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The cargo calls, in order.
fn steps(extra: &[String]) -> [Vec<String>; 2] {
    let own = |words: &[&str]| {
        words
            .iter()
            .map(|word| (*word).to_owned())
            .collect::<Vec<_>>()
    };
    let names_package = extra
        .iter()
        .take_while(|word| *word != "--")
        .any(|word| word.starts_with("-p") || word.starts_with("--package"));
    let mut test = own(if names_package {
        &["test"]
    } else {
        &["test", "--workspace"]
    });
    test.extend_from_slice(extra);
    [own(&BUILD), test]
}

/// Builds the programs that end-to-end tests run; tells whether it succeeded.
pub(crate) fn build_programs(root: &Path) -> anyhow::Result<bool> {
    cargo(root, &BUILD.map(str::to_owned))
}

/// Says what is called, calls it, and tells whether it succeeded.
pub(crate) fn cargo(root: &Path, arguments: &[String]) -> anyhow::Result<bool> {
    eprintln!("xtask: cargo {}", arguments.join(" "));
    let status = workspace::cargo()
        .current_dir(root)
        .args(arguments)
        .stdin(Stdio::null())
        .status()
        .context("cannot start cargo")?;
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(extra: &[&str], expected: &str) {
        let extra: Vec<String> = extra.iter().map(|word| (*word).to_owned()).collect();
        let [build, test] = steps(&extra);
        assert_eq!(build.join(" "), "build --workspace --bins");
        assert_eq!(test.join(" "), expected);
    }

    #[test]
    fn whole_workspace_is_tested_unless_a_package_is_named() {
        check(&[], "test --workspace");
        check(
            &["--release", "--", "--nocapture"],
            "test --workspace --release -- --nocapture",
        );
        check(&["-p", "ledger"], "test -p ledger");
        check(&["--", "-p"], "test --workspace -- -p");
    }
}
