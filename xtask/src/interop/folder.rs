//! A folder for each run, under `target/interop`: states, logs, pictures.
//!
//! A run in which nothing failed removes its own; a failed one stays for
//! looking into until the next run.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::processes::is_alive;

const PREFIX: &str = "run-";
/// The workload API's socket lies some 25 characters deeper, and the kernel
/// takes 107 for all of it.
const LONGEST: usize = 75;

/// What is installed for the peers, and the folders of runs.
pub(super) fn all(root: &Path) -> PathBuf {
    root.join("target").join("interop")
}

/// Makes the folder of this run, and removes what ended runs have left.
pub(super) fn fresh(root: &Path) -> anyhow::Result<PathBuf> {
    let all = all(root);
    make_private(&all)?;
    remove_old(&all)?;
    let name = format!("{PREFIX}{}", std::process::id());
    let mut folder = all.join(&name);
    if folder.as_os_str().len() > LONGEST {
        folder = std::env::temp_dir().join(format!("fruit-counter-interop-{name}"));
    }
    make_private(&folder)?;
    Ok(folder)
}

/// Keys lie in it: for this user alone.
pub(super) fn make_private(folder: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))
}

fn remove_old(all: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(all).with_context(|| format!("cannot read {}", all.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX))
            .and_then(|owner| owner.parse().ok());
        if owner.is_some_and(|owner| !is_alive(owner)) {
            fs::remove_dir_all(entry.path())
                .with_context(|| format!("cannot remove {}", entry.path().display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_ended_go_and_what_is_installed_stays() {
        let root = tempfile::tempdir().unwrap();
        let all = all(root.path());
        let running = format!("{PREFIX}{}", std::process::id());
        // No process has an id as large as this.
        for name in ["python", "run-4294967295", "run-notes", &running] {
            fs::create_dir_all(all.join(name)).unwrap();
        }
        let folder = fresh(root.path()).unwrap();
        assert!(folder.is_dir());
        let is_left = |name: &str| all.join(name).exists();
        assert!(is_left("python") && is_left("run-notes") && is_left(&running));
        assert!(!is_left("run-4294967295"));
    }
}
