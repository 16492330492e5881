//! The tokio and rustls shell around edge-protocol: workload API, connect, reconnect, deliveries.
