//! `cargo xtask demo`: the whole system on one computer, and whether it counted
//! right.
//!
//! Cameras send pictures through the development hub to the module; the demo
//! shows what goes upstream and compares, camera by camera, what was sent with
//! what was counted. This file knows the order of things. `plan` says which
//! cameras there are, `site` runs hub, agent and module, `play` watches them, `chaos` says what
//! goes wrong,
//! `sent` and `upstream` read both sides, `summary` compares, `show` puts it into
//! words.
//!
//! It must never leave a process behind that `--keep` did not ask for.

mod baseline;
mod blueprint;
mod chaos;
mod options;
mod plan;
mod play;
mod sent;
mod show;
mod site;
mod summary;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use crate::rig::folder;
use crate::rig::interrupt::{Interrupt, Interrupted};
use crate::rig::programs;
use crate::rig::screen::Screen;
use crate::setup;
use blueprint::Blueprint;
pub(crate) use options::Options;
use play::{Demo, TICK};
use site::Site;
use summary::{Run, Summary};

/// Runs the demo. The exit code says whether the counts were right.
pub(crate) fn run(options: &Options, root: &Path) -> anyhow::Result<ExitCode> {
    let interrupt = Interrupt::listen()?;
    let seed = options.seed.unwrap_or_else(options::random_seed);
    let cameras = options.plan(seed)?;
    let onnxruntime = setup::run(root)?;
    // Ctrl-C in the middle of the build ends cargo as well; the signal is the reason.
    let programs = match programs::build(root) {
        Ok(programs) => programs,
        Err(error) => return interrupted_or(interrupt.check().err().map_or(error, Into::into)),
    };
    let folder = folder::fresh(root, "demo")?;
    let blueprint = Blueprint {
        root: root.to_owned(),
        programs,
        onnxruntime,
        folder,
        cameras,
    };

    let mut demo = match begin(&blueprint, seed, options.json, interrupt) {
        Ok(demo) => demo,
        Err(error) => return interrupted_or(error),
    };
    if options.chaos {
        demo.add_chaos(chaos::Schedule::new(seed));
    }
    let played = demo.play(&blueprint, options);
    let keep = options.keep && played.is_ok();
    // Stops what must stop, whatever came before.
    demo.stop(keep)?;
    match played {
        Ok(seconds) => conclude(demo, &blueprint, options, (seconds, seed)),
        Err(error) => {
            demo.finish(false)?;
            interrupted_or(error)
        }
    }
}

/// Starts hub, agent and module.
fn begin(
    blueprint: &Blueprint,
    seed: u64,
    json: bool,
    interrupt: Interrupt,
) -> anyhow::Result<Demo> {
    let mut screen = Screen::new(json);
    let cameras = blueprint.cameras.len();
    let folder = blueprint.folder.display();
    screen.line(&format!(
        "demo: {cameras} cameras, seed {seed}, logs in {folder}"
    ));
    let started = Instant::now();
    let site = Site::start(blueprint.clone(), &mut |what| {
        interrupt.check()?;
        screen.progress(&format!("{what}, {} s", started.elapsed().as_secs()));
        thread::sleep(TICK);
        Ok(())
    })?;
    let seconds = started.elapsed().as_secs_f64();
    screen.line(&format!(
        "demo: the hub listens and the module runs after {seconds:.1} s"
    ));
    Ok(Demo::new(site, screen, interrupt))
}

/// Compares, shows, and lets go of the processes.
fn conclude(
    mut demo: Demo,
    blueprint: &Blueprint,
    options: &Options,
    (seconds, seed): (f64, u64),
) -> anyhow::Result<ExitCode> {
    let run = Run {
        seconds,
        seed,
        restarts: demo.restarts(),
        faults: demo.faults(),
        complaints: demo.take_complaints(),
    };
    let summary = Summary::new(&blueprint.cameras, &demo.sent()?, demo.upstream(), run);
    demo.say(&show::summary(&summary));
    let has_failed = !summary.failures().is_empty();
    let folder = &blueprint.folder;
    if has_failed {
        demo.say(&format!("demo: logs are in {}", folder.display()));
    }
    demo.finish(options.keep)?;
    if !has_failed && !options.keep {
        fs::remove_dir_all(folder)?;
    }
    if options.json {
        println!("{}", serde_json::to_string(&summary)?);
    }
    Ok(if has_failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// A demo that was told to stop ends quietly, with the code of its signal.
fn interrupted_or(error: anyhow::Error) -> anyhow::Result<ExitCode> {
    match error.downcast::<Interrupted>() {
        Ok(interrupted) => {
            eprintln!("demo: {interrupted}; nothing is left running");
            Ok(ExitCode::from(interrupted.exit_code()))
        }
        Err(error) => Err(error),
    }
}
