//! A model's input and output, checked against its package.
//!
//! Everything that can be wrong between a model and what we feed it is found
//! here, when the module starts, and not at the first picture.

use ort::session::Session;
use ort::value::{Outlet, TensorElementType, ValueType};

use super::ModelError;
use crate::{ModelPackage, Preprocess};

/// The input that pictures are fed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InputPort {
    pub(super) name: String,
    pub(super) element: Element,
}

/// Number type of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    F32,
    /// Half precision, in exports of the flavour `OnnxFloat16`.
    F16,
}

/// The output that scores are read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ScorePort {
    pub(super) name: String,
    pub(super) form: ScoreForm,
}

/// How scores are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScoreForm {
    /// A sequence with one map, label to score; its order means nothing.
    Maps,
    /// One number per label, in label order.
    Numbers(Element),
}

/// The one input, which must take what the preprocessing makes.
pub(super) fn input(session: &Session, package: &ModelPackage) -> Result<InputPort, ModelError> {
    let name = || package.name().to_owned();
    let [input] = session.inputs() else {
        return Err(ModelError::Inputs {
            name: name(),
            found: in_words(session.inputs()),
        });
    };
    if let ValueType::Tensor { shape, .. } = input.dtype()
        && shape.len() == 4
        && let Some(batch) = shape.iter().next().filter(|batch| **batch > 1)
    {
        return Err(ModelError::Batch {
            name: name(),
            input: input.name().to_owned(),
            batch: *batch,
        });
    }
    let recipe = package.preprocess();
    let (element, fits) = match input.dtype() {
        ValueType::Tensor { ty, shape, .. } => (element(*ty), accepts(shape, recipe)),
        _ => (None, false),
    };
    match element {
        Some(element) if fits => Ok(InputPort {
            name: input.name().to_owned(),
            element,
        }),
        _ => Err(ModelError::InputMismatch {
            name: name(),
            input: input.name().to_owned(),
            model: input.dtype().to_string(),
            prepared: format!("Tensor<f32>{:?}", recipe.tensor_shape()),
            recipe: recipe.to_string(),
        }),
    }
}

/// Open dimensions, -1, take anything.
fn accepts(shape: &[i64], recipe: &Preprocess) -> bool {
    let made = recipe.tensor_shape();
    shape.len() == made.len()
        && shape
            .iter()
            .zip(made)
            .all(|(takes, made)| *takes < 0 || usize::try_from(*takes) == Ok(made))
}

fn element(ty: TensorElementType) -> Option<Element> {
    match ty {
        TensorElementType::Float32 => Some(Element::F32),
        TensorElementType::Float16 => Some(Element::F16),
        _ => None,
    }
}

/// The output with the scores: a map where there is one, else the tensor whose
/// size fits the labels.
pub(super) fn scores(session: &Session, package: &ModelPackage) -> Result<ScorePort, ModelError> {
    let labels = package.labels().len();
    let outputs = session.outputs();
    let wanted = package.output();
    let forms = outputs
        .iter()
        .filter(|output| wanted.is_none_or(|wanted| output.name() == wanted))
        .filter_map(|output| Some((output, form(output.dtype(), labels)?)));
    let best = forms.min_by_key(|(_, form)| match form {
        ScoreForm::Maps => 0,
        ScoreForm::Numbers(_) => 1,
    });
    match best {
        Some((output, form)) => Ok(ScorePort {
            name: output.name().to_owned(),
            form,
        }),
        None if wanted.is_some() => Err(ModelError::NamedOutput {
            name: package.name().to_owned(),
            wanted: wanted.unwrap_or_default().to_owned(),
            found: in_words(outputs),
            labels,
        }),
        None => Err(ModelError::Outputs {
            name: package.name().to_owned(),
            found: in_words(outputs),
            labels,
        }),
    }
}

/// The form of an output that could hold `labels` scores. Batch and other axes
/// of one are allowed: some networks keep a row and a column of one.
fn form(dtype: &ValueType, labels: usize) -> Option<ScoreForm> {
    match dtype {
        ValueType::Sequence(item) => match item.as_ref() {
            ValueType::Map { key, value } => {
                let wanted = (TensorElementType::String, TensorElementType::Float32);
                ((*key, *value) == wanted).then_some(ScoreForm::Maps)
            }
            ValueType::Tensor { .. } | ValueType::Sequence(_) | ValueType::Optional(_) => None,
        },
        ValueType::Tensor { ty, shape, .. } => {
            let element = element(*ty)?;
            let fixed: Vec<_> = shape.iter().filter(|length| **length > 1).collect();
            let open = shape.iter().filter(|length| **length < 0).count();
            let fits = match fixed.as_slice() {
                [] => labels == 1 || open > 1,
                [only] => usize::try_from(**only) == Ok(labels),
                _ => false,
            };
            fits.then_some(ScoreForm::Numbers(element))
        }
        ValueType::Map { .. } | ValueType::Optional(_) => None,
    }
}

/// Name and type of each.
pub(super) fn in_words<'a>(ports: impl IntoIterator<Item = &'a Outlet>) -> String {
    let ports: Vec<_> = ports
        .into_iter()
        .map(|port| format!("{}: {}", port.name(), port.dtype()))
        .collect();
    match ports.as_slice() {
        [] => "nothing".to_owned(),
        ports => ports.join(" and "),
    }
}
