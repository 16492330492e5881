//! Method calls on one connection: each is answered once, by the application or by the
//! library in its place.

use bytes::Bytes;

use super::Live;
use crate::methods::{MethodAnswer, parse_payload};
use crate::moment::Moment;
use crate::session::SessionConfig;
use crate::session::common::Common;
use crate::session::config::METHOD_CAPACITY;
use crate::session::event::{CallId, Event, MethodCall};
use crate::session::open_calls::OpenCall;
use crate::session::window::Sent;
use crate::topics::methods::{self, MethodTopic};

/// Answers without PUBACK beyond which the library gives no more of its own: a flood of
/// calls must not grow what we remember. Their callers run into the hub's own time limit.
const UNCONFIRMED_ANSWERS: usize = 2 * METHOD_CAPACITY;

impl Live {
    /// The hub calls a method.
    pub(super) fn called(
        &mut self,
        method: MethodTopic<'_>,
        payload: &Bytes,
        now: Moment,
        config: &SessionConfig,
        common: &mut Common,
    ) {
        let MethodTopic { name, rid } = method;
        // The same request once more asks for nothing new.
        if self.calls.contains(rid) {
            return;
        }
        match self.admit(name, payload, config) {
            Ok(payload) => {
                common.last_call += 1;
                let id = CallId {
                    link: self.link,
                    number: common.last_call,
                };
                self.calls.receive(OpenCall {
                    id,
                    rid: rid.to_owned(),
                    name: name.to_owned(),
                });
                common.events.push_back(Event::MethodCall(MethodCall {
                    id,
                    name: name.to_owned(),
                    payload,
                }));
            }
            Err(answer) if self.window.method_answers() < UNCONFIRMED_ANSWERS => {
                self.send_answer(rid, &answer, now, common);
            }
            Err(_) => {}
        }
    }

    /// The payload for the application, or the library's own answer.
    fn admit(
        &self,
        name: &str,
        payload: &[u8],
        config: &SessionConfig,
    ) -> Result<serde_json::Value, MethodAnswer> {
        // A hub that has kept an older subscription calls though none was asked for.
        if !config.takes_methods {
            return Err(MethodAnswer::not_implemented(name));
        }
        if self.is_closing() {
            return Err(MethodAnswer::closing(name));
        }
        if self.calls.len() + self.window.method_answers() >= METHOD_CAPACITY {
            return Err(MethodAnswer::too_many(name));
        }
        parse_payload(payload).or(Err(MethodAnswer::bad_payload(name)))
    }

    /// Answers a call; false when it has its answer or was another connection's.
    pub(in crate::session) fn answer(
        &mut self,
        id: CallId,
        answer: &MethodAnswer,
        now: Moment,
        common: &mut Common,
    ) -> bool {
        let Some(call) = self.calls.take(id) else {
            return false;
        };
        self.send_answer(&call.rid, answer, now, common);
        true
    }

    /// Answers all calls after `last_taken` in the application's place.
    pub(in crate::session) fn decline_after(
        &mut self,
        last_taken: Option<CallId>,
        now: Moment,
        common: &mut Common,
    ) {
        while let Some(call) = self.calls.take_after(last_taken) {
            let answer = MethodAnswer::closing(&call.name);
            self.send_answer(&call.rid, &answer, now, common);
        }
    }

    fn send_answer(&mut self, rid: &str, answer: &MethodAnswer, now: Moment, common: &mut Common) {
        let topic = methods::response(answer.status(), rid);
        self.send(
            Sent::MethodAnswer,
            topic,
            answer.body().clone(),
            now,
            common,
        );
    }
}
