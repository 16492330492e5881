//! Compiles the three programs of the demo and says where they lie.
//!
//! Cargo's own progress stays on stderr. Where the programs lie is asked, not
//! guessed: `CARGO_TARGET_DIR` and target triples move them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde::Deserialize;

use crate::workspace;

/// The programs of the demo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Programs {
    /// The module: `fruit-counter`.
    pub(super) module: PathBuf,
    /// The development hub: `devhub`.
    pub(super) devhub: PathBuf,
    /// The leaf device: `camera`.
    pub(super) camera: PathBuf,
}

/// One line of cargo's JSON output; other kinds of line have none of this.
#[derive(Deserialize)]
struct Artifact {
    target: Target,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// Builds what is not built yet.
pub(super) fn build(root: &Path) -> anyhow::Result<Programs> {
    let output = Command::new(workspace::cargo())
        .current_dir(root)
        .args(["build", "--message-format", "json-render-diagnostics"])
        .args([
            "-p",
            "fruit-counter",
            "-p",
            "devhub",
            "-p",
            "camera",
            "--bins",
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    ensure!(
        output.status.success(),
        "cargo build failed with {}",
        output.status
    );
    let programs = executables(&String::from_utf8_lossy(&output.stdout));
    let find = |name: &str| {
        programs
            .get(name)
            .cloned()
            .with_context(|| format!("cargo built no program {name}"))
    };
    Ok(Programs {
        module: find("fruit-counter")?,
        devhub: find("devhub")?,
        camera: find("camera")?,
    })
}

/// The programs named in cargo's JSON lines.
fn executables(lines: &str) -> BTreeMap<String, PathBuf> {
    lines
        .lines()
        .filter_map(|line| serde_json::from_str::<Artifact>(line).ok())
        .filter_map(|artifact| Some((artifact.target.name, artifact.executable?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_read_from_cargo() {
        let lines = r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"serde"},"executable":null}
{"reason":"build-script-executed","package_id":"x"}
{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"camera"},"executable":"/t/debug/camera","fresh":true}
not json
{"reason":"build-finished","success":true}"#;
        let expected = BTreeMap::from([("camera".to_owned(), PathBuf::from("/t/debug/camera"))]);
        assert_eq!(executables(lines), expected);
    }
}
