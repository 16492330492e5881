//! The command line: from arguments to a running hub and agent, and their end on SIGTERM or
//! SIGINT; or a question to a hub that runs; or a deployment that is built or checked. Nothing is decided here that the library could decide.

mod agent;
mod args;
mod common;
mod control;
mod duration;
mod fault;
mod hub;
mod manifest;

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use args::{Arguments, Mode};
use common::Ground;

/// Sets up the log: standard error, `DEVHUB_LOG` as filter, `info` without it.
pub(crate) fn log() {
    let filter: Targets = std::env::var("DEVHUB_LOG")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    tracing_subscriber::registry()
        .with(fmt::layer().with_writer(io::stderr).with_filter(filter))
        .init();
}

/// Reads the arguments and runs until a signal comes, or answers and ends.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let mode = match Arguments::parse().mode {
        Mode::Control(question) => return control::run(question).map(|()| ExitCode::SUCCESS),
        Mode::Manifest(order) => return manifest::run(order),
        mode @ (Mode::Run(_) | Mode::Hub(_) | Mode::Agent(_)) => mode,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(serve(mode)).map(|()| ExitCode::SUCCESS)
}

async fn serve(mode: Mode) -> anyhow::Result<()> {
    // Before anything is started: a signal that comes early must not kill half of it.
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let (common, hub_options, agent_options) = match mode {
        Mode::Run(run) => (run.common, Some(run.hub), Some(run.agent)),
        Mode::Hub(only) => (only.common, Some(only.hub), None),
        Mode::Agent(only) => (only.common, None, Some(only.agent)),
        Mode::Control(question) => return control::run(question),
        Mode::Manifest(order) => return manifest::run(order).map(|_| ()),
    };
    let restart = agent_options.is_none().then(|| Arc::new(Notify::new()));
    let ground = Ground::prepare(&common)?;
    let hub = match &hub_options {
        Some(options) => Some(hub::start(&ground, options, restart.clone()).await?),
        None => None,
    };
    let agent = match &agent_options {
        Some(options) => {
            let started = tokio::select! {
                started = agent::start(&ground, options) => Some(started),
                _ = terminate.recv() => None,
                _ = interrupt.recv() => None,
            };
            match started {
                Some(started) => Some(started?),
                None => {
                    if let Some(hub) = hub {
                        hub.stop().await;
                    }
                    return Ok(());
                }
            }
        }
        None => None,
    };
    let name = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
        error = restarted(restart) => return Err(error),
    };
    tracing::info!(signal = name, "stopping; a second signal ends at once");
    let stopped = async {
        // The modules first, so that they can still hand over what they have.
        if let Some(agent) = agent {
            agent.stop().await;
        }
        if let Some(hub) = hub {
            hub.stop().await;
        }
    };
    tokio::select! {
        () = stopped => Ok(()),
        _ = terminate.recv() => anyhow::bail!("ended by a second SIGTERM, modules may be left running"),
        _ = interrupt.recv() => anyhow::bail!("ended by a second SIGINT, modules may be left running"),
    }
}

/// Waits until somebody asks for a restart, then becomes a new process of the same arguments, as
/// abruptly as a crash: connections break, queues stay on the disk. Returns only if that fails.
async fn restarted(asked: Option<Arc<Notify>>) -> anyhow::Error {
    match asked {
        Some(asked) => asked.notified().await,
        None => std::future::pending().await,
    }
    tracing::warn!("restarting on demand");
    let failed = match std::env::current_exe() {
        Ok(program) => std::process::Command::new(program)
            .args(std::env::args_os().skip(1))
            .exec(),
        Err(error) => error,
    };
    anyhow::Error::new(failed).context("cannot restart")
}
