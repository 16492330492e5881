//! Direct methods: questions to the box while it works (`docs/methods.md`).
//!
//! A name and a payload become a [`Request`] or a [`Refusal`], pure (`request`, `payload`); the
//! answers are values with a serialised form (`counts`, `reports`, `diagnostics`); [`Answers`] puts
//! the question to the ledger, beside the one that writes; [`serve`] is the shell.
//!
//! A method changes nothing, holds up no picture, and answers within the hub's limit of bytes or
//! says why not. No answer has a picture, a key or a connection string in it.
//!
//! Life of the task: it ends when the client is closed, which waits for the calls in hand. Each call
//! has a task of its own, so that a long question holds up no short one; the client lets so many in
//! as [`edge_client::METHOD_CAPACITY`] says and answers the others itself.

mod answers;
mod counts;
mod diagnostics;
mod hub;
mod payload;
mod process;
mod refusal;
mod reports;
mod request;

#[cfg(test)]
mod described;
#[cfg(test)]
mod interface;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use edge_client::{Answered, MethodCall, Methods};
use tracing::{debug, warn};

pub use answers::{Answers, Facts, Reply};
pub use hub::{LastFailures, SharedFailures, watch};
pub use refusal::Refusal;
pub use request::Request;

/// Answers calls until the client is closed.
pub async fn serve(mut methods: Methods, answers: Answers) {
    let answers = Arc::new(answers);
    while let Some(call) = methods.next().await {
        let answers = Arc::clone(&answers);
        // Dropped by a panic, the call is answered with 500 by the client.
        tokio::spawn(async move {
            let reply = answers.reply(call.name(), call.payload()).await;
            give(call, &reply);
        });
    }
}

fn give(call: MethodCall, reply: &Reply) {
    let (method, status) = (call.name().to_owned(), reply.status);
    match call.answer(status, &reply.payload) {
        Ok(Answered::Queued) => debug!(method, status, "method answered"),
        Ok(Answered::ConnectionGone) => debug!(method, "the caller of a method is gone"),
        // The client has answered with 500.
        Err(error) => warn!(method, %error, "a method could not be answered"),
    }
}
