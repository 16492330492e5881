//! The two brokers as processes: the hub's own binary, and Debian's mosquitto.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail, ensure};
use edge_client::{ClientConfig, ConnectionString};
use edge_protocol::sas::TokenRequest;
use end_to_end::{Binary, Certificates, binary, resident_memory, workspace_root};
use rumqttc::mqttbytes::v4::Connect;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::traffic::{Way, connect};

const CAMERA: &str = "cam";
const MODULE: &str = "FruitCounter";
/// How long a broker may take to accept a client.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often a start is looked at; its measure is exact to about this.
const LOOK: Duration = Duration::from_millis(1);

/// A running hub.
pub(crate) struct Hub {
    child: Child,
    address: SocketAddr,
    ca_pem: String,
    camera: ConnectionString,
    module: ConnectionString,
}

impl Hub {
    /// Starts a hub, and says how long it took from there to the first CONNACK.
    pub(crate) async fn start(state: &Path) -> anyhow::Result<(Self, Duration)> {
        let program = binary(Binary::Devhub)?;
        let status = state.join("hub.json");
        let began = Instant::now();
        let child = Command::new(program)
            .args(["hub", "--queues", "memory", "--listen", "127.0.0.1:0"])
            .args(["--device", CAMERA, "--template"])
            .arg(workspace_root().join("deployment.template.json"))
            .arg("--state")
            .arg(state)
            .env("DEVHUB_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("starting the hub")?;
        let hub = loop {
            ensure!(began.elapsed() < PATIENCE, "the hub does not listen");
            if let Some(hub) =
                json(&status).filter(|hub| hub["pid"].as_u64() == child.id().map(u64::from))
            {
                break hub;
            }
            tokio::time::sleep(LOOK).await;
        };
        let address: SocketAddr = hub["listen"].as_str().unwrap_or_default().parse()?;
        let identities = json(&state.join("identities.json")).context("no identities")?;
        let string = |kind: &str, name: &str| {
            let text = identities[kind][name]["connectionString"].as_str();
            ConnectionString::parse(text.unwrap_or_default()).context("a connection string")
        };
        let hub = Self {
            address,
            ca_pem: fs::read_to_string(state.join("ca.pem"))?,
            camera: string("devices", CAMERA)?,
            module: string("modules", MODULE)?,
            child,
        };
        connect(address, &hub.ca_pem, hub.connect_packet()).await?;
        Ok((hub, began.elapsed()))
    }

    fn connect_packet(&self) -> Connect {
        let identity = self.camera.identity();
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let ends = now.unwrap_or_default() + Duration::from_secs(3600);
        let request = TokenRequest::new(identity, ends.as_secs());
        let token = self.camera.key().token(request);
        let mut connect = Connect::new(identity.client_id());
        connect.set_credentials(identity.username("bench", None), token.expose().to_owned());
        connect
    }

    /// From the camera, by the template's route, to the module.
    pub(crate) fn way(&self) -> anyhow::Result<Way> {
        let mut subscriber =
            ClientConfig::from_connection_string(&self.module, self.ca_pem.as_bytes(), "bench")?;
        subscriber.dial = Some(self.address);
        Ok(Way {
            address: self.address,
            ca_pem: self.ca_pem.clone(),
            connect: self.connect_packet(),
            topic: format!("devices/{CAMERA}/messages/events/"),
            subscriber,
        })
    }

    /// Memory in use, in megabytes of 1000 × 1000 bytes.
    pub(crate) fn resident_mb(&self) -> anyhow::Result<f64> {
        Ok(resident_memory(self.pid()?)? as f64 / 1e6)
    }

    fn pid(&self) -> anyhow::Result<Pid> {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        id.and_then(Pid::from_raw).context("the hub has ended")
    }

    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        kill_process(self.pid()?, Signal::TERM)?;
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await??;
        ensure!(status.success(), "the hub ended with {status}");
        Ok(())
    }
}

/// A running mosquitto.
pub(crate) struct Mosquitto {
    _child: Child,
    address: SocketAddr,
    ca_pem: String,
}

impl Mosquitto {
    /// Starts a broker with one message in flight, or says why there is none.
    pub(crate) async fn start(folder: &Path) -> anyhow::Result<Result<Self, String>> {
        let Some(program) = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto"]
            .into_iter()
            .find(|path| Path::new(path).exists())
        else {
            return Ok(Err(
                "it is not installed (apt-get install mosquitto)".to_owned()
            ));
        };
        // Of the kinds the hub makes too.
        let made = Certificates::for_name("localhost")?;
        // The broker drops to its own user, who must be able to read these.
        fs::set_permissions(folder, PermissionsExt::from_mode(0o755))?;
        let file = |name: &str, text: &str| -> anyhow::Result<String> {
            let path = folder.join(name);
            fs::write(&path, text)?;
            fs::set_permissions(&path, PermissionsExt::from_mode(0o644))?;
            Ok(path.display().to_string())
        };
        let (certificate, key) = (
            file("m-cert.pem", &made.certificate)?,
            file("m-key.pem", &made.key)?,
        );
        // A free port, given back just before the broker takes it.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let settings = format!(
            "listener {} 127.0.0.1\nallow_anonymous true\ncertfile {certificate}\nkeyfile {key}\n\
             max_inflight_messages 1\nmax_queued_messages 0\nset_tcp_nodelay true\n\
             persistence false\nlog_dest none\n",
            address.port()
        );
        let child = Command::new(program)
            .args(["-c", &file("mosquitto.conf", &settings)?])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("starting mosquitto")?;
        let began = Instant::now();
        while tokio::net::TcpStream::connect(address).await.is_err() {
            if began.elapsed() > PATIENCE {
                bail!("mosquitto does not listen on {address}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(Ok(Self {
            _child: child,
            address,
            ca_pem: made.ca,
        }))
    }

    /// Straight to the module's input: a plain broker has no routes.
    pub(crate) fn way(&self) -> anyhow::Result<Way> {
        let string = "HostName=hub.test;GatewayHostName=localhost;DeviceId=edge;ModuleId=m;SharedAccessKey=a2V5";
        let string = ConnectionString::parse(string)?;
        let mut subscriber =
            ClientConfig::from_connection_string(&string, self.ca_pem.as_bytes(), "bench")?;
        subscriber.dial = Some(self.address);
        // It answers no twin request.
        subscriber.follows_twin = false;
        subscriber.takes_methods = false;
        Ok(Way {
            address: self.address,
            ca_pem: self.ca_pem.clone(),
            connect: Connect::new(CAMERA),
            topic: "devices/edge/modules/m/inputs/images/%24.cdid=cam&".to_owned(),
            subscriber,
        })
    }
}

fn json(path: &Path) -> Option<Value> {
    serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
}
