//! Where the real binaries are, built once per test run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, ensure};

/// The programs that a test can start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Binary {
    /// The module.
    FruitCounter,
    /// The development hub and supervisor.
    Devhub,
    /// The leaf device.
    Camera,
}

impl Binary {
    fn name(self) -> &'static str {
        match self {
            Binary::FruitCounter => "fruit-counter",
            Binary::Devhub => "devhub",
            Binary::Camera => "camera",
        }
    }
}

/// The root of the workspace, where the template and the bundled model are.
#[must_use]
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The path of a program, built in the profile of the tests; a plain `cargo test`
/// does not build the binaries of other packages, so this does, once for each.
///
/// # Errors
/// When the build fails or the program is not where cargo puts it.
pub fn binary(program: Binary) -> anyhow::Result<PathBuf> {
    type Built = BTreeMap<Binary, Result<PathBuf, String>>;
    static BUILT: Mutex<Built> = Mutex::new(Built::new());
    // One build at a time: they would wait for each other anyway.
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    built
        .entry(program)
        .or_insert_with(|| build(program).map_err(|error| format!("{error:#}")))
        .clone()
        .map_err(anyhow::Error::msg)
}

fn build(program: Binary) -> anyhow::Result<PathBuf> {
    // This test runs from <target>/<profile>/deps.
    let test = std::env::current_exe().context("finding the test's own path")?;
    let folder = test
        .parent()
        .and_then(Path::parent)
        .context("the test does not run from cargo's folder")?
        .to_owned();
    let release = folder.file_name().is_some_and(|name| name == "release");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(workspace_root())
        .args(["build", "--quiet", "--bins"]);
    // Cargo tells a test about its package. Build scripts that look at that (ring's does) would
    // build their package anew, and all above it, now and at the next call from a shell.
    for (name, _) in std::env::vars_os() {
        let about_us = ["CARGO_PKG_", "CARGO_MANIFEST_"];
        if name
            .to_str()
            .is_some_and(|name| about_us.iter().any(|prefix| name.starts_with(prefix)))
        {
            cargo.env_remove(name);
        }
    }
    if release {
        // A benchmark: it waits for what it measures and nothing else.
        cargo.args(["--release", "-p", program.name()]);
    } else {
        // The very call of `cargo xtask test`, with the very features: nothing is compiled again.
        cargo.arg("--workspace");
    }
    let status = cargo.status().context("starting cargo")?;
    let name = program.name();
    ensure!(status.success(), "building {name} failed: {status}");
    let path = folder.join(name);
    ensure!(
        path.is_file(),
        "{} is missing after the build",
        path.display()
    );
    Ok(path)
}
