//! Child processes that never outlive the command that started them by accident.
//!
//! All children share one process group, away from the terminal's, so Ctrl-C
//! reaches the command alone and the command decides the order in which things stop.
//! The group is led by a guard: a shell that waits at a pipe whose other end
//! only the command holds. If the command goes away in any way, SIGKILL included, the
//! pipe closes and the guard stops the group. Children read nothing and write
//! to log files, never into a pipe that nobody empties.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// How often a process that should end is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Waits for a word; without one, asks the group to stop, waits longer than the
/// agent gives the module, and then ends what is left, itself included.
const GUARD: &str = r#"trap "" TERM INT HUP; read -r word; [ "$word" = done ] && exit 0; kill -TERM 0; sleep 15; kill -KILL 0"#;

/// The process group of a command.
pub(crate) struct Group {
    guard: Child,
    /// The other end of the guard's pipe.
    alive: Option<ChildStdin>,
}

impl Group {
    /// Starts the guard.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let mut guard = Command::new("/bin/sh")
            .args(["-c", GUARD, "fruit-counter-guard"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot start /bin/sh, which guards the processes")?;
        let alive = guard.stdin.take();
        Ok(Self { guard, alive })
    }

    fn id(&self) -> Pid {
        Pid::from_child(&self.guard)
    }

    /// Starts a process of the group that writes to `log`, after what is there.
    pub(crate) fn spawn(
        &self,
        name: &str,
        command: &mut Command,
        log: &Path,
    ) -> anyhow::Result<Process> {
        let out = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("cannot write {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .process_group(self.id().as_raw_nonzero().get())
            .spawn()
            .with_context(|| {
                format!("cannot start {name} ({})", command.get_program().display())
            })?;
        Ok(Process {
            name: name.to_owned(),
            child,
            log: log.to_owned(),
        })
    }

    /// Lets everything run on without the command.
    pub(crate) fn leave(mut self) -> io::Result<()> {
        self.dismiss()
    }

    /// Ends whatever is left in the group, at once.
    pub(crate) fn end(mut self) -> io::Result<()> {
        // The guard is in the group; it cannot be gone, so there is one to kill.
        kill_process_group(self.id(), Signal::KILL)?;
        self.alive = None;
        self.guard.wait().map(drop)
    }

    fn dismiss(&mut self) -> io::Result<()> {
        if let Some(mut alive) = self.alive.take() {
            alive.write_all(b"done\n")?;
        }
        self.guard.wait().map(drop)
    }
}

/// One child.
pub(crate) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// What people call it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Sends a signal, if it still runs.
    pub(crate) fn signal(&mut self, signal: Signal) -> io::Result<()> {
        if self.child.try_wait()?.is_none() {
            // Between the look and the signal it is at worst a zombie: still ours.
            kill_process(Pid::from_child(&self.child), signal)?;
        }
        Ok(())
    }

    /// Ends it at once, without a word, and waits for its end.
    pub(crate) fn kill(&mut self) -> io::Result<ExitStatus> {
        self.child.kill()?;
        self.child.wait()
    }

    /// Asks it to stop with SIGTERM and ends it after `grace`.
    pub(crate) fn stop(&mut self, grace: Duration) -> io::Result<Stopped> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(Stopped::Ended(status));
        }
        // Between the look and the signal it is at worst a zombie: still ours.
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let asked = Instant::now();
        while asked.elapsed() < grace {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Stopped::Ended(status));
            }
            thread::sleep(LOOK);
        }
        self.child.kill()?;
        self.child.wait()?;
        Ok(Stopped::Killed)
    }

    /// The end of its log, for a failure that must be explained.
    pub(crate) fn last_words(&self) -> String {
        last_lines(&self.log, 15)
    }
}

/// How a process stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// By itself or when asked.
    Ended(ExitStatus),
    /// It did not within its grace.
    Killed,
}

/// The last lines of a log, indented, with the name of the file.
pub(crate) fn last_lines(log: &Path, count: usize) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let text = text.unwrap_or_else(|error| error.to_string());
    let lines: Vec<&str> = text.lines().collect();
    let mut said = format!("{}:", log.display());
    for line in &lines[lines.len().saturating_sub(count)..] {
        said.push_str("\n    ");
        said.push_str(line);
    }
    said
}

/// Whether a process with this id exists (zombies too).
pub(crate) fn is_alive(id: u32) -> bool {
    File::open(format!("/proc/{id}/stat")).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    fn until(what: &str, mut is_so: impl FnMut() -> bool) {
        let started = Instant::now();
        while !is_so() {
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "waited too long until {what}"
            );
            thread::sleep(LOOK);
        }
    }

    /// Dead, or dead and waiting to be noticed.
    fn is_running(id: u32) -> bool {
        fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
    }

    #[test]
    fn process_that_listens_stops_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let group = Group::new().unwrap();
        let script = "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.05; done";
        let mut process = group.spawn("listener", &mut shell(script), &log).unwrap();
        until("it is ready", || {
            fs::read_to_string(&log).unwrap().contains("ready")
        });
        let Stopped::Ended(status) = process.stop(Duration::from_secs(10)).unwrap() else {
            panic!("killed")
        };
        assert_eq!(status.code(), Some(7));
        assert!(
            process.last_words().ends_with("ready\n    bye"),
            "{}",
            process.last_words()
        );
        group.end().unwrap();
    }

    #[test]
    fn process_that_does_not_listen_is_killed_after_its_grace() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let group = Group::new().unwrap();
        let script = "trap '' TERM; echo ready; while :; do sleep 0.05; done";
        let mut process = group.spawn("deaf", &mut shell(script), &log).unwrap();
        until("it is ready", || {
            fs::read_to_string(&log).unwrap().contains("ready")
        });
        assert_eq!(
            process.stop(Duration::from_millis(100)).unwrap(),
            Stopped::Killed
        );
        group.end().unwrap();
    }

    #[test]
    fn ending_the_group_ends_grandchildren() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let group = Group::new().unwrap();
        let mut process = group
            .spawn("parent", &mut shell("sleep 1000 & echo $!; wait"), &log)
            .unwrap();
        until("it has a child", || {
            fs::read_to_string(&log).unwrap().ends_with('\n')
        });
        let grandchild = fs::read_to_string(&log).unwrap().trim().parse().unwrap();
        assert!(is_running(grandchild));
        group.end().unwrap();
        until("both are gone", || {
            process.ended().unwrap().is_some() && !is_running(grandchild)
        });
    }

    #[test]
    fn guard_stops_the_group_when_the_command_vanishes() {
        let folder = tempfile::tempdir().unwrap();
        let group = Group::new().unwrap();
        let log = folder.path().join("log");
        let mut process = group
            .spawn("child", &mut shell("exec sleep 1000"), &log)
            .unwrap();
        // What the kernel does with the pipe of a killed command.
        drop(group);
        until("the child has ended", || process.ended().unwrap().is_some());
    }

    #[test]
    fn dismissed_guard_leaves_the_group_alone() {
        let folder = tempfile::tempdir().unwrap();
        let group = Group::new().unwrap();
        let log = folder.path().join("log");
        let mut process = group
            .spawn("child", &mut shell("exec sleep 1000"), &log)
            .unwrap();
        group.leave().unwrap();
        assert_eq!(process.ended().unwrap(), None);
        assert!(is_alive(process.id()));
        process.stop(Duration::from_secs(10)).unwrap();
    }
}
