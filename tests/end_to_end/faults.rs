//! What breaks in a shed: the module, the hub, the supervisor.

use end_to_end::{Camera, Site, wait_for};
use rustix::process::{Signal, kill_process, test_kill_process};

/// A camera that sends `count` rendered pictures, fast enough that a fault meets them.
pub(crate) fn send_steadily(site: &Site, device: &str, count: &str) -> Camera {
    let arguments = [
        "--rendered",
        "--truth",
        "ripe",
        "--count",
        count,
        "--rate",
        "15",
        "--seed",
        "3",
    ];
    site.camera(device, &arguments).unwrap()
}

/// Waits until some of the pictures are counted, so that a fault comes in the middle.
fn wait_for_the_middle(site: &Site, device: &str) {
    site.wait_until_counted(device, 5).unwrap();
}

fn exactly(site: &Site, device: &str, pictures: u64) {
    site.wait_until_counted(device, pictures).unwrap();
    let sums = site.upstream().camera(device).unwrap();
    assert_eq!(sums.distinct(), pictures, "{sums:?}\n{}", site.logs());
}

#[test]
fn checklist_26_a_killed_module_is_started_again_and_loses_and_doubles_nothing() {
    let site = Site::builder().device("cam-01").start().unwrap();
    let mut camera = send_steadily(&site, "cam-01", "60");
    wait_for_the_middle(&site, "cam-01");
    for _ in 0..2 {
        let killed = site.module_pid().unwrap();
        kill_process(killed, Signal::KILL).unwrap();
        wait_for("another module process", || {
            Ok(site.module_pid().ok().filter(|pid| *pid != killed))
        })
        .unwrap();
    }
    assert_eq!(camera.confirmed().unwrap(), 60);
    exactly(&site, "cam-01", 60);
}

#[test]
fn a_killed_hub_takes_no_module_along_and_a_new_one_serves_the_same() {
    let mut site = Site::builder().device("cam-01").start().unwrap();
    let mut camera = send_steadily(&site, "cam-01", "60");
    wait_for_the_middle(&site, "cam-01");
    let module = site.module_pid().unwrap();
    site.kill_hub().unwrap();
    test_kill_process(module).expect("the module died with the hub");
    site.start_hub().unwrap();
    assert_eq!(camera.confirmed().unwrap(), 60);
    exactly(&site, "cam-01", 60);
    assert_eq!(site.module_pid().unwrap(), module, "{}", site.logs());
}

#[test]
fn a_killed_agent_comes_back_to_the_living_module_and_starts_no_second_one() {
    let mut site = Site::builder().device("cam-01").start().unwrap();
    let mut camera = send_steadily(&site, "cam-01", "40");
    wait_for_the_middle(&site, "cam-01");
    let module = site.module_pid().unwrap();
    site.kill_agent().unwrap();
    test_kill_process(module).expect("the module died with the agent");
    site.start_agent().unwrap();
    assert_eq!(site.module_pid().unwrap(), module, "{}", site.logs());
    assert_eq!(camera.confirmed().unwrap(), 40);
    exactly(&site, "cam-01", 40);
}
