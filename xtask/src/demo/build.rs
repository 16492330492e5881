//! The three programs of the demo.

use std::path::{Path, PathBuf};

use crate::build;

/// The programs of the demo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Programs {
    /// The module: `fruit-counter`.
    pub(super) module: PathBuf,
    /// The development hub: `devhub`.
    pub(super) devhub: PathBuf,
    /// The leaf device: `camera`.
    pub(super) camera: PathBuf,
}

/// What cargo is asked for.
const BUILD: [&str; 8] = [
    "build",
    "-p",
    "fruit-counter",
    "-p",
    "devhub",
    "-p",
    "camera",
    "--bins",
];

/// Builds what is not built yet.
pub(super) fn build(root: &Path) -> anyhow::Result<Programs> {
    let built = build::run(root, &BUILD)?;
    Ok(Programs {
        module: built.program("fruit-counter")?,
        devhub: built.program("devhub")?,
        camera: built.program("camera")?,
    })
}
