//! `cargo xtask fuzz`: random routes and messages against the route language, and
//! random bytes against the decoding of pictures, guided by coverage, for a
//! bounded time or number of inputs.
//!
//! This does by hand what `cargo fuzz` does, because that asks for a nightly
//! compiler and this workspace has the stable one: the pass that counts
//! branches is part of both, only its shorthand is not. The order is build,
//! seeds, run, report. Everything it writes lies under `target/fuzz`; the corpus
//! stays there, so that the next run begins where this one ended.

mod report;
mod seeds;

use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::Context;

use crate::workspace;
use report::Report;

/// A program of `fuzz/Cargo.toml`.
struct Target {
    name: &'static str,
    /// Longest input in bytes.
    longest: usize,
    /// Of `fuzz`.
    dictionary: &'static str,
}

const TARGETS: [Target; 3] = [
    // A route of the greatest length and a message behind it.
    Target {
        name: "route",
        longest: 9000,
        dictionary: "route.dict",
    },
    Target {
        name: "evaluate",
        longest: 9000,
        dictionary: "route.dict",
    },
    // A picture of 128x128 as it is, or a larger one that is packed.
    Target {
        name: "decode",
        longest: 65_536,
        dictionary: "picture.dict",
    },
];

const NAMES: [&str; 3] = [TARGETS[0].name, TARGETS[1].name, TARGETS[2].name];

/// Seconds that one input may take, and mebibytes that the whole may grow to,
/// before they count as a finding. Both are far above what an input needs.
const TIMEOUT_SECS: u32 = 5;
const MEMORY_MIB: u32 = 1024;

/// Throw random routes, messages and pictures at what reads them, for a bounded time.
///
/// Needs a C++ compiler besides the Rust toolchain, for libFuzzer. Without a
/// target all run, one after the other. A finding ends the run with exit code 1,
/// its input is kept, and the last lines say how to run that input again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask fuzz\n  \
    cargo xtask fuzz route --seconds 300\n  \
    cargo xtask fuzz decode --runs 100000        (as long as that takes)\n  \
    cargo xtask fuzz route --input target/fuzz/artifacts/route/crash-…   (one input again)")]
pub(crate) struct Options {
    /// Run this target alone: `route` parses any text and evaluates what parses,
    /// `evaluate` puts any message through any condition that is well typed,
    /// `decode` decodes any bytes as a picture.
    #[arg(value_parser = NAMES)]
    target: Option<String>,
    /// How long each target runs.
    #[arg(long, default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// How many inputs each target runs, seeds included, in place of a time.
    #[arg(long, value_name = "N", conflicts_with = "seconds", value_parser = clap::value_parser!(u32).range(1..))]
    runs: Option<u32>,
    /// Run this input once instead, to see a finding again.
    #[arg(long, value_name = "FILE", requires = "target")]
    input: Option<PathBuf>,
}

/// Builds, seeds and runs. Exit code 1 when something was found.
pub(crate) fn run(options: &Options, root: &Path) -> anyhow::Result<ExitCode> {
    require_cpp_compiler()?;
    let places = Places {
        root,
        base: root.join("target").join("fuzz"),
        host: host()?,
    };
    let targets = TARGETS.iter().filter(|target| {
        options
            .target
            .as_deref()
            .is_none_or(|one| one == target.name)
    });
    let bound = match options.runs {
        Some(runs) => Bound::Runs(runs),
        None => Bound::Seconds(options.seconds),
    };
    let mut is_clean = true;
    for target in targets {
        places.build(target.name)?;
        is_clean &= match &options.input {
            Some(input) => places.replay(target.name, input)?,
            None => places.fuzz(target, bound)?,
        };
    }
    Ok(if is_clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// When a run ends that finds nothing.
#[derive(Debug, Clone, Copy)]
enum Bound {
    Seconds(u32),
    Runs(u32),
}

impl Bound {
    /// The fuzzer's option for it.
    fn option(self) -> String {
        match self {
            Self::Seconds(seconds) => format!("-max_total_time={seconds}"),
            Self::Runs(runs) => format!("-runs={runs}"),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(seconds) => write!(f, "for {seconds} s"),
            Self::Runs(runs) => write!(f, "with {runs} inputs"),
        }
    }
}

/// Where a run reads and writes.
struct Places<'r> {
    root: &'r Path,
    /// `target/fuzz`
    base: PathBuf,
    /// The platform this machine compiles for
    host: String,
}

impl Places<'_> {
    fn build(&self, target: &str) -> anyhow::Result<()> {
        eprintln!("xtask: building fuzz target {target} with coverage");
        // `--target` keeps the flags away from build scripts and macros, which
        // run without libFuzzer. What they reach besides the language and the
        // targets are the few crates below it; the standard library is as it is.
        let status = workspace::cargo()
            .current_dir(self.root.join("fuzz"))
            .args(["build", "--release", "--locked", "--target", &self.host])
            .args(["--bin", target])
            .env("CARGO_TARGET_DIR", &self.base)
            .env("RUSTFLAGS", FLAGS.join(" "))
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .stdin(Stdio::null())
            .status()
            .context("cannot start cargo")?;
        anyhow::ensure!(status.success(), "fuzz target {target} does not build");
        Ok(())
    }

    fn program(&self, target: &str) -> Command {
        let mut program = Command::new(self.base.join(&self.host).join("release").join(target));
        program.current_dir(self.root).stdin(Stdio::null());
        program
    }

    /// Runs until then; true if nothing was found.
    fn fuzz(&self, target: &Target, bound: Bound) -> anyhow::Result<bool> {
        let Target {
            name: target,
            longest,
            dictionary,
        } = target;
        let seeds = self.base.join("seeds").join(target);
        let corpus = self.base.join("corpus").join(target);
        let artifacts = self.base.join("artifacts").join(target);
        let count = seeds::write(&seeds, target, self.root)?;
        for folder in [&corpus, &artifacts] {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot create {}", folder.display()))?;
        }
        eprintln!("xtask: fuzzing {target} {bound} from {count} seeds");
        let mut program = self.program(target);
        program
            .arg(&corpus)
            .arg(&seeds)
            .arg(bound.option())
            .arg(format!("-max_len={longest}"))
            .arg(format!("-timeout={TIMEOUT_SECS}"))
            .arg(format!("-rss_limit_mb={MEMORY_MIB}"))
            .arg(format!("-dict=fuzz/{dictionary}"))
            // The slash at the end makes it a folder and not the front of a name.
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            .arg("-print_final_stats=1")
            .stderr(Stdio::piped());
        let mut child = program.spawn().context("cannot start the fuzz target")?;
        let mut report = Report::default();
        if let Some(stderr) = child.stderr.take() {
            for line in BufReader::new(stderr).split(b'\n') {
                let line = line.context("cannot read what the fuzz target says")?;
                report.read(&String::from_utf8_lossy(&line));
            }
        }
        let status = child.wait().context("the fuzz target was lost")?;
        println!("{target}: {}", report.summary());
        if status.success() {
            return Ok(true);
        }
        println!("{target}: FOUND something ({status}):");
        for line in report.finding() {
            println!("  {line}");
        }
        match report.artifact() {
            Some(artifact) => {
                let artifact = Path::new(artifact);
                let shown = artifact.strip_prefix(self.root).unwrap_or(artifact);
                println!(
                    "{target}: the input is {}; run it again with",
                    shown.display()
                );
                println!("  cargo xtask fuzz {target} --input {}", shown.display());
            }
            None => println!("{target}: libFuzzer kept no input of it"),
        }
        Ok(false)
    }

    /// Runs one input, everything shown; true if it does no harm.
    fn replay(&self, target: &str, input: &Path) -> anyhow::Result<bool> {
        let input = input
            .canonicalize()
            .with_context(|| format!("cannot read {}", input.display()))?;
        let status = self
            .program(target)
            .arg(&input)
            .status()
            .context("cannot start the fuzz target")?;
        println!(
            "{target}: {} {}",
            input.display(),
            if status.success() {
                "does no harm"
            } else {
                "is a finding"
            }
        );
        Ok(status.success())
    }
}

/// What `-fsanitize=fuzzer` stands for in other compilers: count every edge,
/// keep the table of them, tell comparisons to the fuzzer.
const FLAGS: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg=fuzzing",
];

/// libFuzzer is C++ and comes as source.
fn require_cpp_compiler() -> anyhow::Result<()> {
    let name = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
    let answers = Command::new(&name)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    anyhow::ensure!(
        answers,
        "there is no C++ compiler ({} does not answer), and libFuzzer is compiled with one; \
         install it (Debian, Ubuntu: sudo apt-get install g++; Fedora: sudo dnf install gcc-c++) \
         or name another in CXX",
        name.display()
    );
    Ok(())
}

/// The platform of this compiler, such as `x86_64-unknown-linux-gnu`.
fn host() -> anyhow::Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .arg("-vV")
        .output()
        .context("cannot start rustc")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .context("rustc -vV does not name its host")
}
