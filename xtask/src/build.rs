//! Compiles programs of a workspace and says where they lie.
//!
//! Cargo's own progress stays on stderr. Where the programs lie is asked, not
//! guessed: `CARGO_TARGET_DIR` and target triples move them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, ensure};
use serde::Deserialize;

use crate::workspace;

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

/// The programs of one call of cargo, by the names of their targets; a test
/// program carries the name of what it tests.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Built(BTreeMap<String, PathBuf>);

impl Built {
    /// Where the program lies.
    pub(crate) fn program(&self, name: &str) -> anyhow::Result<PathBuf> {
        let found = self.0.get(name).cloned();
        found.with_context(|| format!("cargo built no program {name}"))
    }

    /// The programs named in cargo's JSON lines.
    fn from_lines(lines: &str) -> Self {
        let programs = lines
            .lines()
            .filter_map(|line| serde_json::from_str::<Artifact>(line).ok())
            .filter_map(|artifact| Some((artifact.target.name, artifact.executable?)))
            .collect();
        Self(programs)
    }
}

/// Calls cargo, in `folder`, with `arguments` that build something.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> anyhow::Result<Built> {
    let output = workspace::cargo()
        .current_dir(folder)
        .args(arguments)
        .args(["--message-format", "json-render-diagnostics"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    ensure!(
        output.status.success(),
        "cargo {} failed with {}",
        arguments.join(" "),
        output.status
    );
    Ok(Built::from_lines(&String::from_utf8_lossy(&output.stdout)))
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
        let built = Built::from_lines(lines);
        assert_eq!(
            built.program("camera").unwrap(),
            Path::new("/t/debug/camera")
        );
        let missing = built.program("serde").unwrap_err().to_string();
        assert_eq!(missing, "cargo built no program serde");
    }
}
