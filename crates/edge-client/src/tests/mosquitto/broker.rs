//! A mosquitto of one test's own: on a free port, with certificates of the test's making,
//! its sessions kept on disk over restarts.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::tests::hub::{Hub, NAME, PATIENCE, Pki, pki};
use crate::{ClientConfig, TrustAnchors};

/// Who may connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody, with whatever password.
    Anonymous,
    /// Those in the password file alone.
    Password,
}

/// A broker that runs, or waits to be started again.
pub(super) struct Broker {
    program: PathBuf,
    folder: tempfile::TempDir,
    pki: Pki,
    address: SocketAddr,
    child: Option<Child>,
}

impl Broker {
    /// Starts one; `None`, with the reason printed, where mosquitto is not installed.
    pub(super) fn start(access: Access) -> Option<Self> {
        let Some(program) = installed("mosquitto", "/usr/sbin/mosquitto") else {
            println!("skipped: mosquitto is not installed (apt-get install mosquitto)");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        // The broker drops to its own user, who must be able to read and write here.
        let for_all = PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(folder.path(), for_all).unwrap();
        // A free port, given back just before the broker takes it.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let mut broker = Self {
            program,
            folder,
            pki: pki("mosquitto CA", NAME),
            address,
            child: None,
        };
        broker.write_settings(access);
        broker.resume();
        Some(broker)
    }

    fn write_settings(&self, access: Access) {
        let certificate = self.write("cert.pem", &self.pki.certificate_pem);
        let key = self.write("key.pem", &self.pki.key_pem);
        let mut settings = format!(
            "listener {} 127.0.0.1\ncertfile {}\nkeyfile {}\n\
             max_inflight_messages 1\npersistence true\npersistence_location {}/\n",
            self.address.port(),
            certificate.display(),
            key.display(),
            self.folder.path().display(),
        );
        settings.push_str(&match access {
            Access::Anonymous => "allow_anonymous true\n".to_owned(),
            Access::Password => {
                let passwords = self.write("passwords", "");
                format!(
                    "allow_anonymous false\npassword_file {}\n",
                    passwords.display()
                )
            }
        });
        self.write("mosquitto.conf", &settings);
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        path
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts it again, on the same port and with what it had kept.
    pub(super) fn resume(&mut self) {
        assert!(self.child.is_none(), "it runs");
        let mut command = Command::new(&self.program);
        command.arg("-c").arg(self.path("mosquitto.conf"));
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.path("log"))
            .unwrap();
        let child = command.stdin(Stdio::null()).stderr(log).spawn();
        self.child = Some(child.unwrap());
    }

    /// Stops it in the way that lets it write down what it keeps.
    pub(super) async fn stop(&mut self) {
        self.signal("TERM");
        let mut child = self.child.take().unwrap();
        let ended = tokio::time::timeout(PATIENCE, async {
            while child.try_wait().unwrap().is_none() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        ended.await.expect("mosquitto stops");
    }

    /// Whoever connects as `user` from now on must have `password`.
    pub(super) fn change_password(&self, user: &str, password: &str) {
        let tool = installed("mosquitto_passwd", "/usr/bin/mosquitto_passwd").unwrap();
        // Written apart and renamed: the broker may read at any time.
        let new = self.write("passwords.new", "");
        let mut command = Command::new(tool);
        command.arg("-b").arg(&new).args([user, password]);
        assert!(command.stdin(Stdio::null()).status().unwrap().success());
        std::fs::set_permissions(&new, PermissionsExt::from_mode(0o644)).unwrap();
        std::fs::rename(new, self.path("passwords")).unwrap();
        if self.child.is_some() {
            self.signal("HUP");
        }
    }

    fn signal(&self, name: &str) {
        let id = self.child.as_ref().unwrap().id();
        let kill = Command::new("/bin/sh")
            .args(["-c", &format!("kill -{name} {id}")])
            .status();
        assert!(kill.unwrap().success());
    }

    /// A module's configuration for this broker, with quick retries.
    pub(super) async fn config(&self) -> ClientConfig {
        let mut config = Hub::with(&self.pki).await.config();
        config.dial = Some(self.address);
        config.trust = TrustAnchors::from_pem(self.pki.ca_pem.as_bytes()).unwrap();
        config
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// All it said, for a failure that must be explained.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// The program on PATH, or where Debian puts it.
fn installed(name: &str, usual: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .chain([Path::new(usual).to_owned()])
        .find(|program| program.is_file())
}
