//! The supervisor with real, small processes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use devhub::agent::{self, Backoff, ModulePlan, Program};
use devhub::state::StateDir;
use manifest::RestartPolicy;
use serde_json::Value;

use crate::client::PATIENCE;

/// A module that runs a shell script; `$OUT` is a file for its notes.
fn plan(folder: &Path, script: &str, policy: RestartPolicy) -> ModulePlan {
    let program = folder.join("module.sh");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&program, mode).unwrap();
    let environment = BTreeMap::from([
        ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
        ("OUT".to_owned(), folder.join("out").display().to_string()),
    ]);
    ModulePlan {
        name: "m".into(),
        program: Program {
            path: program,
            environment,
            log: folder.join("module.log"),
            own_group: false,
        },
        policy,
        backoff: Backoff::None,
        stop_grace: PATIENCE,
        print_log: false,
    }
}

/// What `agent.json` says of the module, once `wanted` is true of it.
async fn status(state: &StateDir, wanted: impl Fn(&Value) -> bool) -> Value {
    let found = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Some(text) = state.read(agent::STATUS_FILE).unwrap() {
                let module = serde_json::from_str::<Value>(&text).unwrap()["modules"]["m"].clone();
                if wanted(&module) {
                    return module;
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    found
        .await
        .unwrap_or_else(|_| panic!("last: {:?}", state.read(agent::STATUS_FILE)))
}

/// Waits for a file to hold `lines` lines.
async fn lines(path: &Path, lines: usize) -> Vec<String> {
    let found = tokio::time::timeout(PATIENCE, async {
        loop {
            let text = fs::read_to_string(path).unwrap_or_default();
            if text.ends_with('\n') && text.lines().count() >= lines {
                return text.lines().map(str::to_owned).collect();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    found
        .await
        .unwrap_or_else(|_| panic!("{}: {:?}", path.display(), fs::read_to_string(path)))
}

async fn start(state: &StateDir, plan: ModulePlan) -> agent::AgentHandle {
    agent::start(state.clone(), "unix:///w".into(), vec![plan])
        .await
        .unwrap()
}

fn lives(pid: i64) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

#[tokio::test]
async fn a_failing_module_is_restarted_by_policy_and_a_finished_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::open(&folder.path().join("state")).unwrap();
    // Fails twice, then ends well.
    let script = "echo run >> $OUT; [ $(wc -l < $OUT) -gt 2 ]";
    let plan = plan(folder.path(), script, RestartPolicy::OnFailure);
    let agent = start(&state, plan).await;
    let stopped = status(&state, |module| {
        module["state"] == "stopped" && module["restarts"] == 2
    })
    .await;
    assert_eq!(stopped["pid"], Value::Null);
    assert_eq!(lines(&folder.path().join("out"), 3).await.len(), 3);
    agent.stop().await;
}

#[tokio::test]
async fn a_killed_module_comes_back_with_another_process_id() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::open(&folder.path().join("state")).unwrap();
    let plan = plan(
        folder.path(),
        "echo $$ >> $OUT; exec sleep 600",
        RestartPolicy::Always,
    );
    let agent = start(&state, plan).await;
    let first = status(&state, |module| module["state"] == "running").await["pid"].clone();
    let pid = rustix::process::Pid::from_raw(i32::try_from(first.as_i64().unwrap()).unwrap());
    lines(&folder.path().join("out"), 1).await;
    rustix::process::kill_process(pid.unwrap(), rustix::process::Signal::KILL).unwrap();
    let again = status(&state, |module| {
        module["state"] == "running" && module["restarts"] == 1
    });
    assert_ne!(again.await["pid"], first);
    assert_eq!(lines(&folder.path().join("out"), 2).await.len(), 2);
    agent.stop().await;
}

#[tokio::test]
async fn stop_sends_sigterm_and_waits_for_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::open(&folder.path().join("state")).unwrap();
    let script = "trap 'echo stopped >> $OUT; exit 0' TERM; echo ready >> $OUT; while :; do sleep 0.02; done";
    let plan = plan(folder.path(), script, RestartPolicy::Always);
    let agent = start(&state, plan).await;
    lines(&folder.path().join("out"), 1).await;
    agent.stop().await;
    assert_eq!(
        lines(&folder.path().join("out"), 2).await,
        ["ready", "stopped"]
    );
    status(&state, |module| module["state"] == "stopped").await;
}

#[tokio::test]
async fn a_module_deaf_to_sigterm_is_killed_after_its_grace() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::open(&folder.path().join("state")).unwrap();
    let script = "trap '' TERM; echo $$ >> $OUT; while :; do sleep 0.02; done";
    let mut plan = plan(folder.path(), script, RestartPolicy::Always);
    plan.stop_grace = Duration::from_millis(200);
    let agent = start(&state, plan).await;
    let pid: i64 = lines(&folder.path().join("out"), 1).await[0]
        .parse()
        .unwrap();
    agent.stop().await;
    assert!(!lives(pid));
}

#[tokio::test]
async fn a_program_that_is_not_there_counts_as_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::open(&folder.path().join("state")).unwrap();
    let mut plan = plan(folder.path(), "", RestartPolicy::Always);
    plan.program.path = folder.path().join("absent");
    plan.backoff = Backoff::Fixed(Duration::from_secs(600));
    let agent = start(&state, plan).await;
    status(&state, |module| module["state"] == "backoff").await;
    agent.stop().await;
}

#[tokio::test]
async fn an_instance_nobody_can_name_is_waited_for_and_never_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::open(&folder.path().join("state")).unwrap();
    // What an agent leaves behind that was killed between start and note: a locked lock.
    let lock = fs::File::create(state.path("modules/m.lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let plan = plan(
        folder.path(),
        "echo $$ >> $OUT; exec sleep 600",
        RestartPolicy::Always,
    );
    let agent = start(&state, plan).await;
    status(&state, |module| module["state"] == "waiting").await;
    assert!(!folder.path().join("out").exists());
    drop(lock);
    status(&state, |module| module["state"] == "running").await;
    assert_eq!(lines(&folder.path().join("out"), 1).await.len(), 1);
    agent.stop().await;
}
