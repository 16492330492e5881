//! Where things are: the root of the clone and the folders under it that more
//! than one command names.
//!
//! Nothing here creates or changes anything.

use std::path::{Path, PathBuf};

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
pub(crate) fn cargo() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}
