//! An SDK connects again: to renew its token, or because the hub was gone. What it
//! had subscribed to must still work, whether it subscribes again or not.

use std::time::Duration;

use anyhow::{Context, ensure};

use super::ground::{Ground, LIMIT};
use super::messages;
use super::sdk::Play;
use super::wait::until;

/// Renewals that are waited for.
const RENEWALS: usize = 2;
/// The scripts have one happen every 5 or 7 s; after a loss the Python SDK waits 10 s.
const WITHIN: Duration = Duration::from_secs(40);

impl Play<'_> {
    /// Waits for renewals, by the hub's own log, and tries everything again.
    pub(super) fn renewal(&self) -> anyhow::Result<String> {
        let client = Ground::module_client();
        // The first connection is no renewal.
        self.wait_for_connections(RENEWALS + 1)?;
        self.everything_again("renewed", LIMIT + 2, "echoAgain")?;
        let subscribed = self.module.all("subscribe");
        ensure!(
            subscribed.len() == self.sdk.subscriptions,
            "{} times SUBSCRIBE: {subscribed:?}",
            subscribed.len()
        );
        Ok(format!(
            "after {} renewals inputs, desired properties and methods still arrive, without a new SUBSCRIBE",
            self.ground.connections_of(&client) - 1,
        ))
    }

    /// Has the hub cut the connection without a word, and tries everything again.
    pub(super) fn reconnect(&self) -> anyhow::Result<String> {
        let client = Ground::module_client();
        self.wait_for_fresh_connection()?;
        let before = self.ground.connections_of(&client);
        self.ground.drop_connections(&client)?;
        self.wait_for_connections(before + 1)?;
        self.everything_again("back", LIMIT + 3, "echo")?;
        let subscribed = self.module.all("subscribe").len();
        Ok(format!(
            "after a cut connection all of it again, {} times SUBSCRIBE more",
            subscribed.saturating_sub(self.sdk.subscriptions)
        ))
    }

    fn everything_again(&self, round: &str, limit: u64, method: &str) -> anyhow::Result<()> {
        let again = messages::list(round, &self.ground.stage.pictures[..2])?;
        self.send(round, &again)?;
        self.pictures(&again).context("inputs")?;
        self.wait_for_fresh_connection()?;
        self.desired(limit).context("desired properties")?;
        self.method(method).context("methods")?;
        Ok(())
    }

    /// Waits for the next renewal, so that there are some seconds until the one after it: what
    /// edgeHub has for a module that is away in that moment (a change of desired properties) is
    /// not queued.
    pub(super) fn wait_for_fresh_connection(&self) -> anyhow::Result<()> {
        let connections = self.ground.connections_of(&Ground::module_client());
        self.wait_for_connections(connections + 1)
    }

    fn wait_for_connections(&self, count: usize) -> anyhow::Result<()> {
        let client = Ground::module_client();
        let what = format!("connection number {count} of {client}");
        until(&what, WITHIN, || {
            Ok((self.ground.connections_of(&client) >= count).then_some(()))
        })
        .with_context(|| self.module.last_words())
    }
}
