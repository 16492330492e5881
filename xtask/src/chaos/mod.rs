//! `cargo xtask chaos`: a thousand faults at random moments, and whether every count is right.
//!
//! Hub, agent, module and cameras are the real programs. This file knows the order of things:
//! `pictures` and `fleet` are the cameras, `site` the box, `faults` what goes wrong next, `run` the
//! loop, `strike` and `moments` one fault, `journal`, `words` and `witness` the three records,
//! `records` what they say while it runs, `reckon` what they say in the end, `leaks` (with `secrets`,
//! `search` and `knock`) whether a key or a picture is in any log, `show` the words.
//! The rule is in docs/chaos.md.

mod control;
mod faults;
mod fleet;
mod journal;
mod knock;
mod leaks;
mod moments;
mod options;
mod pictures;
mod random;
mod reckon;
mod records;
mod run;
mod search;
mod secrets;
mod show;
mod site;
mod strike;
mod witness;
mod words;

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::Context;

use crate::rig::folder;
use crate::rig::interrupt::{Interrupt, Interrupted};
use crate::rig::programs;
use crate::rig::screen::Screen;
use crate::rig::upstream::{Tail, Upstream};
use crate::setup;
use fleet::Fleet;
pub(crate) use options::Options;
use reckon::{Evidence, Reckoning};
use records::Records;
use run::Run;
use site::{Ground, Site};

/// Pictures whose every part is looked for in the logs.
const SAMPLE: usize = 8;

/// Runs the faults. The exit code says whether the counts were right.
pub(crate) fn run(options: &Options, root: &Path) -> anyhow::Result<ExitCode> {
    let interrupt = Interrupt::listen()?;
    let seed = options.seed.unwrap_or_else(random_seed);
    let ended = prepare(options, root, seed).and_then(|ground| {
        let folder = ground.folder.clone();
        let ended = inside(options, seed, ground, interrupt);
        if let Err(error) = &ended
            && !error.is::<Interrupted>()
        {
            let folder = folder.display();
            eprintln!("chaos: seed {seed} did not come to its end; the folder {folder} is kept");
        }
        ended
    });
    match ended {
        Ok(code) => Ok(code),
        Err(error) => match error.downcast::<Interrupted>() {
            Ok(interrupted) => {
                eprintln!("chaos: {interrupted}; nothing is left running");
                Ok(ExitCode::from(interrupted.exit_code()))
            }
            Err(error) => Err(error),
        },
    }
}

fn prepare(options: &Options, root: &Path, seed: u64) -> anyhow::Result<Ground> {
    let onnxruntime = setup::run(root)?;
    Ok(Ground {
        root: root.to_owned(),
        programs: programs::build(root)?,
        onnxruntime,
        folder: folder::fresh(root, "chaos")?,
        cameras: usize::try_from(options.cameras)?,
        http_key: http_key(seed),
    })
}

/// Everything between the first process and the last.
fn inside(
    options: &Options,
    seed: u64,
    ground: Ground,
    interrupt: Interrupt,
) -> anyhow::Result<ExitCode> {
    let mut screen = Screen::new(options.json);
    screen.line(&format!(
        "chaos: {} faults, {} cameras with {} pictures each, seed {seed}, development profile, folder {}",
        options.faults, options.cameras, pictures::EACH, ground.folder.display()
    ));
    let pool = pictures::pool(&ground, seed)?;
    screen.line(&format!(
        "chaos: pictures by label {:?}",
        pictures::by_label(&pool)
    ));
    let site = Site::start(ground, &mut |what| {
        interrupt.check()?;
        screen.progress(what);
        thread::sleep(Duration::from_millis(50));
        Ok(())
    })?;
    let fleet = Fleet::new(site.ground.cameras, &pool, seed, &site)?;
    let records = Records::new(&site.ground)?;
    let mut run = Run::new(site, fleet, records, screen, interrupt);
    let played = run.play(options.faults, seed);
    if let Err(error) = played {
        // Nothing is to be learnt from the rest.
        run.site.group.end()?;
        return Err(error);
    }
    conclude(options, seed, run)
}

/// Stops everything, reckons and says what came out.
fn conclude(options: &Options, seed: u64, mut run: Run) -> anyhow::Result<ExitCode> {
    let seconds = (run.began.elapsed().as_secs_f64() * 10.0).round() / 10.0;
    let pictures = run.fleet.some_pictures(SAMPLE);
    let picture = pictures.first().context("no camera has a picture")?;
    let knocked = knock::knock(&run.site.ground, picture);
    let mut wrong = run.site.stop()?;
    wrong.extend(knocked.err().map(|error| format!("{error:#}")));
    run.records.read()?;
    wrong.append(&mut run.records.wrong);
    let upstream = upstream(&run.site.ground)?;
    wrong.extend(upstream.complaints.iter().cloned());
    if upstream.image_bytes > 0 {
        wrong.push(format!(
            "{} bytes of pictures went upstream",
            upstream.image_bytes
        ));
    }
    let leaks = leaks::search(&run.site.ground, &pictures)?;
    wrong.extend(leaks.found.iter().map(|leak| format!("a leak: {leak}")));
    let mut reckoning = reckon::reckon(&Evidence {
        sent: run.fleet.sent(&run.site)?,
        deliveries: run.records.journal.frames.clone(),
        outcomes: run.records.outcomes.clone(),
        reported: upstream.cameras.clone(),
        held: run.records.witness.cameras()?,
    });
    reckoning.wrong.append(&mut wrong);
    let result = show::Result::new(seed, seconds, &run, (&upstream, &leaks), &reckoning);
    run.screen.line(&result.words(&reckoning));
    finish(options, run, &reckoning)?;
    if options.json {
        println!("{}", serde_json::to_string(&result)?);
    }
    Ok(if reckoning.wrong.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Makes sure that no process is left, and keeps the folder of a run that went wrong.
fn finish(options: &Options, mut run: Run, reckoning: &Reckoning) -> anyhow::Result<()> {
    let folder = run.site.ground.folder.clone();
    run.site.group.end()?;
    if reckoning.wrong.is_empty() && !options.keep {
        fs::remove_dir_all(&folder)?;
    } else {
        run.screen
            .line(&format!("chaos: the folder {} is kept", folder.display()));
    }
    Ok(())
}

/// All that went upstream.
fn upstream(ground: &Ground) -> anyhow::Result<Upstream> {
    let mut upstream = Upstream::default();
    let lines = Tail::new(ground.upstream()).lines();
    for line in lines.context("cannot read what the hub wrote upstream")? {
        upstream.take(&line);
    }
    Ok(upstream)
}

/// With signs that percent form and base64 write otherwise.
fn http_key(seed: u64) -> String {
    let mut random = random::stream(seed, 3);
    format!("chaos/{:016x}+{:016x}", random.u64(..), random.u64(..))
}

fn random_seed() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish() & u64::from(u32::MAX)
}
