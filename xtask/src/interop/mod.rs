//! `cargo xtask interop`: what the development hub and the client library are
//! worth with programs that share no code with them.
//!
//! Foreign clients work against the real `devhub` binary and the real module, and our
//! client against a foreign broker. This file knows the order of things: what must be
//! installed is installed (`install`, `peers`), then all peers run side by side,
//! each with a hub and a folder of its own (`stage`, `ground`), and each says
//! for every capability whether it works (`sheet`). What the peers do stands in
//! `sdk`, `renewal`, `paho`, `broker`, `rust_sdk` and `custom_vision`; their scripts lie in
//! `tests/interop`. `dtdl` and `dashboards` have foreign programs read and run files of the
//! documentation.
//!
//! A capability that cannot be tried is never silently left out: its line says
//! `skipped` and why, and `--require` makes that a failure.

mod address;
mod broker;
mod control;
mod custom_vision;
mod dashboards;
mod dtdl;
mod events;
mod folder;
mod ground;
mod install;
mod messages;
mod paho;
mod peers;
mod renewal;
mod rust_sdk;
mod script;
mod sdk;
mod sheet;
mod stage;
mod wait;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;

use crate::processes::Group;
use peers::{Peer, Ready};
use sheet::{Line, Sheet, Tally};
use stage::Stage;

/// Run foreign peers against the development hub, and our client against a foreign broker.
///
/// Installs what is missing under target/interop (PyPI, npm, crates.io; mosquitto and libssl-dev
/// come from the system). What is in place needs no network. Prints one line for each
/// capability and peer; ends with 1 if one of them failed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask interop\n  \
    cargo xtask interop python paho              (these peers only)\n  \
    cargo xtask interop --require --json         (a skip is a failure; for machines)")]
pub(crate) struct Options {
    /// The peers to run; all of them if none is named.
    #[arg(value_enum, value_name = "PEER")]
    peers: Vec<Peer>,
    /// Fail when a peer cannot be installed, instead of skipping it.
    #[arg(long)]
    require: bool,
    /// One JSON object for each capability on standard output, and nothing else there.
    #[arg(long)]
    json: bool,
}

/// Builds, installs, runs and tells.
pub(crate) fn run(options: &Options, root: &Path) -> anyhow::Result<ExitCode> {
    let peers = Peer::chosen(&options.peers);
    let group = Group::new()?;
    let folder = folder::fresh(root)?;
    let stage = Stage::set(root, &folder, &group)?;
    // One after the other: each of them may compile or download.
    let prepared: Vec<(Peer, Ready)> = peers
        .into_iter()
        .map(|peer| Ok((peer, peer.prepare(&stage)?)))
        .collect::<anyhow::Result<_>>()?;

    let mut tally = Tally::default();
    let (results, arrived) = mpsc::channel::<Vec<Line>>();
    thread::scope(|scope| {
        for (peer, ready) in prepared {
            let (results, stage) = (results.clone(), &stage);
            scope.spawn(move || {
                let sheet = Sheet::new(peer.name(), peer.capabilities());
                // The receiver lives as long as this scope.
                results.send(ready.run(stage, sheet)).ok();
            });
        }
        drop(results);
        for lines in arrived {
            for line in &lines {
                tally.add(line);
                println!("{}", line.show(options.json));
            }
        }
    });
    group.end()?;
    if !options.json {
        println!("\n{tally}");
    }
    if tally.is_failure(options.require) {
        eprintln!("interop: logs are in {}", folder.display());
        return Ok(ExitCode::FAILURE);
    }
    fs::remove_dir_all(&folder)?;
    Ok(ExitCode::SUCCESS)
}
