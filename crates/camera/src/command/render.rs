//! `camera render`: rendered pictures as files, one folder for each truth.

use anyhow::Context as _;
use camera::baseline::{Means, best_threshold};
use camera::encode;
use camera::render::{Size, frame};
use camera::truth::Truth;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

/// Render fruit pictures whose truth is known
///
/// Writes DIR/ripe/*.jpg and DIR/unripe/*.jpg. Picture I of seed S is the same on every run; its
/// light, ground and clutter do not depend on the truth.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  camera render --out pictures --count 200 --seed 7
  camera render --out pictures --count 50 --seed 7 --truth ripe --size 320x240")]
pub(crate) struct Render {
    /// Folder to write to; made if it is missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Number of pictures in all
    #[arg(long, value_name = "N", default_value_t = 100)]
    count: u64,
    /// Seed; another seed gives other pictures
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Which fruit; `both` alternates, ripe first
    #[arg(long, value_enum, default_value_t = Truths::Both)]
    truth: Truths,
    /// Width and height in pixels, each 32 to 4096
    #[arg(long, value_name = "WxH", default_value_t = Size::VGA)]
    size: Size,
    /// Show no progress
    #[arg(long)]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Truths {
    Ripe,
    Unripe,
    Both,
}

impl Truths {
    fn of(self, index: u64) -> Truth {
        match self {
            Self::Ripe => Truth::Ripe,
            Self::Unripe => Truth::Unripe,
            Self::Both if index.is_multiple_of(2) => Truth::Ripe,
            Self::Both => Truth::Unripe,
        }
    }
}

impl Render {
    /// Renders and writes all pictures, then prints one summary line.
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        for truth in Truth::ALL {
            let folder = self.out.join(truth.as_str());
            fs::create_dir_all(&folder)
                .with_context(|| format!("folder {} cannot be made", folder.display()))?;
        }
        let progress = if self.quiet {
            ProgressBar::hidden()
        } else {
            bar(self.count)
        };
        let started = Instant::now();
        let mut bytes = 0;
        let mut means = Vec::new();
        for index in 0..self.count {
            let truth = self.truth.of(index);
            let frame = frame(self.seed, index, truth, self.size);
            let jpeg = encode::jpeg(&frame.pixels, frame.quality)?;
            let name = format!("{truth}_{}_{index:06}.jpg", self.seed);
            let path = self.out.join(truth.as_str()).join(name);
            fs::write(&path, &jpeg)
                .with_context(|| format!("picture {} cannot be written", path.display()))?;
            bytes += jpeg.len();
            means.push((Means::of(&frame.pixels), truth == Truth::Ripe));
            progress.inc(1);
        }
        progress.finish_and_clear();
        let ripe = means.iter().filter(|(_, ripe)| *ripe).count();
        println!(
            "rendered {} pictures ({ripe} ripe, {} unripe) of {}, {} KiB, in {:.1} s into {}",
            means.len(),
            means.len() - ripe,
            self.size,
            bytes / 1024,
            started.elapsed().as_secs_f64(),
            self.out.display(),
        );
        if self.truth == Truths::Both {
            print_baseline(&means);
        }
        Ok(())
    }
}

/// How far one threshold on a mean gets on these pictures, for comparison with a classifier.
fn print_baseline(means: &[(Means, bool)]) {
    let best = |of: fn(&Means) -> f32| {
        let samples: Vec<_> = means
            .iter()
            .map(|(means, ripe)| (of(means), *ripe))
            .collect();
        best_threshold(&samples) * 100.0
    };
    println!(
        "best single threshold: hue {:.1} %, red {:.1} %, green {:.1} %, blue {:.1} %",
        best(|means| means.hue_degrees),
        best(|means| means.red),
        best(|means| means.green),
        best(|means| means.blue),
    );
}

fn bar(count: u64) -> ProgressBar {
    let bar = ProgressBar::new(count);
    // The template is a literal; were it wrong, the default style would do.
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} pictures, {eta} left") {
        bar.set_style(style);
    }
    bar
}
