//! Programs of Custom Vision's whose preprocessing can be asked for by name.
//!
//! A name chooses which part of the picture is taken and how it is resized. What the tensor is
//! (its size, axes, channel order, value range, mean) stays the model's: the containers wrote
//! constants there, blue-green-red and 0..=255, since the TensorFlow file beside them took just
//! that. The ONNX export of the same iteration may take red-green-blue and 0..=1 instead, and says
//! so. Fed with the container's constants it would answer nonsense; fed with what it states, it
//! sees the picture that the container's network saw. A model that states nothing gets the
//! constants anyway, since they are what is assumed of it.

use std::fmt;
use std::str::FromStr;

use super::{Origin, Preprocess};

/// A program whose preprocessing is followed to the pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedRecipe {
    /// [`Preprocess::docker_2018`].
    Docker2018,
    /// [`Preprocess::docker_2020`].
    Docker2020,
    /// [`Preprocess::docker_2024`].
    Docker2024,
    /// [`Preprocess::sample_stretch`].
    SampleStretch,
}

/// A name that is none of [`NamedRecipe::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no preprocessing of this name; there are {}", names())]
pub struct UnknownRecipe;

impl NamedRecipe {
    /// All, the oldest first.
    pub const ALL: [Self; 4] = [
        Self::Docker2018,
        Self::Docker2020,
        Self::Docker2024,
        Self::SampleStretch,
    ];

    /// The name, as settings have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Docker2018 => "docker-2018",
            Self::Docker2020 => "docker-2020",
            Self::Docker2024 => "docker-2024",
            Self::SampleStretch => "sample-stretch",
        }
    }

    /// The program, for people.
    #[must_use]
    pub const fn program(self) -> &'static str {
        match self {
            Self::Docker2018 => "the exported container of 2018 to 2020",
            Self::Docker2020 => "the exported container of 2020 to 2022",
            Self::Docker2024 => "the exported container of 2024",
            Self::SampleStretch => "the Python sample for ONNX exports",
        }
    }
}

fn names() -> String {
    NamedRecipe::ALL.map(NamedRecipe::as_str).join(", ")
}

impl fmt::Display for NamedRecipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for NamedRecipe {
    type Err = UnknownRecipe;

    fn from_str(text: &str) -> Result<Self, UnknownRecipe> {
        let found = Self::ALL.into_iter().find(|named| named.as_str() == text);
        found.ok_or(UnknownRecipe)
    }
}

impl Preprocess {
    /// The same tensor, with the picture laid out in it as `named` does.
    #[must_use]
    pub fn laid_out_as(self, named: NamedRecipe) -> Self {
        let Self {
            input,
            channels,
            range,
            ..
        } = self;
        let model = match named {
            NamedRecipe::Docker2018 => Self::docker_2018(input),
            NamedRecipe::Docker2020 => Self::docker_2020(input),
            NamedRecipe::Docker2024 => Self::docker_2024(input),
            NamedRecipe::SampleStretch => Self::sample_stretch(input, channels, range),
        };
        Self {
            shrink_to_longest: model.shrink_to_longest,
            fit: model.fit,
            filter: model.filter,
            // None of these programs lets the input grow with the picture.
            longest: None,
            origin: Origin::Named(named),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AxisOrder, ChannelOrder, Size, ValueRange};

    #[test]
    fn each_name_is_read_back() {
        for named in NamedRecipe::ALL {
            assert_eq!(named.as_str().parse(), Ok(named));
        }
        let error = "docker-2019".parse::<NamedRecipe>().unwrap_err();
        assert!(
            error.to_string().contains("docker-2018, docker-2020"),
            "{error}"
        );
    }

    #[test]
    fn a_model_that_states_nothing_gets_the_programs_own_constants() {
        let assumed = Preprocess::docker_2018(Size::square(227));
        for (named, own) in [
            (
                NamedRecipe::Docker2018,
                Preprocess::docker_2018(Size::square(227)),
            ),
            (
                NamedRecipe::Docker2020,
                Preprocess::docker_2020(Size::square(227)),
            ),
            (
                NamedRecipe::Docker2024,
                Preprocess::docker_2024(Size::square(227)),
            ),
        ] {
            let expected = Preprocess {
                origin: Origin::Named(named),
                ..own
            };
            assert_eq!(assumed.clone().laid_out_as(named), expected);
        }
    }

    #[test]
    fn what_the_model_states_of_its_tensor_stays() {
        let stated = Preprocess {
            axes: AxisOrder::Nhwc,
            mean: [0.5; 3],
            ..Preprocess::plain(Size::square(224), ChannelOrder::Rgb, ValueRange::Unit)
        };
        for named in NamedRecipe::ALL {
            let recipe = stated.clone().laid_out_as(named);
            assert_eq!(recipe.tensor_shape(), stated.tensor_shape());
            assert_eq!(
                (recipe.channels, recipe.range),
                (stated.channels, stated.range)
            );
            assert_eq!(
                (recipe.mean, recipe.deviation),
                (stated.mean, stated.deviation)
            );
            assert_eq!(recipe.origin, Origin::Named(named));
        }
    }
}
