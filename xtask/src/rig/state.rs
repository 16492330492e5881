//! What the development hub writes into its state folder for others to read:
//! who runs where, and how often the module has been started.
//!
//! Its files are replaced in one step; one that cannot be read now is not there
//! yet. Field names are the hub's.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::processes::is_alive;

/// The module's name in the deployment template.
pub(crate) const MODULE: &str = "FruitCounter";

/// What `devhub hub` writes once it listens.
#[derive(Debug, Deserialize)]
pub(crate) struct HubFile {
    pub(crate) pid: u32,
    pub(crate) port: u16,
}

/// What `devhub agent` writes on every change.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct AgentFile {
    pub(crate) pid: u32,
    #[serde(default)]
    pub(crate) modules: BTreeMap<String, ModuleFile>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct ModuleFile {
    pub(crate) pid: Option<u32>,
    #[serde(default)]
    pub(crate) restarts: u64,
    #[serde(default)]
    pub(crate) state: String,
}

/// The part of the hub's identities that cameras need.
#[derive(Deserialize)]
pub(crate) struct Identities {
    pub(crate) ca: PathBuf,
    pub(crate) devices: BTreeMap<String, Identity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Identity {
    pub(crate) connection_string: String,
}

/// One of the files; `None` while it is not there.
pub(crate) fn read<T: DeserializeOwned>(state: &Path, name: &str) -> Option<T> {
    let text = fs::read(state.join(name)).ok()?;
    serde_json::from_slice(&text).ok()
}

/// The identities, which are there as soon as the hub is.
pub(crate) fn identities(state: &Path) -> anyhow::Result<Identities> {
    let path = state.join("identities.json");
    let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("cannot understand {}", path.display()))
}

/// How often the module was started again from one look to the next: by the
/// agent's own count, or, if the agent is another one, by the module's process id.
pub(crate) fn restarts_between(before: &AgentFile, now: &AgentFile) -> u64 {
    let module = |file: &AgentFile| file.modules.get(MODULE).cloned();
    let (Some(was), Some(is)) = (module(before), module(now)) else {
        return 0;
    };
    if before.pid == now.pid {
        is.restarts.saturating_sub(was.restarts)
    } else {
        u64::from(was.pid.is_some() && is.pid.is_some() && was.pid != is.pid)
    }
}

/// How the module ended when it was asked to stop, if that was not well. The
/// agent's log is the only place that says it; an agent that never started the
/// module says nothing, and one that adopted it cannot know.
pub(crate) fn bad_end_of_module(agent_log: &str) -> Option<String> {
    let line = agent_log
        .lines()
        .rev()
        .find(|line| line.contains("module stopped") || line.contains("module did not stop"))?;
    let well = line.contains("exit=exit code 0") || line.contains("adopted=true");
    (!well).then(|| format!("the module did not stop well: {line}"))
}

/// Whether the processes that use a state folder still run, told from the files
/// they leave there.
pub(crate) fn is_in_use(folder: &Path) -> bool {
    #[derive(Deserialize)]
    struct Owner {
        pid: u32,
    }
    ["hub.json", "agent.json"].iter().any(|name| {
        fs::read(folder.join("state").join(name))
            .ok()
            .and_then(|text| serde_json::from_slice::<Owner>(&text).ok())
            .is_some_and(|owner| is_alive(owner.pid))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(agent: u32, module: Option<u32>, restarts: u64) -> AgentFile {
        let module = ModuleFile {
            pid: module,
            restarts,
            state: "running".to_owned(),
        };
        AgentFile {
            pid: agent,
            modules: BTreeMap::from([(MODULE.to_owned(), module)]),
        }
    }

    #[test]
    fn restarts_of_the_module_are_counted_across_agents() {
        let first = agent(1, Some(10), 0);
        assert_eq!(
            restarts_between(&AgentFile::default(), &first),
            0,
            "the first start is none"
        );
        assert_eq!(restarts_between(&first, &agent(1, Some(12), 2)), 2);
        assert_eq!(
            restarts_between(&first, &agent(1, None, 0)),
            0,
            "about to be started"
        );
        assert_eq!(
            restarts_between(&first, &agent(2, Some(10), 0)),
            0,
            "adopted"
        );
        assert_eq!(
            restarts_between(&first, &agent(2, Some(11), 0)),
            1,
            "died with its agent"
        );
    }

    #[test]
    fn module_that_stops_badly_is_noticed() {
        let line = |end: &str| {
            format!("start\n INFO agent: module stopped module=\"FruitCounter\" {end}\nbye\n")
        };
        assert_eq!(
            bad_end_of_module(&line("exit=exit code 0 adopted=false")),
            None
        );
        assert_eq!(bad_end_of_module(&line("exit=unknown adopted=true")), None);
        assert_eq!(bad_end_of_module("the agent never had a module"), None);
        for end in [
            "exit=exit code 1 adopted=false",
            "exit=signal 9 adopted=false",
        ] {
            let said = bad_end_of_module(&line(end)).unwrap();
            assert!(said.contains(end), "{said}");
        }
        let killed = "WARN agent: module did not stop on SIGTERM, killing it seconds=10";
        assert!(bad_end_of_module(killed).is_some());
    }

    #[test]
    fn folder_is_in_use_while_a_process_of_it_lives() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_in_use(folder.path()));
        fs::create_dir(folder.path().join("state")).unwrap();
        let file = folder.path().join("state/agent.json");
        fs::write(&file, format!("{{\"pid\":{}}}", std::process::id())).unwrap();
        assert!(is_in_use(folder.path()));
        fs::write(&file, format!("{{\"pid\":{}}}", u32::MAX)).unwrap();
        assert!(!is_in_use(folder.path()));
    }
}
