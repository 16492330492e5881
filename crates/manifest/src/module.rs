//! A module of a manifest, as an agent wants to run it.

use std::fmt;

use serde_json::Value;

/// The startup order of a module that states none: after all that do.
pub const LAST_STARTUP_ORDER: u32 = u32::MAX;

/// One entry of `$edgeAgent`'s `modules` or `systemModules`.
#[derive(Debug, Clone, PartialEq)]
pub struct Module {
    /// Its name, and its identity's module id.
    pub name: String,
    /// The image; in a template it may still be a placeholder.
    pub image: String,
    /// Whether it should run. Every module must state it but `edgeAgent`, which
    /// is always running.
    pub status: Status,
    /// When it is started again. Every module must state it but `edgeAgent`,
    /// which has [`RestartPolicy::Always`].
    pub restart_policy: RestartPolicy,
    /// When the image is pulled. Default: on-create.
    pub image_pull_policy: ImagePullPolicy,
    /// Low numbers start first. Default: [`LAST_STARTUP_ORDER`].
    pub startup_order: u32,
    /// Environment variables in the order of their names; numbers and
    /// truth values are written as text.
    pub env: Vec<(String, String)>,
    /// What the container is created with, pieces joined and parsed; an empty
    /// object if nothing is stated.
    pub create_options: Value,
}

/// When the agent starts a module again after it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestartPolicy {
    /// `never`
    Never,
    /// `on-failure`: after an exit code other than 0.
    OnFailure,
    /// `on-unhealthy`: after a failed health check, and on failure.
    OnUnhealthy,
    /// `always`
    Always,
}

/// Whether a module should run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// `running`
    Running,
    /// `stopped`
    Stopped,
}

/// When an image is pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImagePullPolicy {
    /// `on-create`
    OnCreate,
    /// `never`
    Never,
}

/// A value with a fixed spelling in manifests.
pub(crate) trait Spelled: Copy + Sized + 'static {
    /// Every value with its spelling.
    const ALL: &'static [(Self, &'static str)];
}

impl Spelled for RestartPolicy {
    const ALL: &'static [(Self, &'static str)] = &[
        (Self::Never, "never"),
        (Self::OnFailure, "on-failure"),
        (Self::OnUnhealthy, "on-unhealthy"),
        (Self::Always, "always"),
    ];
}

impl Spelled for Status {
    const ALL: &'static [(Self, &'static str)] =
        &[(Self::Running, "running"), (Self::Stopped, "stopped")];
}

impl Spelled for ImagePullPolicy {
    const ALL: &'static [(Self, &'static str)] =
        &[(Self::OnCreate, "on-create"), (Self::Never, "never")];
}

impl fmt::Display for RestartPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Never => "never",
            Self::OnFailure => "on-failure",
            Self::OnUnhealthy => "on-unhealthy",
            Self::Always => "always",
        })
    }
}
