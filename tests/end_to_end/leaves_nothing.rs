//! What the libraries of the module would leave or send on their own.

use std::process::Command;

use end_to_end::{Binary, binary, workspace_root};

use crate::refusals::png;

/// ONNX Runtime keeps events for its maker under the home folder, unless it is told not to before
/// it is loaded.
#[test]
fn nothing_is_left_in_the_home_folder_whatever_the_environment_asks_for() {
    for asked in [None, Some("0")] {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        std::fs::create_dir(&home).unwrap();
        let picture = folder.path().join("picture.png");
        std::fs::write(&picture, png(64, 48)).unwrap();
        let mut command = Command::new(binary(Binary::FruitCounter).unwrap());
        command
            .arg("classify")
            .arg(&picture)
            .env("HOME", &home)
            .env("FRUIT_COUNTER_MODEL", workspace_root().join("model"))
            .env_remove("XDG_CACHE_HOME")
            .env_remove("ORT_DISABLE_TELEMETRY");
        if let Some(asked) = asked {
            command.env("ORT_DISABLE_TELEMETRY", asked);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let left: Vec<_> = std::fs::read_dir(&home)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert!(left.is_empty(), "asked {asked:?}: {left:?}");
    }
}

/// As it is where the variables of malloc are taken away on the way.
#[test]
fn the_program_starts_itself_again_once_at_most() {
    let help = |environment: &[(&str, &str)]| {
        Command::new(binary(Binary::FruitCounter).unwrap())
            .arg("--help")
            .env_clear()
            .envs(environment.iter().copied())
            .output()
            .unwrap()
    };
    let begun = ("FRUIT-COUNTER-BEGUN-AFRESH", "1");
    assert!(
        help(&[begun, ("ORT_DISABLE_TELEMETRY", "1")])
            .status
            .success()
    );
    let refused = help(&[begun]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("set that variable"), "{said}");
    assert!(help(&[]).status.success());
}

#[test]
fn a_program_whose_file_is_gone_starts_itself_again() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("fruit-counter");
    std::fs::copy(binary(Binary::FruitCounter).unwrap(), &program).unwrap();
    // The shell has it open, and then there is no such file.
    let script = "exec 9<\"$1\"; rm \"$1\"; exec /proc/self/fd/9 --version";
    let output = Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(&program)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout.starts_with(b"fruit-counter "), "{output:?}");
}
