//! The binary: hub and agent as processes that are killed and come again.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::client::{PATIENCE, RawClient};

pub(crate) const TOPIC: &str = "devices/cam-01/messages/events/";
pub(crate) const INPUTS: &str = "devices/edge-dev/modules/FruitCounter/inputs/#";

pub(crate) struct Ground {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) template: PathBuf,
    pub(crate) state: PathBuf,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let template = folder.path().join("deployment.template.json");
        let deployment = json!({"modulesContent": {
            "$edgeAgent": {"properties.desired": {
                "schemaVersion": "1.1",
                "runtime": {"type": "docker", "settings": {}},
                "systemModules": {},
                "modules": {"FruitCounter": {"type": "docker", "status": "running",
                    "restartPolicy": "always", "env": {"FROM_MANIFEST": {"value": "yes"}},
                    "settings": {"image": "i", "createOptions": "{}"}}}}},
            "$edgeHub": {"properties.desired": {
                "schemaVersion": "1.1",
                "routes": {
                    "cameras": "FROM /messages/* WHERE NOT IS_DEFINED($connectionModuleId) INTO BrokeredEndpoint(\"/modules/FruitCounter/inputs/images\")",
                    "counts": "FROM /messages/modules/FruitCounter/outputs/counts INTO $upstream"},
                "storeAndForwardConfiguration": {"timeToLiveSecs": 7200}}},
        }});
        fs::write(&template, deployment.to_string()).unwrap();
        let state = folder.path().join("s");
        Self {
            folder,
            template,
            state,
        }
    }

    pub(crate) fn command(&self, mode: &str, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_devhub"));
        command
            .arg(mode)
            .arg("--template")
            .arg(&self.template)
            .arg("--state")
            .arg(&self.state)
            .args(["--device", "cam-01"])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        command
    }

    pub(crate) fn hub(&self) -> Child {
        let upstream = self.folder.path().join("upstream.jsonl");
        let upstream = upstream.to_str().unwrap();
        self.command("hub", &["--listen", "127.0.0.1:0", "--upstream", upstream])
            .spawn()
            .unwrap()
    }

    /// The agent with a module that notes its process id and environment and then waits.
    fn agent(&self) -> Child {
        let program = self.folder.path().join("module.sh");
        let out = self.folder.path().join("out");
        let script = format!(
            "#!/bin/sh\nenv > {0}.env\necho $$ >> {0}\ntrap 'echo stopped >> {0}; exit 0' TERM\nwhile :; do sleep 0.02; done\n",
            out.display()
        );
        if !program.exists() {
            fs::write(&program, script).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs::set_permissions(&program, mode).unwrap();
        }
        let module = format!("FruitCounter={}", program.display());
        self.command(
            "agent",
            &[
                "--module",
                &module,
                "--module-env",
                "FruitCounter:PORT={hubPort}",
                "--restart-backoff",
                "none",
            ],
        )
        .env("SECRET_OF_THE_CALLER", "x")
        .spawn()
        .unwrap()
    }

    /// A JSON file of the state directory, once `wanted` is true of it.
    async fn json(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let path = self.state.join(name);
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                let text = fs::read_to_string(&path).unwrap_or_default();
                if let Ok(value) = serde_json::from_str(&text)
                    && wanted(&value)
                {
                    return value;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        found
            .await
            .unwrap_or_else(|_| panic!("{name}: {:?}", fs::read_to_string(&path)))
    }

    pub(crate) async fn hub_of(&self, child: &Child) -> SocketAddr {
        let pid = child.id();
        let status = self.json("hub.json", |status| {
            status["pid"].as_u64() == pid.map(u64::from)
        });
        status.await["listen"].as_str().unwrap().parse().unwrap()
    }

    pub(crate) fn connection_string(&self, kind: &str, name: &str) -> String {
        let text = fs::read_to_string(self.state.join("identities.json")).unwrap();
        let identities: Value = serde_json::from_str(&text).unwrap();
        identities[kind][name]["connectionString"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub(crate) async fn client(
        &self,
        address: SocketAddr,
        kind: &str,
        name: &str,
    ) -> (RawClient, bool) {
        let ca = fs::read_to_string(self.state.join("ca.pem")).unwrap();
        RawClient::connect(address, &ca, &self.connection_string(kind, name)).await
    }
}

pub(crate) fn signal(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id().unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

pub(crate) async fn ends(mut child: Child) -> Option<i32> {
    tokio::time::timeout(PATIENCE, child.wait())
        .await
        .unwrap()
        .unwrap()
        .code()
}

async fn lines(path: &Path, count: usize) -> Vec<String> {
    let found = tokio::time::timeout(PATIENCE, async {
        loop {
            let text = fs::read_to_string(path).unwrap_or_default();
            if text.ends_with('\n') && text.lines().count() >= count {
                return text.lines().map(str::to_owned).collect();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    found
        .await
        .unwrap_or_else(|_| panic!("{}: {:?}", path.display(), fs::read_to_string(path)))
}

#[tokio::test]
async fn checklist_21_what_a_killed_hub_acknowledged_is_delivered_by_the_next_one() {
    let ground = Ground::new();
    let hub = ground.hub();
    let first = ground.hub_of(&hub).await;
    let (mut camera, _) = ground.client(first, "devices", "cam-01").await;
    let (mut module, _) = ground.client(first, "modules", "FruitCounter").await;
    module.subscribe(INPUTS).await;
    for n in 0..50 {
        camera.telemetry(TOPIC, format!("picture {n}")).await;
    }
    for n in 0..10 {
        assert_eq!(module.delivery().await.1, format!("picture {n}"));
        module.ack().await;
    }
    assert_eq!(module.delivery().await.1, "picture 10");
    signal(&hub, Signal::KILL);
    assert_eq!(ends(hub).await, None);

    let hub = ground.hub();
    let second = ground.hub_of(&hub).await;
    assert_eq!(second, first, "the same port again");
    let (mut module, session_present) = ground.client(second, "modules", "FruitCounter").await;
    assert!(session_present);
    for n in 10..50 {
        assert_eq!(module.delivery().await.1, format!("picture {n}"));
        module.ack().await;
    }
    let counts = "devices/edge-dev/modules/FruitCounter/messages/events/%24.on=counts";
    module.telemetry(counts, "done").await;
    let upstream = lines(&ground.folder.path().join("upstream.jsonl"), 1).await;
    let message: Value = serde_json::from_str(&upstream[0]).unwrap();
    assert_eq!(
        (message["output"].as_str(), message["bytes"].as_u64()),
        (Some("counts"), Some(4))
    );
    signal(&hub, Signal::TERM);
    assert_eq!(ends(hub).await, Some(0));
    assert!(!ground.state.join("hub.json").exists());
}

#[tokio::test]
async fn with_batched_checkpoints_a_killed_hub_repeats_and_a_stopped_one_does_not() {
    let ground = Ground::new();
    let start = || {
        let more = ["--listen", "127.0.0.1:0", "--habit", "checkpoint=batch"];
        ground.command("hub", &more).spawn().unwrap()
    };
    let mut hub = start();
    let address = ground.hub_of(&hub).await;
    let (mut camera, _) = ground.client(address, "devices", "cam-01").await;
    let (mut module, _) = ground.client(address, "modules", "FruitCounter").await;
    module.subscribe(INPUTS).await;
    for n in 0..12 {
        camera.telemetry(TOPIC, format!("picture {n}")).await;
    }
    // Seven acknowledged and killed, then three more and stopped in order.
    for (from, acknowledged, end) in [(0, 7, Signal::KILL), (0, 3, Signal::TERM)] {
        for n in from..from + acknowledged {
            assert_eq!(module.delivery().await.1, format!("picture {n}"));
            module.ack().await;
        }
        // The hub has read the last PUBACK.
        let next = from + acknowledged;
        assert_eq!(module.delivery().await.1, format!("picture {next}"));
        signal(&hub, end);
        ends(hub).await;
        hub = start();
        let address = ground.hub_of(&hub).await;
        (module, _) = ground.client(address, "modules", "FruitCounter").await;
    }
    assert_eq!(module.delivery().await.1, "picture 3");
    signal(&hub, Signal::KILL);
    ends(hub).await;
}

#[tokio::test]
async fn a_killed_agent_leaves_the_module_and_the_next_one_adopts_and_stops_it() {
    let ground = Ground::new();
    let hub = ground.hub();
    let address = ground.hub_of(&hub).await;
    let out = ground.folder.path().join("out");

    let agent = ground.agent();
    let running = |status: &Value| status["modules"]["FruitCounter"]["state"] == "running";
    let status = ground.json("agent.json", running).await;
    let pid = status["modules"]["FruitCounter"]["pid"].clone();
    assert_eq!(lines(&out, 1).await, [pid.to_string()]);
    let environment = fs::read_to_string(ground.folder.path().join("out.env")).unwrap();
    for line in [
        format!("PORT={}", address.port()),
        "FROM_MANIFEST=yes".into(),
        format!(
            "IOTEDGE_WORKLOADURI={}",
            status["workload"].as_str().unwrap()
        ),
        "IOTEDGE_GATEWAYHOSTNAME=localhost".into(),
    ] {
        assert!(
            environment.lines().any(|l| l == line),
            "{line} in {environment}"
        );
    }
    assert!(
        !environment.contains("SECRET_OF_THE_CALLER"),
        "{environment}"
    );

    signal(&agent, Signal::KILL);
    ends(agent).await;
    let agent = ground.agent();
    let own = u64::from(agent.id().unwrap());
    let status = ground.json("agent.json", |status| {
        status["pid"].as_u64() == Some(own) && running(status)
    });
    assert_eq!(status.await["modules"]["FruitCounter"]["pid"], pid);

    // A hub that is killed takes nobody along either.
    signal(&hub, Signal::KILL);
    ends(hub).await;
    assert_eq!(lines(&out, 1).await, [pid.to_string()], "one start only");

    signal(&agent, Signal::TERM);
    assert_eq!(ends(agent).await, Some(0));
    assert_eq!(lines(&out, 2).await, [pid.to_string(), "stopped".into()]);
}

#[tokio::test]
async fn a_second_hub_on_the_same_state_is_refused() {
    let ground = Ground::new();
    let hub = ground.hub();
    ground.hub_of(&hub).await;
    let output = ground
        .command("hub", &["--listen", "127.0.0.1:0"])
        .stderr(Stdio::piped())
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && text.contains("another `devhub hub` is using"),
        "{text}"
    );
    signal(&hub, Signal::INT);
    assert_eq!(ends(hub).await, Some(0));
}

#[tokio::test]
async fn a_bad_route_stops_the_start_and_shows_its_position() {
    let ground = Ground::new();
    let text = fs::read_to_string(&ground.template).unwrap();
    fs::write(
        &ground.template,
        text.replace("FROM /messages/* WHERE", "FORM /messages/* WHERE"),
    )
    .unwrap();
    let output = ground
        .command("hub", &[])
        .stderr(Stdio::piped())
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text.contains("cameras") && text.contains('^') && text.contains("FORM"),
        "{text}"
    );
}

#[tokio::test]
async fn upstream_to_standard_output_is_json_lines_and_nothing_else() {
    let ground = Ground::new();
    let mut hub = ground
        .command("run", &["--listen", "127.0.0.1:0", "--upstream", "-"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = hub.stdout.take().unwrap();
    let address = ground.hub_of(&hub).await;
    let (mut module, _) = ground.client(address, "modules", "FruitCounter").await;
    let counts = "devices/edge-dev/modules/FruitCounter/messages/events/%24.on=counts&%24.ct=application%2Fjson";
    for n in 0..3 {
        module.telemetry(counts, format!("{{\"n\":{n}}}")).await;
    }
    signal(&hub, Signal::TERM);
    assert_eq!(ends(hub).await, Some(0));
    let mut text = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stdout, &mut text)
        .await
        .unwrap();
    let bodies: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["body"]["n"].clone())
        .collect();
    assert_eq!(bodies, [0, 1, 2]);
}
