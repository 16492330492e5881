//! The result of a comparison: what `--json` prints and what the page is made of.

use super::answer::{Answer, Refusal};
use super::timing::Timing;
use serde::Serialize;

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Pictures that were sent to both.
    pub pictures: u64,
    /// Files that were not sent.
    pub left_out: u64,
    /// How often each picture was sent to be timed.
    pub repeat: u32,
    /// How often the first picture was sent before that.
    pub warm_up: u32,
    /// Whether the two say the same.
    pub agreement: Agreement,
    /// How far their probabilities are apart.
    pub difference: Difference,
    /// Labels that only one of them ever named.
    pub labels: OneSided,
    /// How often which pair of top labels came.
    pub tops: Vec<Pair>,
    /// The left endpoint.
    pub left: SideSummary,
    /// The right endpoint.
    pub right: SideSummary,
}

/// Whether the two say the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Agreement {
    /// Pictures with the same top label on both sides.
    pub same: u64,
    /// Pictures that at least one side answered.
    pub of: u64,
    /// The one divided by the other; absent if no picture was answered.
    pub share: Option<f64>,
    /// Pictures that both answered.
    pub both: u64,
    /// Pictures that the left side alone answered.
    pub left_only: u64,
    /// Pictures that the right side alone answered.
    pub right_only: u64,
    /// Pictures that neither answered.
    pub neither: u64,
}

/// How far probabilities are apart, over pictures that both answered.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Difference {
    /// The largest; absent if nothing could be compared.
    pub largest: Option<Apart>,
    /// The mean; absent if nothing could be compared.
    pub mean: Option<f64>,
    /// How many probabilities were compared.
    pub probabilities: u64,
}

/// One probability of the two.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Apart {
    /// The distance, 0 to 1.
    pub value: f64,
    /// Of which picture.
    pub picture: String,
    /// Of which label.
    pub label: String,
    /// What the left side said.
    pub left: f64,
    /// What the right side said.
    pub right: f64,
}

/// Labels that only one side ever named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct OneSided {
    /// Only the left side.
    pub left: Vec<String>,
    /// Only the right side.
    pub right: Vec<String>,
}

/// A pair of top labels; absent where a side had no answer, or one without labels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pair {
    /// The left side's.
    pub left: Option<String>,
    /// The right side's.
    pub right: Option<String>,
    /// How many pictures had it.
    pub pictures: u64,
}

/// One endpoint.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SideSummary {
    /// Its address, without the query.
    pub url: String,
    /// Whether a key was sent along.
    pub key_sent: bool,
    /// Milliseconds to an answer, over an open connection.
    pub milliseconds: Timing,
    /// What it took to open connections.
    pub connections: Connections,
    /// Bytes on the network.
    pub bytes: Traffic,
    /// How often it was waited for because it was busy.
    pub waits: u64,
    /// Pictures without an answer, by reason, the most frequent first.
    pub refused: Vec<RefusedSummary>,
}

/// Connections to one endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Connections {
    /// How many were opened.
    pub opened: u64,
    /// Median milliseconds for name and TCP.
    pub tcp_milliseconds: f64,
    /// Median milliseconds for TLS; absent without it.
    pub tls_milliseconds: Option<f64>,
}

/// Bytes as TCP carries them, TLS and HTTP included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Traffic {
    /// Sent in all, with warm-up and connections.
    pub sent: u64,
    /// Received in all.
    pub received: u64,
    /// Sent for a picture, in the mean.
    pub sent_per_picture: u64,
    /// Received for a picture, in the mean.
    pub received_per_picture: u64,
}

/// Pictures without an answer for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedSummary {
    /// The reason; of those with one status and code the first message.
    #[serde(flatten)]
    pub refusal: Refusal,
    /// How many pictures.
    pub pictures: u64,
    /// The first of them.
    pub first: String,
}

/// One picture, for the file of details.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Detail<'a> {
    /// Which one.
    pub picture: &'a str,
    /// Whether both have the same top label; absent if neither answered.
    pub agree: Option<bool>,
    /// The largest difference of a probability; absent unless both answered.
    pub difference: Option<f64>,
    /// The left side.
    pub left: SideDetail<'a>,
    /// The right side.
    pub right: SideDetail<'a>,
}

/// What one side said of one picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SideDetail<'a> {
    /// Its likeliest label.
    pub top: Option<&'a str>,
    /// All labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probabilities: Option<&'a Answer>,
    /// Why there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<&'a Refusal>,
    /// How long it took.
    pub milliseconds: f64,
    /// Bytes out.
    pub sent: u64,
    /// Bytes in.
    pub received: u64,
}
