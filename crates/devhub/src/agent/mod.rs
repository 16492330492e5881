//! What edgeAgent does, for processes in place of containers: starts the modules of a deployment,
//! watches them, restarts them by policy, stops them with SIGTERM and, ten seconds later, SIGKILL.
//!
//! Started by [`start`]; [`AgentHandle::stop`] stops the modules and waits. When the agent is
//! killed its modules live on; the next agent on the same state directory finds and watches them
//! (see `process`). It must never start a second instance of a module.
//!
//! `STATE/agent.json` follows every change:
//! `{"pid":1,"workload":"unix://…","modules":{"FruitCounter":{"pid":2,"restarts":0,"state":"running"}}}`.
//! States: `running`, `backoff`, `waiting` (for the end of an instance nobody can name), `stopped`,
//! `failed`. `pid` is null unless it runs.

mod environment;
mod log;
mod process;
mod restart;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use manifest::RestartPolicy;
use rustix::process::Signal;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::state::{PUBLIC, StateDir, StateError};
use process::{Instance, Place};

pub use environment::{EdgeValues, INHERITED, environment};
pub use process::Program;
pub use restart::{Backoff, BackoffError, Decision, Exit, RestartPlan};

/// The file that says what runs.
pub const STATUS_FILE: &str = "agent.json";
/// Between SIGTERM and SIGKILL unless the deployment says otherwise (sheet 10.2).
pub const STOP_GRACE: Duration = Duration::from_secs(10);
/// How often the lock of an instance without a name is tried.
const UNNAMED_LOOK: Duration = Duration::from_millis(500);
/// Changes of state that wait to be written.
const CHANGES: usize = 32;

/// One module to keep running.
#[derive(Debug, Clone)]
pub struct ModulePlan {
    /// Its name in the deployment.
    pub name: String,
    /// What is run in place of its image.
    pub program: Program,
    /// When it is started again.
    pub policy: RestartPolicy,
    /// After which pauses.
    pub backoff: Backoff,
    /// Between SIGTERM and SIGKILL; [`STOP_GRACE`] unless `createOptions.StopTimeout` is set.
    pub stop_grace: Duration,
    /// Whether its log file is followed and printed to standard error.
    pub print_log: bool,
}

/// A running agent.
#[derive(Debug)]
pub struct AgentHandle {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl AgentHandle {
    /// Stops the modules and waits for their end, side by side, each as long as its grace at most.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the agent's task failed");
        }
    }
}

/// Starts modules in the order given, or adopts those that run. Returns when each was tried once.
///
/// # Errors
/// [`StateError`] when the status file cannot be written. A module that cannot be started is no
/// error: it counts as one that failed.
pub async fn start(
    state: StateDir,
    workload_uri: String,
    modules: Vec<ModulePlan>,
) -> Result<AgentHandle, StateError> {
    let stop = CancellationToken::new();
    let (changes, inbox) = mpsc::channel(CHANGES);
    let mut status = Status {
        pid: std::process::id(),
        workload: workload_uri,
        modules: BTreeMap::new(),
    };
    for plan in &modules {
        status
            .modules
            .insert(plan.name.clone(), ModuleStatus::default());
    }
    status.write(&state)?;
    let reporter = tokio::spawn(report(state.clone(), status, inbox));
    let mut tasks = JoinSet::new();
    for plan in modules {
        if plan.print_log {
            let (path, stop) = (plan.program.log.clone(), stop.clone());
            tasks.spawn(log::follow(plan.name.clone(), path, stop));
        }
        let (tried, first) = oneshot::channel();
        let keeper = Keeper {
            state: state.clone(),
            restarts: RestartPlan::new(plan.policy, plan.backoff),
            plan,
            changes: changes.clone(),
            status: ModuleStatus::default(),
            tried: Some(tried),
        };
        tasks.spawn(keeper.run(stop.clone()));
        // The next one starts after this one, as startupOrder asks.
        let _ended = first.await;
    }
    drop(changes);
    let task = tokio::spawn(async move {
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a module's keeper failed");
            }
        }
        if let Err(error) = reporter.await {
            tracing::error!(%error, "the status writer failed");
        }
    });
    Ok(AgentHandle { stop, task })
}

#[derive(Debug, Serialize)]
struct Status {
    pid: u32,
    workload: String,
    modules: BTreeMap<String, ModuleStatus>,
}

#[derive(Debug, Clone, Default, Serialize)]
struct ModuleStatus {
    pid: Option<i32>,
    restarts: u32,
    state: State,
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Running,
    Backoff,
    Waiting,
    #[default]
    Stopped,
    Failed,
}

impl Status {
    fn write(&self, state: &StateDir) -> Result<(), StateError> {
        state.write_json(STATUS_FILE, self, PUBLIC)
    }
}

async fn report(
    state: StateDir,
    mut status: Status,
    mut inbox: mpsc::Receiver<(String, ModuleStatus)>,
) {
    while let Some((module, now)) = inbox.recv().await {
        status.modules.insert(module, now);
        if let Err(error) = status.write(&state) {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "agent.json is not up to date"
            );
        }
    }
}

/// Keeps one module running.
struct Keeper {
    state: StateDir,
    plan: ModulePlan,
    restarts: RestartPlan,
    changes: mpsc::Sender<(String, ModuleStatus)>,
    status: ModuleStatus,
    tried: Option<oneshot::Sender<()>>,
}

impl Keeper {
    async fn run(mut self, stop: CancellationToken) {
        let module = self.plan.name.clone();
        loop {
            let started = Instant::now();
            let exit = match self.obtain(&stop).await {
                Some(Ok(mut instance)) => {
                    self.change(State::Running, Some(instance.pid())).await;
                    tokio::select! {
                        exit = instance.ended() => exit,
                        () = stop.cancelled() => {
                            self.end(instance).await;
                            break;
                        }
                    }
                }
                Some(Err(error)) => {
                    tracing::error!(
                        module,
                        error = &error as &dyn std::error::Error,
                        "module not started"
                    );
                    // What a shell says of a program it cannot find.
                    Exit::Code(127)
                }
                None => break,
            };
            self.tried = None;
            let decision = self.restarts.ended(exit, started.elapsed());
            tracing::warn!(module, %exit, ?decision, "module ended");
            match decision {
                Decision::Restart { after } => {
                    self.change(State::Backoff, None).await;
                    tokio::select! {
                        () = tokio::time::sleep(after) => self.status.restarts += 1,
                        () = stop.cancelled() => break,
                    }
                }
                Decision::Stay => {
                    self.change(State::Stopped, None).await;
                    stop.cancelled().await;
                    return;
                }
                Decision::Failed => {
                    self.change(State::Failed, None).await;
                    stop.cancelled().await;
                    return;
                }
            }
        }
        self.change(State::Stopped, None).await;
    }

    /// A running instance: found, or started once none runs. `None` when the agent stops.
    async fn obtain(&mut self, stop: &CancellationToken) -> Option<Result<Instance, StateError>> {
        let module = &self.plan.name;
        let mut waiting = false;
        loop {
            match Place::of(&self.state, module) {
                Ok(Place::Free(lock)) => {
                    let started = Instance::start(&self.state, module, &self.plan.program, lock);
                    if let Ok(instance) = &started {
                        tracing::info!(module, pid = instance.pid(), program = %self.plan.program.path.display(), "module started");
                    }
                    return Some(started);
                }
                Ok(Place::Running(instance)) => {
                    tracing::info!(
                        module,
                        pid = instance.pid(),
                        "module found running, watching it"
                    );
                    return Some(Ok(instance));
                }
                Ok(Place::Unnamed) => {
                    if !waiting {
                        waiting = true;
                        tracing::warn!(
                            module,
                            "an instance runs that an earlier agent started and did not name; waiting for its end"
                        );
                        self.tried = None;
                        let status = ModuleStatus {
                            pid: None,
                            state: State::Waiting,
                            ..self.status.clone()
                        };
                        let _stopping = self.changes.send((module.clone(), status)).await;
                    }
                }
                Err(error) => return Some(Err(error)),
            }
            tokio::select! {
                () = tokio::time::sleep(UNNAMED_LOOK) => {}
                () = stop.cancelled() => return None,
            }
        }
    }

    async fn end(&self, mut instance: Instance) {
        let module = &self.plan.name;
        instance.signal(Signal::TERM);
        match tokio::time::timeout(self.plan.stop_grace, instance.ended()).await {
            Ok(exit) => {
                tracing::info!(module, %exit, adopted = instance.is_adopted(), "module stopped");
            }
            Err(_late) => {
                tracing::warn!(
                    module,
                    seconds = self.plan.stop_grace.as_secs(),
                    "module did not stop on SIGTERM, killing it"
                );
                instance.signal(Signal::KILL);
                instance.ended().await;
            }
        }
    }

    async fn change(&mut self, state: State, pid: Option<i32>) {
        self.status.state = state;
        self.status.pid = pid;
        let _stopping = self
            .changes
            .send((self.plan.name.clone(), self.status.clone()))
            .await;
        if let Some(tried) = self.tried.take() {
            let _gone = tried.send(());
        }
    }
}

/// The file a module's output goes to unless another is named.
pub fn log_file(state: &StateDir, module: &str) -> PathBuf {
    state.path(&process::file_name(module, "log"))
}

/// Reads `500ms`, `2s`, `5m`, `1h`; whole numbers only.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number.checked_mul(60)?)),
        "h" => Some(Duration::from_secs(number.checked_mul(3600)?)),
        _ => None,
    }
}
