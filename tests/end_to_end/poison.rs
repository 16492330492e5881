//! Pictures that end the process that looks at them.
//!
//! A large picture within the pixel limit under a limit of memory that it does not fit is one for
//! real. Where the moment matters, the process is killed from outside as soon as its note says that
//! the picture is being worked on.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use end_to_end::{Camera, Site, SiteBuilder, wait_for};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder as _, Rgb, RgbImage};
use rustix::process::{Pid, Signal, kill_process};

pub(crate) const CAMERA: &str = "cam-01";

/// As large as the limits of decoding allow, in few bytes.
fn large_picture() -> Vec<u8> {
    let plain = RgbImage::from_pixel(4096, 4096, Rgb([90, 90, 40]));
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Best, FilterType::NoFilter)
        .write_image(&plain, 4096, 4096, ExtendedColorType::Rgb8)
        .unwrap();
    // edgeHub takes messages up to 256 KiB.
    assert!(bytes.len() < 250_000, "{}", bytes.len());
    bytes
}

pub(crate) fn small_picture(shade: u8) -> Vec<u8> {
    let plain = RgbImage::from_pixel(64, 48, Rgb([shade, 90, 40]));
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes)
        .write_image(&plain, 64, 48, ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

/// Sends these pictures in this order and gives how many the hub took.
pub(crate) fn send(site: &Site, pictures: &[Vec<u8>]) -> u64 {
    begin_to_send(site, pictures).confirmed().unwrap()
}

/// The same, for who must see the first picture being worked on: that is over in a moment.
fn begin_to_send(site: &Site, pictures: &[Vec<u8>]) -> Camera {
    let folder = site.folder().join("pictures");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).unwrap();
    for (at, picture) in pictures.iter().enumerate() {
        fs::write(folder.join(format!("{at:03}.png")), picture).unwrap();
    }
    let folder = folder.display().to_string();
    let arguments = ["--pictures", &folder, "--raw", "--rate", "20"];
    site.camera(CAMERA, &arguments).unwrap()
}

/// The most address space that a process used so far, in KiB.
fn peak(module: Pid) -> u64 {
    let status = format!("/proc/{}/status", module.as_raw_nonzero());
    let status = fs::read_to_string(status).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmPeak"));
    let number = line.unwrap().split_whitespace().nth(1);
    number.unwrap().parse().unwrap()
}

pub(crate) fn endings(site: &Site) -> usize {
    let log = fs::read_to_string(site.folder().join("agent.log")).unwrap_or_default();
    log.matches("module ended").count()
}

/// The allocator sets no address space aside for each thread, so that what is used is what is needed.
fn site_of_one_arena() -> SiteBuilder {
    Site::builder()
        .device(CAMERA)
        .module_env("MALLOC_ARENA_MAX", "1")
        .module_env("FRUIT_COUNTER_THREADS", "1")
}

/// What a module uses that has counted a small picture, in KiB.
fn usual_peak() -> u64 {
    let site = site_of_one_arena().start().unwrap();
    assert_eq!(send(&site, &[small_picture(10)]), 1);
    site.wait_until_counted(CAMERA, 1).unwrap();
    peak(site.module_pid().unwrap())
}

#[test]
fn a_picture_that_does_not_fit_the_memory_is_rejected_after_three_tries_and_the_next_are_counted() {
    let site = site_of_one_arena()
        .module_memory(usual_peak() + 20 * 1024)
        .start()
        .unwrap();
    let pictures = [
        small_picture(10),
        small_picture(20),
        large_picture(),
        small_picture(30),
        small_picture(40),
    ];
    assert_eq!(send(&site, &pictures), 5);
    site.wait_until_counted(CAMERA, 5).unwrap();
    let sums = site.upstream().camera(CAMERA).unwrap();
    assert_eq!(sums.distinct(), 5, "{sums:?}");
    assert_eq!(
        sums.rejected.get("crashed"),
        Some(&1),
        "{sums:?}\n{}",
        site.logs()
    );
    assert_eq!(sums.rejected.values().sum::<u64>(), 1, "{sums:?}");
    assert_eq!(endings(&site), 3, "{}", site.logs());
}

/// The module's notes, as `attempts.rs` of the ledger lays them out.
struct Notes(PathBuf);

impl Notes {
    fn of(site: &Site) -> Self {
        Notes(site.ledger().join("attempts.notes"))
    }

    fn page(&self) -> Vec<u8> {
        fs::read(&self.0).unwrap_or_default()
    }

    /// Whether a picture is being worked on.
    fn in_flight(&self) -> bool {
        let page = self.page();
        page.len() == 4096 && page[64..].chunks_exact(40).any(|slot| slot[32] > 0)
    }

    /// Whether they say that the process was asked to stop.
    fn is_stopping(&self) -> bool {
        self.page().get(8) == Some(&1)
    }

    /// Makes the notes those of another boot.
    fn of_another_boot(&self) {
        let file = fs::OpenOptions::new().write(true).open(&self.0).unwrap();
        file.write_all_at(&[0x77; 32], 16).unwrap();
    }
}

/// Stops a module that works on a picture, so that what is done next meets it there. Where the
/// picture was just done, the module goes on and the next one is waited for. `start` is the number
/// of the process, from 1: what an earlier one noted is no work of this one.
fn stop_in_flight(site: &Site, notes: &Notes, start: usize) -> Pid {
    wait_for("the notes to be those of this start", || {
        // Written once they are open.
        let starts = site.module_log().matches("ledger open").count();
        Ok((starts >= start).then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error:#}\n{}", site.logs()));
    wait_for("a picture in flight", || {
        // Many looks for one pause: a picture takes a fraction of a second.
        for _ in 0..2000 {
            let Some(module) = site.module_pid().ok().filter(|_| notes.in_flight()) else {
                continue;
            };
            // The process of this id may have ended, and the note be its last.
            if is_gone(module) || kill_process(module, Signal::STOP).is_err() {
                continue;
            }
            wait_for("the stop", || {
                Ok((is_stopped(module) || is_gone(module)).then_some(()))
            })?;
            if notes.in_flight() && is_stopped(module) {
                return Ok(Some(module));
            }
            let _ = kill_process(module, Signal::CONT);
        }
        Ok(None)
    })
    .unwrap_or_else(|error| panic!("{error:#}\n{}", site.logs()))
}

fn kill_in_flight(site: &Site, notes: &Notes, start: usize) {
    let module = stop_in_flight(site, notes, start);
    kill_process(module, Signal::KILL).unwrap();
    wait_for("the agent to see the end", || {
        Ok((site.module_pid().ok() != Some(module)).then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error:#}\n{}", site.logs()));
}

/// The letter of a process's state, as proc(5) has it; `None` where there is no such process.
fn state(process: Pid) -> Option<char> {
    let stat = format!("/proc/{}/stat", process.as_raw_nonzero());
    let stat = fs::read_to_string(stat).ok()?;
    stat.rsplit(") ").next()?.chars().next()
}

fn is_stopped(process: Pid) -> bool {
    state(process) == Some('T')
}

/// A zombie has ended, whoever should take notice of it.
fn is_gone(process: Pid) -> bool {
    matches!(state(process), None | Some('Z'))
}

#[test]
fn a_process_killed_three_times_over_one_picture_rejects_it_and_counts_the_others() {
    let site = Site::builder().device(CAMERA).start().unwrap();
    let notes = Notes::of(&site);
    site.wait_for_module_line("connected").unwrap();
    let pictures = [large_picture(), small_picture(30), small_picture(40)];
    let mut camera = begin_to_send(&site, &pictures);
    for start in 1..=3 {
        kill_in_flight(&site, &notes, start);
    }
    assert_eq!(camera.confirmed().unwrap(), 3);
    site.wait_until_counted(CAMERA, 3).unwrap();
    let sums = site.upstream().camera(CAMERA).unwrap();
    assert_eq!(sums.distinct(), 3, "{sums:?}");
    assert_eq!(sums.rejected.get("crashed"), Some(&1), "{sums:?}");
}

/// A module that is about to work on a large picture, then on a small one, and who sends them.
fn with_two_pictures() -> (Site, Notes, Camera) {
    let site = Site::builder().device(CAMERA).start().unwrap();
    let notes = Notes::of(&site);
    site.wait_for_module_line("connected").unwrap();
    let camera = begin_to_send(&site, &[large_picture(), small_picture(30)]);
    (site, notes, camera)
}

fn assert_both_counted(site: &Site) {
    site.wait_until_counted(CAMERA, 2).unwrap();
    let sums = site.upstream().camera(CAMERA).unwrap();
    assert_eq!((sums.distinct(), sums.rejected.len()), (2, 0), "{sums:?}");
}

#[test]
fn kills_before_another_boot_of_the_box_are_no_tries() {
    let (mut site, notes, mut camera) = with_two_pictures();
    for start in 1..=4 {
        let module = stop_in_flight(&site, &notes, start);
        // Nobody starts another one until the notes are changed.
        site.kill_agent().unwrap();
        kill_process(module, Signal::KILL).unwrap();
        wait_for("the end", || Ok(is_gone(module).then_some(()))).unwrap();
        notes.of_another_boot();
        site.start_agent().unwrap();
    }
    assert_eq!(camera.confirmed().unwrap(), 2);
    assert_both_counted(&site);
}

#[test]
fn kills_after_a_sigterm_are_no_tries() {
    let (mut site, notes, mut camera) = with_two_pictures();
    for start in 1..=4 {
        let module = stop_in_flight(&site, &notes, start);
        site.kill_agent().unwrap();
        kill_process(module, Signal::TERM).unwrap();
        kill_process(module, Signal::CONT).unwrap();
        wait_for("the note of the stop", || {
            Ok(notes.is_stopping().then_some(()))
        })
        .unwrap();
        // Docker's patience ends while the picture is still being worked on, or it is just done.
        let _ = kill_process(module, Signal::KILL);
        wait_for("the end", || Ok(is_gone(module).then_some(()))).unwrap();
        if !notes.in_flight() {
            println!("a picture was done before the kill");
        }
        site.start_agent().unwrap();
        if site.upstream().camera(CAMERA).unwrap().distinct() > 0 {
            break;
        }
    }
    assert_eq!(camera.confirmed().unwrap(), 2);
    assert_both_counted(&site);
}
