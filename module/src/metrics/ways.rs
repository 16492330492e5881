//! What is counted of pictures, each for its way: through edgeHub, or by HTTP.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use ledger::RejectReason;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::{MOST_LABELS, seconds};

/// How a picture came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As a message, through edgeHub.
    EdgeHub,
    /// To the HTTP door.
    Http,
}

impl Way {
    fn as_str(self) -> &'static str {
        match self {
            Way::EdgeHub => "edgehub",
            Way::Http => "http",
        }
    }
}

/// How a picture ended, for its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending<'a> {
    Classified { label: &'a str },
    Unsure,
    Ignored,
    Duplicate,
    Rejected(RejectReason),
}

/// Labels from outside that a number may be under, and a counter of each: at most [`MOST_LABELS`],
/// those that came first.
#[derive(Debug, Clone)]
struct Fruits {
    way: &'static str,
    family: Family<Vec<(&'static str, String)>, Counter>,
    known: Arc<RwLock<BTreeMap<String, Counter>>>,
    other: Counter,
}

impl Fruits {
    fn new(family: Family<Vec<(&'static str, String)>, Counter>, way: &'static str) -> Self {
        let other = family.get_or_create_owned(&vec![
            ("way", way.to_owned()),
            ("label", "other".to_owned()),
        ]);
        Fruits {
            way,
            family,
            known: Arc::default(),
            other,
        }
    }

    fn admit(&self, labels: &[String]) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for label in labels {
            if known.len() < MOST_LABELS && !known.contains_key(label) {
                let under = vec![("way", self.way.to_owned()), ("label", label.clone())];
                known.insert(label.clone(), self.family.get_or_create_owned(&under));
            }
        }
    }

    fn count(&self, label: &str) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(label).unwrap_or(&self.other).inc();
    }
}

/// The numbers of one way; clones are the same.
#[derive(Debug, Clone)]
pub struct WayMetrics {
    classified: Counter,
    unsure: Counter,
    ignored: Counter,
    duplicate: Counter,
    rejected: [Counter; RejectReason::ALL.len()],
    all_rejected: Counter,
    fruits: Fruits,
    in_flight: Gauge,
    whole: Histogram,
    /// Is it counted already?
    pub(crate) look_up: Histogram,
    /// What the eyes take.
    pub(crate) eyes: EyeTimes,
    /// The outcome made durable, with the wait for others at the ledger.
    pub(crate) record: Histogram,
}

/// How long decoding and inference take; clones are the same.
#[derive(Debug, Clone)]
pub struct EyeTimes {
    pub(crate) decode: Histogram,
    pub(crate) classify: Histogram,
}

/// Told to nobody.
impl Default for EyeTimes {
    fn default() -> Self {
        EyeTimes {
            decode: seconds(),
            classify: seconds(),
        }
    }
}

type Labels<const N: usize> = [(&'static str, &'static str); N];

impl WayMetrics {
    /// Registers the numbers of both ways. `labels` are what pictures can count as.
    pub(super) fn both(registry: &mut Registry, labels: &[String]) -> [WayMetrics; 2] {
        let frames: Family<Labels<2>, Counter> = Family::default();
        registry.register("frames", "Pictures by way and outcome", frames.clone());
        let rejected: Family<Labels<2>, Counter> = Family::default();
        registry.register(
            "frames_rejected",
            "Pictures with the outcome rejected, by reason",
            rejected.clone(),
        );
        let fruits: Family<Vec<(&'static str, String)>, Counter> = Family::default();
        registry.register(
            "fruits",
            "Pictures with the outcome classified, by what they count as",
            fruits.clone(),
        );
        let in_flight: Family<Labels<1>, Gauge> = Family::default();
        registry.register(
            "frames_in_flight",
            "Pictures that are being worked on",
            in_flight.clone(),
        );
        let whole: Family<Labels<1>, Histogram> = Family::new_with_constructor(seconds);
        registry.register_with_unit(
            "frame_duration",
            "Time from a picture's arrival to its acknowledgement or answer",
            Unit::Seconds,
            whole.clone(),
        );
        let stages: Family<Labels<2>, Histogram> = Family::new_with_constructor(seconds);
        registry.register_with_unit(
            "stage_duration",
            "Time of one stage of a picture's way",
            Unit::Seconds,
            stages.clone(),
        );
        [Way::EdgeHub, Way::Http].map(|way| {
            let way = ("way", way.as_str());
            let outcome = |name| frames.get_or_create_owned(&[way, ("outcome", name)]);
            let stage = |name| stages.get_or_create_owned(&[way, ("stage", name)]);
            let fruits = Fruits::new(fruits.clone(), way.1);
            fruits.admit(labels);
            WayMetrics {
                classified: outcome("classified"),
                unsure: outcome("unsure"),
                ignored: outcome("ignored"),
                duplicate: outcome("duplicate"),
                all_rejected: outcome("rejected"),
                rejected: RejectReason::ALL.map(|reason| {
                    rejected.get_or_create_owned(&[way, ("reason", reason.as_str())])
                }),
                fruits,
                in_flight: in_flight.get_or_create_owned(&[way]),
                whole: whole.get_or_create_owned(&[way]),
                look_up: stage("look_up"),
                eyes: EyeTimes {
                    decode: stage("decode"),
                    classify: stage("classify"),
                },
                record: stage("record"),
            }
        })
    }

    /// Pictures can count as these too from now on.
    pub(super) fn admit(&self, labels: &[String]) {
        self.fruits.admit(labels);
    }

    pub(super) fn count(&self, ending: Ending<'_>) {
        match ending {
            Ending::Classified { label } => {
                self.classified.inc();
                self.fruits.count(label);
            }
            Ending::Unsure => {
                self.unsure.inc();
            }
            Ending::Ignored => {
                self.ignored.inc();
            }
            Ending::Duplicate => {
                self.duplicate.inc();
            }
            Ending::Rejected(reason) => {
                self.all_rejected.inc();
                if let Some(at) = RejectReason::ALL.iter().position(|one| *one == reason) {
                    self.rejected[at].inc();
                }
            }
        }
    }

    /// A picture is being worked on until what this gives is dropped. It arrived then.
    #[must_use]
    pub fn begin(&self, arrived: Instant) -> InFlight {
        self.in_flight.inc();
        InFlight {
            in_flight: self.in_flight.clone(),
            whole: self.whole.clone(),
            arrived,
        }
    }
}

/// See [`WayMetrics::begin`].
#[derive(Debug)]
pub struct InFlight {
    in_flight: Gauge,
    whole: Histogram,
    arrived: Instant,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.in_flight.dec();
        self.whole.observe(self.arrived.elapsed().as_secs_f64());
    }
}
