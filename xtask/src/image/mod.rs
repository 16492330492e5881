//! `cargo xtask image`: the module's container image, with whichever engine there is.
//!
//! What the image is stands in `docker/Dockerfile`; this room gives it the facts that a Dockerfile cannot
//! know (the commit, the platform) and a model that was looked at before. It must never build
//! an image around a model that the module would refuse.
//!
//! `platform` and `recipe` decide, `engine` knows the three programs, `model` puts a model of the
//! user's where the build takes it from, `commit` asks git.

mod commit;
mod engine;
#[cfg(test)]
mod library_tests;
mod model;
mod platform;
mod recipe;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, ensure};

use engine::Engine;
use platform::Platform;
use recipe::Recipe;

/// Build the module's container image with docker, podman or buildah, whichever there is.
///
/// The program is compiled inside, for the platform that is named, on the machine that builds;
/// nothing of the other platform is run. docs/images.md tells what is in the image and how to run it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask image\n  \
    cargo xtask image --model export.zip --tag registry.example/fruit-counter:1.0-amd64\n  \
    cargo xtask image --platform arm64v8 --engine docker\n  \
    cargo xtask image -- --no-cache              (options of the engine's build)")]
pub(crate) struct Options {
    /// What the image is for: amd64 or arm64v8 (Raspberry Pi 3 and newer with a 64-bit system, Jetson);
    /// this machine if not given.
    #[arg(long, value_parser = platform::parse)]
    platform: Option<Platform>,
    /// A model package in the place of the bundled one: an exported zip, an .onnx file or a folder.
    #[arg(long, value_name = "PATH")]
    model: Option<PathBuf>,
    /// The image's name; fruit-counter:VERSION-PLATFORM if not given.
    #[arg(long)]
    tag: Option<String>,
    /// Build with this program; the first of them that works if not given.
    #[arg(long)]
    engine: Option<Engine>,
    /// Passed on to the engine's build.
    #[arg(last = true, value_name = "ARGS")]
    extra: Vec<String>,
}

/// Checks what goes in, builds, and says how to run the result.
pub(crate) fn run(options: &Options, root: &Path) -> anyhow::Result<ExitCode> {
    let here = platform::of_machine(std::env::consts::ARCH);
    let (platform, builder) = match options.platform {
        Some(platform) => (platform, here.ok()),
        None => here.map(|here| (here, Some(here)))?,
    };
    let engine = engine::choose(options.engine, engine::ask)?;
    let model = match &options.model {
        Some(path) => Some(model::stage(path, root)?),
        None => None,
    };
    let commit = commit::of(root);
    let tag = options.tag.clone();
    let tag =
        tag.unwrap_or_else(|| format!("fruit-counter:{}-{}", recipe::VERSION, platform.name()));
    let recipe = Recipe {
        platform,
        builder,
        tag: &tag,
        commit: &commit,
        model: model.as_ref(),
        extra: &options.extra,
    };
    let arguments = recipe.arguments(engine);
    eprintln!("image: {} {}", engine.program(), arguments.join(" "));
    let status = Command::new(engine.program())
        .current_dir(root)
        .args(&arguments)
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start {}", engine.program()))?;
    ensure!(
        status.success(),
        "{} built no image ({status}); the lines above say why",
        engine.program()
    );
    println!("{tag}");
    eprintln!(
        "image: built for {}; run it by hand as docs/images.md has it",
        platform.name()
    );
    Ok(ExitCode::SUCCESS)
}
