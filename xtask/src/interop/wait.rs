//! Waiting with a deadline. Nothing in this command waits in any other way.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;

/// How long anything that should come may take. Generous, since a loaded
/// machine is not what is tested.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// How often is looked.
const LOOK: Duration = Duration::from_millis(25);

/// Looks until there is something. `what` names it for those who waited in vain.
pub(super) fn until<T>(
    what: &str,
    within: Duration,
    mut look: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let started = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if started.elapsed() > within {
            bail!("waited {} s in vain for {what}", within.as_secs());
        }
        thread::sleep(LOOK);
    }
}
