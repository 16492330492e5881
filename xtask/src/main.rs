//! `cargo xtask …`: the one place for what people do with a clone: set it up,
//! see it run, test it, measure it.
//!
//! This file is a table of contents. It knows the commands and nothing about
//! how they work; `workspace` and `platform` are what they share.

mod bench;
mod build;
mod chaos;
mod checklist;
mod demo;
mod fuzz;
mod image;
mod interop;
mod manifest;
mod platform;
mod processes;
mod rig;
mod schedules;
mod setup;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Set up, run, test and measure the fruit counter, from the root of a clone.
///
/// Needs Linux (x86-64 or aarch64), a Rust toolchain, a C compiler and Python 3
/// with pip. No root, no account, and no Docker but for `image`.
#[derive(Parser)]
#[command(name = "xtask", bin_name = "cargo xtask", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fetch ONNX Runtime into target/onnxruntime; the other commands do it when needed.
    ///
    /// The library comes out of the wheel that PyPI has for this platform, with
    /// a pinned SHA-256. What is in place and whole is left alone, without network.
    Setup,
    Demo(demo::Options),
    Chaos(chaos::Options),
    Test(test::Options),
    Bench(bench::Options),
    Checklist(checklist::Options),
    Fuzz(fuzz::Options),
    Image(image::Options),
    Interop(interop::Options),
    Manifest(manifest::Options),
    Schedules(schedules::Options),
}

fn main() -> ExitCode {
    let root = workspace::root();
    let outcome = match Cli::parse().command {
        Command::Setup => setup::run(&root).map(|_| ExitCode::SUCCESS),
        Command::Demo(options) => demo::run(&options, &root),
        Command::Chaos(options) => chaos::run(&options, &root),
        Command::Test(options) => test::run(&options, &root),
        Command::Bench(options) => bench::run(&options, &root),
        Command::Checklist(options) => checklist::run(&options, &root),
        Command::Fuzz(options) => fuzz::run(&options, &root),
        Command::Image(options) => image::run(&options, &root),
        Command::Interop(options) => interop::run(&options, &root),
        Command::Manifest(options) => manifest::run(&options, &root),
        Command::Schedules(options) => schedules::run(&options, &root),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
