//! The page itself: OpenMetrics text, which Prometheus and IoT Edge's metrics collector read.

use std::time::Instant;

use prometheus_client::encoding::text::encode;
use tracing::error;

use super::Metrics;
use crate::clock;

/// What the page is.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

impl Metrics {
    /// Everything as it is now. Waits for the ledger for 2 s at most.
    pub async fn page(&self) -> String {
        self.0.live.look(Instant::now(), clock::now().wall).await;
        let mut page = String::new();
        if let Err(failure) = encode(&mut page, &self.0.registry) {
            // A string takes everything.
            error!(%failure, "the page of metrics is not whole");
        }
        page
    }
}
