//! `cargo xtask manifest`: the templates of this repository built and checked, and compared with
//! what the IoT Edge tools make of them.
//!
//! The building and the judging are `devhub manifest`; here are only the two templates and the
//! tool of others.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, bail, ensure};

use crate::build;
use crate::rig::folder;

/// Build deployment.template.json and deployment.layered.template.json, and check what comes out.
///
/// $NAME is taken from the environment, then from .env (docs/env.example). The manifests lie in
/// config/, readable for their owner only. The layer is checked on top of the full one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask manifest --platform arm64v8\n  \
    cargo xtask manifest --compare               (with iotedgedev, if it is installed)")]
pub(crate) struct Options {
    /// A platform of module/module.json.
    #[arg(long, default_value = "amd64")]
    platform: String,
    /// Let iotedgedev make the same manifests, and compare them byte by byte; nothing is written to
    /// config/. Says so and passes where the tool is not installed.
    #[arg(long)]
    compare: bool,
    /// The tool to compare with.
    #[arg(
        long,
        value_name = "PROGRAM",
        default_value = "iotedgedev",
        requires = "compare"
    )]
    iotedgedev: PathBuf,
}

const FULL: &str = "deployment.template.json";
const LAYER: &str = "deployment.layered.template.json";

/// Builds and checks, or compares.
pub(crate) fn run(options: &Options, root: &Path) -> anyhow::Result<ExitCode> {
    let built = build::run(root, &["build", "-p", "devhub", "--bin", "devhub"])?;
    let devhub = built.program("devhub")?;
    if options.compare {
        return compare(options, root, &devhub);
    }
    let platform = options.platform.as_str();
    for template in [FULL, LAYER] {
        let words = ["build", template, "--platform", platform];
        ensure!(manifest(&devhub, root, &words)?, "{template} was not built");
    }
    let [full, layer] = [FULL, LAYER].map(|template| written(template, platform));
    for words in [
        vec!["check", &full],
        vec!["check", &layer, "--base", &full],
        // What an editor changes is judged as well as what is deployed.
        vec!["check", FULL],
        vec!["check", LAYER, "--base", FULL],
    ] {
        if !manifest(&devhub, root, &words)? {
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Where a build writes.
fn written(template: &str, platform: &str) -> String {
    let stem = template.strip_suffix(".template.json").unwrap_or(template);
    format!("config/{stem}.{platform}.json")
}

fn manifest(devhub: &Path, folder: &Path, words: &[&str]) -> anyhow::Result<bool> {
    let status = Command::new(devhub)
        .arg("manifest")
        .args(words)
        .current_dir(folder)
        .stdin(Stdio::null())
        .status()
        .context("cannot start devhub")?;
    Ok(status.success())
}

/// In a folder of its own, so that both read the same `.env` and write over nobody's files.
fn compare(options: &Options, root: &Path, devhub: &Path) -> anyhow::Result<ExitCode> {
    let tool = &options.iotedgedev;
    match Command::new(tool).arg("--version").output() {
        Ok(output) => print!("{}", String::from_utf8_lossy(&output.stdout)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            println!(
                "skipped: {} is not here; pip install iotedgedev, or name it with --iotedgedev",
                tool.display()
            );
            return Ok(ExitCode::SUCCESS);
        }
        Err(error) => bail!("cannot start {}: {error}", tool.display()),
    }
    let folder = folder::fresh(root, "manifest")?;
    prepare(root, &folder)?;
    for template in [FULL, LAYER] {
        let words = [
            "solution",
            "genconfig",
            "-f",
            template,
            "-P",
            &options.platform,
        ];
        let output = of_folder(tool.as_os_str(), &folder)
            .args(words)
            .output()
            .context("cannot start the tool")?;
        let name = written(template, &options.platform);
        let theirs = fs::read_to_string(folder.join(&name));
        let Ok(theirs) = theirs.as_deref().map(str::trim_end) else {
            bail!(
                "{} {} made no {name}:\n{}{}",
                tool.display(),
                words.join(" "),
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        };
        let ours = of_folder(devhub.as_os_str(), &folder)
            .args(["manifest", "build", template, "--output", "-"])
            .args(["--platform", &options.platform])
            .output()
            .context("cannot start devhub")?;
        ensure!(ours.status.success(), "{template} was not built");
        let ours = String::from_utf8_lossy(&ours.stdout);
        if let Some(line) = difference(ours.trim_end(), theirs) {
            println!("{name} differs, see {}: {line}", folder.display());
            return Ok(ExitCode::FAILURE);
        }
        println!("{name}: the same as the tool's, {} bytes", theirs.len());
    }
    fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// What both read, with values of our own; a home where the tool sends no usage data.
fn prepare(root: &Path, folder: &Path) -> anyhow::Result<()> {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(folder))
            .and_then(|()| fs::write(&path, text))
            .with_context(|| format!("cannot write {}", path.display()))
    };
    for name in [FULL, LAYER, "module/module.json"] {
        let text = fs::read_to_string(root.join(name)).with_context(|| name.to_owned())?;
        write(name, &text)?;
    }
    write(
        ".env",
        "CONTAINER_REGISTRY_SERVER=farm.example:5000\nCONTAINER_REGISTRY_USERNAME=puller\n\
         CONTAINER_REGISTRY_PASSWORD=not-a-password\n",
    )?;
    write(
        "home/.iotedgedev/setting.ini",
        "[DEFAULT]\nfirsttime = no\ncollect_telemetry = no\n",
    )
}

/// A program in that folder, with nothing of ours in its environment that it could take for a
/// variable of the template.
fn of_folder(program: &OsStr, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder.join("home"))
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null());
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// The first line that differs, both sides of it.
fn difference(ours: &str, theirs: &str) -> Option<String> {
    if ours == theirs {
        return None;
    }
    let (mut left, mut right) = (ours.lines(), theirs.lines());
    let mut number = 0;
    loop {
        number += 1;
        match (left.next(), right.next()) {
            (Some(left), Some(right)) if left == right => {}
            (None, None) => return Some("the ends of lines differ".to_owned()),
            (left, right) => {
                let shown =
                    |line: Option<&str>| line.map_or("nothing".to_owned(), |l| l.trim().to_owned());
                return Some(format!(
                    "line {number}: ours has {}, the tool's {}",
                    shown(left),
                    shown(right)
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_has_the_name_of_the_tools() {
        assert_eq!(written(FULL, "amd64"), "config/deployment.amd64.json");
        assert_eq!(
            written(LAYER, "arm64v8"),
            "config/deployment.layered.arm64v8.json"
        );
    }

    #[test]
    fn the_first_line_that_differs_is_told() {
        assert_eq!(difference("a\nb", "a\nb"), None);
        let told = difference("a\n  b", "a\nc").unwrap();
        assert_eq!(told, "line 2: ours has b, the tool's c");
        let told = difference("a", "a\nc").unwrap();
        assert_eq!(told, "line 2: ours has nothing, the tool's c");
        assert!(difference("a\r\nb", "a\nb").is_some());
    }

    #[test]
    fn the_templates_are_where_they_are_looked_for() {
        let root = crate::workspace::root();
        let folder = tempfile::tempdir().unwrap();
        prepare(&root, folder.path()).unwrap();
        for name in [FULL, LAYER, "module/module.json", ".env"] {
            assert!(folder.path().join(name).is_file(), "{name}");
        }
    }
}
