//! The test bench: starts the real binaries (`devhub`, `fruit-counter`, `camera`) in a
//! folder of their own, on ports that the system chooses, and reads what arrives upstream.
//!
//! Everything waits for a condition with a deadline and names what it waited for;
//! nothing sleeps in the hope that something has happened. Dropping a [`Site`] ends
//! every process that it started.

mod alone;
mod binaries;
mod certificates;
pub mod guide;
mod http;
mod process;
mod site;
mod upstream;

pub use alone::Alone;
pub use binaries::{Binary, binary, workspace_root};
pub use certificates::Certificates;
pub use http::{HttpAnswer, get, http_address, metrics_address, post};
pub use process::{peak_memory, resident_memory};
pub use site::{Camera, Site, SiteBuilder};
pub use upstream::{CameraSums, Upstream};

use std::time::{Duration, Instant};

use anyhow::bail;

/// How long a condition may take on two busy cores.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks `condition` until it answers, at most [`PATIENCE`].
///
/// # Errors
/// When the time is over, naming `what` was waited for.
pub fn wait_for<T>(
    what: &str,
    mut condition: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition()? {
            return Ok(value);
        }
        if Instant::now() > deadline {
            bail!("waited {} s in vain for {what}", PATIENCE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
