//! The desired properties of the twin, as a value that changes.

use edge_protocol::twin::DesiredState;
use tokio::sync::watch;

/// Follows the desired properties. The latest state wins: each one is whole and includes
/// all before it, so a reader that is slow skips versions and loses nothing.
///
/// A state stays good while there is no connection; after each reconnect the hub is
/// asked, and what has changed meanwhile is one new state. Clones follow by themselves.
/// Dropping it costs nothing. It stays empty when the configuration does not follow the
/// twin.
///
/// ```no_run
/// use edge_client::{Client, Desired, ReportError, Setting, json};
///
/// /// Keeps the property `limit` and reports, at every change, what became of it.
/// async fn follow_limit(client: Client, mut desired: Desired) -> Result<(), ReportError> {
///     let mut limit = Setting::new("limit", 1000);
///     while let Some(state) = desired.next().await {
///         let answer = limit.follow(&state, |value| value.as_i64().ok_or("expected a number"));
///         let patch = json!({ limit.name(): answer.to_value() });
///         loop {
///             match client.report(&patch).await {
///                 Ok(_version) => break,
///                 // It may be applied; a second time changes nothing.
///                 Err(ReportError::ConnectionLost | ReportError::TimedOut { .. }) => {}
///                 Err(error) => return Err(error),
///             }
///         }
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Desired {
    states: watch::Receiver<Option<DesiredState>>,
}

impl Desired {
    pub(crate) fn new(states: watch::Receiver<Option<DesiredState>>) -> Self {
        Desired { states }
    }

    /// The next state that this handle has not given yet; `None` once the client is
    /// closed. The first comes with the hub's first answer, which may take as long as
    /// there is no connection: an application should start with settings of its own.
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<DesiredState> {
        loop {
            self.states.changed().await.ok()?;
            let state = self.states.borrow_and_update().clone();
            if state.is_some() {
                return state;
            }
        }
    }

    /// The latest state, seen or not, without waiting; `None` before the hub's first
    /// answer. Callable from any thread.
    #[must_use]
    pub fn latest(&self) -> Option<DesiredState> {
        self.states.borrow().clone()
    }
}
