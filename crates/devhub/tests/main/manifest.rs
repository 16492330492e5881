//! `devhub manifest`, as people and scripts call it: files, exit codes, what is written where.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn samples() -> PathBuf {
    root().join("crates/manifest/tests/samples")
}

fn manifest(words: &[&str], paths: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_devhub"))
        .arg("manifest")
        .args(words)
        .args(paths)
        .env_remove("CONTAINER_REGISTRY_SERVER")
        .env_remove("CONTAINER_REGISTRY_USERNAME")
        .env_remove("CONTAINER_REGISTRY_PASSWORD")
        .output()
        .unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A copy of what a build reads, in a folder of its own.
fn ground() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "deployment.template.json",
        "deployment.layered.template.json",
        "module/module.json",
    ] {
        let to = folder.path().join(name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(root().join(name), to).unwrap();
    }
    folder
}

#[test]
fn a_build_takes_the_env_file_and_writes_a_file_that_others_cannot_read() {
    let folder = ground();
    let template = folder.path().join("deployment.template.json");
    let env = "CONTAINER_REGISTRY_SERVER=farm.example\nCONTAINER_REGISTRY_PASSWORD='pass word'\n";
    fs::write(folder.path().join(".env"), env).unwrap();
    let written = folder.path().join("config/deployment.arm64v8.json");
    // An older file that everybody could read gives way to the new one.
    fs::create_dir(folder.path().join("config")).unwrap();
    fs::write(&written, "old").unwrap();
    let output = manifest(&["build", "--platform", "arm64v8"], &[&template]);
    assert!(output.status.success(), "{}", errors(&output));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim_end(),
        written.display().to_string()
    );
    let built: Value = serde_json::from_str(&fs::read_to_string(&written).unwrap()).unwrap();
    let agent = &built["modulesContent"]["$edgeAgent"]["properties.desired"];
    let registry = &agent["runtime"]["settings"]["registryCredentials"]["registry"];
    assert_eq!(registry["password"], "pass word");
    assert_eq!(registry["username"], "$CONTAINER_REGISTRY_USERNAME");
    let said = errors(&output);
    assert!(
        said.contains("$CONTAINER_REGISTRY_USERNAME is not set"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    let mode = fs::metadata(&written).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let left: Vec<_> = fs::read_dir(folder.path().join("config"))
        .unwrap()
        .collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn what_is_built_may_go_out_and_the_layer_with_its_base() {
    let folder = ground();
    for name in ["deployment", "deployment.layered"] {
        let template = folder.path().join(format!("{name}.template.json"));
        assert!(manifest(&["build"], &[&template]).status.success());
    }
    let full = folder.path().join("config/deployment.amd64.json");
    let layer = folder.path().join("config/deployment.layered.amd64.json");
    let fleet = samples().join("good/fleet/1-base.json");
    let base = fleet.to_str().unwrap();
    for (words, file) in [
        (vec!["check"], &full),
        (
            vec!["check", "--base", base, "--module", "FruitCounter"],
            &layer,
        ),
    ] {
        let output = manifest(&words, &[file]);
        let said = errors(&output);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(said.contains("may go out: 0 to mend, 0 to know"), "{said}");
    }
}

#[test]
fn the_lesson_s_route_is_refused_alone_and_as_a_base_under_our_layer() {
    let lesson = samples().join("bad/lesson.json");
    let layer = root().join("deployment.layered.template.json");
    let alone = manifest(&["check"], &[&lesson]);
    // `--base` takes several files, so the one to check comes first.
    let under = manifest(&["check"], &[&layer, Path::new("--base"), &lesson]);
    for output in [alone, under] {
        let said = errors(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("refused [pictures-upstream]"), "{said}");
        assert!(said.contains("routes/upstream"), "{said}");
    }
}

#[test]
fn what_comes_by_standard_input_is_judged_too() {
    let lesson = File::open(samples().join("bad/lesson.json")).unwrap();
    for (input, code) in [(Stdio::from(lesson), 1), (Stdio::null(), 2)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_devhub"));
        command.args(["manifest", "check", "-"]).stdin(input);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", errors(&output));
    }
}

#[test]
fn a_script_gets_findings_as_json_and_three_exit_codes() {
    let bad = samples().join("bad/short-times.json");
    let output = manifest(&["check", "--json"], &[&bad]);
    assert_eq!(output.status.code(), Some(1));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (said["refused"].as_u64(), said["warnings"].as_u64()),
        (Some(2), Some(0))
    );
    assert_eq!(said["findings"][0]["rule"], "time-to-live");
    for key in ["file", "path", "problem", "cure"] {
        assert!(said["findings"][0][key].is_string(), "{key}");
    }
    let words = [
        "check",
        "--json",
        "--pictures-wait",
        "7199s",
        "--counts-wait",
        "2h",
    ];
    assert_eq!(manifest(&words, &[&bad]).status.code(), Some(0));
    let warned = manifest(&["check"], &[&samples().join("good/warned.json")]);
    assert_eq!(warned.status.code(), Some(0));
    assert!(errors(&warned).contains("warning [hub-may-hang]"));
    for missing in ["/nowhere/x.json", "/dev/null"] {
        let output = manifest(&["check"], &[Path::new(missing)]);
        assert_eq!(output.status.code(), Some(2), "{}", errors(&output));
        assert!(errors(&output).contains(missing), "{}", errors(&output));
    }
}

#[test]
fn every_sample_is_judged_by_the_binary_as_its_folder_says() {
    let mut judged = 0;
    for (kind, code) in [("good", 0), ("bad", 1)] {
        for entry in fs::read_dir(samples().join(kind)).unwrap() {
            let path = entry.unwrap().path();
            let mut files = match path.extension() {
                Some(extension) if extension == "txt" => continue,
                Some(_) => vec![path],
                None => fs::read_dir(path)
                    .unwrap()
                    .map(|e| e.unwrap().path())
                    .collect(),
            };
            files.sort();
            let file = files.pop().unwrap();
            let mut paths = vec![file.as_path()];
            for base in &files {
                paths.extend([Path::new("--base"), base.as_path()]);
            }
            let output = manifest(&["check"], &paths);
            assert_eq!(
                output.status.code(),
                Some(code),
                "{paths:?}: {}",
                errors(&output)
            );
            judged += 1;
        }
    }
    assert!(judged > 30, "{judged}");
}
