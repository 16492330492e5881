//! Why a model cannot be loaded, and why a run failed.

use crate::{PackageError, Provider, RecipeError, RuntimeError};

/// A model that was not loaded. Each message names both sides of a
/// disagreement and, where there is one, the cure.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// ONNX Runtime is not there, or cannot be used.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The model is from before the oldest operator set that ONNX Runtime
    /// promises to read, and it did not read it.
    #[error(
        "the model {name} uses ONNX operator set {opset}, and the runtime reads {oldest} and later; export the model again from Custom Vision (Performance, Export, ONNX)"
    )]
    TooOld {
        /// The package.
        name: String,
        /// The model's operator set.
        opset: i64,
        /// The oldest that is promised.
        oldest: i64,
        /// What the runtime said.
        #[source]
        source: ort::Error,
    },
    /// The runtime refused the model.
    #[error("ONNX Runtime refuses the model {name}; export it again")]
    Refused {
        /// The package.
        name: String,
        /// What the runtime said.
        #[source]
        source: ort::Error,
    },
    /// A provider of the runtime's started, and not with this model: its device
    /// is missing or full, or it does not take the model.
    #[error(
        "ONNX Runtime does not start the model {name} with the provider {provider}; see whether its device and drivers are there, or take the provider cpu"
    )]
    NotStarted {
        /// The package.
        name: String,
        /// What was to carry it out.
        provider: Provider,
        /// What the runtime said.
        #[source]
        source: ort::Error,
    },
    /// The model's inputs are not one picture.
    #[error(
        "the model {name} takes {found}, expected one picture; export it with the picture as its only input"
    )]
    Inputs {
        /// The package.
        name: String,
        /// Its inputs.
        found: String,
    },
    /// Model and preprocessing disagree about the input.
    #[error(
        "the model {name} takes {input} as {model}, and its preprocessing makes {prepared} ({recipe}); take model and metadata from the same export"
    )]
    InputMismatch {
        /// The package.
        name: String,
        /// The input's name.
        input: String,
        /// What the model takes.
        model: String,
        /// What the preprocessing makes.
        prepared: String,
        /// The preprocessing, in words.
        recipe: String,
    },
    /// The model takes several pictures at once.
    #[error(
        "the model {name} takes {batch} pictures at once in {input}; export it with a batch of 1, or with an open one"
    )]
    Batch {
        /// The package.
        name: String,
        /// The input's name.
        input: String,
        /// Pictures in a run.
        batch: i64,
    },
    /// No output of the name that `model.toml` has.
    #[error(
        "the model {name} has no output {wanted} with {labels} scores, as model.toml has it; it gives {found}"
    )]
    NamedOutput {
        /// The package.
        name: String,
        /// The name in `model.toml`.
        wanted: String,
        /// The model's outputs.
        found: String,
        /// How many labels there are.
        labels: usize,
    },
    /// No output has one score per label.
    #[error(
        "the model {name} gives {found}, expected one score for each of the {labels} labels; take labels.txt from the same export"
    )]
    Outputs {
        /// The package.
        name: String,
        /// Its outputs.
        found: String,
        /// How many labels there are.
        labels: usize,
    },
    /// The model finds objects.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The preprocessing cannot be carried out.
    #[error("the preprocessing of the model {name} cannot be carried out")]
    Recipe {
        /// The package.
        name: String,
        /// Why.
        #[source]
        source: RecipeError,
    },
    /// A run on a made-up picture failed, or gave no scores.
    #[error("the model {name} was loaded, and its trial run failed")]
    Trial {
        /// The package.
        name: String,
        /// Why.
        #[source]
        source: TrialError,
    },
}

/// A trial that shows a model to be of no use as it is described.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The run failed.
    #[error(transparent)]
    Run(#[from] InferenceError),
    /// It gave numbers that are not scores.
    #[error(
        "{score} for {label:?} in the output {output}, expected scores from 0 to 1; state scores = \"softmax\", or \"sigmoid\" where labels do not exclude each other, under [output] in a model.toml"
    )]
    NoScores {
        /// The output's name.
        output: String,
        /// A label.
        label: String,
        /// What it got.
        score: f32,
    },
}

/// A run that gave no scores.
#[derive(Debug, thiserror::Error)]
pub enum InferenceError {
    /// The tensor was made for another model.
    #[error("the tensor is {found:?}, expected {expected:?}")]
    Shape {
        /// Its shape.
        found: [usize; 4],
        /// The model's.
        expected: [usize; 4],
    },
    /// The runtime failed.
    #[error("the run failed")]
    Run(#[source] ort::Error),
    /// The output has another form than the model declares.
    #[error("the output {output} cannot be read as scores")]
    Output {
        /// The output.
        output: String,
        /// Why.
        #[source]
        source: ort::Error,
    },
    /// The number of scores is not the number of labels.
    #[error("the output {output} has {found} scores, expected {expected}")]
    Count {
        /// The output.
        output: String,
        /// Scores found.
        found: usize,
        /// Labels.
        expected: usize,
    },
    /// The model gave no score for a label.
    #[error("the output {output} has no score for the label {label:?}")]
    LabelMissing {
        /// The output.
        output: String,
        /// The label.
        label: String,
    },
    /// A score is infinite or no number: the model is damaged, or was fed
    /// values of another range.
    #[error("the score for {label:?} is {score}, expected a number")]
    NotFinite {
        /// The label.
        label: String,
        /// The score.
        score: f32,
    },
}
