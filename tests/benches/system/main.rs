//! The whole module in figures, each beside the bare work on the same cores in the same run.
//!
//!     cargo xtask bench system
//!
//! Starts the release build of the module as a process of its own and measures from outside: pictures
//! a second and times by HTTP (each counted, `strict`), its share of edgeHub's round trip, memory,
//! time to readiness, idle load. *Bare* is decode and `session.run` by the libraries as they come.
//! Nothing is asserted: figures are printed beside the bars that they are held against, and as one
//! JSON object on the last line with `--json`.

mod bare;
mod figures;
mod hub;
mod measure;
mod process;
mod report;
mod rest;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use end_to_end::workspace_root;

use crate::bare::Bare;
use crate::measure::Bench;

/// Figures of the whole module, beside the bare work in the same run.
#[derive(Debug, Parser)]
#[command(name = "system")]
struct Options {
    /// Model package: a folder with a `model.onnx` of one input. Without it the fp32 export of 3 MB
    /// beside the repository where that exists, else the bundled model.
    #[arg(long, value_name = "FOLDER")]
    model: Option<PathBuf>,
    /// JPEG files to send; without it 16 rendered scenes of 640x480.
    #[arg(long, value_name = "FOLDER")]
    pictures: Option<PathBuf>,
    /// Length of one measurement in seconds.
    #[arg(long, value_name = "S", default_value_t = 2.0)]
    seconds: f64,
    /// Rounds, in each of which the bare loop and the module take turns.
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// Another server that speaks `POST /image`, measured with the same pictures in the same rounds.
    #[arg(long, value_name = "URL")]
    peer: Option<String>,
    /// The last line is one JSON object.
    #[arg(long)]
    json: bool,
    /// What cargo says to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
    /// Load the runtime and this model, say so, and wait for the end of the input.
    #[arg(long, hide = true, value_name = "FILE")]
    only_load: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    if let Some(model) = &options.only_load {
        let session = Bare::load(model)?;
        println!("loaded {}", session.inputs().len());
        std::io::stdin().read_to_end(&mut Vec::new())?;
        return Ok(());
    }
    // One thread for all clients: the cores belong to what is measured.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(&options))
}

async fn run(options: &Options) -> anyhow::Result<()> {
    let model = match &options.model {
        Some(model) => model.clone(),
        None => default_model(),
    };
    let pictures = match &options.pictures {
        Some(folder) => jpegs_of(folder)?,
        None => rendered()?,
    };
    let bench = Bench {
        bare: Bare::new(&model, &pictures)?,
        pictures: pictures.into_iter().map(Into::into).collect(),
        model,
        cores: std::thread::available_parallelism()?.get(),
        span: Duration::try_from_secs_f64(options.seconds).context("--seconds")?,
        rounds: options.rounds.max(1),
        peer: options.peer.as_deref().map(measure::peer).transpose()?,
    };
    let report = bench.run().await?;
    print!("{report}");
    if options.json {
        println!("{}", serde_json::to_string(&report)?);
    }
    Ok(())
}

/// A real export of the size that the bars speak of, or what every clone has.
fn default_model() -> PathBuf {
    let export = workspace_root().join("../shared/data/models/office_fruit");
    if export.is_dir() {
        export
    } else {
        println!("the bundled model, since {} is not here", export.display());
        workspace_root().join("model")
    }
}

/// Scenes as a small camera sends them.
fn rendered() -> anyhow::Result<Vec<Vec<u8>>> {
    use camera::render::{Size, frame};
    use camera::truth::Truth;
    let mut pictures = Vec::new();
    for index in 0..16 {
        let truth = if index % 2 == 0 {
            Truth::Ripe
        } else {
            Truth::Unripe
        };
        let frame = frame(20_261_127, index, truth, Size::VGA);
        pictures.push(camera::encode::jpeg(&frame.pixels, frame.quality)?);
    }
    Ok(pictures)
}

fn jpegs_of(folder: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let is_jpeg = path
            .extension()
            .is_some_and(|ending| ending == "jpg" || ending == "jpeg");
        if is_jpeg {
            paths.push(path);
        }
    }
    paths.sort();
    anyhow::ensure!(!paths.is_empty(), "no .jpg in {}", folder.display());
    paths.iter().map(|path| Ok(std::fs::read(path)?)).collect()
}
