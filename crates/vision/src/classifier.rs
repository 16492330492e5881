//! A loaded model: tensor to scores.
//!
//! A classifier owns one session and its scratch memory. The runtime's `run`
//! is not safe to call from two threads at once, so [`Classifier::run`] takes
//! `&mut self`: one classifier per worker, never shared. It keeps no picture
//! beyond the next call's overwriting and writes none to a log.
//!
//! Memory of a session is bounded because its input has one size: what the
//! first run takes is what every run takes. Where a model lets its input grow
//! with the picture, the recipe says how far.

mod capacity;
mod error;
mod opening;
mod ports;

use std::sync::Arc;

use half::f16;
use ort::session::Session;
use ort::value::{DynValue, MapValueType, TensorRef};

pub use error::{InferenceError, ModelError, TrialError};

use crate::pixels::CHANNELS;
use crate::{
    ModelPackage, Pixels, Preparer, Preprocess, Provider, RuntimeOptions, ScoreFunction, Scores,
    Tensor,
};
use opening::Opened;
use ports::{Element, InputPort, ScoreForm, ScorePort};

/// A model, loaded and checked.
#[derive(Debug)]
pub struct Classifier {
    session: Session,
    provider: Provider,
    runs_whole: bool,
    input: InputPort,
    output: ScorePort,
    labels: Arc<[String]>,
    function: ScoreFunction,
    preparer: Preparer,
    tensor: Tensor,
    halves: Vec<f16>,
}

impl Classifier {
    /// Loads a package's model, checks it against the package, and runs it a
    /// few times. Costs 10 to 50 ms for a model of 3 MB, and
    /// loading the runtime at the first call.
    ///
    /// # Errors
    /// [`ModelError`]: the runtime is missing, refuses the model, lacks the
    /// provider or cannot start it, or model and package disagree.
    pub fn load(package: &ModelPackage, options: &RuntimeOptions) -> Result<Self, ModelError> {
        let name = || package.name().to_owned();
        let Opened { session, whole } = opening::open(package, options)?;
        let recipe = package.preprocess().clone();
        let preparer = Preparer::new(recipe).map_err(|source| ModelError::Recipe {
            name: name(),
            source,
        })?;
        let input = ports::input(&session, package)?;
        let output = ports::scores(&session, package)?;
        let shape = package.preprocess().tensor_shape();
        let mut classifier = Self {
            session,
            provider: options.provider,
            runs_whole: whole,
            input,
            output,
            labels: package.shared_labels(),
            function: package.score_function(),
            preparer,
            tensor: Tensor::zeros(shape),
            halves: Vec::new(),
        };
        match classifier.try_out() {
            Ok(()) => Ok(classifier),
            Err(source) => Err(ModelError::Trial {
                name: name(),
                source,
            }),
        }
    }

    /// Runs on nothing, and on two pictures of one strong colour each, and looks
    /// at what comes out: numbers of a network without a softmax hardly stay
    /// between 0 and 1 on all three.
    fn try_out(&mut self) -> Result<(), TrialError> {
        let zeros = Tensor::zeros(self.preparer.recipe().tensor_shape());
        let mut found = vec![self.run(&zeros)?];
        for colour in [[255, 0, 0], [0, 255, 255]] {
            if let Some(picture) = Pixels::from_rgb8(1, 1, colour.to_vec()) {
                found.push(self.classify(&picture)?);
            }
        }
        // A half-precision softmax ends a little beyond.
        let usual = -0.01..=1.01;
        let mut scores = found.iter().flat_map(Scores::iter);
        match scores.find(|(_, score)| !usual.contains(score)) {
            None => Ok(()),
            Some((label, score)) => Err(TrialError::NoScores {
                output: self.output.name.clone(),
                label: label.to_owned(),
                score,
            }),
        }
    }

    /// What carries the model out, as it was asked for.
    #[must_use]
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// Whether the provider runs every part of the model. Where it does not, the
    /// processor runs what it leaves, perhaps all of it.
    #[must_use]
    pub fn provider_runs_whole_model(&self) -> bool {
        self.runs_whole
    }

    /// The labels, in the order of the scores.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The input as the model declares it.
    #[must_use]
    pub fn input(&self) -> String {
        ports::in_words(self.session.inputs())
    }

    /// The output that scores are read from, as the model declares it.
    #[must_use]
    pub fn output(&self) -> String {
        let outputs = self.session.outputs().iter();
        ports::in_words(outputs.filter(|output| output.name() == self.output.name))
    }

    /// How pictures are prepared.
    #[must_use]
    pub fn preprocess(&self) -> &Preprocess {
        self.preparer.recipe()
    }

    /// Lays out a picture for this model, in a tensor of its own.
    pub fn prepare(&mut self, pixels: &Pixels) -> Tensor {
        self.preparer.prepare(pixels)
    }

    /// Lays out a picture in a tensor that is there already, of whatever shape.
    pub fn prepare_into(&mut self, pixels: &Pixels, tensor: &mut Tensor) {
        self.preparer.prepare_into(pixels, tensor);
    }

    /// Runs the model on a prepared picture.
    ///
    /// # Errors
    /// [`InferenceError`]; the classifier can be used again after it.
    pub fn run(&mut self, tensor: &Tensor) -> Result<Scores, InferenceError> {
        let expected = self.shape_for(tensor)?;
        let values = match self.input.element {
            Element::F32 => {
                let input = TensorRef::from_array_view((expected, tensor.values()))
                    .map_err(InferenceError::Run)?;
                let inputs = ort::inputs![self.input.name.as_str() => input];
                let outputs = self.session.run(inputs).map_err(InferenceError::Run)?;
                read_scores(
                    &outputs[self.output.name.as_str()],
                    &self.output,
                    &self.labels,
                )?
            }
            Element::F16 => {
                self.halves.clear();
                let halves = tensor.values().iter().copied().map(f16::from_f32);
                self.halves.extend(halves);
                let input = TensorRef::from_array_view((expected, self.halves.as_slice()))
                    .map_err(InferenceError::Run)?;
                let inputs = ort::inputs![self.input.name.as_str() => input];
                let outputs = self.session.run(inputs).map_err(InferenceError::Run)?;
                read_scores(
                    &outputs[self.output.name.as_str()],
                    &self.output,
                    &self.labels,
                )?
            }
        };
        self.judged(values)
    }

    /// The tensor's shape, if it is one that the preparation makes.
    fn shape_for(&self, tensor: &Tensor) -> Result<[usize; 4], InferenceError> {
        let recipe = self.preparer.recipe();
        let (found, expected) = (tensor.shape(), recipe.tensor_shape());
        let fits = |(found, least): (&usize, usize)| match recipe.longest {
            Some(longest) if least > CHANNELS => (least..=longest as usize).contains(found),
            _ => *found == least,
        };
        if found.iter().zip(expected).all(fits) {
            Ok(found)
        } else {
            Err(InferenceError::Shape { found, expected })
        }
    }

    /// Prepares and runs, in memory that is kept between pictures.
    ///
    /// # Errors
    /// As [`Classifier::run`].
    pub fn classify(&mut self, pixels: &Pixels) -> Result<Scores, InferenceError> {
        // Taken out for the time of the call: both sides need `self`.
        let mut tensor = std::mem::replace(&mut self.tensor, Tensor::zeros([0; 4]));
        self.preparer.prepare_into(pixels, &mut tensor);
        let scores = self.run(&tensor);
        self.tensor = tensor;
        scores
    }

    fn judged(&self, mut values: Vec<f32>) -> Result<Scores, InferenceError> {
        let found = values.len();
        if let Some(at) = values.iter().position(|score| !score.is_finite()) {
            return Err(InferenceError::NotFinite {
                label: self.labels.get(at).cloned().unwrap_or_default(),
                score: values[at],
            });
        }
        self.function.apply(&mut values);
        Scores::new(Arc::clone(&self.labels), values).ok_or_else(|| InferenceError::Count {
            output: self.output.name.clone(),
            found,
            expected: self.labels.len(),
        })
    }
}

/// Scores in label order.
fn read_scores(
    value: &DynValue,
    output: &ScorePort,
    labels: &[String],
) -> Result<Vec<f32>, InferenceError> {
    let unread = |source| InferenceError::Output {
        output: output.name.clone(),
        source,
    };
    match output.form {
        ScoreForm::Numbers(Element::F32) => {
            let (_, numbers) = value.try_extract_tensor::<f32>().map_err(unread)?;
            Ok(numbers.to_vec())
        }
        ScoreForm::Numbers(Element::F16) => {
            let (_, numbers) = value.try_extract_tensor::<f16>().map_err(unread)?;
            Ok(numbers.iter().copied().map(f16::to_f32).collect())
        }
        ScoreForm::Maps => {
            let maps = value
                .try_extract_sequence::<MapValueType<String, f32>>()
                .map_err(unread)?;
            let [map] = maps.as_slice() else {
                return Err(InferenceError::Count {
                    output: output.name.clone(),
                    found: maps.len(),
                    expected: 1,
                });
            };
            let scores = map.try_extract_map::<String, f32>().map_err(unread)?;
            let score_of = |label: &String| {
                let score = scores.get(label).copied();
                score.ok_or_else(|| InferenceError::LabelMissing {
                    output: output.name.clone(),
                    label: label.clone(),
                })
            };
            labels.iter().map(score_of).collect()
        }
    }
}
