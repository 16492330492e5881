//! Where things are: the root of the clone and the folders under it that more
//! than one command names.
//!
//! Nothing here creates or changes anything.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the clone this command belongs to.
///
/// Cargo tells a program it runs where its package lies; a binary started by
/// hand falls back to where it was compiled.
pub(crate) fn root() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package
        .parent()
        .map_or_else(|| package.clone(), Path::to_path_buf)
}

/// Where ONNX Runtime is unpacked. Always under the clone's own `target`,
/// whatever `CARGO_TARGET_DIR` says, because `.cargo/config.toml` can only name
/// a path relative to itself.
pub(crate) fn onnxruntime(root: &Path) -> PathBuf {
    root.join("target").join("onnxruntime")
}

/// The cargo that runs us, so that a pinned toolchain stays pinned.
///
/// Without what it told us about our own package: build scripts that look at such
/// variables (ring's does) would take every change between a call from here and
/// one from a shell for a reason to build their package anew, and all above it.
pub(crate) fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_about_our_package) {
            command.env_remove(name);
        }
    }
    command
}

fn is_about_our_package(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_"]
        .iter()
        .any(|prefix| variable.starts_with(prefix))
}
