//! What the worst pictures cost, beside an ordinary large one in the same run.
//!
//!     cargo xtask bench hostile
//!
//! One thread sees pictures as the module does, from bytes to verdict: first a scene of 1920x1080, again
//! and again, for the median; then every bomb of the crate `hostile`; then damaged pictures without
//! end. The longest of each kind is held against that median, and the peak of this process, which
//! begins itself anew with the module's settings of the allocator, against what a small box has.
//! Exit code 1 when either is beyond its bar.

mod report;

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use camera::render::{Size, frame};
use camera::truth::Truth;
use clap::Parser;
use end_to_end::{peak_memory, workspace_root};
use fruit_counter::app::load_model;
use fruit_counter::decode_room::DecodeRoom;
use fruit_counter::eyes::Eyes;
use fruit_counter::labels::{LabelConfidence, LabelMap, LabelRules};
use fruit_counter::metrics::EyeTimes;
use fruit_counter::settings::Layout;
use hostile::{Mutator, bombs, seeds};
use rustix::process::getpid;
use vision::{DecodeLimits, Formats, Scratch};

use crate::report::{Kind, Report};

/// What the worst pictures cost.
#[derive(Debug, Parser)]
#[command(name = "hostile")]
struct Options {
    /// Damaged pictures.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    mutations: usize,
    /// The damage is that of this number.
    #[arg(long, value_name = "X", default_value_t = 20_261_127)]
    seed: u64,
    /// The last line is one JSON object.
    #[arg(long)]
    json: bool,
    /// What cargo says to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

/// How often the ordinary picture is seen for its median.
const ROUNDS: usize = 101;
/// How often a bomb is seen; the shortest counts, since what disturbs only adds.
const TRIES: usize = 3;
/// How often progress is shown.
const SHOWN: Duration = Duration::from_secs(2);

fn main() -> anyhow::Result<ExitCode> {
    // As the module does: it returns only where all is set.
    fruit_counter::afresh::with_environment().context("cannot begin afresh")?;
    let options = Options::parse();
    let report = measure(&options)?;
    print!("{report}");
    if options.json {
        println!("{}", serde_json::to_string(&report)?);
    }
    Ok(if report.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn measure(options: &Options) -> anyhow::Result<Report> {
    let mut eyes = eyes()?;
    let ordinary = ordinary()?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        times.push(timed(&mut eyes, &ordinary).0);
    }
    times.sort_unstable();
    let median = times[ROUNDS / 2];
    let mut report = Report::new(median, ordinary.len());

    for bomb in bombs() {
        progress(bomb.name);
        let bytes = bomb.bytes();
        // What making it took is none of the module's.
        forget_peak()?;
        let seen = (0..TRIES).map(|_| timed(&mut eyes, &bytes));
        let (time, outcome) = seen.min_by_key(|(time, _)| *time).context("no try")?;
        report.bombs.push(Kind::of(bomb.name, time, &outcome));
        report.saw_peak(peak_memory(getpid())?);
    }

    forget_peak()?;
    let mut shown = Instant::now();
    let mutated = Mutator::new(seeds(), options.seed).take(options.mutations);
    for (number, mutated) in mutated.enumerate() {
        if shown.elapsed() > SHOWN {
            progress(&format!("{number} of {} mutations", options.mutations));
            shown = Instant::now();
        }
        let (mut time, outcome) = timed(&mut eyes, &mutated.bytes);
        // Another program may have had the core: a long one is looked at again.
        for _ in 1..TRIES {
            if time > median * 2 {
                time = time.min(timed(&mut eyes, &mutated.bytes).0);
            }
        }
        let name = format!("{} {}", mutated.format, mutated.damage);
        report.mutated(&name, time, &outcome);
    }
    report.saw_peak(peak_memory(getpid())?);
    progress("");
    Ok(report)
}

/// As the HTTP door has them, with the bundled model on one thread.
fn eyes() -> anyhow::Result<Eyes> {
    let classifier = load_model(
        &workspace_root().join("model"),
        Layout::Auto,
        &vision::RuntimeOptions::default(),
    )?
    .classifier;
    let (map, confidence) = (LabelMap::default(), LabelConfidence::default());
    let labels = LabelRules::new(classifier.labels(), &map, &confidence, 0.6);
    Ok(Eyes {
        labels: Arc::new(labels?),
        classifier,
        limits: DecodeLimits {
            formats: Formats::ALL,
            ..DecodeLimits::default()
        },
        room: DecodeRoom::default(),
        scratch: Scratch::default(),
        times: EyeTimes::default(),
    })
}

/// A scene as a large camera sends it.
fn ordinary() -> anyhow::Result<Vec<u8>> {
    const QUALITY: u8 = 85;
    let scene = frame(20_261_127, 1, Truth::Ripe, Size::new(1920, 1080)?);
    Ok(camera::encode::jpeg(&scene.pixels, QUALITY)?)
}

/// The time of one look, and the name of its outcome.
fn timed(eyes: &mut Eyes, picture: &[u8]) -> (Duration, String) {
    let start = Instant::now();
    let sight = eyes.look(picture);
    (start.elapsed(), report::name(&sight.outcome))
}

/// The kernel's peak of this process begins anew: proc_pid_clear_refs(5).
fn forget_peak() -> anyhow::Result<()> {
    std::fs::write("/proc/self/clear_refs", "5").context("cannot reset the peak of memory")
}

/// One line on a terminal, written over by the next.
fn progress(text: &str) {
    let mut screen = std::io::stderr();
    // Nothing depends on it.
    let _ = write!(screen, "\r\x1b[K{text}");
    let _ = screen.flush();
}
