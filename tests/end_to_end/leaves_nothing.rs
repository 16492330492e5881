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
