//! The door: arguments, logging, settings, then the module or one of the commands
//! for people. No rule of the business lives here.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use fruit_counter::settings::{self, Settings};
use fruit_counter::{
    afresh, app, classify, ending, error_chain, healthcheck, ledger_command, logging, model_command,
};

/// Exit code for a bad environment, model or ledger format: starting again will not mend it
/// (`EX_CONFIG`).
const BAD_SETTINGS: u8 = 78;

/// Counts ripe and unripe fruit on an Azure IoT Edge box and sends only the counts.
///
/// Without a command it is the IoT Edge module: it takes pictures from edgeHub,
/// classifies them and sends counts; pictures may also come by HTTP. Without IOTEDGE_*
/// variables it stands alone: HTTP and the ledger only. Its settings are environment variables.
#[derive(Debug, Parser)]
#[command(name = "fruit-counter", version, after_help = settings_help())]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Classify picture files and print what the module would count.
    Classify(classify::Arguments),
    Healthcheck(healthcheck::Arguments),
    Ledger(ledger_command::Arguments),
    Model(model_command::Arguments),
    /// What the module becomes when it ends.
    #[command(name = ending::COMMAND, hide = true)]
    EndWith {
        code: u8,
    },
}

fn main() -> ExitCode {
    if let Err(error) = afresh::with_environment() {
        eprintln!("fruit-counter: {}", error_chain(&error));
        return ExitCode::FAILURE;
    }
    match Arguments::parse().command {
        Some(Command::Classify(arguments)) => classify::run(&arguments),
        Some(Command::Healthcheck(arguments)) => healthcheck::run(&arguments, variables()),
        Some(Command::Ledger(arguments)) => ledger_command::run(&arguments),
        Some(Command::Model(arguments)) => model_command::run(&arguments),
        Some(Command::EndWith { code }) => ExitCode::from(code),
        None => run_module(),
    }
}

fn run_module() -> ExitCode {
    let variables: Vec<(String, String)> = variables();
    let (level, format) = settings::log(variables.iter().cloned());
    let log = match logging::start(level, format) {
        Ok(log) => log,
        Err(error) => {
            eprintln!(
                "fruit-counter: cannot start logging: {}",
                error_chain(&error)
            );
            return ExitCode::FAILURE;
        }
    };
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        pid = std::process::id(),
        "fruit-counter"
    );
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (settings, connection) = match Settings::read(variables, cores) {
        Ok(read) => read,
        Err(error) => {
            tracing::error!("the settings have mistakes; nothing was started");
            for mistake in &error.mistakes {
                tracing::error!(target: logging::EVERY_ONE, "settings: {mistake}");
            }
            return ExitCode::from(BAD_SETTINGS);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(failure) => {
            tracing::error!(%failure, "the threads that wait for sockets cannot be started");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(app::run(settings, connection, log.clone()));
    // Before what ended it: that is looked for in the last line.
    log.write_last_sums();
    let code = match outcome {
        Ok(()) => 0,
        Err(error) => {
            tracing::error!("{error:#}");
            match error.downcast_ref::<app::NeedsAnotherSetup>() {
                Some(_) => BAD_SETTINGS,
                None => 1,
            }
        }
    };
    // A picture that outlasted the grace may still be in hand. The runtime is there until the end: a
    // task that wants a timer of one that shuts down panics, as when metrics are asked for just then.
    let Err(failure) = ending::at_once(code);
    tracing::warn!(%failure, "the process cannot end at once: it exits in the ordinary way");
    runtime.shutdown_background();
    ExitCode::from(code)
}

/// The process's variables; what is not text shows its replacement characters, and
/// the settings refuse it.
fn variables() -> Vec<(String, String)> {
    std::env::vars_os()
        .map(|(name, value)| {
            (
                name.to_string_lossy().into(),
                value.to_string_lossy().into(),
            )
        })
        .collect()
}

fn settings_help() -> String {
    let mut help = String::from("Settings (environment variables):\n");
    for setting in settings::SETTINGS {
        help.push_str(&format!(
            "  {}\n      {}\n      accepts {}; default: {}\n",
            setting.name, setting.effect, setting.accepts, setting.default
        ));
    }
    help.push_str(
        "\nExit codes: 0 stopped as told, 1 failed while running, 2 bad arguments, 70 a picture\n\
         was in hand for too long, 78 bad settings, or a model, certificate file or ledger that needs others: starting again does not help.",
    );
    help
}
