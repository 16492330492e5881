//! A model of the user's, looked at by the module itself and put where the build takes it from.
//!
//! It goes into the image as the package that it is, so that the module there opens what was
//! looked at here. Only files that a package can have are taken: a folder may hold anything.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};

use crate::{build, setup};

/// Where the build takes a model from, below the root of the clone; `.dockerignore` lets it in.
const FOLDER: &str = "target/image/model";
/// More than any package has; a folder with more is the wrong folder.
const MOST_FILES: usize = 100;

/// A model in its place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Staged {
    /// Below the root of the clone.
    pub(super) folder: String,
    /// The package within the folder, with `/` before it; empty where it is the folder itself.
    pub(super) file: String,
}

/// Checks the package, copies it, and checks the copy.
pub(super) fn stage(path: &Path, root: &Path) -> anyhow::Result<Staged> {
    let library = setup::run(root)?;
    let program = build::run(
        root,
        &["build", "-p", "fruit-counter", "--bin", "fruit-counter"],
    )?
    .program("fruit-counter")?;
    let inspect = |path: &Path| inspect(&program, &library, path);
    inspect(path)?;
    let staged = copy(path, root)?;
    inspect(&PathBuf::from(format!(
        "{}{}",
        root.join(&staged.folder).display(),
        staged.file
    )))?;
    Ok(staged)
}

/// The module's own word on a package: it is loaded and run once.
fn inspect(program: &Path, library: &Path, path: &Path) -> anyhow::Result<()> {
    let output = Command::new(program)
        .args(["model", "inspect"])
        .arg(path)
        .env("ORT_DYLIB_PATH", library)
        .env_remove("FRUIT_COUNTER_PREPROCESS")
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        eprint!("{said}");
        return Ok(());
    }
    // The reason is on stderr; stdout has what was read until then.
    let reason = if complaint.trim().is_empty() {
        said
    } else {
        complaint
    };
    bail!(
        "no image was built, the module would refuse {}: {}",
        path.display(),
        reason.trim()
    );
}

/// Empties the place and fills it.
fn copy(path: &Path, root: &Path) -> anyhow::Result<Staged> {
    let place = root.join(FOLDER);
    if place.exists() {
        fs::remove_dir_all(&place).with_context(|| format!("cannot empty {}", place.display()))?;
    }
    fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    let one_file = path.is_file().then(|| path.file_name()).flatten();
    let is_onnx = has_ending(path, "onnx");
    let file = match one_file {
        None => {
            copy_files(path, &place, |_| true)?;
            String::new()
        }
        Some(name) if is_onnx => {
            // Its labels and what else tells of it lie beside it.
            let folder = path
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty());
            let beside = ["txt", "json", "toml", "manifest"];
            copy_files(folder.unwrap_or(Path::new(".")), &place, |file| {
                beside.iter().any(|ending| has_ending(file, ending))
            })?;
            let name = plain(&name.to_string_lossy());
            copy_one(path, &place.join(&name))?;
            format!("/{name}")
        }
        Some(name) => {
            let name = plain(&name.to_string_lossy());
            copy_one(path, &place.join(&name))?;
            format!("/{name}")
        }
    };
    Ok(Staged {
        folder: FOLDER.to_owned(),
        file,
    })
}

fn copy_files(from: &Path, to: &Path, is_wanted: impl Fn(&Path) -> bool) -> anyhow::Result<()> {
    let unreadable = || format!("cannot read {}", from.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(from).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        if path.is_file() && is_wanted(&path) {
            files.push(path);
        }
    }
    ensure!(
        files.len() <= MOST_FILES,
        "{} has {} files, and a model package has a handful; name the exported zip or a folder of its own",
        from.display(),
        files.len()
    );
    for file in files {
        let name = file.file_name().unwrap_or_default();
        copy_one(&file, &to.join(name))?;
    }
    Ok(())
}

fn copy_one(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::copy(from, to)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension()
        .is_some_and(|found| found.eq_ignore_ascii_case(ending))
}

/// A name without what a Dockerfile would read as something else.
fn plain(name: &str) -> String {
    name.chars()
        .map(|letter| match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '-' => letter,
            _ => '-',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_of(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            fs::write(folder.path().join(file), file).unwrap();
        }
        folder
    }

    fn staged(from: &Path) -> (Staged, Vec<String>) {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join(FOLDER)).unwrap();
        fs::write(root.path().join(FOLDER).join("of-the-last-time"), "").unwrap();
        let staged = copy(from, root.path()).unwrap();
        let entries = fs::read_dir(root.path().join(FOLDER)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.collect();
        names.sort();
        (staged, names)
    }

    #[test]
    fn a_zip_goes_in_as_it_is_under_a_plain_name() {
        let folder = folder_of(&["my $export.zip", "secret.txt"]);
        let (staged, names) = staged(&folder.path().join("my $export.zip"));
        assert_eq!(staged.file, "/my--export.zip");
        assert_eq!(names, ["my--export.zip"]);
    }

    #[test]
    fn an_onnx_file_takes_what_tells_of_it_along_and_no_other() {
        let folder = folder_of(&["a.onnx", "b.onnx", "labels.txt", "model.toml", "photo.jpg"]);
        let (staged, names) = staged(&folder.path().join("a.onnx"));
        assert_eq!(staged.file, "/a.onnx");
        assert_eq!(names, ["a.onnx", "labels.txt", "model.toml"]);
    }

    #[test]
    fn a_folder_goes_in_whole_and_one_that_is_no_package_is_refused() {
        let folder = folder_of(&["model.onnx", "labels.txt", "cvexport.manifest"]);
        let (staged, names) = staged(folder.path());
        assert_eq!((staged.file.as_str(), names.len()), ("", 3));
        let many: Vec<String> = (0..=MOST_FILES).map(|number| number.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let folder = folder_of(&many);
        let root = tempfile::tempdir().unwrap();
        let said = copy(folder.path(), root.path()).unwrap_err().to_string();
        assert!(said.contains("101 files"), "{said}");
    }
}
