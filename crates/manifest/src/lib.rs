//! IoT Edge deployment documents: template to manifest, a typed view, and a check.
//!
//! A *template* (`deployment.template.json`) is what people keep: it has
//! variables, image placeholders and `createOptions` written as objects. A
//! *manifest* is what `az iot edge set-modules` takes: all of that resolved,
//! `createOptions` as text in pieces of at most 512 characters.
//!
//! - [`build`] and [`build_text`] make the manifest out of the template, the
//!   same that the IoT Edge tools make.
//! - [`check`](fn@check) says what is wrong with a deployment before it goes out: above all, a route
//!   by which a picture could leave.
//! - [`Manifest`] reads either and answers what a hub and an agent ask: modules,
//!   routes, times to live, desired properties.
//!
//! This room reads no environment and writes no file: variables and the text of
//! `module.json` files come in as functions. It never guesses; a value that is
//! not understood is an error with its path in the document, what stands there
//! and what is accepted.
//!
//! ```
//! let text = r#"{"modulesContent": {
//!   "$edgeAgent": {"properties.desired": {"schemaVersion": "1.1", "modules": {
//!     "FruitCounter": {"type": "docker", "status": "running", "restartPolicy": "always",
//!       "settings": {"image": "reg.example/fruit-counter:0.1.0-amd64", "createOptions": "{}"}}}}},
//!   "$edgeHub": {"properties.desired": {"schemaVersion": "1.1",
//!     "routes": {"CountsToCloud": "FROM /messages/modules/FruitCounter/outputs/counts INTO $upstream"},
//!     "storeAndForwardConfiguration": {"timeToLiveSecs": 7200}}}}}"#;
//! let manifest = manifest::Manifest::parse(text)?;
//! assert_eq!(manifest.modules()[0].restart_policy, manifest::RestartPolicy::Always);
//! let routes = routes::RouteSet::parse(manifest.routes().iter().cloned());
//! assert_eq!(routes.expect("good routes").routes().len(), 1);
//! # Ok::<(), manifest::ManifestError>(())
//! ```

mod build;
mod check;
mod create_options;
mod env_file;
mod error;
mod image;
mod json;
mod manifest;
mod module;
mod reader;
mod unique;
mod variables;

pub use build::{BuildContext, build, build_text, files_under, manifest_name};
pub use check::{Document, Finding, Rule, Severity, Terms, check};
pub use create_options::{CHUNK_CHARS, MAX_CHUNKS};
pub use env_file::{EnvFileError, parse_env_file};
pub use error::ManifestError;
pub use manifest::{DEFAULT_TIME_TO_LIVE_SECS, FOREVER_SECS, Manifest};
pub use module::{ImagePullPolicy, LAST_STARTUP_ORDER, Module, RestartPolicy, Status};
pub use variables::expand;
