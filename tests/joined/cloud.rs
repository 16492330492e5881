//! What is upstream of the hub: it counts what it gets, and is away at times.

use std::collections::BTreeMap;

/// The pretended IoT Hub.
#[derive(Debug)]
pub(crate) struct Cloud {
    pub(crate) online: bool,
    /// How often each message has arrived.
    arrived: BTreeMap<String, u32>,
    /// In the order of their first arrival.
    pub(crate) order: Vec<String>,
    /// Arrived, but the hub has not heard so yet.
    unheard: Option<String>,
    /// How often the hub died in between, and so has to write it again.
    unheard_of: BTreeMap<String, u32>,
}

impl Default for Cloud {
    fn default() -> Self {
        Cloud {
            online: true,
            arrived: BTreeMap::new(),
            order: Vec::new(),
            unheard: None,
            unheard_of: BTreeMap::new(),
        }
    }
}

impl Cloud {
    /// Takes a message if it can.
    pub(crate) fn take(&mut self, message: &str) -> bool {
        if self.online {
            let times = self.arrived.entry(message.to_owned()).or_default();
            *times += 1;
            if *times == 1 {
                self.order.push(message.to_owned());
            }
            self.unheard = Some(message.to_owned());
        }
        self.online
    }

    /// The hub knows what became of the last message.
    pub(crate) fn heard(&mut self) {
        self.unheard = None;
    }

    /// The hub has died.
    pub(crate) fn hub_died(&mut self) {
        if let Some(message) = self.unheard.take() {
            *self.unheard_of.entry(message).or_default() += 1;
        }
    }

    /// How often a message arrived, and how often that was the fault of a dying hub.
    pub(crate) fn arrivals(&self, message: &str) -> (u32, u32) {
        let of = |map: &BTreeMap<String, u32>| map.get(message).copied().unwrap_or(0);
        (of(&self.arrived), of(&self.unheard_of))
    }
}
