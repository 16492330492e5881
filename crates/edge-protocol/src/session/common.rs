//! What all connections of a session share.

use std::collections::VecDeque;

use super::event::Event;
use super::packet::Outbound;
use super::random::Random;
use crate::twin::DesiredTracker;

/// What all connections of a session share: what is to go out, names that are never given
/// twice, the twin, and the dice.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) packets: VecDeque<Outbound>,
    pub(super) events: VecDeque<Event>,
    pub(super) last_delivery: u64,
    pub(super) last_publish: u64,
    pub(super) last_report: u64,
    pub(super) last_call: u64,
    pub(super) desired: DesiredTracker,
    pub(super) random: Random,
    /// Tells our request ids from those of an earlier session of the same client, whose
    /// late answers a hub may still send.
    request_tag: u64,
    last_request: u64,
}

impl Common {
    pub(super) fn new(seed: u64) -> Self {
        Common {
            packets: VecDeque::new(),
            events: VecDeque::new(),
            last_delivery: 0,
            last_publish: 0,
            last_report: 0,
            last_call: 0,
            desired: DesiredTracker::new(),
            random: Random::new(seed),
            request_tag: Random::new(!seed).next(),
            last_request: 0,
        }
    }

    /// An id for a request about the twin that no other request carries.
    pub(super) fn request_id(&mut self) -> String {
        self.last_request += 1;
        format!("{:016x}-{}", self.request_tag, self.last_request)
    }
}
