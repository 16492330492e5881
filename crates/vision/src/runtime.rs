//! Finds and loads the ONNX Runtime library, once for the process.
//!
//! The library is a shared object beside the program, not part of it. The
//! binding panics when it is used before a library was loaded, so nothing in
//! this crate touches the binding but through [`environment`]. A library that
//! is missing is an error; the next call looks again.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;

use crate::provider::{self, Provider};

/// How a [`Classifier`](crate::Classifier) runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeOptions {
    /// The ONNX Runtime library. `None` looks where `ORT_DYLIB_PATH` says,
    /// else beside the program. The first library that a process loads stays:
    /// later values are not looked at.
    pub library: Option<PathBuf>,
    /// Threads that work on one picture, default 1; 0 counts as 1. Several
    /// classifiers of one thread do more pictures a second than one of several.
    pub threads: usize,
    /// What carries the model out, default the CPU. One that the library lacks,
    /// or that does not start, is an error; the CPU never takes its place.
    pub provider: Provider,
}

impl Default for RuntimeOptions {
    fn default() -> Self {
        Self {
            library: None,
            threads: 1,
            provider: Provider::default(),
        }
    }
}

/// Why the runtime cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// There is no library in any of the places.
    #[error(
        "ONNX Runtime was not found at {}; `cargo xtask setup` fetches it, or set ORT_DYLIB_PATH",
        list(looked_at)
    )]
    Missing {
        /// The files looked for, in order.
        looked_at: Vec<PathBuf>,
    },
    /// The file is there and is no library for this machine, or too old.
    #[error("{} is not an ONNX Runtime library that can be used; `cargo xtask setup` fetches one", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What the loader said.
        #[source]
        source: ort::LoadDynamicError,
    },
    /// The library refused to start.
    #[error("ONNX Runtime did not start")]
    Start(#[source] ort::Error),
    /// The library was built without the provider.
    #[error(
        "ONNX Runtime was built without the provider {provider} here, it has {}; take one of these, or a library with {provider}",
        provider::in_words(present)
    )]
    NoProvider {
        /// The provider that was asked for.
        provider: Provider,
        /// Those that the library has.
        present: Vec<Provider>,
    },
    /// The library has the provider and cannot start it.
    #[error(
        "ONNX Runtime cannot start the provider {provider}; see whether its own libraries, its device and drivers are there, or take the provider cpu"
    )]
    Provider {
        /// The provider that was asked for.
        provider: Provider,
        /// What the runtime said.
        #[source]
        source: ort::Error,
    },
}

fn list(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    paths.join(", ")
}

/// File name of the library on this platform.
const LIBRARY: &str = if cfg!(target_os = "macos") {
    "libonnxruntime.dylib"
} else if cfg!(windows) {
    "onnxruntime.dll"
} else {
    "libonnxruntime.so"
};

/// The process-wide environment: loads the library at the first call, about
/// 20 ms.
///
/// The binding allows one environment per process, ever, so it lives until the
/// process ends. It is public for programs that run sessions of their own
/// beside a [`Classifier`](crate::Classifier), as the benchmark does.
///
/// # Errors
/// [`RuntimeError`]; a later call looks again.
pub fn environment(library: Option<&Path>) -> Result<&'static Environment, RuntimeError> {
    static ENVIRONMENT: OnceLock<Environment> = OnceLock::new();
    static LOADING: Mutex<()> = Mutex::new(());
    if let Some(environment) = ENVIRONMENT.get() {
        return Ok(environment);
    }
    // One thread loads, the others wait; the guarded value is the static above,
    // which a panic leaves unset.
    let _loading = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = ENVIRONMENT.get() {
        return Ok(environment);
    }
    let environment = start(&find(library)?)?;
    Ok(ENVIRONMENT.get_or_init(|| environment))
}

fn find(library: Option<&Path>) -> Result<PathBuf, RuntimeError> {
    let looked_at = candidates(library);
    match looked_at.iter().find(|path| path.is_file()) {
        Some(path) => Ok(path.clone()),
        None => Err(RuntimeError::Missing { looked_at }),
    }
}

/// A place that was named is the only one. Otherwise: beside the program, and
/// where `cargo xtask setup` puts the library, seen from a program or a test
/// that cargo built.
fn candidates(library: Option<&Path>) -> Vec<PathBuf> {
    if let Some(library) = library {
        return vec![library.to_owned()];
    }
    if let Some(library) = std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()) {
        return vec![PathBuf::from(library)];
    }
    let program = std::env::current_exe().unwrap_or_default();
    let beside = program.parent().map(Path::to_owned).unwrap_or_default();
    ["", "../lib", "../onnxruntime", "../../onnxruntime"]
        .iter()
        .map(|folder| beside.join(folder).join(LIBRARY))
        .collect()
}

fn start(path: &Path) -> Result<Environment, RuntimeError> {
    // The loader takes a relative path as relative to the program.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let builder = match ort::init_from(&path) {
        Ok(builder) => builder,
        Err(source) => return Err(RuntimeError::Unusable { path, source }),
    };
    let environment = builder
        .with_name("vision")
        .with_telemetry(false)
        .with_logger(Arc::new(log))
        .build()
        .map_err(RuntimeError::Start)?;
    environment.set_log_level(LogLevel::Warning);
    tracing::debug!(library = %path.display(), "ONNX Runtime loaded");
    Ok(environment)
}

/// The runtime's own messages: it warns about what it copes with (old models,
/// unknown processors), and reports failures as errors as well.
fn log(level: LogLevel, category: &str, _id: &str, _code: &str, message: &str) {
    match level {
        LogLevel::Verbose | LogLevel::Info => tracing::trace!(category, "{message}"),
        LogLevel::Warning => tracing::debug!(category, "{message}"),
        LogLevel::Error | LogLevel::Fatal => tracing::warn!(category, "{message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_library_is_the_only_place() {
        let named = Path::new("/nowhere/libonnxruntime.so");
        let error = find(Some(named)).unwrap_err();
        let RuntimeError::Missing { looked_at } = &error else {
            panic!("{error}");
        };
        assert_eq!(looked_at, &[named]);
        let text = error.to_string();
        assert!(text.contains("/nowhere/libonnxruntime.so"), "{text}");
        assert!(text.contains("cargo xtask setup"), "{text}");
    }
}
