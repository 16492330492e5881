//! Direct methods as plain values: a call from the hub, and the one answer it gets.

use std::fmt;

use bytes::Bytes;
use serde_json::{Value, json};
use thiserror::Error;

/// Largest payload of an answer, in bytes of compact JSON: 128 KiB, as for the payload of
/// a call. Far below the gate for packets. [IoT Hub, direct methods; edgeHub
/// `MethodRequest`]
pub const ANSWER_LIMIT: usize = 128 * 1024;

/// Status of the library's own answer to a payload that is not JSON.
pub const STATUS_BAD_PAYLOAD: i32 = 400;
/// Status of the library's own answer when the application dropped a call.
pub const STATUS_DROPPED: i32 = 500;
/// Status of the library's own answer when nobody takes calls.
pub const STATUS_NOT_IMPLEMENTED: i32 = 501;
/// Status of the library's own answer when too many calls are open, or when the client is
/// about to close.
pub const STATUS_UNAVAILABLE: i32 = 503;

/// A checked answer to a method call.
#[derive(Clone, PartialEq, Eq)]
pub struct MethodAnswer {
    status: i32,
    body: Bytes,
}

/// Says how long the body is, and not what is in it: that may be a picture.
impl fmt::Debug for MethodAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MethodAnswer")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

impl MethodAnswer {
    /// An answer for the caller. `status` means what the two agree on; most use HTTP's
    /// numbers.
    ///
    /// # Errors
    ///
    /// [`AnswerTooLarge`] when the payload is over [`ANSWER_LIMIT`].
    pub fn new(status: i32, payload: &Value) -> Result<Self, AnswerTooLarge> {
        let body = payload.to_string();
        if body.len() > ANSWER_LIMIT {
            return Err(AnswerTooLarge { bytes: body.len() });
        }
        Ok(MethodAnswer {
            status,
            body: body.into(),
        })
    }

    /// Nobody takes calls here.
    #[must_use]
    pub fn not_implemented(method: &str) -> Self {
        Self::own(
            STATUS_NOT_IMPLEMENTED,
            method,
            "the method is not implemented",
        )
    }

    /// The application took the call and dropped it without an answer.
    #[must_use]
    pub fn dropped(method: &str) -> Self {
        Self::own(STATUS_DROPPED, method, "the method ended without an answer")
    }

    /// The payload of the call is not JSON.
    #[must_use]
    pub fn bad_payload(method: &str) -> Self {
        Self::own(STATUS_BAD_PAYLOAD, method, "the payload is not JSON")
    }

    /// Too many calls are open.
    #[must_use]
    pub fn too_many(method: &str) -> Self {
        Self::own(STATUS_UNAVAILABLE, method, "too many calls are open")
    }

    /// The client is about to close.
    #[must_use]
    pub fn closing(method: &str) -> Self {
        Self::own(STATUS_UNAVAILABLE, method, "the module is stopping")
    }

    fn own(status: i32, method: &str, message: &str) -> Self {
        // A name is as long as its topic at most, so this is below every limit.
        let payload = json!({ "message": message, "method": method });
        MethodAnswer {
            status,
            body: payload.to_string().into(),
        }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> i32 {
        self.status
    }

    /// The body to send, compact JSON.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

/// Reads the payload of a call; an empty one is null.
///
/// # Errors
///
/// [`serde_json::Error`] when it is not JSON or nested more than 128 deep.
pub fn parse_payload(body: &[u8]) -> Result<Value, serde_json::Error> {
    if body.trim_ascii().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(body)
}

/// The payload of an answer is over [`ANSWER_LIMIT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the answer to a method has {bytes} bytes, at most {ANSWER_LIMIT} are allowed")]
pub struct AnswerTooLarge {
    /// Its size.
    pub bytes: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_an_answer_is_exact() {
        // Two quotes belong to the string.
        let text = |bytes: usize| Value::from("x".repeat(bytes - 2));
        assert!(MethodAnswer::new(200, &text(ANSWER_LIMIT)).is_ok());
        assert_eq!(
            MethodAnswer::new(200, &text(ANSWER_LIMIT + 1)),
            Err(AnswerTooLarge {
                bytes: ANSWER_LIMIT + 1
            })
        );
    }

    #[test]
    fn checklist_39_the_librarys_own_answers_are_objects_that_name_the_method() {
        let answers = [
            (MethodAnswer::not_implemented("a\"b"), 501),
            (MethodAnswer::dropped("a\"b"), 500),
            (MethodAnswer::bad_payload("a\"b"), 400),
            (MethodAnswer::too_many("a\"b"), 503),
            (MethodAnswer::closing("a\"b"), 503),
        ];
        for (answer, status) in answers {
            let body: Value = serde_json::from_slice(answer.body()).unwrap();
            assert_eq!((answer.status(), &body["method"]), (status, &json!("a\"b")));
            assert!(body["message"].is_string());
        }
    }

    #[test]
    fn an_empty_payload_is_null_and_nonsense_is_none() {
        assert_eq!(parse_payload(b"").unwrap(), Value::Null);
        assert_eq!(parse_payload(b" ").unwrap(), Value::Null);
        assert_eq!(parse_payload(b"{\"a\":1}").unwrap(), json!({"a": 1}));
        assert!(parse_payload(b"{").is_err());
    }
}
