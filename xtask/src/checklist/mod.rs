//! `cargo xtask checklist`: every line of the protocol's checklist with its result.
//!
//! The claims stand in `docs/checklist.md`; the tests carry the numbers in their names. This room
//! brings the two together (`found`, `table`), runs the tests (`results`) and prints what became of
//! each line. A line without a test, or one of whose tests did not run, has not passed.

mod found;
mod results;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use serde_json::json;

use crate::{setup, test};
use found::Found;
use results::Results;
use table::Table;

/// Where the claims stand.
const TABLE: &str = "docs/checklist.md";

/// Run the tests of the conformance checklist and print the result of each line.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask checklist\n  \
    cargo xtask checklist --write                (tests were added or renamed)\n  \
    cargo xtask test | tee LOG; cargo xtask checklist --results LOG")]
pub(crate) struct Options {
    /// Write the tests that exist into docs/checklist.md, and run nothing.
    #[arg(long)]
    write: bool,
    /// Read what `cargo xtask test` printed instead of running the tests.
    #[arg(long, value_name = "FILE", conflicts_with = "write")]
    results: Option<PathBuf>,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

/// Compares, runs and prints. Fails when a line has not passed.
pub(crate) fn run(options: &Options, root: &Path) -> anyhow::Result<ExitCode> {
    let path = root.join(TABLE);
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {TABLE}"))?;
    let table = Table::parse(&text).with_context(|| TABLE.to_owned())?;
    let found = Found::in_sources(root)?;
    let current = table.with_tests(&found)?;
    if options.write {
        std::fs::write(&path, current.to_string())
            .with_context(|| format!("cannot write {TABLE}"))?;
        return Ok(ExitCode::SUCCESS);
    }
    if current.to_string() != text {
        bail!("{TABLE} does not name the tests that exist; run `cargo xtask checklist --write`");
    }
    let results = match &options.results {
        Some(path) => Results::read(path)?,
        None => {
            setup::run(root)?;
            if !test::build_programs(root)? {
                return Ok(ExitCode::FAILURE);
            }
            results::run(root)?
        }
    };
    let verdicts: Vec<_> = current
        .lines()
        .map(|line| (line, results.verdict(found.tests(&line.number))))
        .collect();
    if options.json {
        let rows: Vec<_> = verdicts
            .iter()
            .map(|(line, verdict)| {
                json!({"line": line.number, "of": line.of, "claim": line.claim,
                    "passed": verdict.has_passed(), "result": verdict.to_string()})
            })
            .collect();
        println!("{}", serde_json::Value::Array(rows));
    } else {
        for (line, verdict) in &verdicts {
            println!(
                "{:>3}  {verdict:<16}  {:<6}  {}",
                line.number, line.of, line.claim
            );
        }
    }
    let failed = verdicts.iter().filter(|(_, verdict)| !verdict.has_passed());
    let failed: Vec<_> = failed.map(|(line, _)| line.number.as_str()).collect();
    for name in results.failures() {
        eprintln!("failed: {name}");
    }
    if failed.is_empty() {
        eprintln!("xtask: all {} lines have passed", verdicts.len());
        Ok(ExitCode::SUCCESS)
    } else {
        eprintln!("xtask: not passed: lines {}", failed.join(", "));
        Ok(ExitCode::FAILURE)
    }
}
