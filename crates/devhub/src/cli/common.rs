//! What hub and agent stand on: the deployment, the state directory, the identities.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use serde::Deserialize;
use std::collections::BTreeMap;

use devhub::deployment::Deployment;
use devhub::identities::{Hosts, Identities, Wanted};
use devhub::identity::SharedKey;
use devhub::state::StateDir;

use super::args::CommonOptions;

/// Read and made before anything is bound.
pub(crate) struct Ground {
    pub(crate) deployment: Deployment,
    pub(crate) state: StateDir,
    pub(crate) identities: Identities,
    pub(crate) tls_ca: Option<std::path::PathBuf>,
}

impl Ground {
    pub(crate) fn prepare(options: &CommonOptions) -> anyhow::Result<Self> {
        let deployment = match (&options.template, &options.manifest) {
            (Some(path), _) => {
                let text = read(path)?;
                Deployment::from_template(&text, &|name| std::env::var(name).ok())
                    .with_context(|| path.display().to_string())?
            }
            (None, Some(path)) => Deployment::from_manifest(&read(path)?)
                .with_context(|| path.display().to_string())?,
            (None, None) => bail!("name a deployment with --template or --manifest"),
        };
        let mut wanted = Wanted {
            devices: Vec::new(),
            modules: deployment
                .modules()
                .iter()
                .map(|module| module.name.clone())
                .collect(),
        };
        if let Some(path) = &options.devices_file {
            wanted.devices.extend(devices_in(path)?);
        }
        for device in &options.devices {
            wanted.devices.push(device_of(device)?);
        }
        let hosts = Hosts {
            hub: options.hub_host.clone(),
            gateway: options.host.clone(),
            edge_device: options.edge_device.clone(),
        };
        let state = StateDir::open(&options.state)?;
        let identities = Identities::load(&state, hosts, &wanted, &options.generation_id)?;
        Ok(Self {
            deployment,
            state,
            identities,
            tls_ca: options.tls_ca.clone(),
        })
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// `ID` or `ID=KEY`; the key may end in `=`, so the first one counts.
fn device_of(text: &str) -> anyhow::Result<(String, Option<SharedKey>)> {
    match text.split_once('=') {
        None => Ok((text.to_owned(), None)),
        Some((id, key)) => {
            let key = SharedKey::from_base64(key).with_context(|| format!("--device {id}=…"))?;
            Ok((id.to_owned(), Some(key)))
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Devices {
    Names(Vec<String>),
    Keys(BTreeMap<String, Option<Key>>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Key {
    Text(String),
    Object { key: String },
}

fn devices_in(path: &Path) -> anyhow::Result<Vec<(String, Option<SharedKey>)>> {
    let context = || {
        format!(
            "{}: expected [\"ID\", …] or {{\"ID\": null | \"KEY\"}}",
            path.display()
        )
    };
    let devices: Devices = serde_json::from_str(&read(path)?).with_context(context)?;
    match devices {
        Devices::Names(names) => Ok(names.into_iter().map(|name| (name, None)).collect()),
        Devices::Keys(keys) => keys
            .into_iter()
            .map(|(id, key)| {
                let key = match key {
                    None => None,
                    Some(Key::Text(text) | Key::Object { key: text }) => {
                        let key = SharedKey::from_base64(&text);
                        Some(key.with_context(|| format!("{}: key of {id}", path.display()))?)
                    }
                };
                Ok((id, key))
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_read_in_each_form() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("devices.json");
        let read = |text: &str| {
            fs::write(&path, text).unwrap();
            devices_in(&path).map(|devices| {
                devices
                    .into_iter()
                    .map(|(id, key)| (id, key.map(|key| key.to_base64())))
                    .collect::<Vec<_>>()
            })
        };
        let pair = |id: &str, key: Option<&str>| (id.to_owned(), key.map(str::to_owned));
        let expected: Vec<_> = vec![
            pair("a", None),
            pair("b", Some("a2V5")),
            pair("c", Some("a2V5")),
        ];
        assert_eq!(
            read(r#"{"a":null,"b":"a2V5","c":{"key":"a2V5"}}"#).unwrap(),
            expected
        );
        assert_eq!(read(r#"["a"]"#).unwrap(), vec![pair("a", None)]);
        assert!(read(r#"{"a":"not base64!"}"#).is_err());
        assert!(read("7").is_err());
    }

    #[test]
    fn a_key_may_end_in_equals_signs() {
        let (id, key) = device_of("cam-01=a2V5cw==").unwrap();
        assert_eq!(
            (id.as_str(), key.unwrap().to_base64().as_str()),
            ("cam-01", "a2V5cw==")
        );
        assert!(device_of("cam-01").unwrap().1.is_none());
        assert!(device_of("cam-01=?").is_err());
    }
}
