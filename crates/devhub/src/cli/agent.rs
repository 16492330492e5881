//! The agent half of the command.

use std::collections::BTreeMap;
use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};

use devhub::agent::{self, AgentHandle, EdgeValues, ModulePlan, Program};
use devhub::ca::{self, Authority, CA_FILE};
use devhub::deployment::DeployedModule;
use devhub::state::{Lock, StateDir};
use devhub::workload::{TrustBundle, Workload, WorkloadHandle};

use super::args::AgentOptions;
use super::common::Ground;
use super::hub::{HubStatus, STATUS_FILE};

/// Stands for the hub's port in `--module-env`.
const HUB_PORT: &str = "{hubPort}";
/// How long the agent waits for the hub to say its port.
const HUB_PATIENCE: Duration = Duration::from_secs(10);
/// How often it looks: the hub tells by a file.
const HUB_LOOK: Duration = Duration::from_millis(50);

/// A running agent and its claim on the state directory.
pub(crate) struct RunningAgent {
    agent: AgentHandle,
    workload: WorkloadHandle,
    state: StateDir,
    _claim: Lock,
}

impl RunningAgent {
    pub(crate) async fn stop(self) {
        self.agent.stop().await;
        self.workload.stop().await;
        self.state.remove(agent::STATUS_FILE);
    }
}

pub(crate) async fn start(ground: &Ground, options: &AgentOptions) -> anyhow::Result<RunningAgent> {
    let state = &ground.state;
    let claim = state.claim("agent")?;
    let programs = programs(options, ground.deployment.modules())?;
    let mut extra = extra_env(options, ground.deployment.modules())?;
    make_trust_bundle(ground)?;
    if extra
        .values()
        .flatten()
        .any(|(_, value)| value.contains(HUB_PORT))
    {
        let port = hub_port(state).await?.to_string();
        for (_, value) in extra.values_mut().flatten() {
            *value = value.replace(HUB_PORT, &port);
        }
    }
    let trust = TrustBundle::File(state.path(CA_FILE));
    let workload =
        Workload::new(ground.identities.clone(), trust).listen(&state.path("workload.sock"))?;
    let mut plans = Vec::new();
    for module in ground.deployment.modules() {
        let Some(program) = programs.get(&module.name) else {
            tracing::warn!(
                module = module.name,
                image = module.image,
                "module not started: no --module names a program for it"
            );
            continue;
        };
        if !module.is_running {
            tracing::warn!(
                module = module.name,
                "module not started: its status in the deployment is stopped"
            );
            continue;
        }
        let extra = extra.remove(&module.name).unwrap_or_default();
        plans.push(plan(
            ground,
            options,
            module,
            program,
            &workload.uri(),
            &extra,
        ));
    }
    let agent = agent::start(state.clone(), workload.uri(), plans).await?;
    tracing::info!(workload = workload.uri(), "agent is running");
    Ok(RunningAgent {
        agent,
        workload,
        state: state.clone(),
        _claim: claim,
    })
}

fn plan(
    ground: &Ground,
    options: &AgentOptions,
    module: &DeployedModule,
    program: &Path,
    workload_uri: &str,
    extra: &[(String, String)],
) -> ModulePlan {
    let hosts = ground.identities.hosts();
    let identity = ground
        .identities
        .identity(&ground.identities.module_id(&module.name));
    let edge = EdgeValues {
        workload_uri,
        generation_id: identity.map_or("1", |identity| &identity.generation_id),
        hub_host: &hosts.hub,
        gateway_host: &hosts.gateway,
        device: &hosts.edge_device,
        module: &module.name,
    };
    let print_log = options.module_log == Path::new("-");
    let log = if print_log {
        agent::log_file(&ground.state, &module.name)
    } else {
        options.module_log.clone()
    };
    let environment = agent::environment(edge, &module.env, extra, |name| std::env::var(name).ok());
    ModulePlan {
        name: module.name.clone(),
        program: Program {
            path: program.to_owned(),
            environment,
            log,
            // At a terminal Ctrl-C goes to the whole group; the module should get our SIGTERM only.
            own_group: std::io::stdin().is_terminal(),
        },
        policy: module.restart_policy,
        backoff: options.restart_backoff,
        stop_grace: module.stop_grace,
        print_log,
    }
}

/// The hub makes the certificates; an agent that comes first makes them in its place.
fn make_trust_bundle(ground: &Ground) -> anyhow::Result<()> {
    match &ground.tls_ca {
        Some(path) => ca::adopt_roots(&ground.state, path)?,
        None if ground.state.read(CA_FILE)?.is_some() => {}
        None => {
            Authority::load(&ground.state)?;
        }
    }
    Ok(())
}

fn programs(
    options: &AgentOptions,
    modules: &[DeployedModule],
) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut programs = BTreeMap::new();
    for text in &options.modules {
        let Some((name, program)) = text.split_once('=') else {
            bail!("--module {text}: expected NAME=PROGRAM");
        };
        check_module(name, modules).with_context(|| format!("--module {text}"))?;
        let mut program = PathBuf::from(program);
        if program.components().count() > 1 {
            program = fs::canonicalize(&program)
                .with_context(|| format!("--module {text}: no such program"))?;
        }
        programs.insert(name.to_owned(), program);
    }
    Ok(programs)
}

fn extra_env(
    options: &AgentOptions,
    modules: &[DeployedModule],
) -> anyhow::Result<BTreeMap<String, Vec<(String, String)>>> {
    let mut extra: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for text in &options.module_env {
        let parts = text.split_once(':').and_then(|(name, pair)| {
            let (key, value) = pair.split_once('=')?;
            Some((name, key, value))
        });
        let Some((name, key, value)) = parts else {
            bail!("--module-env {text}: expected NAME:KEY=VALUE");
        };
        check_module(name, modules).with_context(|| format!("--module-env {text}"))?;
        extra
            .entry(name.to_owned())
            .or_default()
            .push((key.to_owned(), value.to_owned()));
    }
    Ok(extra)
}

/// Whether the deployment has a module of that name.
pub(crate) fn check_module(name: &str, modules: &[DeployedModule]) -> anyhow::Result<()> {
    if modules.iter().any(|module| module.name == name) {
        return Ok(());
    }
    let known: Vec<_> = modules.iter().map(|module| module.name.as_str()).collect();
    bail!(
        "the deployment has no module `{name}`, it has {}",
        known.join(", ")
    )
}

async fn hub_port(state: &StateDir) -> anyhow::Result<u16> {
    let found = tokio::time::timeout(HUB_PATIENCE, async {
        loop {
            if let Some(text) = state.read(STATUS_FILE)?
                && let Ok(status) = serde_json::from_str::<HubStatus>(&text)
            {
                return anyhow::Ok(status.port);
            }
            tokio::time::sleep(HUB_LOOK).await;
        }
    });
    found.await.unwrap_or_else(|_late| {
        bail!(
            "{HUB_PORT} is asked for and no hub has written {} within {} s; start `devhub hub` on this --state",
            state.path(STATUS_FILE).display(),
            HUB_PATIENCE.as_secs()
        )
    })
}
