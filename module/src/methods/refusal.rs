//! Why a call gets no answer, as its caller is told.

use ledger::{LedgerError, LedgerErrorKind, ReportsError};
use serde::Serialize;

use super::payload::{PayloadError, list, shown};
use super::request::NAMES;
use crate::error_chain;

/// A call that is not answered as it wished.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The payload makes no sense.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// There is no such method.
    #[error("there is no method {:?}, expected {}", shown(.0), list(&NAMES, "or"))]
    UnknownMethod(String),
    /// Nothing was counted of this camera.
    #[error(
        "camera is {:?}, and no picture of it was counted in this ledger; getCounts with \
         {{\"cameras\":true}} lists those there are",
        shown(.0)
    )]
    UnknownCamera(String),
    /// The answer is larger than the hub takes.
    #[error("{what} takes {bytes} bytes, expected at most {limit}; {cure}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The largest that fits.
        limit: usize,
        /// What to do instead.
        cure: &'static str,
    },
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(LedgerError),
    /// A sealed report is no JSON.
    #[error("report {sequence} in the ledger cannot be read")]
    Report {
        /// Its sequence.
        sequence: u64,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The ledger took too long.
    #[error(
        "the ledger did not answer within {0} s, because of other questions or a long span; ask \
         again, or for a shorter span"
    )]
    TooSlow(u64),
    /// The program's own mistake.
    #[error("the answer could not be made: {0}")]
    Broken(&'static str),
}

/// The payload of an answer that is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ErrorAnswer {
    /// What went wrong.
    pub(super) error: ErrorBody,
}

/// What went wrong, for programs and for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ErrorBody {
    /// For programs.
    pub(super) code: Code,
    /// For people: the thing, the value and the cure. At most a few hundred bytes.
    pub(super) message: String,
}

/// The kinds of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) enum Code {
    /// 400: the payload makes no sense.
    BadPayload,
    /// 404: there is no such method.
    UnknownMethod,
    /// 404: nothing was counted of this camera.
    UnknownCamera,
    /// 413: the answer is larger than the hub takes.
    AnswerTooLarge,
    /// 503: the ledger cannot be read now.
    LedgerUnreadable,
    /// 503: the ledger took too long.
    TooSlow,
    /// 500: the program's own mistake.
    Broken,
}

/// Longest message, in characters.
const LONGEST: usize = 600;

impl Refusal {
    pub(super) fn code(&self) -> Code {
        match self {
            Refusal::Payload(_) => Code::BadPayload,
            Refusal::UnknownMethod(_) => Code::UnknownMethod,
            Refusal::UnknownCamera(_) => Code::UnknownCamera,
            Refusal::TooLarge { .. } => Code::AnswerTooLarge,
            // The one argument that a reader has is the smallest piece of a report.
            Refusal::Ledger(error) if error.kind() == LedgerErrorKind::Argument => {
                Code::AnswerTooLarge
            }
            Refusal::Ledger(_) | Refusal::Report { .. } => Code::LedgerUnreadable,
            Refusal::TooSlow(_) => Code::TooSlow,
            Refusal::Broken(_) => Code::Broken,
        }
    }

    /// The status, as HTTP has it.
    #[must_use]
    pub fn status(&self) -> i32 {
        match self.code() {
            Code::BadPayload => 400,
            Code::UnknownMethod | Code::UnknownCamera => 404,
            Code::AnswerTooLarge => 413,
            Code::Broken => 500,
            Code::LedgerUnreadable | Code::TooSlow => 503,
        }
    }

    pub(super) fn answer(&self) -> ErrorAnswer {
        let message = error_chain(self).chars().take(LONGEST).collect();
        ErrorAnswer {
            error: ErrorBody {
                code: self.code(),
                message,
            },
        }
    }
}

impl From<LedgerError> for Refusal {
    fn from(error: LedgerError) -> Self {
        Refusal::Ledger(error)
    }
}

impl From<ReportsError> for Refusal {
    fn from(error: ReportsError) -> Self {
        match error {
            ReportsError::Query(error) => Refusal::Payload(error.into()),
            ReportsError::Ledger(error) => Refusal::Ledger(error),
        }
    }
}
