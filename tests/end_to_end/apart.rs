//! A test that runs itself again in namespaces of its own, where it may mount, and change the
//! network, without touching the machine.
//!
//! An unprivileged user may do so on most kernels; where not, the test says so and is skipped.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// A set-up ends with this where the kernel does not allow what it needs.
pub(crate) const NOT_ALLOWED: i32 = 77;

/// In the parent: runs the ignored test `child` (with its module's name) in these namespaces, after
/// the shell's `set_up`, to which `$1` is `folder`. `variable` tells the child its folder.
pub(crate) fn run_apart(
    child: &str,
    namespaces: &[&str],
    set_up: &str,
    (variable, folder): (&str, &Path),
) {
    let script = format!("{set_up}\nexec \"$2\" \"$3\" --exact --ignored --nocapture");
    let itself = std::env::current_exe().unwrap();
    let arguments = [folder.as_os_str(), itself.as_os_str(), OsStr::new(child)];
    let run = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount"])
        .args(namespaces)
        .args(["sh", "-c", &script, "sh"])
        .args(arguments)
        .env(variable, folder)
        .output();
    let run = match run {
        Ok(run) => run,
        Err(cause) => return println!("skipped: unshare cannot be started: {cause}"),
    };
    let said = String::from_utf8_lossy(&run.stderr);
    // unshare itself ends with 1 where the kernel refuses, before anything of ours ran.
    if run.status.code() == Some(NOT_ALLOWED) || said.starts_with("unshare:") {
        return println!("skipped: namespaces of its own are not to be had here: {said}");
    }
    let shown = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{}\n{shown}\n{said}", run.status);
    assert!(shown.contains("1 passed"), "the child ran: {shown}");
}
