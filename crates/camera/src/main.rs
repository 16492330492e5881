//! The `camera` command: what there is to run. The rooms are in [`command`].

mod command;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// A leaf device, or a module, for Azure IoT Edge that sends fruit pictures
///
/// It plays the camera of a fruit counter: it sends photographs from a folder, or rendered ones
/// whose truth is known, to the edgeHub of a box (or to a development hub), and compares what two
/// endpoints say of them by HTTP.
#[derive(Debug, Parser)]
#[command(name = "camera", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Compare(Box<command::compare::Compare>),
    Render(command::render::Render),
    Send(Box<command::send::Send>),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        // It has more to say than whether it worked.
        Command::Compare(compare) => return compare.run(),
        Command::Render(render) => render.run(),
        Command::Send(send) => send.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Every cause in one line; a backtrace helps nobody who runs a camera.
            eprintln!("camera: {error:#}");
            ExitCode::FAILURE
        }
    }
}
