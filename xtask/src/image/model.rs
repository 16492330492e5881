//! A model of the user's, looked at by the module itself and put where the build takes it from.
//!
//! It goes into the image as the package that it is, so that the module there opens what was
//! looked at here. Only files that the module read are taken: a folder may hold anything, keys
//! too, and whoever has an image can read what is in it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use crate::{build, setup};

/// Where the build takes a model from, below the root of the clone; `.dockerignore` lets it in.
const FOLDER: &str = "target/image/model";
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
    let inspect = |path: &Path, how: &[&str]| inspect(&program, &library, path, how);
    let said = inspect(path, &["--json"])?;
    let account: Account = serde_json::from_str(&said)
        .with_context(|| format!("fruit-counter model inspect --json said {said:?}"))?;
    let staged = copy(path, &account.files, root)?;
    let copied = format!("{}{}", root.join(&staged.folder).display(), staged.file);
    eprint!("{}", inspect(Path::new(&copied), &[])?);
    Ok(staged)
}

/// The part that is used of what the module says of a package.
#[derive(Debug, Deserialize)]
struct Account {
    files: Vec<String>,
}

/// The module's own word on a package: it is loaded and run once.
fn inspect(program: &Path, library: &Path, path: &Path, how: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program)
        .args(["model", "inspect"])
        .args(how)
        .arg(path)
        .env("ORT_DYLIB_PATH", library)
        .env_remove("FRUIT_COUNTER_PREPROCESS")
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        return Ok(said);
    }
    // The reason is on stderr; stdout has what was read until then.
    let reason = if complaint.trim().is_empty() {
        said.as_str()
    } else {
        &complaint
    };
    bail!(
        "no image was built, the module would refuse {}: {}",
        path.display(),
        reason.trim()
    );
}

/// Empties the place and fills it: with a zip as it is, else with those files of the package's folder
/// that the module read.
fn copy(path: &Path, files: &[String], root: &Path) -> anyhow::Result<Staged> {
    let place = root.join(FOLDER);
    if place.exists() {
        fs::remove_dir_all(&place).with_context(|| format!("cannot empty {}", place.display()))?;
    }
    fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (from, file) = if path.is_dir() {
        (path, String::new())
    } else if files.iter().any(|file| *file == name) {
        // What tells of it lies beside it, and may do so by its name: it cannot have another here.
        ensure!(
            plain(&name) == name,
            "an image cannot name {name:?}; rename the file to {:?}, also where a model.toml names it",
            plain(&name)
        );
        (path.parent().unwrap_or(Path::new("")), format!("/{name}"))
    } else {
        let name = plain(&name);
        copy_one(path, &place.join(&name))?;
        return Ok(Staged {
            folder: FOLDER.to_owned(),
            file: format!("/{name}"),
        });
    };
    for file in files {
        copy_one(&from.join(file), &place.join(file))?;
    }
    Ok(Staged {
        folder: FOLDER.to_owned(),
        file,
    })
}

fn copy_one(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::copy(from, to)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
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

    const READ: [&str; 3] = ["model.toml", "a.onnx", "tags.txt"];

    fn copied(from: &Path, root: &Path) -> anyhow::Result<Staged> {
        copy(from, &READ.map(str::to_owned), root)
    }

    fn staged(from: &Path) -> (Staged, Vec<String>) {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join(FOLDER)).unwrap();
        fs::write(root.path().join(FOLDER).join("of-the-last-time"), "").unwrap();
        let staged = copied(from, root.path()).unwrap();
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
    fn of_a_folder_only_what_the_module_read_goes_in() {
        // What lies in a folder of work: keys, settings of other programs, photographs.
        let beside = [
            "b.onnx",
            "labels.txt",
            "local.settings.json",
            "Cargo.toml",
            "cvexport.manifest",
            "photo.jpg",
            ".env",
        ];
        let folder = folder_of(&[&READ[..], &beside].concat());
        for (named, file) in [("a.onnx", "/a.onnx"), ("", "")] {
            let (staged, names) = staged(&folder.path().join(named));
            assert_eq!(staged.file, file);
            assert_eq!(names, ["a.onnx", "model.toml", "tags.txt"]);
        }
    }

    #[test]
    fn a_model_that_an_image_cannot_name_is_refused_with_a_name_that_it_can() {
        let folder = folder_of(&["my $model.onnx"]);
        let root = tempfile::tempdir().unwrap();
        let path = folder.path().join("my $model.onnx");
        let said = copy(&path, &["my $model.onnx".to_owned()], root.path()).unwrap_err();
        assert!(said.to_string().contains("\"my--model.onnx\""), "{said}");
    }
}
