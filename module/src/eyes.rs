//! From bytes to an outcome: what the module sees in one picture.
//!
//! Plain work on the thread that calls, without a ledger, a clock or a note of the attempt
//! ([`crate::judge`] keeps those). Nothing of a picture stays here or is logged.

use std::sync::Arc;
use std::time::Instant;

use ledger::{Outcome, RejectReason};
use vision::{
    Classifier, DecodeError, DecodeErrorKind, DecodeLimits, Scores, Scratch, Tensor, examine,
};

use crate::decode_room::DecodeRoom;
use crate::labels::LabelRules;
use crate::metrics::EyeTimes;

/// Bytes → pixels → scores → verdict → outcome; used by the pipeline, the HTTP
/// door and `fruit-counter classify`, so that all see the same.
#[derive(Debug)]
pub struct Eyes {
    /// Owns the inference session; nothing else runs it.
    pub classifier: Classifier,
    /// What the model's labels count as; [`crate::judge`] keeps it at what is in force.
    pub labels: Arc<LabelRules>,
    /// What a picture may cost.
    pub limits: DecodeLimits,
    /// The process's memory for decoding.
    pub room: DecodeRoom,
    /// Memory that is kept between pictures.
    pub scratch: Scratch,
    /// Told how long each step takes.
    pub times: EyeTimes,
}

/// What came of looking at one picture.
#[derive(Debug)]
pub struct Sight {
    /// What it counts as.
    pub outcome: Outcome,
    /// The model's scores, if it came that far.
    pub scores: Option<Scores>,
    /// Why it was rejected, in words for people.
    pub refusal: Option<String>,
}

impl Eyes {
    /// Finds the outcome of one picture; any bytes give one.
    pub fn look(&mut self, picture: &[u8]) -> Sight {
        let began = Instant::now();
        let prepared = self.prepare(picture);
        let decoded = Instant::now();
        self.times.decode.observe((decoded - began).as_secs_f64());
        let tensor = match prepared {
            Ok(tensor) => tensor,
            Err(error) => return Sight::rejected(reject_reason(error.kind()), &error),
        };
        let run = self.classifier.run(&tensor);
        self.scratch.keep_tensor(tensor);
        self.times.classify.observe(decoded.elapsed().as_secs_f64());
        match run {
            Ok(scores) => Sight {
                outcome: self.labels.outcome(&scores),
                scores: Some(scores),
                refusal: None,
            },
            Err(error) => Sight::rejected(RejectReason::ModelFailed, &error),
        }
    }

    fn prepare(&mut self, picture: &[u8]) -> Result<Tensor, DecodeError> {
        let examined = examine(picture, &self.limits)?;
        // Until the pixels are gone: what is left of them is as large as the model's input.
        // Decoders copy the file, and a part of it once more.
        const COPIES: u64 = 2;
        let copies = COPIES * picture.len() as u64;
        let _place = self.room.take(examined.memory().saturating_add(copies));
        let pixels = examined.decode(&mut self.scratch)?;
        let mut tensor = self.scratch.tensor();
        self.classifier.prepare_into(&pixels, &mut tensor);
        self.scratch.keep_pixels(pixels);
        Ok(tensor)
    }
}

impl Sight {
    fn rejected(reason: RejectReason, error: &dyn std::error::Error) -> Self {
        Sight {
            outcome: Outcome::Rejected(reason),
            scores: None,
            refusal: Some(crate::error_chain(error)),
        }
    }
}

/// What the ledger calls a decoder's refusal.
#[must_use]
pub fn reject_reason(kind: DecodeErrorKind) -> RejectReason {
    match kind {
        DecodeErrorKind::Empty => RejectReason::Empty,
        DecodeErrorKind::UnsupportedFormat => RejectReason::UnsupportedFormat,
        DecodeErrorKind::TooLarge => RejectReason::TooLarge,
        DecodeErrorKind::Truncated => RejectReason::Truncated,
        DecodeErrorKind::Undecodable => RejectReason::Undecodable,
    }
}

#[cfg(test)]
mod tests;
