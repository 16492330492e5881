//! An SDK renews its token: it disconnects and connects again, and what it had
//! subscribed to must still work, whether it subscribes again or not.

use std::time::Duration;

use anyhow::{Context, ensure};

use super::ground::{Ground, LIMIT};
use super::messages;
use super::sdk::Play;
use super::wait::until;

/// Renewals that are waited for.
const RENEWALS: usize = 2;
/// The scripts have it happen every 5 s.
const WITHIN: Duration = Duration::from_secs(40);

impl Play<'_> {
    /// Waits for renewals, by the hub's own log, and tries everything again.
    pub(super) fn renewal(&self) -> anyhow::Result<String> {
        let client = Ground::module_client();
        // The first connection is no renewal.
        until(&format!("{RENEWALS} renewals"), WITHIN, || {
            Ok((self.ground.connections_of(&client) > RENEWALS).then_some(()))
        })
        .with_context(|| format!("the hub accepted {}", self.ground.connections_of(&client)))?;
        let again = messages::list("renewed", &self.ground.stage.pictures[..2])?;
        self.send("renewed", &again)?;
        self.pictures(&again).context("inputs after the renewal")?;
        self.wait_for_fresh_connection()?;
        self.desired(LIMIT + 2)
            .context("desired properties after the renewal")?;
        self.method("echoAgain")
            .context("methods after the renewal")?;

        let filters = self.module.all("subscribe");
        ensure!(
            filters.len() >= self.sdk.subscriptions,
            "the module subscribed {} times only: {filters:?}",
            filters.len()
        );
        Ok(format!(
            "after {} renewals inputs, desired properties and methods still arrive; {} SUBSCRIBE in all",
            self.ground.connections_of(&client) - 1,
            filters.len()
        ))
    }

    /// Waits for the next renewal, so that there are some seconds until the one after it: what
    /// edgeHub has for a module that is away in that moment (a change of desired properties) is
    /// not queued.
    pub(super) fn wait_for_fresh_connection(&self) -> anyhow::Result<()> {
        let client = Ground::module_client();
        let before = self.ground.connections_of(&client);
        until("the next renewal", WITHIN, || {
            Ok((self.ground.connections_of(&client) > before).then_some(()))
        })
    }
}
