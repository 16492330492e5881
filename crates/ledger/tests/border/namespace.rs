//! A test as a child process with file systems of its own.
//!
//! The child is this test binary again, in a mount namespace, which an unprivileged user may make on
//! most kernels; where not, the test says so and skips.

use std::path::Path;
use std::process::Command;

/// Names the folder to the child.
const FOLDER: &str = "LEDGER_TEST_FOLDER";
const NOT_ALLOWED: i32 = 77;

/// Runs an ignored test after some mounts, of which the folder is `$1`.
pub(crate) fn run(mounts: &str, test: &str, folder: &Path) {
    let test_binary = std::env::current_exe().unwrap();
    let script = format!(
        // Opened before: the mounts may hide the place where it lies.
        "exec 9<\"$2\"; {{ {mounts}; }} || exit {NOT_ALLOWED}; \
         exec /proc/self/fd/9 {test} --exact --ignored --nocapture"
    );
    let child = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount"])
        .args(["sh", "-c", &script, "sh"])
        .args([folder, &test_binary])
        .env(FOLDER, folder)
        .output();
    let child = match child {
        Ok(child) => child,
        Err(cause) => return println!("skipped: unshare cannot be started: {cause}"),
    };
    let said = String::from_utf8_lossy(&child.stderr);
    // unshare itself ends with 1 where the kernel refuses, before anything of ours ran.
    if child.status.code() == Some(NOT_ALLOWED) || said.starts_with("unshare:") {
        return println!("skipped: no file system may be mounted here: {said}");
    }
    let shown = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{}\n{shown}\n{said}", child.status);
    assert!(shown.contains("1 passed"), "the child ran: {shown}");
}

/// The folder, in the child.
pub(crate) fn folder() -> std::path::PathBuf {
    std::env::var_os(FOLDER)
        .expect("the parent names the folder")
        .into()
}
