//! What a site is made of.

use anyhow::Context as _;

use super::Site;

/// What a site is made of before it starts.
#[derive(Debug, Default)]
pub struct SiteBuilder {
    pub(super) devices: Vec<String>,
    pub(super) module_env: Vec<(String, String)>,
    pub(super) module_memory: Option<u64>,
    pub(super) hub_options: Vec<String>,
    pub(super) shared_options: Vec<String>,
    pub(super) manifest: Option<Deployed>,
}

/// A deployment in place of the template's.
#[derive(Debug)]
pub(super) struct Deployed {
    pub(super) text: String,
    pub(super) module: String,
}

impl SiteBuilder {
    /// Deploys this manifest, in which the module has the name `module`, in place of the template.
    /// Of the module's settings only the place of the model, the hub's port and the report interval
    /// are then made this machine's: it listens and keeps its ledger where it does by default.
    #[must_use]
    pub fn manifest(mut self, text: &str, module: &str) -> Self {
        self.manifest = Some(Deployed {
            text: text.to_owned(),
            module: module.to_owned(),
        });
        self
    }

    /// Adds a leaf device that the hub knows.
    #[must_use]
    pub fn device(mut self, name: &str) -> Self {
        self.devices.push(name.to_owned());
        self
    }

    /// Adds or replaces a variable of the module.
    #[must_use]
    pub fn module_env(mut self, name: &str, value: &str) -> Self {
        self.module_env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Limits the module's address space, in KiB: what is beyond ends the process that asks for it
    /// and cannot do without. The agent then runs a script that sets the limit and becomes the module.
    #[must_use]
    pub fn module_memory(mut self, kib: u64) -> Self {
        self.module_memory = Some(kib);
        self
    }

    /// Adds an option of `devhub hub`.
    #[must_use]
    pub fn hub_option(mut self, option: impl Into<String>) -> Self {
        self.hub_options.push(option.into());
        self
    }

    /// Adds an option of both `devhub hub` and `devhub agent`.
    #[must_use]
    pub fn shared_option(mut self, option: impl Into<String>) -> Self {
        self.shared_options.push(option.into());
        self
    }

    /// Starts the hub and, once it listens, the agent with the module.
    ///
    /// # Errors
    /// When a program cannot be built or started, or does not become ready.
    pub fn start(self) -> anyhow::Result<Site> {
        let mut site = self.start_without_module()?;
        site.start_agent()?;
        Ok(site)
    }

    /// Starts the hub alone.
    ///
    /// # Errors
    /// When it cannot be built or started, or does not listen.
    pub fn start_without_module(self) -> anyhow::Result<Site> {
        // Short: a unix socket's path has room for 107 bytes.
        let folder = tempfile::Builder::new()
            .prefix("fc")
            .tempdir()
            .context("a folder")?;
        let mut site = Site {
            folder,
            builder: self,
            hub: None,
            agent: None,
        };
        site.start_hub()?;
        Ok(site)
    }
}
