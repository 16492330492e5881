//! The pictures of a run and what the module must say about each: rendered once, and judged by
//! `fruit-counter classify`, which shares nothing with edgeHub, ledger or reports.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use fastrand::Rng;
use serde::Deserialize;

use super::site::Ground;

/// Pictures in the pool; cameras share them.
const POOL: usize = 96;
/// Pictures of one camera.
pub(super) const EACH: usize = 6;

/// One line of `fruit-counter classify --json`.
#[derive(Debug, Deserialize)]
struct Judged {
    file: PathBuf,
    outcome: String,
    label: Option<String>,
}

/// A picture and its right label, or `unsure` or `ignored`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) file: PathBuf,
    pub(super) label: String,
}

/// Renders the pool and has it judged.
pub(super) fn pool(ground: &Ground, seed: u64) -> anyhow::Result<Vec<Picture>> {
    let folder = ground.folder.join("pool");
    let mut render = Command::new(&ground.programs.camera);
    render.arg("render").arg("--out").arg(&folder);
    render.args(["--count", &POOL.to_string(), "--seed", &seed.to_string()]);
    render.args(["--size", "320x240", "--quiet"]);
    output("camera render", &mut render)?;
    let mut classify = ground.module_command();
    classify.args(["classify", "--json"]).arg(&folder);
    let lines = output("fruit-counter classify", &mut classify)?;
    let pool: Vec<Picture> = lines
        .lines()
        .map(|line| {
            let judged: Judged = serde_json::from_str(line)
                .with_context(|| format!("fruit-counter classify said {line}"))?;
            ensure!(
                judged.outcome != "rejected",
                "a rendered picture is rejected: {line}"
            );
            Ok(Picture {
                file: judged.file,
                label: judged.label.unwrap_or(judged.outcome),
            })
        })
        .collect::<anyhow::Result<_>>()?;
    ensure!(pool.len() == POOL, "{} pictures of {POOL}", pool.len());
    Ok(pool)
}

fn output(name: &str, command: &mut Command) -> anyhow::Result<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {name}"))?;
    ensure!(
        output.status.success(),
        "{name} ended with {}",
        output.status
    );
    String::from_utf8(output.stdout).with_context(|| format!("{name} wrote no text"))
}

/// How many pictures have each label.
pub(super) fn by_label(pictures: &[Picture]) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for picture in pictures {
        *sums.entry(picture.label.clone()).or_default() += 1;
    }
    sums
}

/// Gives a camera its pictures, no two alike, in a folder of its own, named by their order.
pub(super) fn allot(
    pool: &[Picture],
    random: &mut Rng,
    folder: &Path,
) -> anyhow::Result<Vec<Picture>> {
    fs::create_dir_all(folder)?;
    let mut places: Vec<usize> = (0..pool.len()).collect();
    random.shuffle(&mut places);
    places
        .iter()
        .take(EACH)
        .enumerate()
        .map(|(number, place)| {
            let picture = &pool[*place];
            let file = folder.join(format!("{number:02}.jpg"));
            fs::hard_link(&picture.file, &file)
                .with_context(|| format!("cannot make {}", file.display()))?;
            Ok(Picture {
                file,
                label: picture.label.clone(),
            })
        })
        .collect()
}
