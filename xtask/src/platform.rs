//! Which ONNX Runtime belongs to which machine.
//!
//! One table: a platform that is not in it is refused by name, with the way
//! round it, and nothing is downloaded.

use thiserror::Error;

/// The version of ONNX Runtime that the `ort` crate in this workspace binds to.
pub(crate) const VERSION: &str = "1.32.0";

/// One Python wheel that carries `libonnxruntime.so` for one kind of machine.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wheel {
    /// As people say it.
    pub(crate) machine: &'static str,
    /// The tag pip selects the wheel by.
    pub(crate) pip_platform: &'static str,
    /// SHA-256 of the wheel file, lower-case hexadecimal.
    pub(crate) sha256: &'static str,
    /// The library inside the wheel.
    pub(crate) library: &'static str,
    /// Size of the download in megabytes, for the person who waits.
    pub(crate) megabytes: u32,
}

const LIBRARY: &str = "onnxruntime/capi/libonnxruntime.so.1.32.0";

/// Linux on 64-bit Intel and AMD.
pub(crate) const X86_64: Wheel = Wheel {
    machine: "Linux x86-64",
    pip_platform: "manylinux_2_28_x86_64",
    sha256: "99e1074c4b2197accd5073052a465361be17b89c093b8ffb6e6bd8f986c52df8",
    library: LIBRARY,
    megabytes: 28,
};

/// Linux on 64-bit ARM: Raspberry Pi 4 and 5 with a 64-bit system, Jetson.
pub(crate) const AARCH64: Wheel = Wheel {
    machine: "Linux aarch64",
    pip_platform: "manylinux_2_28_aarch64",
    sha256: "e36c187006e7a7c8b8d6d57f1a209dd63f52430dca6c282b177718ad6b841054",
    library: LIBRARY,
    megabytes: 23,
};

/// Why there is no library for this machine, and what to do instead.
#[derive(Debug, PartialEq, Eq, Error)]
pub(crate) enum Unsupported {
    /// A 32-bit ARM processor or system.
    #[error(
        "ONNX Runtime has no library for 32-bit ARM ({arch}); on a Raspberry Pi 3 or newer \
         install a 64-bit system (aarch64), which has one"
    )]
    Arm32 {
        /// The architecture as Rust names it.
        arch: String,
    },
    /// macOS.
    #[error(
        "this runs on Linux, and this is macOS; open the folder in the development container \
         (.devcontainer), where every command works"
    )]
    MacOs,
    /// Windows.
    #[error(
        "this runs on Linux, and this is Windows; clone inside WSL 2 (wsl --install) or open the \
         folder in the development container (.devcontainer), where every command works"
    )]
    Windows,
    /// Anything else.
    #[error(
        "no ONNX Runtime library is known for {os} on {arch}; Linux on x86_64 and aarch64 have \
         one, use such a machine or the development container (.devcontainer) on one"
    )]
    Other {
        /// The system as Rust names it.
        os: String,
        /// The architecture as Rust names it.
        arch: String,
    },
}

/// The wheel for a machine, named as in `std::env::consts`.
pub(crate) fn wheel(os: &str, arch: &str) -> Result<&'static Wheel, Unsupported> {
    match (os, arch) {
        ("linux", "x86_64") => Ok(&X86_64),
        ("linux", "aarch64") => Ok(&AARCH64),
        ("linux", "arm") => Err(Unsupported::Arm32 {
            arch: arch.to_owned(),
        }),
        ("macos", _) => Err(Unsupported::MacOs),
        ("windows", _) => Err(Unsupported::Windows),
        _ => Err(Unsupported::Other {
            os: os.to_owned(),
            arch: arch.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_linux_machines_have_a_wheel_of_their_own() {
        let (intel, arm) = (
            wheel("linux", "x86_64").unwrap(),
            wheel("linux", "aarch64").unwrap(),
        );
        assert!(intel.pip_platform.ends_with("x86_64") && arm.pip_platform.ends_with("aarch64"));
        assert_ne!(intel.sha256, arm.sha256);
        for wheel in [intel, arm] {
            assert_eq!(wheel.sha256.len(), 64);
            assert!(wheel.library.ends_with(VERSION), "{}", wheel.library);
        }
    }

    #[test]
    fn the_image_takes_the_very_wheels_that_are_pinned_here() {
        let text = include_str!("../../docker/onnxruntime.txt");
        let version = text
            .lines()
            .find_map(|line| line.strip_prefix("onnxruntime=="));
        assert_eq!(version.unwrap().trim_end_matches([' ', '\\']), VERSION);
        let hashes = text
            .split_whitespace()
            .filter_map(|word| word.strip_prefix("--hash=sha256:"));
        assert_eq!(hashes.collect::<Vec<_>>(), [X86_64.sha256, AARCH64.sha256]);
    }

    #[test]
    fn other_machines_are_refused_by_name_with_a_way_round() {
        for (os, arch, name, cure) in [
            ("linux", "arm", "32-bit ARM", "64-bit system"),
            ("macos", "aarch64", "macOS", "development container"),
            ("windows", "x86_64", "Windows", "WSL"),
            ("linux", "riscv64", "riscv64", "development container"),
        ] {
            let said = wheel(os, arch).unwrap_err().to_string();
            assert!(
                said.contains(name) && said.contains(cure),
                "{os} {arch}: {said}"
            );
        }
    }
}
