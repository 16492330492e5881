//! `fruit-counter model …`: what a model package is, for people who bring one.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use clap::Subcommand;
use serde::Serialize;
use vision::{
    ALIGNMENT, AxisOrder, ChannelOrder, Classifier, Filter, Fit, ModelPackage, Origin, Pixels,
    Preprocess, RuntimeOptions, ValueRange,
};

use crate::app::model_path;
use crate::classify::{NO_MODEL, is_broken_pipe};

/// Sides of the picture of the trial: an ordinary camera's.
const TRIAL: (u32, u32) = (640, 480);
/// Runs of the trial that are timed, after one that is not.
const RUNS: u32 = 5;

/// Look into a model package.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Inspect(Inspect),
}

/// Say what a model package is: what was recognised, how pictures are prepared for it, its labels,
/// and a trial run; or what is wrong with it and the cure.
///
/// Exit codes: 0 the module can use it, 2 bad arguments, 3 it cannot.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  fruit-counter model inspect export.zip\n  \
    fruit-counter model inspect --json model/ | jq .labels")]
struct Inspect {
    /// Folder, exported zip, or .onnx file; without it the model that the module would take.
    #[arg(value_name = "PATH", env = "FRUIT_COUNTER_MODEL")]
    path: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What is said of a package.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    path: String,
    name: String,
    version: String,
    sha256: String,
    producer: String,
    opset: Option<i64>,
    labels: Vec<String>,
    input: String,
    preparation: String,
    origin: String,
    /// `None` where the runtime does not take it.
    #[serde(skip_serializing_if = "Option::is_none")]
    trial: Option<Trial>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// A run over a grey picture.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Trial {
    scores: Vec<Score>,
    /// The quickest of a few, preparation included, on one thread.
    milliseconds: f64,
}

#[derive(Debug, Serialize)]
struct Score {
    label: String,
    score: f32,
}

/// Runs the command and answers its exit code; mistakes go to standard error.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    let Command::Inspect(inspect) = &arguments.command;
    match account(inspect).and_then(|account| print(&account, inspect.json).map(|()| account)) {
        Ok(account) => match account.problem {
            Some(problem) => {
                eprintln!("fruit-counter: the module cannot use it: {problem}");
                ExitCode::from(NO_MODEL)
            }
            None => ExitCode::SUCCESS,
        },
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fruit-counter: {error:#}");
            ExitCode::from(NO_MODEL)
        }
    }
}

fn account(inspect: &Inspect) -> anyhow::Result<Account> {
    let path = model_path(inspect.path.as_deref())?;
    let package = ModelPackage::open(&path)
        .with_context(|| format!("{} cannot be used as a model", path.display()))?;
    let recipe = package.preprocess();
    let (trial, problem) = match try_it(&package) {
        Ok(trial) => (Some(trial), None),
        Err(error) => (None, Some(format!("{error:#}"))),
    };
    Ok(Account {
        path: path.display().to_string(),
        name: package.name().to_owned(),
        version: package.version().to_owned(),
        sha256: package.sha256().to_owned(),
        producer: package.producer().to_owned(),
        opset: package.opset(),
        labels: package.labels().to_vec(),
        input: input(recipe),
        preparation: preparation(recipe),
        origin: origin(recipe.origin),
        trial,
        problem,
    })
}

fn try_it(package: &ModelPackage) -> anyhow::Result<Trial> {
    let mut classifier = Classifier::load(package, &RuntimeOptions::default())?;
    let (width, height) = TRIAL;
    let grey = vec![0x80; 3 * width as usize * height as usize];
    let picture = Pixels::from_rgb8(width, height, grey).context("the trial has no picture")?;
    let scores = classifier.classify(&picture)?;
    let mut quickest = f64::INFINITY;
    for _ in 0..RUNS {
        let begin = Instant::now();
        classifier.classify(&picture)?;
        quickest = quickest.min(begin.elapsed().as_secs_f64() * 1e3);
    }
    let scores = scores.iter().map(|(label, score)| Score {
        label: label.to_owned(),
        score,
    });
    Ok(Trial {
        scores: scores.collect(),
        milliseconds: quickest,
    })
}

fn print(account: &Account, json: bool) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(account)?)?;
        return Ok(());
    }
    let opset = account
        .opset
        .map_or("opset unknown".to_owned(), |opset| format!("opset {opset}"));
    let producer = match account.producer.as_str() {
        "" => "an unnamed program",
        named => named,
    };
    let labels = format!("{}: {}", account.labels.len(), account.labels.join(", "));
    let trial = account.trial.as_ref().map(|trial| {
        let scores: Vec<String> = trial
            .scores
            .iter()
            .map(|score| format!("{} {:.3}", score.label, score.score))
            .collect();
        format!(
            "a grey picture is {} ({:.1} ms)",
            scores.join(", "),
            trial.milliseconds
        )
    });
    let lines = [
        ("path", account.path.clone()),
        ("name", account.name.clone()),
        ("version", account.version.clone()),
        ("sha256", account.sha256.clone()),
        ("made by", format!("{producer}, {opset}")),
        ("labels", labels),
        ("input", account.input.clone()),
        ("pictures", account.preparation.clone()),
        ("known from", account.origin.clone()),
        ("trial", trial.unwrap_or_else(|| "none".to_owned())),
    ];
    for (what, text) in lines {
        writeln!(out, "{what:<11} {text}")?;
    }
    Ok(())
}

fn input(recipe: &Preprocess) -> String {
    let channels = match recipe.channels {
        ChannelOrder::Rgb => "red, green, blue",
        ChannelOrder::Bgr => "blue, green, red",
    };
    let range = match recipe.range {
        ValueRange::Bytes => "0 to 255",
        ValueRange::Unit => "0 to 1",
        ValueRange::Signed => "-1 to 1",
    };
    let axes = match recipe.axes {
        AxisOrder::Nchw => "a plane for each channel",
        AxisOrder::Nhwc => "channels beside each other",
    };
    let mut text = format!("{}, {channels}, {range}, {axes}", recipe.input);
    let has_mean = recipe.mean.iter().any(|mean| mean.abs() > 0.0);
    let has_deviation = recipe.deviation.iter().any(|by| (by - 1.0).abs() > 0.0);
    if has_mean || has_deviation {
        text.push_str(&format!(
            ", less {:?}, divided by {:?}",
            recipe.mean, recipe.deviation
        ));
    }
    text
}

fn preparation(recipe: &Preprocess) -> String {
    let mut steps = vec!["turned as EXIF says".to_owned()];
    if let Some(longest) = recipe.shrink_to_longest {
        steps.push(format!("sides of {longest} and more shrunk to {longest}"));
    }
    steps.push(match recipe.fit {
        Fit::Stretch(size) => format!("stretched to {size}"),
        Fit::ShorterSide(side) => format!("shorter side to {side}"),
        Fit::ShorterSideAligned(side) => {
            format!("shorter side to {side}, then each side stretched to a multiple of {ALIGNMENT}")
        }
        Fit::CentreSquare(side) => format!("middle square to {side}"),
    });
    steps.push(match recipe.filter {
        Filter::Bilinear => "bilinear".to_owned(),
        Filter::Bicubic => "bicubic".to_owned(),
        Filter::FourPoint => "by the four nearest pixels".to_owned(),
        Filter::FourPointBytes => "by the four nearest pixels, as OpenCV".to_owned(),
    });
    steps.push(match recipe.longest {
        None => format!("the middle {} taken", recipe.input),
        Some(longest) => format!("taken whole up to {longest}"),
    });
    steps.join(", ")
}

fn origin(origin: Origin) -> String {
    match origin {
        Origin::Properties => "the export's own properties".to_owned(),
        Origin::AssumedFromEra(named) => {
            let program = named.program();
            format!("{program} ({named}), since the export says little or nothing")
        }
        Origin::Named(named) => format!("the setting {named}: {}", named.program()),
        Origin::ModelToml => "model.toml".to_owned(),
        Origin::Given => "the program that asks".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn inspect(path: &Path) -> anyhow::Result<Account> {
        account(&Inspect {
            path: Some(path.to_owned()),
            json: false,
        })
    }

    #[test]
    fn the_bundled_model_is_explained_and_tried() {
        let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model");
        let account = inspect(&model).unwrap();
        assert_eq!(account.labels, ["ripe", "unripe"]);
        assert_eq!(account.problem, None);
        let trial = account.trial.unwrap();
        let sum: f32 = trial.scores.iter().map(|score| score.score).sum();
        assert!((sum - 1.0).abs() < 1e-3, "{trial:?}");
        assert!(account.input.starts_with("224x224, "), "{}", account.input);
    }

    #[test]
    fn a_folder_without_a_model_is_refused_with_its_name() {
        let empty = tempfile::tempdir().unwrap();
        let error = format!("{:#}", inspect(empty.path()).unwrap_err());
        assert!(
            error.contains(&empty.path().display().to_string()),
            "{error}"
        );
    }

    #[test]
    fn a_recipe_is_told_in_words() {
        let recipe = Preprocess::docker_2018(vision::Size::square(227));
        let told = preparation(&recipe);
        for word in ["1600", "middle square to 256", "four nearest", "227x227"] {
            assert!(told.contains(word), "{told}");
        }
        assert!(input(&recipe).contains("blue, green, red, 0 to 255"));
    }
}
