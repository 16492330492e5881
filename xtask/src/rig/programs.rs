//! The three programs of a site.

use std::path::{Path, PathBuf};

use crate::build;

/// The programs of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Programs {
    /// The module: `fruit-counter`.
    pub(crate) module: PathBuf,
    /// The development hub: `devhub`.
    pub(crate) devhub: PathBuf,
    /// The leaf device: `camera`.
    pub(crate) camera: PathBuf,
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
pub(crate) fn build(root: &Path) -> anyhow::Result<Programs> {
    let built = build::run(root, &BUILD)?;
    Ok(Programs {
        module: built.program("fruit-counter")?,
        devhub: built.program("devhub")?,
        camera: built.program("camera")?,
    })
}
