//! What the hub counts. Every message that is not delivered has a line here.

use serde::Serialize;

/// Totals since the hub started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counters {
    /// Connections that passed TLS.
    pub connections: u64,
    /// CONNECTs accepted.
    pub accepted: u64,
    /// CONNECTs refused with a CONNACK.
    pub refused: u64,
    /// Telemetry messages taken in, wills included.
    pub received: u64,
    /// Copies put into queues.
    pub queued: u64,
    /// Input messages that were acknowledged (or written, at QoS 0).
    pub delivered: u64,
    /// Input messages sent again.
    pub redelivered: u64,
    /// Messages handed to the outer world.
    pub upstream: u64,
    /// Acknowledged and dropped: no route took it.
    pub dropped_no_route: u64,
    /// Acknowledged and dropped: over the second size gate.
    pub dropped_too_large: u64,
    /// Acknowledged and dropped: no topic template matched.
    pub dropped_unknown_topic: u64,
    /// Acknowledged and dropped: the property segment is malformed.
    pub dropped_bad_properties: u64,
    /// Dropped on delivery: no subscription filter covers its topic, or it cannot be written.
    pub dropped_undeliverable: u64,
    /// Acknowledged and dropped: two keys differ in case only.
    pub dropped_case_twins: u64,
    /// Dropped on delivery or by cleanup: its time to live had passed.
    pub dropped_expired: u64,
    /// Neither acknowledged nor kept, the store refused and the connection was closed; or kept, and
    /// found damaged.
    pub storage_failures: u64,
    /// PUBACKs that matched nothing: another id than 1, none awaited, or too late.
    pub stray_acknowledgements: u64,
    /// Method answers that no call waited for.
    pub stray_method_answers: u64,
}
