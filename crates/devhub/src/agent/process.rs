//! One module's process: at most one instance, also across agents that were killed.
//!
//! `modules/NAME.lock` is locked before the start and handed to the process as its standard input,
//! so the lock lives exactly as long as the process (or a child of it) does, whoever dies first.
//! `modules/NAME.json` names the process, so that an agent that comes again can watch and stop it.
//! An agent killed between start and that write leaves an instance without a name: the next agent
//! sees the lock, waits for its end and starts nothing beside it.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::process::{Child, Command};

use super::restart::Exit;
use crate::state::{PUBLIC, SECRET, StateDir, StateError};

/// What is started.
#[derive(Debug, Clone)]
pub struct Program {
    /// The program run in place of the image.
    pub path: PathBuf,
    /// Its whole environment.
    pub environment: BTreeMap<String, String>,
    /// The file its output is appended to.
    pub log: PathBuf,
    /// Whether it gets a process group of its own, so that Ctrl-C reaches the agent only.
    pub own_group: bool,
}

/// Which process a file names. Process ids are used again; with the start time and the boot they
/// are not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mark {
    pid: i32,
    start_time: u64,
    boot_id: String,
}

/// What stands where a module may be started.
pub(super) enum Place {
    /// Nothing runs; the lock is ours and goes to the process that is started.
    Free(File),
    /// An instance runs.
    Running(Instance),
    /// An instance runs, and nobody knows its process id.
    Unnamed,
}

/// A running module.
pub(super) struct Instance {
    pid: Pid,
    handle: OwnedFd,
    watched: Watched,
}

enum Watched {
    Child(Box<Child>),
    Adopted(AsyncFd<OwnedFd>),
}

impl Place {
    /// Looks whether module `name` runs.
    pub(super) fn of(state: &StateDir, name: &str) -> Result<Self, StateError> {
        let path = state.path(&file_name(name, "lock"));
        let lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(SECRET)
            .open(&path)
            .map_err(StateError::io("open", &path))?;
        if let Some(instance) = Instance::find(state, name)? {
            return Ok(Self::Running(instance));
        }
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self::Free(lock)),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(Self::Unnamed),
            Err(error) => Err(StateError::io("lock", &path)(error.into())),
        }
    }
}

impl Instance {
    /// Starts the program with the lock as its standard input.
    pub(super) fn start(
        state: &StateDir,
        name: &str,
        program: &Program,
        lock: File,
    ) -> Result<Self, StateError> {
        let log = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&program.log)
            .map_err(StateError::io("open", &program.log))?;
        let also = log
            .try_clone()
            .map_err(StateError::io("open", &program.log))?;
        let start_error = || StateError::io("start", &program.path);
        let mut command = Command::new(&program.path);
        command
            .env_clear()
            .envs(&program.environment)
            .stdin(Stdio::from(lock))
            .stdout(Stdio::from(log))
            .stderr(Stdio::from(also));
        if program.own_group {
            command.process_group(0);
        }
        let child = command.spawn().map_err(start_error())?;
        // Our copies of the lock and of the log end with the command.
        drop(command);
        let pid = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw)
            .ok_or_else(|| start_error()(io::Error::other("it has no process id")))?;
        let handle =
            pidfd_open(pid, PidfdFlags::empty()).map_err(|error| start_error()(error.into()))?;
        // A child that ended already stays as a zombie until we wait, so its mark can be read.
        if let Some(mark) = Mark::of(pid) {
            let file = file_name(name, "json");
            let path = state.path(&file);
            let text = serde_json::to_vec(&mark)
                .map_err(|error| StateError::io("write", &path)(error.into()))?;
            state.write(&file, &text, PUBLIC)?;
        }
        Ok(Self {
            pid,
            handle,
            watched: Watched::Child(Box::new(child)),
        })
    }

    /// The instance an earlier agent started, if it lives.
    fn find(state: &StateDir, name: &str) -> Result<Option<Self>, StateError> {
        let file = file_name(name, "json");
        let Some(text) = state.read(&file)? else {
            return Ok(None);
        };
        let Ok(mark) = serde_json::from_str::<Mark>(&text) else {
            return Ok(None);
        };
        let Some(pid) = Pid::from_raw(mark.pid) else {
            return Ok(None);
        };
        // First the handle, then the look: from here on the id cannot become another's unseen.
        let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else {
            return Ok(None);
        };
        if Mark::of(pid).as_ref() != Some(&mark) || is_zombie(pid) {
            return Ok(None);
        }
        let path = state.path(&file);
        let watch = handle.try_clone().map_err(StateError::io("watch", &path))?;
        #[expect(
            deprecated,
            reason = "its replacement is unsafe; an OwnedFd keeps what that one asks for, and no other door watches a pidfd"
        )]
        let watch = AsyncFd::with_interest(watch, Interest::READABLE)
            .map_err(StateError::io("watch", &path))?;
        Ok(Some(Self {
            pid,
            handle,
            watched: Watched::Adopted(watch),
        }))
    }

    /// Its process id.
    pub(super) fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Whether an earlier agent started it.
    pub(super) fn is_adopted(&self) -> bool {
        matches!(self.watched, Watched::Adopted(_))
    }

    /// Waits for its end. May be dropped and called again.
    pub(super) async fn ended(&mut self) -> Exit {
        match &mut self.watched {
            Watched::Child(child) => match child.wait().await {
                Ok(status) => exit(status),
                Err(error) => {
                    tracing::error!(%error, "cannot wait for a module");
                    Exit::Unknown
                }
            },
            Watched::Adopted(watch) => {
                if let Err(error) = watch.readable().await {
                    tracing::error!(%error, "cannot watch a module");
                }
                Exit::Unknown
            }
        }
    }

    /// Sends a signal; one to a process that has ended is lost.
    pub(super) fn signal(&self, signal: Signal) {
        if let Err(error) = pidfd_send_signal(&self.handle, signal) {
            tracing::debug!(%error, pid = self.pid(), "signal not sent");
        }
    }
}

impl Mark {
    fn of(pid: Pid) -> Option<Self> {
        let stat = stat(pid)?;
        // Field 22, counted after the name, which stands in parentheses and may hold anything.
        let start_time = stat.split_whitespace().nth(19)?.parse().ok()?;
        let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let boot_id = boot_id.trim().to_owned();
        Some(Self {
            pid: pid.as_raw_nonzero().get(),
            start_time,
            boot_id,
        })
    }
}

/// What stands after the name in `/proc/PID/stat`: state first.
fn stat(pid: Pid) -> Option<String> {
    let path = format!("/proc/{}/stat", pid.as_raw_nonzero());
    let text = fs::read_to_string(Path::new(&path)).ok()?;
    text.rsplit_once(") ").map(|(_, rest)| rest.to_owned())
}

fn is_zombie(pid: Pid) -> bool {
    stat(pid).is_none_or(|stat| stat.starts_with(['Z', 'X']))
}

fn exit(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Unknown,
    }
}

/// `modules/NAME.extension`; names of modules hold no slash (see [`crate::identities`]).
pub(super) fn file_name(module: &str, extension: &str) -> String {
    format!("modules/{module}.{extension}")
}
