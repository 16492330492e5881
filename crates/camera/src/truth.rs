//! What is known to be in a picture.

use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// The two truths that rendered fruit has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Truth {
    /// A yellow banana, a red strawberry.
    Ripe,
    /// A green banana, a white or greenish strawberry.
    Unripe,
}

impl Truth {
    /// Both, in the order in which `both` alternates.
    pub const ALL: [Self; 2] = [Self::Ripe, Self::Unripe];

    /// The label, as in folder names and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ripe => "ripe",
            Self::Unripe => "unripe",
        }
    }
}

impl fmt::Display for Truth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is neither `ripe` nor `unripe`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("truth `{0}` is neither `ripe` nor `unripe`")]
pub struct UnknownTruth(String);

impl FromStr for Truth {
    type Err = UnknownTruth;

    fn from_str(text: &str) -> Result<Self, UnknownTruth> {
        match text {
            "ripe" => Ok(Self::Ripe),
            "unripe" => Ok(Self::Unripe),
            other => Err(UnknownTruth(other.to_owned())),
        }
    }
}
