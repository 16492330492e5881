//! `fruit-counter model …`: what a model package is, for people who bring one.

mod text;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use clap::Subcommand;
use serde::Serialize;
use vision::{Classifier, ModelPackage, Pixels, RuntimeOptions};

use crate::app::model_path;
use crate::classify::{NO_MODEL, is_broken_pipe};
use crate::error_chain;
use crate::settings::Layout;

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
    /// Lay pictures out as the model's files tell (auto), or strictly as one of
    /// docker-2018, docker-2020, docker-2024, sample-stretch did.
    #[arg(long, value_name = "NAME", default_value_t = Layout::Auto,
        env = "FRUIT_COUNTER_PREPROCESS")]
    preprocess: Layout,
    /// Print one JSON object; with `problem` where something is wrong.
    #[arg(long)]
    json: bool,
}

/// What is said of a package.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    path: String,
    /// `None` where the package cannot be read.
    #[serde(flatten)]
    model: Option<Model>,
    /// `None` where the runtime does not take it.
    #[serde(skip_serializing_if = "Option::is_none")]
    trial: Option<Trial>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// What was recognised, and from which file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Model {
    name: String,
    version: String,
    model_file: String,
    /// All that were read: with these alone it is the same package.
    files: Vec<String>,
    bytes: usize,
    sha256: String,
    producer: String,
    opset: Option<i64>,
    labels: Vec<String>,
    labels_from: String,
    input: String,
    preparation: String,
    preparation_from: String,
    origin: String,
    scores: &'static str,
}

/// A run over a grey picture.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Trial {
    /// The input and the output that is read, as the model declares them.
    model_input: String,
    model_output: String,
    top: String,
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
    let said =
        account(inspect).and_then(|account| text::print(&account, inspect.json).map(|()| account));
    match said {
        Ok(account) => match account.problem {
            Some(problem) => {
                eprintln!(
                    "fruit-counter: the module cannot use {}: {problem}",
                    account.path
                );
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
    let mut account = Account {
        path: path.display().to_string(),
        model: None,
        trial: None,
        problem: None,
    };
    match ModelPackage::open(&path) {
        Ok(package) => {
            let package = inspect.preprocess.of(package);
            account.model = Some(Model::of(&package));
            match try_it(&package) {
                Ok(trial) => account.trial = Some(trial),
                Err(error) => account.problem = Some(format!("{error:#}")),
            }
        }
        Err(error) => account.problem = Some(error_chain(&error)),
    }
    Ok(account)
}

impl Model {
    fn of(package: &ModelPackage) -> Self {
        let recipe = package.preprocess();
        Self {
            name: package.name().to_owned(),
            version: package.version().to_owned(),
            model_file: package.model_file().to_owned(),
            files: package.files().to_vec(),
            bytes: package.model_bytes(),
            sha256: package.sha256().to_owned(),
            producer: package.producer().to_owned(),
            opset: package.opset(),
            labels: package.labels().to_vec(),
            labels_from: package.labels_from().to_owned(),
            input: text::input(recipe),
            preparation: text::preparation(recipe),
            preparation_from: package.preprocess_from().to_owned(),
            origin: text::origin(recipe.origin),
            scores: text::scores(package.score_function()),
        }
    }
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
    let top = scores.top().0.to_owned();
    let scores = scores.iter().map(|(label, score)| Score {
        label: label.to_owned(),
        score,
    });
    Ok(Trial {
        model_input: classifier.input(),
        model_output: classifier.output(),
        top,
        scores: scores.collect(),
        milliseconds: quickest,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn inspect(path: &Path, layout: &str) -> Account {
        account(&Inspect {
            path: Some(path.to_owned()),
            preprocess: layout.parse().unwrap(),
            json: false,
        })
        .unwrap()
    }

    fn bundled() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../model")
    }

    #[test]
    fn the_bundled_model_is_explained_and_tried() {
        let account = inspect(&bundled(), "auto");
        assert_eq!(account.problem, None);
        let model = account.model.unwrap();
        assert_eq!(model.labels, ["ripe", "unripe"]);
        assert_eq!(model.labels_from, "labels.txt");
        let files = [
            "cvexport.manifest",
            "model.toml",
            "model.onnx",
            "labels.txt",
        ];
        assert_eq!(model.files, files);
        assert_eq!(model.preparation_from, "model.toml");
        assert!(model.input.starts_with("224x224, "), "{}", model.input);
        let trial = account.trial.unwrap();
        let sum: f32 = trial.scores.iter().map(|score| score.score).sum();
        assert!((sum - 1.0).abs() < 1e-3, "{trial:?}");
        assert!(model.labels.contains(&trial.top), "{trial:?}");
        assert!(trial.model_input.starts_with("data: "), "{trial:?}");
    }

    #[test]
    fn a_named_layout_is_explained_and_in_the_version() {
        let plain = inspect(&bundled(), "auto").model.unwrap();
        let named = inspect(&bundled(), "docker-2020").model.unwrap();
        assert_eq!(named.version, format!("{}+docker-2020", plain.version));
        assert!(named.origin.contains("2020 to 2022"), "{}", named.origin);
        assert!(
            named.preparation.contains("middle square to 224"),
            "{}",
            named.preparation
        );
        assert_eq!(named.input, plain.input);
    }

    #[test]
    fn what_cannot_be_read_is_said_with_its_name_and_the_cure() {
        let empty = tempfile::tempdir().unwrap();
        let account = inspect(empty.path(), "auto");
        assert!(account.model.is_none());
        let problem = account.problem.clone().unwrap();
        assert!(
            problem.contains(&empty.path().display().to_string()),
            "{problem}"
        );
        let json = serde_json::to_value(&account).unwrap();
        assert!(
            json["problem"]
                .as_str()
                .unwrap()
                .contains("export the model as ONNX")
        );
    }
}
