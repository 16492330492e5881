//! What a session decides when something happens: which state follows, what is sent,
//! and how long to wait. The public surface is in the parent room; nothing here is called
//! from outside.

use std::time::Duration;

use super::Session;
use super::config::{Pass, SessionConfig};
use super::event::{Cause, Event, Leftovers, LinkId};
use super::live::{Departure, Live, Renewal};
use super::packet::{Connect, Outbound, Refusal};
use super::state::{AfterParting, State};
use super::timings::Timer;
use crate::moment::Moment;

/// A planned reconnect comes no sooner than this after CONNACK, however short a token is.
const SHORTEST_CONNECTION: Duration = Duration::from_secs(1);

/// How long a planned reconnect waits for what is outstanding. It keeps new messages back
/// meanwhile, so one delivery that is never settled must not do that for long.
const RENEWAL_PATIENCE: Duration = Duration::from_secs(60);

impl Session {
    pub(super) fn link(&self) -> Option<LinkId> {
        match &self.state {
            State::Dialling { link, .. }
            | State::Pausing { link, .. }
            | State::AwaitingConnack { link, .. }
            | State::Parting { link, .. } => Some(*link),
            State::Live(live) => Some(live.link()),
            State::Waiting { .. } | State::Held { .. } | State::Closed => None,
        }
    }

    pub(super) fn next_timer(&self) -> Option<(Timer, Moment)> {
        match &self.state {
            State::Waiting { until } => Some((Timer::Retry, *until)),
            State::Dialling { deadline, .. } => Some((Timer::Dial, *deadline)),
            State::Pausing { until, .. } => Some((Timer::ConnectPause, *until)),
            State::AwaitingConnack { deadline, .. } => Some((Timer::Connack, *deadline)),
            State::Live(live) => live.timers().min_by_key(|(_, at)| *at),
            State::Parting { until, .. } => Some((Timer::Parting, *until)),
            State::Held { .. } | State::Closed => None,
        }
    }

    pub(super) fn fire(&mut self, timer: Timer, now: Moment) {
        let timings = &self.config.timings;
        match timer {
            Timer::Retry => self.dial(now),
            Timer::Dial => {
                let after = timings.dial_deadline;
                self.lose(now, Cause::DialTimedOut { after });
            }
            Timer::ConnectPause => match std::mem::replace(&mut self.state, State::Closed) {
                State::Pausing {
                    link,
                    pass,
                    renewal,
                    ..
                } => {
                    self.connect(now, link, pass, renewal);
                }
                other => self.state = other,
            },
            Timer::Connack => {
                if let State::AwaitingConnack { after, .. } = self.state {
                    self.missing_connacks = self.missing_connacks.saturating_add(1);
                    self.connect_pause = self
                        .connect_pause
                        .saturating_mul(2)
                        .max(timings.first_connect_pause)
                        .min(timings.longest_connect_pause);
                    self.lose(now, Cause::ConnackMissing { after });
                }
            }
            Timer::Suback => {
                let after = timings.suback_deadline;
                self.lose(now, Cause::SubackMissing { after });
            }
            Timer::PingDue => {
                if let State::Live(live) = &mut self.state {
                    live.ping(now, &mut self.common);
                }
            }
            Timer::PingAnswer => {
                let after = timings.ping_deadline;
                self.lose(now, Cause::PingUnanswered { after });
            }
            Timer::PingIgnored => {
                let after = timings.answer_deadline;
                self.lose(now, Cause::PingIgnored { after });
            }
            Timer::Renewal => {
                if let State::Live(live) = &mut self.state {
                    live.renew();
                }
                self.depart_when_idle(now);
            }
            Timer::RenewalLimit => {
                self.part(now, AfterParting::Dial, Some(Cause::TokenRenewal));
            }
            Timer::Attention => {
                if let State::Live(live) = &mut self.state {
                    live.pay_attention(now);
                }
            }
            Timer::TwinQuestion => {
                if let State::Live(live) = &mut self.state {
                    live.ask(now, &self.config, &mut self.common);
                }
            }
            Timer::TwinAnswer => {
                if let State::Live(live) = &mut self.state {
                    live.twin_answer_late(now, &self.config, &mut self.common);
                }
            }
            Timer::ReportAnswer => {
                if let State::Live(live) = &mut self.state {
                    live.report_answer_late(now, &self.config, &mut self.common);
                }
                self.depart_when_idle(now);
            }
            Timer::Grace => self.part(now, AfterParting::Close(Leftovers::default()), None),
            Timer::Parting => self.parted(now),
        }
    }

    pub(super) fn dial(&mut self, now: Moment) {
        self.last_link += 1;
        let link = LinkId(self.last_link);
        let deadline = now + self.config.timings.dial_deadline;
        self.state = State::Dialling { link, deadline };
        self.common.events.push_back(Event::Dial {
            link,
            attempt: self.failures,
        });
    }

    pub(super) fn connect(&mut self, now: Moment, link: LinkId, pass: Pass, renewal: Renewal) {
        let timings = &self.config.timings;
        let SessionConfig {
            identity,
            product,
            model_id,
            ..
        } = &self.config;
        let keep_alive = timings.keep_alive_in_use().as_millis().div_ceil(1000);
        self.common.packets.push_back(Outbound::Connect(Connect {
            client_id: identity.client_id(),
            username: identity.username(product, model_id.as_deref()),
            password: pass.token,
            keep_alive_seconds: u16::try_from(keep_alive).unwrap_or(u16::MAX).max(1),
        }));
        let growth = 1_u32.checked_shl(self.missing_connacks).unwrap_or(u32::MAX);
        let longest = timings
            .longest_connack_deadline
            .max(timings.connack_deadline);
        let after = timings.connack_deadline.saturating_mul(growth).min(longest);
        self.state = State::AwaitingConnack {
            link,
            deadline: now + after,
            after,
            renewal,
        };
    }

    pub(super) fn accepted(
        &mut self,
        now: Moment,
        link: LinkId,
        session_present: bool,
        renewal: Renewal,
    ) {
        self.missing_connacks = 0;
        self.common.events.push_back(Event::Connected {
            link,
            session_present,
        });
        let earliest = now + SHORTEST_CONNECTION;
        let renewal = Renewal {
            at: renewal.at.max(earliest),
            limit: renewal.limit.max(earliest),
        };
        let live = Live::new(link, renewal, &self.config, now, &mut self.common);
        self.state = State::Live(Box::new(live));
    }

    /// Between 80 and 90 % of the lifetime; without regard at 95 %, and after
    /// [`RENEWAL_PATIENCE`] at the latest.
    pub(super) fn plan_renewal(&mut self, now: Moment, lifetime: Duration) -> Renewal {
        let percent = 80 + u32::try_from(self.common.random.next() % 11).unwrap_or(0);
        let part = |percent| now + (lifetime / 100).saturating_mul(percent);
        let at = part(percent);
        let limit = part(95).min(at + RENEWAL_PATIENCE);
        Renewal { at, limit }
    }

    /// Leaves when a live connection wants to and nothing holds it.
    pub(super) fn depart_when_idle(&mut self, now: Moment) {
        let State::Live(live) = &self.state else {
            return;
        };
        match live.departure() {
            Some(Departure::Renew) => {
                self.part(now, AfterParting::Dial, Some(Cause::TokenRenewal));
            }
            Some(Departure::Close) => {
                self.part(now, AfterParting::Close(Leftovers::default()), None);
            }
            None => {}
        }
    }

    /// Ends a live connection by DISCONNECT, after the packets already queued.
    pub(super) fn part(&mut self, now: Moment, next: AfterParting, cause: Option<Cause>) {
        let live = match std::mem::replace(&mut self.state, State::Closed) {
            State::Live(live) => live,
            other => {
                self.state = other;
                return;
            }
        };
        let next = match next {
            AfterParting::Close(_) => AfterParting::Close(live.leftovers()),
            AfterParting::Dial => AfterParting::Dial,
            AfterParting::Hold => AfterParting::Hold,
        };
        let link = live.link();
        self.judge_health(now, live.connected_at());
        live.void(&mut self.common);
        self.common.packets.push_back(Outbound::Disconnect);
        if let Some(cause) = cause {
            let retry_in = matches!(next, AfterParting::Dial).then_some(Duration::ZERO);
            self.common.events.push_back(Event::Lost {
                link,
                cause,
                retry_in,
            });
        }
        let until = now + self.config.timings.parting_deadline;
        self.state = State::Parting { link, until, next };
    }

    pub(super) fn parted(&mut self, now: Moment) {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Parting { link, next, .. } => {
                self.hang_up(link);
                match next {
                    AfterParting::Dial => self.dial(now),
                    AfterParting::Hold => self.state = State::Held { not_before: now },
                    AfterParting::Close(leftovers) => self.close(leftovers),
                }
            }
            other => self.state = other,
        }
    }

    /// Ends an attempt or a connection that failed, and plans the next.
    pub(super) fn lose(&mut self, now: Moment, cause: Cause) {
        let Some(link) = self.link() else { return };
        let (leftovers, closing) = match std::mem::replace(&mut self.state, State::Closed) {
            State::Live(live) => {
                self.judge_health(now, live.connected_at());
                let fate = (live.leftovers(), live.is_closing());
                live.void(&mut self.common);
                fate
            }
            _ => (Leftovers::default(), false),
        };
        self.hang_up(link);
        if closing {
            self.close(leftovers);
            return;
        }
        let delay = self.next_delay(cause);
        self.failures = self.failures.saturating_add(1);
        self.common.events.push_back(Event::Lost {
            link,
            cause,
            retry_in: Some(delay),
        });
        self.state = State::Waiting { until: now + delay };
    }

    fn next_delay(&mut self, cause: Cause) -> Duration {
        let timings = &self.config.timings;
        let random = self.common.random.next();
        match cause {
            Cause::Refused {
                refusal: Refusal::Credentials | Refusal::NotAuthorised,
            } => {
                self.refusals = self.refusals.saturating_add(1);
                // The token may have ended on the way, so a new one is worth one try at
                // once. After that the identity is at fault and only patience helps.
                match self.refusals.checked_sub(2) {
                    None => Duration::ZERO,
                    Some(attempt) => timings.refused_retry.delay(attempt, random),
                }
            }
            Cause::Refused {
                refusal: Refusal::ProtocolVersion | Refusal::ClientId,
            } => timings.refused_retry.delay(self.failures, random),
            Cause::Refused {
                refusal: Refusal::Unavailable,
            }
            | Cause::DialFailed
            | Cause::DialTimedOut { .. }
            | Cause::ConnackMissing { .. }
            | Cause::SubackMissing { .. }
            | Cause::SubscriptionRefused { .. }
            | Cause::PeerClosed
            | Cause::PingUnanswered { .. }
            | Cause::PingIgnored { .. }
            | Cause::DeliveryDropped
            | Cause::TokenRenewal
            | Cause::Held
            | Cause::Violation(_) => timings.retry.delay(self.failures, random),
        }
    }

    /// Being accepted proves little; having lived for a while resets the counts.
    fn judge_health(&mut self, now: Moment, connected_at: Moment) {
        if now.since(connected_at) >= self.config.timings.healthy_after {
            self.failures = 0;
            self.refusals = 0;
        }
    }

    pub(super) fn hang_up(&mut self, link: LinkId) {
        self.common.packets.clear();
        self.common.events.push_back(Event::HangUp { link });
    }

    pub(super) fn close(&mut self, leftovers: Leftovers) {
        self.state = State::Closed;
        self.common.events.push_back(Event::Closed(leftovers));
    }
}
