//! `cargo xtask setup`: ONNX Runtime under `target/onnxruntime`.
//!
//! The library comes out of the wheel that PyPI has for this platform: one
//! pinned hash, one mechanism for the demo, the tests and the images. What is
//! in place stays and costs neither network nor pip. This room must never put a
//! file in place that was not checked, and never touch anything else.
//!
//! `wheel` knows the files, `pip` the download, `error` the sentences.

mod error;
mod pip;
#[cfg(test)]
mod tests;
mod wheel;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use error::SetupError;
use wheel::Found;

use crate::platform::{self, VERSION, Wheel};
use crate::workspace;

/// Sets this machine up if it is not, saying on stderr what is done.
/// Returns the path of the library.
pub(crate) fn run(root: &Path) -> anyhow::Result<PathBuf> {
    let wheel = platform::wheel(std::env::consts::OS, std::env::consts::ARCH)?;
    let setup = Setup {
        folder: workspace::onnxruntime(root),
        wheel,
        path: None,
    };
    setup
        .run(&mut |line| eprintln!("{line}"))
        .context("not set up; mend this and run the command again")
}

/// One set-up: where to, which wheel, and where to look for Python.
struct Setup<'a> {
    folder: PathBuf,
    wheel: &'a Wheel,
    /// The PATH to find `python3` on; the caller's own if `None`.
    path: Option<OsString>,
}

impl Setup<'_> {
    fn run(&self, say: &mut dyn FnMut(&str)) -> Result<PathBuf, SetupError> {
        let library = self.folder.join(wheel::LIBRARY);
        match wheel::look(&self.folder, self.wheel)? {
            Found::Ready => {
                say(&format!("set-up: ONNX Runtime {VERSION} is in place"));
                return Ok(library);
            }
            Found::Nothing => {}
            Found::Unusable(why) => {
                say(&format!(
                    "set-up: {} cannot be used: {why}",
                    library.display()
                ));
            }
        }
        fs::create_dir_all(&self.folder).map_err(SetupError::file("create", &self.folder))?;
        let path = match self.wheel_at_hand()? {
            Some(path) => {
                say(&format!("set-up: using {}", path.display()));
                path
            }
            None => self.fetch(say)?,
        };
        let bytes = wheel::unpack(&path, self.wheel, &self.folder)?;
        say(&format!(
            "set-up: unpacked {} ({} MB)",
            library.display(),
            bytes / 1_000_000
        ));
        Ok(library)
    }

    /// A wheel kept from an earlier run. One that is not the pinned wheel is
    /// removed without a word: it will be fetched again and checked again.
    fn wheel_at_hand(&self) -> Result<Option<PathBuf>, SetupError> {
        let ours = |path: &PathBuf| path.to_string_lossy().contains(self.wheel.pip_platform);
        for path in wheels_in(&self.folder)?.into_iter().filter(ours) {
            match wheel::check(&path, self.wheel) {
                Ok(()) => return Ok(Some(path)),
                Err(SetupError::WrongHash { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(None)
    }

    /// Downloads into a folder of this process, checks, and moves it in place.
    fn fetch(&self, say: &mut dyn FnMut(&str)) -> Result<PathBuf, SetupError> {
        let Wheel {
            machine, megabytes, ..
        } = self.wheel;
        say(&format!(
            "set-up: fetching ONNX Runtime {VERSION} for {machine} from PyPI (about {megabytes} MB, once)"
        ));
        let folder = self.folder.join(format!("download-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(SetupError::file("create", &folder))?;
        let fetched = self.fetch_into(&folder, say);
        // Whatever happened, nothing half-done stays; a left-over folder harms nobody.
        let _ = fs::remove_dir_all(&folder);
        fetched
    }

    fn fetch_into(&self, folder: &Path, say: &mut dyn FnMut(&str)) -> Result<PathBuf, SetupError> {
        pip::download(self.wheel, folder, self.path.as_ref(), say)?;
        let Some(path) = wheels_in(folder)?.into_iter().next() else {
            return Err(SetupError::Pip {
                status: "success".to_owned(),
                said: "it left no wheel behind".to_owned(),
            });
        };
        wheel::check(&path, self.wheel)?;
        say("set-up: SHA-256 is the pinned one");
        let kept = self.folder.join(path.file_name().unwrap_or_default());
        fs::rename(&path, &kept).map_err(SetupError::file("rename", &path))?;
        Ok(kept)
    }
}

/// The wheels in a folder, sorted by name.
fn wheels_in(folder: &Path) -> Result<Vec<PathBuf>, SetupError> {
    let entries = fs::read_dir(folder).map_err(SetupError::file("read", folder))?;
    let mut wheels = Vec::new();
    for entry in entries {
        let path = entry.map_err(SetupError::file("read", folder))?.path();
        if path.extension().is_some_and(|extension| extension == "whl") {
            wheels.push(path);
        }
    }
    wheels.sort();
    Ok(wheels)
}
