//! The set-up against a real `python3` on the PATH: a small script in the place
//! of the interpreter, and a small zip in the place of the wheel. No network.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::error::SetupError;
use super::{Setup, wheel};
use crate::platform::{Wheel, X86_64};

const LIBRARY_TEXT: &[u8] = b"\x7fELF the library";

/// A machine with nothing but a folder for the library and a folder of programs.
struct Machine {
    home: TempDir,
    wheel: Wheel,
}

impl Machine {
    fn new() -> Self {
        let home = TempDir::new().unwrap();
        fs::create_dir(home.path().join("bin")).unwrap();
        let packed = home.path().join("packed.zip");
        write_wheel(&packed, LIBRARY_TEXT);
        let sha256 = hash(&fs::read(&packed).unwrap()).leak();
        Self {
            home,
            wheel: Wheel { sha256, ..X86_64 },
        }
    }

    fn folder(&self) -> PathBuf {
        self.home.path().join("target/onnxruntime")
    }

    fn packed(&self) -> PathBuf {
        self.home.path().join("packed.zip")
    }

    /// Puts a `python3` on the PATH. Written by a shell, so that no descriptor
    /// open for writing can be inherited by another test's child, which would
    /// make the script "busy".
    fn python(&self, body: &str) -> &Self {
        let script = format!(
            "#!/bin/sh\necho \"$@\" >> '{}'\n{body}\n",
            self.calls().display()
        );
        let mut shell = Command::new("/bin/sh")
            .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
            .arg(self.home.path().join("bin/python3"))
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        shell
            .stdin
            .take()
            .unwrap()
            .write_all(script.as_bytes())
            .unwrap();
        assert!(shell.wait().unwrap().success());
        self
    }

    /// A pip that "downloads" the wheel.
    fn working_python(&self) -> &Self {
        self.python(&format!(
            "while [ $# -gt 1 ]; do shift; done\ncp '{}' \"$1/onnxruntime-1.32.0-{}.whl\"\necho Saved",
            self.packed().display(),
            self.wheel.pip_platform,
        ))
    }

    fn calls(&self) -> PathBuf {
        self.home.path().join("calls")
    }

    fn number_of_calls(&self) -> usize {
        fs::read_to_string(self.calls()).map_or(0, |text| text.lines().count())
    }

    fn run(&self) -> (Result<PathBuf, SetupError>, String) {
        let mut path = self.home.path().join("bin").into_os_string();
        // The scripts need cp; no python3 of this computer must be found.
        path.push(":");
        path.push(self.home.path().join("tools"));
        let tools = self.home.path().join("tools");
        if !tools.exists() {
            fs::create_dir(&tools).unwrap();
            for tool in ["cp", "sleep"] {
                let real = ["/bin", "/usr/bin"].map(|bin| Path::new(bin).join(tool));
                let real = real.iter().find(|path| path.exists()).expect("coreutils");
                std::os::unix::fs::symlink(real, tools.join(tool)).unwrap();
            }
        }
        let setup = Setup {
            folder: self.folder(),
            wheel: &self.wheel,
            path: Some(path),
        };
        let mut said = String::new();
        let result = setup.run(&mut |line| {
            said.push_str(line);
            said.push('\n');
        });
        (result, said)
    }

    fn library(&self) -> Vec<u8> {
        fs::read(self.folder().join(wheel::LIBRARY)).unwrap()
    }

    /// Files in the folder, without the directory part.
    fn files(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.folder()) else {
            return Vec::new();
        };
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn write_wheel(path: &Path, library: &[u8]) {
    let mut zip = ZipWriter::new(fs::File::create(path).unwrap());
    for (name, content) in [
        ("onnxruntime/LICENSE", b"MIT".as_slice()),
        ("onnxruntime/ThirdPartyNotices.txt", b"others"),
        (X86_64.library, library),
    ] {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap();
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[test]
fn first_run_fetches_checks_and_unpacks() {
    let machine = Machine::new();
    let (result, said) = machine.working_python().run();
    assert_eq!(result.unwrap(), machine.folder().join("libonnxruntime.so"));
    assert_eq!(machine.library(), LIBRARY_TEXT);
    assert!(
        said.contains("fetching ONNX Runtime 1.32.0 for Linux x86-64"),
        "{said}"
    );
    assert!(
        said.contains("pip: Saved"),
        "pip's words are passed on: {said}"
    );
    let wheel = "onnxruntime-1.32.0-manylinux_2_28_x86_64.whl";
    assert_eq!(
        machine.files(),
        [
            "LICENSE",
            "ThirdPartyNotices.txt",
            "installed.json",
            "libonnxruntime.so",
            wheel
        ]
    );
    let asked = fs::read_to_string(machine.calls()).unwrap();
    for part in [
        "-m pip download onnxruntime==1.32.0 --no-deps --only-binary=:all:",
        "--python-version 3.12 --implementation cp --abi cp312 --platform manylinux_2_28_x86_64",
    ] {
        assert!(asked.contains(part), "{asked}");
    }
}

#[test]
fn second_run_asks_nobody() {
    let machine = Machine::new();
    machine.working_python().run().0.unwrap();
    let (result, said) = machine.python("exit 9").run();
    result.unwrap();
    assert_eq!(machine.number_of_calls(), 1);
    assert_eq!(said, "set-up: ONNX Runtime 1.32.0 is in place\n");
}

#[test]
fn damaged_library_is_noticed_and_mended_without_network() {
    for damage in [b"".as_slice(), b"\x7fELF the librarx", b"\x7fELF"] {
        let machine = Machine::new();
        machine.working_python().run().0.unwrap();
        fs::write(machine.folder().join("libonnxruntime.so"), damage).unwrap();
        let (result, said) = machine.python("exit 9").run();
        result.unwrap();
        assert!(said.contains("cannot be used"), "{said}");
        assert_eq!(machine.library(), LIBRARY_TEXT);
        assert_eq!(machine.number_of_calls(), 1, "the kept wheel was enough");
    }
}

#[test]
fn library_of_unknown_origin_is_replaced() {
    let machine = Machine::new();
    fs::create_dir_all(machine.folder()).unwrap();
    fs::write(machine.folder().join("libonnxruntime.so"), LIBRARY_TEXT).unwrap();
    let (result, said) = machine.working_python().run();
    result.unwrap();
    assert!(said.contains("no readable installed.json"), "{said}");
    assert_eq!(machine.number_of_calls(), 1);
}

#[test]
fn damaged_wheel_is_fetched_again() {
    let machine = Machine::new();
    machine.working_python().run().0.unwrap();
    let kept = machine
        .folder()
        .join("onnxruntime-1.32.0-manylinux_2_28_x86_64.whl");
    fs::write(kept, "half").unwrap();
    fs::remove_file(machine.folder().join("libonnxruntime.so")).unwrap();
    machine.run().0.unwrap();
    assert_eq!(machine.number_of_calls(), 2);
    assert_eq!(machine.library(), LIBRARY_TEXT);
}

#[test]
fn wrong_hash_is_refused_by_both_names_and_leaves_nothing() {
    let machine = Machine::new();
    let expected = machine.wheel.sha256;
    write_wheel(&machine.packed(), b"another library");
    let seen = hash(&fs::read(machine.packed()).unwrap());
    let error = machine.working_python().run().0.unwrap_err();
    assert!(matches!(error, SetupError::WrongHash { .. }), "{error:?}");
    let said = error.to_string();
    assert!(said.contains(&seen) && said.contains(expected), "{said}");
    assert!(machine.files().is_empty(), "{:?}", machine.files());
}

#[test]
fn wheel_without_the_library_is_named_as_our_mistake() {
    let machine = Machine::new();
    machine.working_python();
    let other = Machine {
        wheel: Wheel {
            library: "onnxruntime/capi/absent.so",
            ..machine.wheel
        },
        ..machine
    };
    let error = other.run().0.unwrap_err();
    assert!(matches!(error, SetupError::Wheel { .. }), "{error:?}");
    assert!(error.to_string().contains("absent.so"));
}

#[test]
fn missing_python_is_one_sentence_with_its_cure() {
    let error = Machine::new().run().0.unwrap_err();
    assert!(matches!(error, SetupError::NoPython), "{error:?}");
    assert!(
        error
            .to_string()
            .contains("apt-get install python3 python3-pip")
    );
}

#[test]
fn failures_of_pip_are_told_apart() {
    type Is = fn(&SetupError) -> bool;
    let cases: [(&str, Is, &str); 6] = [
        (
            "echo '/usr/bin/python3: No module named pip' >&2; exit 1",
            |e| matches!(e, SetupError::NoPip),
            "python3-pip",
        ),
        (
            "echo \"WARNING: Retrying (Retry(total=1)) after connection broken by \
             'NewConnectionError('<HTTPConnection object>: Failed to establish a new connection: \
             [Errno 111] Connection refused')': /simple/onnxruntime/\" >&2
             echo 'ERROR: Could not find a version that satisfies the requirement' >&2; exit 1",
            |e| matches!(e, SetupError::NoNetwork { .. }),
            "index ([Errno 111] Connection refused); check the network, a proxy (HTTPS_PROXY)",
        ),
        (
            "echo 'ERROR: No matching distribution found for onnxruntime==1.32.0' >&2; exit 1",
            |e| matches!(e, SetupError::NoWheel { .. }),
            "manylinux_2_28_x86_64",
        ),
        (
            "echo 'ERROR: Could not install: [Errno 28] No space left on device' >&2; exit 1",
            |e| matches!(e, SetupError::DiskFull { .. }),
            "100 MB",
        ),
        (
            "echo 'ERROR: something else'; exit 3",
            |e| matches!(e, SetupError::Pip { .. }),
            "something else",
        ),
        (
            "exit 0",
            |e| matches!(e, SetupError::Pip { .. }),
            "no wheel",
        ),
    ];
    for (script, is_expected, mark) in cases {
        let machine = Machine::new();
        let error = machine.python(script).run().0.unwrap_err();
        let said = error.to_string();
        assert!(is_expected(&error), "{script}: {error:?}");
        assert!(said.contains(mark), "{said}");
        assert!(machine.files().is_empty(), "{:?}", machine.files());
    }
}

#[test]
fn unwritable_folder_names_itself() {
    let machine = Machine::new();
    // A file where a folder must be: refused for root as well.
    fs::write(machine.home.path().join("target"), "").unwrap();
    let error = machine.working_python().run().0.unwrap_err();
    assert!(error.to_string().contains("target/onnxruntime"), "{error}");
}

/// Only where the kernel has a device that is always full.
#[test]
fn full_disk_is_told_apart_from_other_trouble() {
    let Ok(mut full) = fs::OpenOptions::new().write(true).open("/dev/full") else {
        println!("skipped: no /dev/full here");
        return;
    };
    let source = full.write_all(b"x").unwrap_err();
    let error = SetupError::file("write", Path::new("/dev/full"))(source);
    assert!(matches!(error, SetupError::DiskFull { .. }), "{error:?}");
}
