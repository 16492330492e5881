//! How many pictures a second this box can take: a short trial of the model in use.

use std::time::Instant;

use tracing::{debug, info};
use vision::Classifier;

use crate::error_chain;

/// Runs the trial, about a fifth of a second on the thread that calls, and says what came of it. The
/// model alone: decoding comes on top. `None` where the session fails, which a picture will say too.
#[must_use]
pub(crate) fn measure(session: &mut Classifier) -> Option<f64> {
    let measured = session.pictures_per_second(Instant::now);
    measured
        .inspect(|rate| {
            info!(
                pictures_per_s = format!("{rate:.1}"),
                "the model's capacity here"
            );
        })
        .inspect_err(|error| debug!(why = error_chain(error), "the model cannot be tried"))
        .ok()
        // Two digits more are noise.
        .map(|rate| (rate * 10.0).round() / 10.0)
}
