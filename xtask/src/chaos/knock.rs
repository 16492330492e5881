//! Pictures at the module's HTTP door, one with the right key and one with a wrong one: a key that
//! nobody sends cannot leak. They have no camera's name, so nothing is counted.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::site::Ground;

/// How long an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Knocks twice; an error where the answers are not those that the keys deserve.
pub(super) fn knock(ground: &Ground, picture: &Path) -> anyhow::Result<()> {
    let log = fs::read(ground.log("module")).context("the module's log")?;
    let log = String::from_utf8_lossy(&log);
    let door = address(&log).context("the module does not say where it serves HTTP")?;
    let picture = fs::read(picture).with_context(|| format!("{}", picture.display()))?;
    for (key, expected) in [
        (ground.http_key.as_str(), "200"),
        (&ground.wrong_http_key(), "401"),
    ] {
        let status = post(door, key, &picture).context("asking the module's HTTP door")?;
        ensure!(
            status == expected,
            "the module's HTTP door answered {status} in place of {expected}"
        );
    }
    Ok(())
}

/// Where the last module of the log serves HTTP.
fn address(log: &str) -> Option<SocketAddr> {
    let line = log.lines().rfind(|line| line.contains("HTTP is served"))?;
    let (_, address) = line.split_once("address=")?;
    address.split(' ').next()?.parse().ok()
}

/// The status of the answer.
fn post(door: SocketAddr, key: &str, picture: &[u8]) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(door)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let head = format!(
        "POST /image HTTP/1.1\r\nHost: box\r\nConnection: close\r\nPrediction-Key: {key}\r\n\
         Content-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n",
        picture.len()
    );
    stream.write_all(head.as_bytes())?;
    // A door that refuses need not read it all.
    let _ = stream.write_all(picture);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).context("it broke off")?;
    Ok(status.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_door_of_the_last_module_is_found() {
        let line = |port| format!("<6> x [INF] - HTTP is served address=127.0.0.1:{port}\n");
        let log = format!("{}something\n{}something else\n", line(1), line(2));
        assert_eq!(address(&log).unwrap().port(), 2);
        assert_eq!(address("nothing"), None);
    }
}
