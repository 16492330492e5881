//! Where a redelivery can be: the rule that lets equal pictures of a fixed camera
//! count each, although frames without an id are known only by their bytes.
//!
//! edgeHub marks no redelivery (packet id and DUP never change), so the place in
//! the stream must tell. It hands out batches of ten and forgets which of them
//! were acknowledged when the connection, or the hub, goes; and it sends a message
//! again when its PUBACK takes longer than `MessageAckTimeoutSecs`, 30 s. A PUBACK that
//! we give late tells of this; where the whole process got no time, the repeats are read
//! together, and where our PUBACKs are lost on their way, each repeat is acknowledged soon: then only
//! the client can tell, see
//! [`edge_client::Delivery::is_after_timeout`]
//! (Azure/iotedge, `DeviceMessageHandler.cs`, `StoringAsyncEndpointExecutor.cs`).

use std::time::Duration;

/// edgeHub's batch for a module: so many deliveries can come again after a connect.
const BATCH: u64 = 10;

/// A PUBACK later than this may find that the hub has sent the message again: its
/// 30 s begin when it sends and end when it reads, ours are within.
const ACK_TIMEOUT: Duration = Duration::from_secs(25);

/// Watches deliveries and acknowledgements and says which deliveries may be repeats.
#[derive(Debug, Default)]
pub struct RedeliveryWatch {
    /// Deliveries that are still suspect after a time-out of the hub.
    suspects: u64,
}

impl RedeliveryWatch {
    /// Whether the `ordinal`-th delivery (from 1) of its input since the connect may be a repeat.
    /// `after_timeout` is the client's word that the hub may have sent a message again.
    pub fn is_possible(&mut self, ordinal: u64, after_timeout: bool) -> bool {
        if after_timeout {
            self.suspects = BATCH;
        }
        let is_suspect = self.suspects > 0;
        self.suspects = self.suspects.saturating_sub(1);
        ordinal <= BATCH || is_suspect
    }

    /// Notes how long a delivery waited for its acknowledgement.
    pub fn acknowledged(&mut self, after: Duration) {
        if after > ACK_TIMEOUT {
            self.suspects = BATCH;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_batch_after_a_connect_is_suspect_and_the_next_delivery_is_not() {
        let mut watch = RedeliveryWatch::default();
        assert!((1..=10).all(|ordinal| watch.is_possible(ordinal, false)));
        assert!(!watch.is_possible(11, false));
    }

    #[test]
    fn a_late_acknowledgement_makes_one_batch_suspect() {
        let mut watch = RedeliveryWatch::default();
        watch.acknowledged(Duration::from_millis(25_001));
        assert!((100..110).all(|ordinal| watch.is_possible(ordinal, false)));
        assert!(!watch.is_possible(110, false));
    }

    #[test]
    fn repeats_that_are_read_together_after_a_freeze_are_suspect_beyond_the_first_batch() {
        let mut watch = RedeliveryWatch::default();
        // The original, counted; then its repeats, each acknowledged at once.
        assert!(!watch.is_possible(11, false));
        watch.acknowledged(Duration::from_millis(20));
        assert!(watch.is_possible(12, true));
        watch.acknowledged(Duration::from_millis(20));
        assert!((13..22).all(|ordinal| watch.is_possible(ordinal, false)));
        assert!(!watch.is_possible(22, false));
    }

    #[test]
    fn an_acknowledgement_in_time_changes_nothing() {
        let mut watch = RedeliveryWatch::default();
        watch.acknowledged(Duration::from_secs(25));
        assert!(!watch.is_possible(11, false));
    }
}
