//! `fruit-counter ledger …`: the counts of a box, read back from its disk.
//!
//! The ledger is only read, beside the running module or without one. Standard output has the
//! answer, standard error what else is to be said. Rows are written as they are read; a pipe that
//! is closed early is nobody's mistake.

mod csv;
mod export;
mod show;
mod text;
mod verify;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Subcommand, ValueEnum};
use ledger::{Access, LedgerReader, Span, parse_instant};
use time::OffsetDateTime;

use crate::classify::is_broken_pipe;
use crate::settings::DEFAULT_LEDGER;

/// Exit codes beyond 0; 2 is clap's for bad arguments.
const CANNOT_READ: u8 = 1;
const BAD_ARGUMENTS: u8 = 2;
const WRONG_SUMS: u8 = 3;

/// Read the durable counts back: what was counted, per window and camera, and the proof.
///
/// Works beside the running module and on its stopped folder or a copy of it; changes nothing.
/// Exit codes: 0 done, 1 the ledger cannot be read, 2 bad arguments, 3 (verify) sums that do not
/// agree.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Show(show::Arguments),
    Export(export::Arguments),
    Verify(verify::Arguments),
}

/// Which ledger.
#[derive(Debug, clap::Args)]
struct Place {
    /// Folder of the ledger, as the module has it.
    #[arg(long, value_name = "DIR", env = "FRUIT_COUNTER_LEDGER", default_value = DEFAULT_LEDGER)]
    ledger: PathBuf,
}

impl Place {
    fn open(&self) -> anyhow::Result<LedgerReader> {
        let reader = LedgerReader::open(&self.ledger)?;
        if reader.access() == Access::Frozen {
            eprintln!("fruit-counter: note: {}", reader.access());
        }
        Ok(reader)
    }
}

/// A span of time. A window belongs to the one that its start is in.
#[derive(Debug, Clone, Copy, clap::Args)]
struct When {
    /// Only windows that start at this time or later: RFC 3339, or a date (midnight in UTC).
    #[arg(long, value_name = "TIME", value_parser = parse_instant)]
    from: Option<OffsetDateTime>,
    /// Only windows that start before this time.
    #[arg(long, value_name = "TIME", value_parser = parse_instant)]
    to: Option<OffsetDateTime>,
}

impl When {
    fn span(self) -> Result<Span, ledger::SpanError> {
        Span::new(self.from, self.to)
    }
}

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// For spreadsheets: RFC 4180, one header line.
    Csv,
    /// For programs: one object a line.
    Json,
}

/// How a command went that could read its ledger.
enum Outcome {
    Done,
    WrongSums,
    BadArguments(String),
}

/// Runs the command and answers its exit code; mistakes go to standard error.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let done = match &arguments.command {
        Command::Show(arguments) => show::run(arguments, &mut out),
        Command::Export(arguments) => export::run(arguments, &mut out),
        Command::Verify(arguments) => verify::run(arguments, &mut out),
    };
    let done = done.and_then(|outcome| {
        out.flush()?;
        Ok(outcome)
    });
    match done {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::WrongSums) => ExitCode::from(WRONG_SUMS),
        Ok(Outcome::BadArguments(why)) => {
            eprintln!("fruit-counter: {why}");
            ExitCode::from(BAD_ARGUMENTS)
        }
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fruit-counter: {error:#}");
            ExitCode::from(CANNOT_READ)
        }
    }
}

fn json_line(out: &mut impl Write, value: &impl serde::Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string(value).context("writing JSON")?;
    writeln!(out, "{text}")?;
    Ok(())
}
