//! The settings of the model.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use vision::{ModelPackage, NamedRecipe};

use super::{Reader, Setting, Unit};

pub(super) const MODEL: Setting = Setting {
    name: "FRUIT_COUNTER_MODEL",
    twin: None,
    unit: Unit::None,
    accepts: "path of a model folder, of an exported zip file, or of an .onnx file",
    default: "the folder `model` beside the program, else in the working folder",
    effect: "the model that classifies the pictures (docs/models.md)",
    cost: "a larger model takes more memory, and more time for each picture",
};
pub(super) const PREPROCESS: Setting = Setting {
    name: "FRUIT_COUNTER_PREPROCESS",
    twin: None,
    unit: Unit::None,
    accepts: "auto, docker-2018, docker-2020, docker-2024 or sample-stretch",
    default: "auto",
    effect: "how a picture is laid out for the model: as the model's own files tell, or strictly as \
             the exported container of that time (or the Python sample) did; the model's version in \
             the reports then says so (docs/models.md)",
    cost: "none",
};

/// How pictures are laid out for the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// As the package's own files tell.
    #[default]
    Auto,
    /// As a named program does.
    Named(NamedRecipe),
}

impl Layout {
    const AUTO: &str = "auto";

    /// The package, laid out so.
    #[must_use]
    pub fn of(self, package: ModelPackage) -> ModelPackage {
        match self {
            Self::Auto => package,
            Self::Named(named) => package.laid_out_as(named),
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str(Self::AUTO),
            Self::Named(named) => named.fmt(f),
        }
    }
}

impl FromStr for Layout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == Self::AUTO {
            return Ok(Self::Auto);
        }
        let named = text.parse::<NamedRecipe>();
        named
            .map(Self::Named)
            .map_err(|error| format!("{error}, and {}", Self::AUTO))
    }
}

/// The model and how pictures are laid out for it.
#[derive(Debug, Default)]
pub struct ModelSettings {
    /// Folder, zip or .onnx file; `None`: look in the usual places.
    pub path: Option<PathBuf>,
    /// How pictures are laid out for it.
    pub layout: Layout,
}

impl Reader {
    pub(super) fn model(&mut self) -> ModelSettings {
        ModelSettings {
            path: self.optional(MODEL, |text| Ok(PathBuf::from(text))),
            layout: self.value(PREPROCESS, Layout::Auto, str::parse),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_layout_is_read_back_and_accepted() {
        let named = NamedRecipe::ALL.map(Layout::Named);
        for layout in named.into_iter().chain([Layout::Auto]) {
            let text = layout.to_string();
            assert_eq!(text.parse(), Ok(layout));
            assert!(PREPROCESS.accepts.contains(&text), "{text}");
        }
        let error = "strict".parse::<Layout>().unwrap_err();
        assert!(
            error.contains("docker-2018") && error.contains("auto"),
            "{error}"
        );
    }
}
