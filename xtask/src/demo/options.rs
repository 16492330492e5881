//! What can be asked of the demo on the command line, and what follows from it
//! for the cameras. Nothing is started here.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use super::plan::{self, Camera, Source};

/// Run cameras, a development hub and the module on this computer, and check the counts.
///
/// Starts what a box has (hub, agent, module) with deployment.template.json, and
/// cameras that send pictures. Shows what arrives upstream, and at the end what
/// was sent beside what was counted. Exits with 1 if a picture was lost or
/// counted twice, if bytes of pictures went upstream, or if a process failed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask demo\n  \
    cargo xtask demo --seconds 20 --seed 7 --json | tail -1\n  \
    cargo xtask demo --pictures my-pictures      (with my-pictures/ripe, my-pictures/unripe)\n  \
    cargo xtask demo --chaos                     (ten things go wrong, and the counts are right)\n  \
    cargo xtask demo --keep                      (leaves hub and module running)")]
pub(crate) struct Options {
    /// Send the pictures of this folder instead of rendered ones, each once; its
    /// subfolders are named by the right label.
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
    /// Cameras. Each shows one truth: they take turns; with --pictures every
    /// label has one at least.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=100))]
    cameras: u16,
    /// Pictures per second from each camera.
    #[arg(long, value_name = "R", default_value_t = 5.0, value_parser = rate)]
    rate: f64,
    /// How long the cameras send [default: 30; with --pictures until all are sent].
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u32).range(1..))]
    seconds: Option<u32>,
    /// Repeats the rendered pictures of an earlier run [default: random, printed].
    #[arg(long, value_name = "X")]
    pub(super) seed: Option<u64>,
    /// Print the summary as one JSON object on the last line of stdout, and
    /// everything else on stderr.
    #[arg(long)]
    pub(super) json: bool,
    /// Let things go wrong while the cameras send: lost connections, late, missing
    /// and repeated messages, a restart of the hub, expired tokens, full queues, a
    /// wrong certificate, no way upstream.
    #[arg(long)]
    pub(super) chaos: bool,
    /// Leave hub, agent and module running, and say how to use and stop them.
    #[arg(long)]
    pub(super) keep: bool,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 1000.0 => Ok(rate),
        _ => Err("expected pictures per second, above 0 and at most 1000".to_owned()),
    }
}

impl Options {
    /// The cameras.
    pub(super) fn plan(&self, seed: u64) -> anyhow::Result<Vec<Camera>> {
        let count = usize::from(self.cameras);
        match &self.pictures {
            Some(pictures) => {
                let pictures = fs::canonicalize(pictures).with_context(|| {
                    format!("cannot read the folder of pictures {}", pictures.display())
                })?;
                plan::from_pictures(&pictures, count)
            }
            None => Ok(plan::rendered(count, seed)),
        }
    }

    /// How long the cameras send; `None`: until their pictures are sent.
    fn seconds(&self) -> Option<u32> {
        self.seconds.or(if self.pictures.is_some() {
            None
        } else {
            Some(30)
        })
    }
}

/// The command line of one camera, without its identity.
pub(super) fn camera_command(
    program: &Path,
    camera: &Camera,
    options: &Options,
    report: &Path,
) -> Command {
    let mut command = Command::new(program);
    command.arg("send");
    match &camera.source {
        Source::Rendered { seed } => {
            command.args([
                "--rendered",
                "--truth",
                &camera.truth,
                "--seed",
                &seed.to_string(),
            ]);
        }
        Source::Folder { folder, index, of } => {
            command
                .arg("--pictures")
                .arg(folder)
                .args(["--shard", &format!("{index}/{of}")]);
        }
    }
    if let Some(seconds) = options.seconds() {
        command.args(["--seconds", &seconds.to_string()]);
    }
    // A hub that is killed near the end needs time to come back.
    command.args(["--grace", "60", "--rate", &options.rate.to_string()]);
    command.args(["--quiet", "--report"]).arg(report);
    command
}

/// Random enough for pictures, without a crate for it.
pub(super) fn random_seed() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish() & u64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        options: Options,
    }

    fn options(arguments: &[&str]) -> Result<Options, clap::Error> {
        Cli::try_parse_from([&["demo"], arguments].concat()).map(|cli| cli.options)
    }

    fn command(arguments: &[&str]) -> String {
        let options = options(arguments).unwrap();
        let camera = options.plan(1).unwrap().remove(0);
        let command = camera_command(Path::new("camera"), &camera, &options, Path::new("r"));
        format!("{command:?}").replace('"', "")
    }

    #[test]
    fn defaults_are_four_cameras_for_thirty_seconds() {
        let command = command(&[]);
        assert!(
            command.starts_with("camera send --rendered --truth ripe --seed "),
            "{command}"
        );
        assert!(
            command.ends_with(" --seconds 30 --grace 60 --rate 5 --quiet --report r"),
            "{command}"
        );
        assert_eq!(options(&[]).unwrap().plan(1).unwrap().len(), 4);
    }

    #[test]
    fn pictures_are_sent_once_without_a_limit_unless_one_is_given() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("ripe")).unwrap();
        let pictures = folder.path().to_str().unwrap();
        let unlimited = command(&["--pictures", pictures]);
        assert!(
            unlimited.contains("/ripe --shard 1/4 --grace 60 --rate 5"),
            "{unlimited}"
        );
        let limited = command(&["--pictures", pictures, "--seconds", "9", "--rate", "0.5"]);
        assert!(
            limited.contains("--shard 1/4 --seconds 9 --grace 60 --rate 0.5"),
            "{limited}"
        );
    }

    #[test]
    fn senseless_numbers_are_refused() {
        for arguments in [
            ["--cameras", "0"],
            ["--cameras", "101"],
            ["--rate", "0"],
            ["--rate", "-1"],
            ["--rate", "NaN"],
            ["--seconds", "0"],
            ["--seed", "-1"],
        ] {
            assert!(options(&arguments).is_err(), "{arguments:?}");
        }
    }

    #[test]
    fn random_seeds_differ_and_fit_every_reader() {
        let seeds = [random_seed(), random_seed(), random_seed()];
        assert!(seeds[0] != seeds[1] || seeds[1] != seeds[2], "{seeds:?}");
        assert!(seeds.iter().all(|seed| *seed < 1 << 53));
    }
}
