//! The identities the hub knows, kept in `identities.json` so that keys outlive a restart and both
//! processes (hub and agent) hold the same ones. What is not in it is refused.
//!
//! ```text
//! {"ca":"…/ca.pem",
//!  "devices":{"cam-01":{"key":"…","connectionString":"HostName=…;GatewayHostName=localhost;DeviceId=cam-01;SharedAccessKey=…"}},
//!  "modules":{"FruitCounter":{"key":"…","generationId":"…","connectionString":"…;ModuleId=FruitCounter;…"}}}
//! ```
//! The file names modules of the edge device only. A device given once stays known for this state
//! directory, as in IoT Hub's registry; a key given later replaces the one kept.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ring::rand::SystemRandom;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::identity::{IdentityId, KeyError, SharedKey};
use crate::state::{SECRET, StateDir, StateError};

const FILE: &str = "identities.json";

/// Why the identities cannot be had.
#[derive(Debug, Error)]
pub enum IdentitiesError {
    /// The state directory.
    #[error(transparent)]
    State(#[from] StateError),
    /// The file is there and is not what we write.
    #[error("{path} is not an identities file; delete it to have new keys made")]
    Damaged {
        /// Which file.
        path: String,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// A key that is not a key.
    #[error("the key of `{identity}`")]
    Key {
        /// Whose key.
        identity: String,
        /// What is wrong.
        #[source]
        source: KeyError,
    },
    /// An id that cannot stand in a topic.
    #[error(
        "`{0}` is not an id: expected 1 to 128 characters without `/`, `+`, `#`, `;`, spaces or control characters"
    )]
    BadId(String),
    /// No randomness.
    #[error("the system gives no randomness for a key")]
    Randomness,
}

/// One identity's secret and marks.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The key that signs its tokens.
    pub primary: SharedKey,
    /// A second key that is good as well, for rotation.
    pub secondary: Option<SharedKey>,
    /// Set by the agent's environment; opaque.
    pub generation_id: String,
}

/// Which hub the identities belong to: what their connection strings say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    /// Name of the pretended IoT Hub, for example `devhub.azure-devices.net`.
    pub hub: String,
    /// Name clients dial, for example `localhost`.
    pub gateway: String,
    /// Id of the edge device.
    pub edge_device: String,
}

/// What ought to be known, beside what is known already.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Leaf devices, with their key if it is given.
    pub devices: Vec<(String, Option<SharedKey>)>,
    /// Modules of the edge device.
    pub modules: Vec<String>,
}

/// The registry.
#[derive(Debug, Clone)]
pub struct Identities {
    hosts: Hosts,
    known: BTreeMap<IdentityId, Identity>,
}

impl Identities {
    /// Makes identities in memory: the edge device and those wanted, with fresh keys where none is
    /// given. `generation_id` goes to each of them.
    ///
    /// # Errors
    /// [`IdentitiesError::BadId`] and [`IdentitiesError::Randomness`].
    pub fn generate(
        hosts: Hosts,
        wanted: &Wanted,
        generation_id: &str,
    ) -> Result<Self, IdentitiesError> {
        let mut identities = Self {
            hosts,
            known: BTreeMap::new(),
        };
        identities.add(wanted, generation_id)?;
        Ok(identities)
    }

    /// Reads the state directory's identities, adds those wanted and writes them back, under the
    /// directory's lock. `ca` is the path that the file names.
    ///
    /// # Errors
    /// [`IdentitiesError`].
    pub fn load(
        state: &StateDir,
        hosts: Hosts,
        wanted: &Wanted,
        generation_id: &str,
    ) -> Result<Self, IdentitiesError> {
        let _lock = state.lock()?;
        let mut identities = Self {
            hosts,
            known: BTreeMap::new(),
        };
        if let Some(text) = state.read(FILE)? {
            let stored: Stored =
                serde_json::from_str(&text).map_err(|source| IdentitiesError::Damaged {
                    path: state.path(FILE).display().to_string(),
                    source,
                })?;
            identities.take(stored)?;
        }
        identities.add(wanted, generation_id)?;
        let ca = state.path(crate::ca::CA_FILE).display().to_string();
        state.write_json(FILE, &identities.stored(&ca), SECRET)?;
        Ok(identities)
    }

    /// The hosts the identities belong to.
    pub fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// One identity; `None` when it is unknown.
    pub fn identity(&self, id: &IdentityId) -> Option<&Identity> {
        self.known.get(id)
    }

    /// All ids, the edge device's among them.
    pub fn ids(&self) -> impl Iterator<Item = &IdentityId> {
        self.known.keys()
    }

    /// A module of the edge device.
    pub fn module_id(&self, name: &str) -> IdentityId {
        IdentityId::module(&self.hosts.edge_device, name)
    }

    /// Keys that may sign for `id`: its own, then those of its parent device (sheet 3.2).
    pub fn keys(&self, id: &IdentityId) -> Vec<&SharedKey> {
        let parent = id.module_id().map(|_| IdentityId::device(id.device_id()));
        [Some(id.clone()), parent]
            .into_iter()
            .flatten()
            .filter_map(|id| self.known.get(&id))
            .flat_map(|identity| [Some(&identity.primary), identity.secondary.as_ref()])
            .flatten()
            .collect()
    }

    /// The connection string of a known identity, `GatewayHostName` included.
    pub fn connection_string(&self, id: &IdentityId) -> Option<String> {
        let identity = self.known.get(id)?;
        let Hosts { hub, gateway, .. } = &self.hosts;
        let mut text = format!(
            "HostName={hub};GatewayHostName={gateway};DeviceId={}",
            id.device_id()
        );
        if let Some(module) = id.module_id() {
            let _infallible = write!(text, ";ModuleId={module}");
        }
        let _infallible = write!(text, ";SharedAccessKey={}", identity.primary.to_base64());
        Some(text)
    }

    fn add(&mut self, wanted: &Wanted, generation_id: &str) -> Result<(), IdentitiesError> {
        let edge_device = self.hosts.edge_device.clone();
        let devices = wanted
            .devices
            .iter()
            .map(|(id, key)| (IdentityId::device(id), key.as_ref()));
        let modules = wanted
            .modules
            .iter()
            .map(|name| (self.module_id(name), None));
        let all: Vec<_> = [(IdentityId::device(edge_device), None)]
            .into_iter()
            .chain(modules)
            .chain(devices)
            .collect();
        for (id, key) in all {
            check_id(id.module_id().unwrap_or(id.device_id()))?;
            match (self.known.get_mut(&id), key) {
                (Some(identity), Some(key)) => identity.primary = key.clone(),
                (Some(_), None) => {}
                (None, key) => {
                    let primary = match key {
                        Some(key) => key.clone(),
                        None => SharedKey::generate(&SystemRandom::new())
                            .map_err(|_unspecified| IdentitiesError::Randomness)?,
                    };
                    let generation_id = generation_id.to_owned();
                    self.known.insert(
                        id,
                        Identity {
                            primary,
                            secondary: None,
                            generation_id,
                        },
                    );
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, stored: Stored) -> Result<(), IdentitiesError> {
        let modules = stored
            .modules
            .into_iter()
            .map(|(name, secret)| (self.module_id(&name), secret));
        let devices = stored
            .devices
            .into_iter()
            .map(|(id, secret)| (IdentityId::device(id), secret));
        let all: Vec<_> = modules.chain(devices).collect();
        for (id, secret) in all {
            let key = |text: &str| {
                SharedKey::from_base64(text).map_err(|source| IdentitiesError::Key {
                    identity: id.to_string(),
                    source,
                })
            };
            let identity = Identity {
                primary: key(&secret.key)?,
                secondary: secret.secondary_key.as_deref().map(key).transpose()?,
                generation_id: secret.generation_id,
            };
            self.known.insert(id, identity);
        }
        Ok(())
    }

    fn stored(&self, ca: &str) -> Stored {
        let mut stored = Stored {
            ca: ca.to_owned(),
            devices: BTreeMap::new(),
            modules: BTreeMap::new(),
        };
        for (id, identity) in &self.known {
            let secret = StoredIdentity {
                key: identity.primary.to_base64(),
                secondary_key: identity.secondary.as_ref().map(SharedKey::to_base64),
                generation_id: identity.generation_id.clone(),
                connection_string: self.connection_string(id).unwrap_or_default(),
            };
            match id.module_id() {
                None => stored.devices.insert(id.device_id().to_owned(), secret),
                Some(module) => stored.modules.insert(module.to_owned(), secret),
            };
        }
        stored
    }
}

/// The file.
#[derive(Serialize, Deserialize)]
struct Stored {
    ca: String,
    devices: BTreeMap<String, StoredIdentity>,
    modules: BTreeMap<String, StoredIdentity>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredIdentity {
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secondary_key: Option<String>,
    #[serde(default)]
    generation_id: String,
    #[serde(default)]
    connection_string: String,
}

/// Ids travel raw in topics and in connection strings; IoT Hub's own set is narrower still.
fn check_id(id: &str) -> Result<(), IdentitiesError> {
    let forbidden = |c: char| c.is_control() || c.is_whitespace() || "/+#;".contains(c);
    if id.is_empty() || id.chars().count() > 128 || id.contains(forbidden) {
        return Err(IdentitiesError::BadId(id.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Hosts {
        Hosts {
            hub: "devhub.azure-devices.net".into(),
            gateway: "localhost".into(),
            edge_device: "edge-dev".into(),
        }
    }

    fn wanted(devices: &[(&str, Option<&str>)]) -> Wanted {
        let devices = devices
            .iter()
            .map(|(id, key)| {
                (
                    (*id).into(),
                    key.map(|k| SharedKey::from_base64(k).unwrap()),
                )
            })
            .collect();
        Wanted {
            devices,
            modules: vec!["FruitCounter".into()],
        }
    }

    #[test]
    fn keys_stay_the_same_over_a_restart_and_given_ones_win() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path()).unwrap();
        let load = |wanted: &Wanted| Identities::load(&state, hosts(), wanted, "1").unwrap();
        let first = load(&wanted(&[("cam-01", None), ("cam-02", Some("a2V5"))]));
        let second = load(&wanted(&[("cam-01", None)]));
        let ids: Vec<_> = first.ids().cloned().collect();
        assert_eq!(ids.len(), 4);
        for id in ids {
            assert_eq!(
                first.connection_string(&id),
                second.connection_string(&id),
                "{id}"
            );
        }
        let third = load(&wanted(&[("cam-01", Some("a2V5"))]));
        assert_eq!(
            third
                .connection_string(&IdentityId::device("cam-01"))
                .unwrap(),
            "HostName=devhub.azure-devices.net;GatewayHostName=localhost;DeviceId=cam-01;SharedAccessKey=a2V5"
        );
        assert!(third.identity(&IdentityId::device("cam-03")).is_none());
    }

    #[test]
    fn a_module_may_sign_with_its_own_or_its_devices_key() {
        let identities = Identities::generate(hosts(), &wanted(&[]), "1").unwrap();
        let module = identities.module_id("FruitCounter");
        let keys = identities.keys(&module);
        let device = IdentityId::device("edge-dev");
        assert_eq!(
            keys,
            [
                &identities.identity(&module).unwrap().primary,
                &identities.identity(&device).unwrap().primary
            ]
        );
        assert_eq!(identities.keys(&device).len(), 1);
    }

    #[test]
    fn ids_that_would_break_a_topic_are_refused() {
        for id in ["", "a/b", "a+b", "#", "a b", "a;b", &"x".repeat(129)] {
            let outcome = Identities::generate(hosts(), &wanted(&[(id, None)]), "1");
            assert!(matches!(outcome, Err(IdentitiesError::BadId(_))), "{id:?}");
        }
    }
}
