//! Which commit an image is built of, asked of git; a tree without git has none.

use std::path::Path;
use std::process::{Command, Stdio};

/// What labels and time stamps are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Commit {
    /// Its hash; `-changed` at the end where the tree has other content.
    pub(super) revision: String,
    /// When it was made, in seconds since 1970.
    pub(super) epoch: u64,
    /// The same in RFC 3339, UTC.
    pub(super) created: String,
}

/// The commit that is checked out.
pub(super) fn of(root: &Path) -> Commit {
    let shown = git(
        root,
        &[
            "log",
            "-1",
            "--date=format-local:%Y-%m-%dT%H:%M:%SZ",
            "--format=%H %ct %cd",
        ],
    );
    let Some(mut commit) = shown.as_deref().and_then(read) else {
        return Commit {
            revision: "unknown".to_owned(),
            epoch: 0,
            created: "1970-01-01T00:00:00Z".to_owned(),
        };
    };
    if git(root, &["status", "--porcelain"]).is_none_or(|changes| !changes.trim().is_empty()) {
        commit.revision.push_str("-changed");
    }
    commit
}

fn read(line: &str) -> Option<Commit> {
    let mut words = line.split_whitespace();
    Some(Commit {
        revision: words.next()?.to_owned(),
        epoch: words.next()?.parse().ok()?,
        created: words.next()?.to_owned(),
    })
}

fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .current_dir(root)
        .args(arguments)
        .env("TZ", "UTC0")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_without_git_has_no_commit_and_the_oldest_time() {
        let folder = tempfile::tempdir().unwrap();
        // Not under a folder that is in somebody's repository.
        let commit = of(folder.path());
        assert_eq!((commit.revision.as_str(), commit.epoch), ("unknown", 0));
    }

    #[test]
    fn a_commit_is_named_and_so_is_a_change_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let say = |words: &[&str]| {
            let identity = ["-c", "user.name=n", "-c", "user.email=e@example.com"];
            let all: Vec<&str> = identity.iter().chain(words).copied().collect();
            git(root, &all).unwrap_or_else(|| panic!("git {words:?}"))
        };
        say(&["init", "-q"]);
        std::fs::write(root.join("a"), "1").unwrap();
        say(&["add", "a"]);
        say(&[
            "commit",
            "-q",
            "-m",
            "One",
            "--date",
            "2026-11-23T10:00:00+02:00",
        ]);
        let clean = of(root);
        assert_eq!(clean.revision.len(), 40);
        assert!(clean.epoch > 0 && clean.created.ends_with('Z'), "{clean:?}");
        std::fs::write(root.join("a"), "2").unwrap();
        assert_eq!(of(root).revision, format!("{}-changed", clean.revision));
    }
}
