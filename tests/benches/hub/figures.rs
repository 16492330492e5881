//! Numbers of several rounds, and how they are said.

use std::fmt;

/// Rates of two sides, round by round.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    hub: Vec<f64>,
    mosquitto: Vec<f64>,
}

impl Pairs {
    pub(crate) fn add(&mut self, hub: f64, mosquitto: f64) {
        self.hub.push(hub);
        self.mosquitto.push(mosquitto);
    }
}

impl fmt::Display for Pairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ratios: Vec<_> = self
            .hub
            .iter()
            .zip(&self.mosquitto)
            .map(|(hub, mosquitto)| hub / mosquitto)
            .collect();
        let ratio = median(&mut ratios);
        let (least, most) = (ratios.first(), ratios.last());
        write!(
            f,
            "hub {:.0}/s, mosquitto {:.0}/s, ratio {ratio:.2} ({:.2} to {:.2})",
            median(&mut self.hub.clone()),
            median(&mut self.mosquitto.clone()),
            least.copied().unwrap_or_default(),
            most.copied().unwrap_or_default(),
        )
    }
}

/// The middle value; sorts on the way. Zero of none.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
