//! A folder for each run, under `target/demo` or another: state, logs, reports, ledger.
//!
//! A run that went well removes its folder; of the others the last few stay, so
//! that a failure can be looked into and the disk does not fill up.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;

use super::state;

/// Folders of earlier runs that stay.
const KEPT: usize = 3;
/// The workload API's socket lies some 22 characters deeper, and the kernel
/// takes 107 for all of it (edgeAgent has the same limit).
const LONGEST: usize = 80;

/// Makes the folder of this run and clears away old ones.
pub(crate) fn fresh(root: &Path, command: &str) -> anyhow::Result<PathBuf> {
    let runs = root.join("target").join(command);
    make_private(&runs)?;
    remove_old(&runs)?;
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| now.as_secs());
    let name = format!("{seconds}-{}", std::process::id());
    let folder = place(&runs, &std::env::temp_dir(), &name);
    make_private(&folder)?;
    Ok(folder)
}

/// Beside the others, or in the temporary folder if the path would be too long
/// for a socket.
fn place(runs: &Path, temporary: &Path, name: &str) -> PathBuf {
    let folder = runs.join(name);
    if folder.as_os_str().len() <= LONGEST {
        folder
    } else {
        temporary.join(format!("fruit-counter-{name}"))
    }
}

/// Keys lie in it: for this user alone.
fn make_private(folder: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))
}

fn remove_old(runs: &Path) -> anyhow::Result<()> {
    let mut old = Vec::new();
    for entry in fs::read_dir(runs).with_context(|| format!("cannot read {}", runs.display()))? {
        let folder = entry?.path();
        if !state::is_in_use(&folder) {
            old.push(folder);
        }
    }
    // Names begin with the time.
    old.sort();
    for folder in &old[..old.len().saturating_sub(KEPT)] {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_runs_stay_and_older_ones_go() {
        let root = tempfile::tempdir().unwrap();
        let demos = root.path().join("target/demo");
        for name in ["100-1", "101-1", "102-1", "103-1", "104-1"] {
            fs::create_dir_all(demos.join(name)).unwrap();
        }
        // The oldest still runs (`--keep`).
        fs::create_dir(demos.join("100-1/state")).unwrap();
        let owner = format!("{{\"pid\":{}}}", std::process::id());
        fs::write(demos.join("100-1/state/hub.json"), owner).unwrap();
        let folder = fresh(root.path(), "demo").unwrap();
        assert!(folder.is_dir());
        let left = |name: &str| demos.join(name).exists();
        assert!(left("100-1") && !left("101-1") && left("102-1") && left("104-1"));
    }

    #[test]
    fn path_too_long_for_a_socket_moves_to_the_temporary_folder() {
        let temporary = Path::new("/tmp");
        assert_eq!(
            place(Path::new("/c/target/demo"), temporary, "9-9"),
            Path::new("/c/target/demo/9-9")
        );
        let deep = PathBuf::from(format!("/{}", "d".repeat(90)));
        assert_eq!(
            place(&deep, temporary, "9-9"),
            Path::new("/tmp/fruit-counter-9-9")
        );
    }
}
