//! Whether and when a module that ended is started again.
//!
//! Pure: an exit and the time it ran come in, a decision goes out. The default is edgeAgent's:
//! 10 s × 2ⁿ up to five minutes, after 20 restarts the module is failed, ten minutes of running
//! forgive all. Source: `HealthRestartPlanner.cs`, `RestartPolicyManager.cs` (sheet 8.1).

use std::str::FromStr;
use std::time::Duration;

use manifest::RestartPolicy;
use thiserror::Error;

/// edgeAgent's first pause.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
/// edgeAgent's longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Restarts after which edgeAgent gives up.
const MAX_RESTARTS: u32 = 20;
/// Running that long forgives earlier restarts.
const HEALTHY: Duration = Duration::from_secs(600);
/// Without a back-off, a module that ends sooner than this after its start waits so long, lest a
/// broken program keep a core busy.
const SPIN_PAUSE: Duration = Duration::from_millis(200);

/// The pauses between restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Backoff {
    /// edgeAgent's.
    #[default]
    Agent,
    /// None (200 ms for a module that ends within 200 ms); never gives up.
    None,
    /// Always the same; never gives up.
    Fixed(Duration),
}

/// Not a back-off.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no back-off, expected `agent`, `none` or a duration such as `500ms`, `2s`, `1m`")]
pub struct BackoffError(String);

impl FromStr for Backoff {
    type Err = BackoffError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "agent" => Ok(Self::Agent),
            "none" => Ok(Self::None),
            other => crate::agent::parse_duration(other)
                .map(Self::Fixed)
                .ok_or_else(|| BackoffError(other.to_owned())),
        }
    }
}

/// How a module ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It returned this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
    /// It was adopted, so its exit code went to nobody.
    Unknown,
}

impl Exit {
    /// edgeAgent calls a module with exit code 0 `stopped`, any other `failed`.
    fn is_failure(self) -> bool {
        self != Self::Code(0)
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::Unknown => f.write_str("unknown, it was adopted"),
        }
    }
}

/// What to do with a module that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Start it again after a pause.
    Restart {
        /// The pause.
        after: Duration,
    },
    /// Leave it stopped: its policy says so.
    Stay,
    /// Give up: it ended too often.
    Failed,
}

/// One module's record.
#[derive(Debug, Clone)]
pub struct RestartPlan {
    policy: RestartPolicy,
    backoff: Backoff,
    /// Restarts since it last ran for long.
    restarts: u32,
}

impl RestartPlan {
    /// A module that was never restarted.
    pub fn new(policy: RestartPolicy, backoff: Backoff) -> Self {
        Self {
            policy,
            backoff,
            restarts: 0,
        }
    }

    /// Decides after it ended, having run for `ran`.
    pub fn ended(&mut self, exit: Exit, ran: Duration) -> Decision {
        if ran >= HEALTHY {
            self.restarts = 0;
        }
        let wanted = match self.policy {
            RestartPolicy::Never => false,
            // Without a container there is no health check, so only failures count.
            RestartPolicy::OnFailure | RestartPolicy::OnUnhealthy => exit.is_failure(),
            RestartPolicy::Always => true,
        };
        if !wanted {
            return Decision::Stay;
        }
        let after = match self.backoff {
            Backoff::Agent if self.restarts >= MAX_RESTARTS => return Decision::Failed,
            Backoff::Agent => {
                LONGEST_PAUSE.min(FIRST_PAUSE.saturating_mul(1 << self.restarts.min(16)))
            }
            Backoff::None if ran < SPIN_PAUSE => SPIN_PAUSE,
            Backoff::None => Duration::ZERO,
            Backoff::Fixed(pause) => pause,
        };
        self.restarts += 1;
        Decision::Restart { after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_secs(1);

    fn decision(policy: RestartPolicy, exit: Exit) -> Decision {
        RestartPlan::new(policy, Backoff::Fixed(SHORT)).ended(exit, SHORT)
    }

    #[test]
    fn policies_are_edge_agents() {
        let again = Decision::Restart { after: SHORT };
        let (good, bad, killed) = (Exit::Code(0), Exit::Code(1), Exit::Signal(9));
        for (policy, expected) in [
            (RestartPolicy::Never, [Decision::Stay; 4]),
            (
                RestartPolicy::OnFailure,
                [Decision::Stay, again, again, again],
            ),
            (
                RestartPolicy::OnUnhealthy,
                [Decision::Stay, again, again, again],
            ),
            (RestartPolicy::Always, [again; 4]),
        ] {
            let decided = [good, bad, killed, Exit::Unknown].map(|exit| decision(policy, exit));
            assert_eq!(decided, expected, "{policy:?}");
        }
    }

    #[test]
    fn pauses_double_to_five_minutes_and_end_after_twenty() {
        let mut plan = RestartPlan::new(RestartPolicy::Always, Backoff::Agent);
        let mut pauses = Vec::new();
        while let Decision::Restart { after } = plan.ended(Exit::Code(1), SHORT) {
            pauses.push(after.as_secs());
        }
        assert_eq!(pauses[..7], [10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(pauses.len(), 20);
        assert_eq!(plan.ended(Exit::Code(1), SHORT), Decision::Failed);
    }

    #[test]
    fn ten_minutes_of_health_forgive_all() {
        let mut plan = RestartPlan::new(RestartPolicy::Always, Backoff::Agent);
        for _ in 0..20 {
            plan.ended(Exit::Code(1), SHORT);
        }
        let first = Decision::Restart { after: FIRST_PAUSE };
        assert_eq!(plan.ended(Exit::Code(1), HEALTHY), first);
    }

    #[test]
    fn without_a_backoff_only_a_spinning_module_waits() {
        let mut plan = RestartPlan::new(RestartPolicy::Always, Backoff::None);
        for _ in 0..100 {
            let quick = plan.ended(Exit::Signal(9), SHORT);
            assert_eq!(
                quick,
                Decision::Restart {
                    after: Duration::ZERO
                }
            );
        }
        let spinning = plan.ended(Exit::Code(1), Duration::ZERO);
        assert_eq!(spinning, Decision::Restart { after: SPIN_PAUSE });
    }

    #[test]
    fn backoffs_are_read_from_words_and_durations() {
        assert_eq!("agent".parse(), Ok(Backoff::Agent));
        assert_eq!("none".parse(), Ok(Backoff::None));
        assert_eq!(
            "500ms".parse(),
            Ok(Backoff::Fixed(Duration::from_millis(500)))
        );
        assert_eq!("5".parse::<Backoff>(), Err(BackoffError("5".into())));
    }
}
