//! What a session hands out.

use std::collections::VecDeque;

use super::event::Event;
use super::packet::Outbound;

/// What a session hands out: packets, events, and names that are never given twice.
#[derive(Debug, Default)]
pub(super) struct Common {
    pub(super) packets: VecDeque<Outbound>,
    pub(super) events: VecDeque<Event>,
    pub(super) last_delivery: u64,
    pub(super) last_publish: u64,
}
