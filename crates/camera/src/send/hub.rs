//! The real hub behind the sender: the edge client as a [`Publisher`].

use super::sender::{PublishFailure, Publisher};
use edge_client::{Client, OutgoingMessage, PublishError};

/// An edgeHub, reached through a running client. The client connects and connects again by itself.
#[derive(Debug, Clone)]
pub struct Hub(pub Client);

impl Publisher for Hub {
    async fn publish(&self, message: OutgoingMessage) -> Result<(), PublishFailure> {
        self.0.publish(message).await.map_err(|error| match error {
            PublishError::ConnectionLost => PublishFailure::ConnectionLost,
            final_one @ (PublishError::TooLarge(_)
            | PublishError::Invalid(_)
            | PublishError::Closed) => PublishFailure::Refused(final_one.to_string()),
        })
    }
}
