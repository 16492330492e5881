//! What carries a model out: the processor, or one of ONNX Runtime's execution providers.
//!
//! Which of them there are is the library's affair: the wheel `onnxruntime` has none but the CPU's,
//! `onnxruntime-openvino` and `onnxruntime-gpu` have more. This room names them and asks the
//! library; it opens no session.
//!
//! Absent on purpose: the provider `Azure`, which the usual wheels have. It sends a model's inputs,
//! which are pictures, to a service in the cloud.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use ort::ep::{self, ExecutionProvider as _, ExecutionProviderDispatch};

use crate::runtime::{RuntimeError, environment};

/// What carries a model out. All compute the same within rounding, so that what is counted does not
/// depend on it: single precision is asked for where a device would take less by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Provider {
    /// ONNX Runtime's own kernels on the processor. Every library has them, and they take what
    /// another provider leaves.
    #[default]
    Cpu,
    /// Google's XNNPACK on the processor; in libraries that were built with it, mostly for ARM.
    Xnnpack,
    /// Intel's OpenVINO, on the processor: not on a graphics unit, whose results differ more.
    OpenVino,
    /// An NVIDIA GPU, the first one.
    Cuda,
    /// The same through TensorRT, and through CUDA what TensorRT does not take. It builds its
    /// engine at every load, which takes from seconds to minutes.
    TensorRt,
}

/// A name that is none of [`Provider::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no provider {0:?}; there are {all}", all = in_words(&Provider::ALL))]
pub struct UnknownProvider(String);

impl Provider {
    /// All, whether a library has them or not.
    pub const ALL: [Self; 5] = [
        Self::Cpu,
        Self::Xnnpack,
        Self::OpenVino,
        Self::Cuda,
        Self::TensorRt,
    ];

    /// The name, as settings have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Xnnpack => "xnnpack",
            Self::OpenVino => "openvino",
            Self::Cuda => "cuda",
            Self::TensorRt => "tensorrt",
        }
    }

    /// Whether the library that is loaded was built with it. That says nothing of devices and drivers.
    fn is_in_the_library(self) -> ort::Result<bool> {
        match self {
            Self::Cpu => Ok(true),
            Self::Xnnpack => ep::XNNPACK::is_available(),
            Self::OpenVino => ep::OpenVINO::is_available(),
            Self::Cuda => ep::CUDA::is_available(),
            Self::TensorRt => ep::TensorRT::is_available(),
        }
    }

    /// What a session is given, the preferred first; nothing for the CPU, which is always there. The
    /// binding would log a provider that does not start and go on without; here that is an error.
    pub(crate) fn to_register(self, threads: usize) -> Vec<ExecutionProviderDispatch> {
        // Single precision: by itself a newer GPU rounds what it multiplies to 10 bits.
        let cuda = || ep::CUDA::default().with_tf32(false).build();
        let all = match self {
            Self::Cpu => vec![],
            Self::Xnnpack => {
                let own = ep::XNNPACK::default();
                vec![match std::num::NonZeroUsize::new(threads) {
                    Some(threads) => own.with_intra_op_num_threads(threads).build(),
                    None => own.build(),
                }]
            }
            Self::OpenVino => {
                let on_the_processor = ep::OpenVINO::default().with_device_type("CPU");
                vec![
                    on_the_processor
                        .with_precision("FP32")
                        .with_num_threads(threads.max(1))
                        .build(),
                ]
            }
            Self::Cuda => vec![cuda()],
            Self::TensorRt => vec![ep::TensorRT::default().build(), cuda()],
        };
        let strict = all.into_iter().map(|one| one.error_on_failure());
        strict.collect()
    }

    /// Whether it works with threads of its own, so that the session's would stand idle beside them.
    pub(crate) const fn has_its_own_threads(self) -> bool {
        match self {
            Self::Xnnpack | Self::OpenVino => true,
            Self::Cpu | Self::Cuda | Self::TensorRt => false,
        }
    }
}

/// The providers that the ONNX Runtime library was built with, [`Provider::Cpu`] first. Loads the
/// library if none is loaded yet; `library` as in [`RuntimeOptions`](crate::RuntimeOptions).
///
/// Providers that this crate does not know are left out, and so is `Azure`, which would send
/// pictures to the cloud. One that is listed may still not start: its device, its drivers or
/// libraries of its own may be missing.
///
/// # Errors
/// [`RuntimeError`]: the library is missing, or does not say what it has.
pub fn providers(library: Option<&Path>) -> Result<Vec<Provider>, RuntimeError> {
    environment(library)?;
    let mut found = Vec::new();
    for provider in Provider::ALL {
        if provider.is_in_the_library().map_err(RuntimeError::Start)? {
            found.push(provider);
        }
    }
    Ok(found)
}

/// Names with commas between them.
pub(crate) fn in_words(providers: &[Provider]) -> String {
    let names: Vec<_> = providers.iter().map(|one| one.as_str()).collect();
    names.join(", ")
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(text: &str) -> Result<Self, UnknownProvider> {
        let found = Self::ALL.into_iter().find(|one| one.as_str() == text);
        found.ok_or_else(|| UnknownProvider(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for provider in Provider::ALL {
            assert_eq!(provider.to_string().parse(), Ok(provider));
        }
        assert_eq!(Provider::default(), Provider::Cpu);
    }

    #[test]
    fn an_unknown_name_is_told_with_those_there_are() {
        for name in ["azure", "CUDA", "", "gpu"] {
            let error = name.parse::<Provider>().unwrap_err().to_string();
            assert!(error.contains(&format!("{name:?}")), "{error}");
            assert!(
                error.ends_with("cpu, xnnpack, openvino, cuda, tensorrt"),
                "{error}"
            );
        }
    }
}
