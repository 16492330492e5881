//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};

pub(crate) const HELP: &str = "\
A camera on the crate azure_iot_sdk 0.8: sends pictures through an edgeHub, at QoS 0

Usage: azure-iot-sdk-camera --connection FILE [OPTIONS] PATH...

  PATH...             pictures (.jpg, .jpeg, .png), or folders with pictures
  --connection FILE   holds the device's connection string, GatewayHostName included
  --property K=V      an application property for every message; repeatable
  --pause SECONDS     time between two pictures (0)
  --linger SECONDS    time between the last picture and the end (2)
  --help              this text

The hub is dialled on port 8883. Its root certificate must be among those that OpenSSL
trusts: SSL_CERT_FILE=ca.pem azure-iot-sdk-camera ...
";

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) connection: PathBuf,
    pub(crate) properties: Vec<(String, String)>,
    pub(crate) pause: Duration,
    pub(crate) linger: Duration,
    pub(crate) paths: Vec<PathBuf>,
}

impl Options {
    /// Reads the words after the program's name; `None` when help was asked for.
    pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> anyhow::Result<Option<Self>> {
        let mut words = words.into_iter();
        let mut connection = None;
        let mut options = Options {
            connection: PathBuf::new(),
            properties: Vec::new(),
            pause: Duration::ZERO,
            linger: Duration::from_secs(2),
            paths: Vec::new(),
        };
        while let Some(word) = words.next() {
            let name = word.to_string_lossy().into_owned();
            if !name.starts_with("--") {
                options.paths.push(word.into());
                continue;
            }
            if name == "--help" {
                return Ok(None);
            }
            let (name, value) = match name.split_once('=') {
                Some((name, value)) => (name.to_owned(), OsString::from(value)),
                None => {
                    let value = words.next();
                    let value = value.with_context(|| format!("{name} needs a value"))?;
                    (name, value)
                }
            };
            match name.as_str() {
                "--connection" => connection = Some(PathBuf::from(value)),
                "--property" => options.properties.push(property(&value)?),
                "--pause" => options.pause = seconds(&name, &value)?,
                "--linger" => options.linger = seconds(&name, &value)?,
                _ => bail!("{name} is not an option; --help lists them"),
            }
        }
        options.connection = connection.context("--connection is missing; see --help")?;
        if options.paths.is_empty() {
            bail!("no picture is named; see --help");
        }
        Ok(Some(options))
    }
}

fn property(text: &OsString) -> anyhow::Result<(String, String)> {
    let text = text.to_str().context("--property expects text in UTF-8")?;
    let (name, value) = text
        .split_once('=')
        .with_context(|| format!("--property expects NAME=VALUE, not `{text}`"))?;
    Ok((name.to_owned(), value.to_owned()))
}

fn seconds(name: &str, text: &OsString) -> anyhow::Result<Duration> {
    let number = text.to_str().and_then(|text| text.parse::<f64>().ok());
    number
        .and_then(|number| Duration::try_from_secs_f64(number).ok())
        .with_context(|| format!("{name} expects seconds, not `{}`", text.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &[&str]) -> anyhow::Result<Option<Options>> {
        Options::parse(line.iter().map(OsString::from))
    }

    #[test]
    fn words_without_dashes_are_pictures() {
        let line = [
            "--connection",
            "c",
            "a.jpg",
            "--property",
            "k=v=w",
            "--pause",
            "0.5",
            "b",
        ];
        let options = parse(&line).unwrap().unwrap();
        assert_eq!(options.paths, [PathBuf::from("a.jpg"), PathBuf::from("b")]);
        assert_eq!(options.properties, [("k".to_owned(), "v=w".to_owned())]);
        assert_eq!(options.pause, Duration::from_millis(500));
    }

    #[test]
    fn mistakes_are_named() {
        for (line, said) in [
            (&["a.jpg"][..], "--connection"),
            (&["--connection", "c"], "no picture"),
            (&["--connection", "c", "a", "--property", "kv"], "`kv`"),
            (&["--connection", "c", "a", "--pause", "-1"], "`-1`"),
            (&["--connection", "c", "a", "--loud", "x"], "--loud"),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains(said), "{line:?}: {error}");
        }
    }
}
