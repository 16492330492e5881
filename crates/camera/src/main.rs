//! The `camera` command: what there is to run. The rooms are in [`command`].

mod command;

use clap::{Parser, Subcommand};

/// A leaf device for Azure IoT Edge that sends fruit pictures
#[derive(Debug, Parser)]
#[command(name = "camera", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Render(command::render::Render),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Render(render) => render.run(),
    }
}
