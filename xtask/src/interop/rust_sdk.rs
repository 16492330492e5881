//! The crate `azure_iot_sdk` as a leaf device: what it does behind a gateway, and
//! what it does not.
//!
//! It sends at QoS 0 and hears of nothing, so only the hub can say what arrived.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use serde_json::{Map, Value, json};

use super::control::arrived_upstream;
use super::ground::{DEVICES, Ground};
use super::messages::{self, Arrived, Message, compare_bodies, compare_properties};
use super::sheet::Sheet;
use super::stage::{Ended, Stage};
use super::wait::{PATIENCE, until};

/// What it shows.
pub(super) const CAPABILITIES: [&str; 5] = [
    "trust through openssl",
    "leaf pictures",
    "leaf properties",
    "space in a property",
    "connection cut",
];

/// Runs the example as a camera.
pub(super) fn run(stage: &Stage<'_>, camera: &Path, sheet: &mut Sheet) -> anyhow::Result<()> {
    let ground = Ground::start(stage, "azure_iot_sdk", 3, None)?;
    let play = Play {
        ground: &ground,
        camera,
        calls: AtomicU32::new(0),
    };
    let played = play.all(sheet);
    played.and(ground.stop())
}

struct Play<'a> {
    ground: &'a Ground<'a>,
    camera: &'a Path,
    /// Numbers the logs.
    calls: AtomicU32,
}

impl Play<'_> {
    fn all(&self, sheet: &mut Sheet) -> anyhow::Result<()> {
        sheet.check("trust through openssl", self.trust());
        // Without a space: see below.
        let mut properties = messages::awkward_properties();
        properties.retain(|key, _| !key.contains(' '));
        properties.insert("value".to_owned(), json!("a+b%20c&d=e/f$g?h#i;j,äöü€"));
        let pictures = &self.ground.stage.pictures;
        let (messages, arrived) = self.send(DEVICES[0], &properties, pictures)?;
        sheet.check("leaf pictures", compare_bodies(&messages, &arrived));
        let whole = compare_properties(&messages, &arrived, |_| false);
        sheet.check(
            "leaf properties",
            whole.map(|_| {
                "id, content type and properties with + % & = / $ ? # ; , ä € as sent".to_owned()
            }),
        );
        sheet.check("space in a property", self.space());
        sheet.check("connection cut", self.cut());
        Ok(())
    }

    /// It takes the hub for what it is only when OpenSSL is told of its root.
    fn trust(&self) -> anyhow::Result<String> {
        let picture = &self.ground.stage.pictures[0];
        let refused = self.call(DEVICES[1], &[], &[picture], false)?;
        ensure!(
            !refused.status.success() && refused.text.contains("certificate"),
            "without SSL_CERT_FILE it ended with {}\n{}",
            refused.status,
            refused.last_words()
        );
        let trusted = self.call(DEVICES[1], &[], &[picture], true)?;
        ensure!(trusted.status.success(), "{}", trusted.last_words());
        Ok("refused without the hub's CA, connected with it in SSL_CERT_FILE".to_owned())
    }

    /// The crate encodes properties as a form does, so a space becomes `+`; its MQTT library
    /// takes that for a wildcard, and the crate panics. Should that change, `+` would arrive
    /// where a space was sent, for edgeHub takes `+` for what it is.
    fn space(&self) -> anyhow::Result<String> {
        let picture = &self.ground.stage.pictures[1];
        let refused = self.call(
            DEVICES[1],
            &["--property=value=a b".to_owned()],
            &[picture],
            true,
        )?;
        ensure!(
            !refused.status.success() && refused.text.contains("TopicNameError"),
            "it ended with {}\n{}",
            refused.status,
            refused.last_words()
        );
        Ok("the crate panics before it sends (known, see docs/decisions/0001)".to_owned())
    }

    /// It does not connect again: what comes after a lost connection is lost.
    fn cut(&self) -> anyhow::Result<String> {
        let pictures = &self.ground.stage.pictures;
        let before = self.ground.connections_of(DEVICES[1]);
        let ended = thread::scope(|scope| {
            let camera = scope.spawn(|| {
                let pause = ["--pause".to_owned(), "1".to_owned()];
                self.call(DEVICES[1], &pause, pictures, true)
            });
            until("the camera to connect", PATIENCE, || {
                Ok((self.ground.connections_of(DEVICES[1]) > before).then_some(()))
            })?;
            self.ground.drop_connections(DEVICES[1])?;
            camera
                .join()
                .map_err(|_panic| anyhow!("the camera's thread panicked"))?
        })?;
        let connections = self.ground.connections_of(DEVICES[1]) - before;
        ensure!(
            !ended.status.success() && connections == 1,
            "{connections} connections, and the end was {}\n{}",
            ended.status,
            ended.last_words()
        );
        Ok(
            "it does not connect again: a later write fails (known, see docs/decisions/0001)"
                .to_owned(),
        )
    }

    /// Sends pictures with `properties`; what was sent, and what arrived.
    fn send(
        &self,
        device: &str,
        properties: &Map<String, Value>,
        pictures: &[PathBuf],
    ) -> anyhow::Result<(Vec<Message>, Vec<Arrived>)> {
        let mut messages = messages::list(device, pictures)?;
        for message in &mut messages {
            // The example takes the path for the id.
            message.id = message.file.display().to_string();
            message.properties = properties.clone();
        }
        let words: Vec<String> = properties
            .iter()
            .map(|(key, value)| format!("--property={key}={}", value.as_str().unwrap_or_default()))
            .collect();
        let files: Vec<&Path> = pictures.iter().map(|file| &**file).collect();
        let ended = self.call(device, &words, &files, true)?;
        ensure!(ended.status.success(), "{}", ended.last_words());

        let ids: Vec<&str> = messages.iter().map(|message| &*message.id).collect();
        let mut found = self.ground.wait_for_upstream(&ids)?;
        found.retain(|message| message["deviceId"] == device);
        let arrived = found.iter().map(arrived_upstream);
        Ok((messages, arrived.collect::<Result<_, _>>()?))
    }

    fn call(
        &self,
        device: &str,
        options: &[String],
        files: &[impl AsRef<Path>],
        with_ca: bool,
    ) -> anyhow::Result<Ended> {
        let stage = self.ground.stage;
        let connection = stage.path(&format!("azure_iot_sdk/{device}.connection"));
        // A file and not an argument: arguments can be read by every user of the computer.
        fs::write(&connection, self.ground.connection_string(device)?)?;
        let mut command = Command::new(self.camera);
        command.arg("--connection").arg(&connection);
        command.args(options);
        for file in files {
            command.arg(file.as_ref());
        }
        command
            .env_remove("SSL_CERT_DIR")
            .env_remove("SSL_CERT_FILE");
        if with_ca {
            command.env("SSL_CERT_FILE", self.ground.ca());
        }
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let log = format!("azure_iot_sdk-camera-{number}");
        stage
            .call(
                "the camera",
                &mut command,
                &log,
                PATIENCE + Duration::from_secs(10),
            )
            .context("azure-iot-sdk-camera")
    }
}
