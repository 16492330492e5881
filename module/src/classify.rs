//! `fruit-counter classify FILE…`: what the module would count, for files on a disk.
//!
//! As a camera's pictures through edgeHub: JPEG and PNG. What HTTP takes beside them is refused
//! here as it is there, so that a folder's counts are those that its pictures would have had.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ledger::Outcome;
use serde::Serialize;
use vision::{DecodeLimits, RuntimeOptions, Scratch};

use crate::app::{load_model, model_path};
use crate::decode_room::DecodeRoom;
use crate::eyes::{Eyes, Sight};
use crate::labels::{LabelConfidence, LabelMap, LabelRules};
use crate::metrics::EyeTimes;
use crate::settings::{
    DEFAULT_MIN_CONFIDENCE, Layout, parse_confidence, parse_fraction, parse_labels,
};

/// A bar is worth its space from so many files on.
const MANY_FILES: usize = 20;

/// Exit codes beyond 0 and clap's 2.
const SOME_REJECTED: u8 = 1;
pub(crate) const NO_MODEL: u8 = 3;

/// Classify picture files (JPEG or PNG) and print what the module would count.
///
/// That is what it counts of cameras through edgeHub; HTTP takes BMP, GIF and WebP as well.
///
/// Exit codes: 0 every file was classified (or unsure, or ignored), 1 some were
/// rejected or could not be read, 2 bad arguments, 3 the model could not be loaded, or lacks a
/// label that --labels or --label-confidence names.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  fruit-counter classify picture.jpg\n  \
    fruit-counter classify --json pictures/ | jq .outcome")]
pub struct Arguments {
    /// Picture files, or folders that are searched for files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Model folder, exported zip file, or .onnx file.
    #[arg(long, value_name = "PATH", env = "FRUIT_COUNTER_MODEL")]
    model: Option<PathBuf>,
    /// Lay pictures out as the model's files tell (auto), or strictly as one of
    /// docker-2018, docker-2020, docker-2024, sample-stretch did.
    #[arg(long, value_name = "NAME", default_value_t = Layout::Auto,
        env = "FRUIT_COUNTER_PREPROCESS")]
    preprocess: Layout,
    /// A best score below this is `unsure`.
    #[arg(long, value_name = "0..1", default_value_t = DEFAULT_MIN_CONFIDENCE,
        env = "FRUIT_COUNTER_MIN_CONFIDENCE", value_parser = parse_fraction)]
    min_confidence: f32,
    /// What the model's labels count as, such as {"ripe":["Banana_ripe"],"ignore":["Leaf"]}.
    #[arg(long, value_name = "JSON", env = "FRUIT_COUNTER_LABELS", value_parser = parse_labels,
        default_value = "{}", hide_default_value = true)]
    labels: LabelMap,
    /// Least scores of single labels, such as [{"label":"Banana_ripe","min":0.8}].
    #[arg(long, value_name = "JSON", env = "FRUIT_COUNTER_LABEL_CONFIDENCE",
        value_parser = parse_confidence, default_value = "[]", hide_default_value = true)]
    label_confidence: LabelConfidence,
    /// Print one JSON object per file instead of a table.
    #[arg(long)]
    json: bool,
}

/// One file's line.
#[derive(Debug, Serialize)]
struct Line {
    file: String,
    outcome: &'static str,
    /// The model's own label of a picture that counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// The name it counts under.
    #[serde(skip_serializing_if = "Option::is_none")]
    counts_as: Option<String>,
    /// The model's label with the highest score, whatever came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    top: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    scores: BTreeMap<String, f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// Runs the command and answers its exit code; mistakes go to standard error.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    let eyes = match open(arguments) {
        Ok(eyes) => eyes,
        Err(error) => {
            eprintln!("fruit-counter: {error:#}");
            return ExitCode::from(NO_MODEL);
        }
    };
    match classify_all(arguments, eyes) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_rejected) => ExitCode::from(SOME_REJECTED),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fruit-counter: {error:#}");
            ExitCode::from(SOME_REJECTED)
        }
    }
}

/// `… | head` closes our output; that is no mistake of anybody's.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

fn open(arguments: &Arguments) -> anyhow::Result<Eyes> {
    let path = model_path(arguments.model.as_deref())?;
    let options = RuntimeOptions {
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        ..RuntimeOptions::default()
    };
    let classifier = load_model(&path, arguments.preprocess, &options)?.classifier;
    let labels = LabelRules::new(
        classifier.labels(),
        &arguments.labels,
        &arguments.label_confidence,
        arguments.min_confidence,
    )?;
    Ok(Eyes {
        classifier,
        labels: Arc::new(labels),
        limits: DecodeLimits::default(),
        room: DecodeRoom::default(),
        scratch: Scratch::default(),
        times: EyeTimes::default(),
    })
}

/// Prints a line per file; answers how many were rejected or unreadable.
fn classify_all(arguments: &Arguments, mut eyes: Eyes) -> anyhow::Result<usize> {
    let files = expand(&arguments.files)?;
    let bar = progress(files.len());
    let width = files
        .iter()
        .map(|file| file.display().to_string().len())
        .max()
        .unwrap_or(0);
    let mut rejected = 0;
    let mut tally: BTreeMap<String, usize> = BTreeMap::new();
    for file in &files {
        let line = look_at(&mut eyes, file);
        rejected += usize::from(line.outcome == "rejected");
        *tally
            .entry(
                line.counts_as
                    .clone()
                    .unwrap_or_else(|| line.outcome.to_owned()),
            )
            .or_default() += 1;
        let text = if arguments.json {
            serde_json::to_string(&line).context("writing JSON")?
        } else {
            table_row(&line, width)
        };
        bar.suspend(|| writeln!(io::stdout().lock(), "{text}"))?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    if !arguments.json && files.len() > 1 {
        let sums: Vec<_> = tally
            .iter()
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        writeln!(
            io::stdout().lock(),
            "{} files: {}",
            files.len(),
            sums.join(", ")
        )?;
    }
    Ok(rejected)
}

fn progress(files: usize) -> ProgressBar {
    if files < MANY_FILES || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(files as u64), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} files, {eta} left") {
        bar.set_style(style);
    }
    bar
}

/// Folders become the files in them, in order of their names.
fn expand(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = files.len();
            collect(path, &mut files)?;
            ensure!(files.len() > before, "{} holds no files", path.display());
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let mut entries = std::fs::read_dir(folder)
        .and_then(|entries| {
            entries
                .map(|entry| Ok(entry?.path()))
                .collect::<io::Result<Vec<_>>>()
        })
        .with_context(|| format!("reading the folder {}", folder.display()))?;
    entries.sort();
    for entry in entries {
        // A link back up would never end.
        if entry.is_dir() && !entry.is_symlink() {
            collect(&entry, files)?;
        } else if entry.is_file() {
            files.push(entry);
        }
    }
    Ok(())
}

fn look_at(eyes: &mut Eyes, file: &Path) -> Line {
    match std::fs::read(file) {
        Ok(picture) => line(file, eyes.look(&picture)),
        Err(error) => Line {
            reason: Some("unreadable"),
            detail: Some(error.to_string()),
            ..empty_line(file, "rejected")
        },
    }
}

fn empty_line(file: &Path, outcome: &'static str) -> Line {
    Line {
        file: file.display().to_string(),
        outcome,
        label: None,
        counts_as: None,
        top: None,
        score: None,
        scores: BTreeMap::new(),
        reason: None,
        detail: None,
    }
}

fn line(file: &Path, sight: Sight) -> Line {
    let scores: BTreeMap<String, f32> = sight
        .scores
        .iter()
        .flat_map(|scores| scores.iter())
        .map(|(label, score)| (label.to_owned(), score))
        .collect();
    let best = sight.scores.as_ref().map(|scores| scores.top());
    let top = best.map(|(label, _)| label.to_owned());
    let score = best.map(|(_, score)| score);
    let detail = sight.refusal;
    let seen = |outcome| Line {
        top: top.clone(),
        score,
        scores: scores.clone(),
        ..empty_line(file, outcome)
    };
    match sight.outcome {
        Outcome::Classified { label: counts_as } => Line {
            label: top.clone(),
            counts_as: Some(counts_as),
            ..seen("classified")
        },
        Outcome::Unsure => seen("unsure"),
        Outcome::Ignored => seen("ignored"),
        Outcome::Rejected(reason) => Line {
            reason: Some(reason.as_str()),
            detail,
            ..empty_line(file, "rejected")
        },
    }
}

fn table_row(line: &Line, width: usize) -> String {
    let result = line.label.as_deref().unwrap_or(line.outcome);
    let score = line
        .score
        .map(|score| format!("{:5.1} %", score * 100.0))
        .unwrap_or_default();
    let why = match (line.reason, &line.detail, &line.counts_as, &line.top) {
        (Some(reason), Some(detail), ..) => format!("{reason}: {detail}"),
        (Some(reason), None, ..) => reason.to_owned(),
        (None, _, Some(name), _) if *name != result => format!("counts as {name}"),
        (None, _, None, Some(top)) => format!("best: {top}"),
        _ => String::new(),
    };
    format!("{:width$}  {result:10} {score:7} {why}", line.file)
        .trim_end()
        .to_owned()
}
