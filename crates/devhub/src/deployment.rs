//! A deployment as hub and agent need it: routes, time to live, desired properties, modules.
//!
//! The document itself is read by the `manifest` crate, the routes by the `routes` crate; here the
//! two meet, and what is not understood is refused before anything is bound.

use std::collections::BTreeMap;
use std::time::Duration;

use manifest::{FOREVER_SECS, Manifest, ManifestError, RestartPolicy, Status};
use routes::{RouteSet, RouteSetError};
use serde_json::Value;
use thiserror::Error;

use crate::routing::Routing;

/// Why a deployment is refused.
#[derive(Debug, Error)]
pub enum DeploymentError {
    /// The document.
    #[error("the deployment is refused")]
    Manifest(#[from] ManifestError),
    /// One or more routes, each with its position.
    #[error("the deployment's routes are refused")]
    Routes(#[from] RouteSetError),
}

/// One module of the deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployedModule {
    /// Its name and module id.
    pub name: String,
    /// The image a real device would run.
    pub image: String,
    /// Whether it should run.
    pub is_running: bool,
    /// When it is started again.
    pub restart_policy: RestartPolicy,
    /// Low ones start first.
    pub startup_order: u32,
    /// Between SIGTERM and SIGKILL: `createOptions.StopTimeout` in seconds, else 10 s.
    pub stop_grace: Duration,
    /// Its variables: those of `createOptions.Env`, then those of `env`, which win.
    pub env: Vec<(String, String)>,
}

/// A deployment, checked.
#[derive(Debug, Clone)]
pub struct Deployment {
    routes: RouteSet,
    time_to_live: Option<Duration>,
    modules: Vec<DeployedModule>,
    desired: BTreeMap<String, Value>,
}

impl Deployment {
    /// Checks a manifest's routes and takes out what is needed; modules in the order they start.
    ///
    /// # Errors
    /// [`DeploymentError::Routes`].
    pub fn new(manifest: &Manifest) -> Result<Self, DeploymentError> {
        let routes = RouteSet::parse(manifest.routes().iter().cloned())?;
        let mut modules: Vec<_> = manifest
            .modules()
            .iter()
            .map(|module| DeployedModule {
                name: module.name.clone(),
                image: module.image.clone(),
                is_running: module.status == Status::Running,
                restart_policy: module.restart_policy,
                startup_order: module.startup_order,
                stop_grace: module.create_options["StopTimeout"]
                    .as_u64()
                    .map_or(crate::agent::STOP_GRACE, Duration::from_secs),
                env: container_env(&module.create_options)
                    .chain(module.env.iter().cloned())
                    .collect(),
            })
            .collect();
        modules.sort_by_key(|module| module.startup_order);
        let desired = manifest
            .modules()
            .iter()
            .filter_map(|module| {
                let desired = manifest.module_desired(&module.name)?;
                Some((module.name.clone(), desired.clone()))
            })
            .collect();
        Ok(Self {
            routes,
            time_to_live: time_to_live(manifest),
            modules,
            desired,
        })
    }

    /// Reads a `deployment.template.json`; `variables` answers what `${NAME}` stands for.
    ///
    /// # Errors
    /// [`DeploymentError`].
    pub fn from_template(
        text: &str,
        variables: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, DeploymentError> {
        Self::new(&Manifest::from_template(text, variables)?)
    }

    /// Reads a manifest as `az iot edge set-modules` takes it.
    ///
    /// # Errors
    /// [`DeploymentError`].
    pub fn from_manifest(text: &str) -> Result<Self, DeploymentError> {
        Self::new(&Manifest::parse(text)?)
    }

    /// Its modules, those that start first first.
    pub fn modules(&self) -> &[DeployedModule] {
        &self.modules
    }

    /// Its routes, for a hub on `edge_device`.
    pub fn routing(&self, edge_device: &str) -> Routing {
        Routing::new(self.routes.clone(), self.time_to_live, edge_device)
    }

    /// Desired properties by module.
    pub fn desired(&self) -> &BTreeMap<String, Value> {
        &self.desired
    }
}

fn time_to_live(manifest: &Manifest) -> Option<Duration> {
    match manifest.time_to_live_secs() {
        FOREVER_SECS => None,
        seconds => Some(Duration::from_secs(u64::from(seconds))),
    }
}

/// `"Env": ["NAME=value", …]` of a container's create body.
fn container_env(create_options: &Value) -> impl Iterator<Item = (String, String)> {
    create_options["Env"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template(route: &str) -> String {
        json!({"modulesContent": {
            "$edgeAgent": {"properties.desired": {
                "schemaVersion": "1.1",
                "runtime": {"type": "docker", "settings": {}},
                "systemModules": {},
                "modules": {
                    "late": {"type": "docker", "status": "stopped", "restartPolicy": "never",
                        "settings": {"image": "i", "createOptions": "{}"}},
                    "early": {"type": "docker", "status": "running", "restartPolicy": "always",
                        "startupOrder": 1, "env": {"B": {"value": "env"}},
                        "settings": {"image": "i", "createOptions": {"StopTimeout": 3, "Env": ["A=1=2", "B=create"]}}},
                }}},
            "$edgeHub": {"properties.desired": {
                "schemaVersion": "1.1", "routes": {"r": route},
                "storeAndForwardConfiguration": {"timeToLiveSecs": -1}}},
            "early": {"properties.desired": {"limit": 3}},
        }})
        .to_string()
    }

    #[test]
    fn modules_come_in_the_order_they_start_with_their_variables() {
        let text = template("FROM /* INTO $upstream");
        let deployment = Deployment::from_template(&text, &|_| None).unwrap();
        let names: Vec<_> = deployment
            .modules()
            .iter()
            .map(|m| (m.name.as_str(), m.is_running))
            .collect();
        assert_eq!(names, [("early", true), ("late", false)]);
        let env = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            deployment.modules()[0].env,
            [env("A", "1=2"), env("B", "create"), env("B", "env")]
        );
        let graces: Vec<_> = deployment
            .modules()
            .iter()
            .map(|module| module.stop_grace.as_secs())
            .collect();
        assert_eq!(graces, [3, 10]);
        assert_eq!(deployment.desired()["early"], json!({"limit": 3}));
        assert_eq!(deployment.time_to_live, None);
    }

    #[test]
    fn a_route_that_is_not_understood_is_refused_with_its_position() {
        let text = template("FROM /messages/* WHERE NOT IS_DEFINED($a INTO $upstream");
        let error = Deployment::from_template(&text, &|_| None).unwrap_err();
        let DeploymentError::Routes(error) = error else {
            panic!("{error}")
        };
        let text = error.to_string();
        assert!(text.contains("r") && text.contains('^'), "{text}");
    }
}
