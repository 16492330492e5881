//! The words of `devhub fault`.

use clap::{Subcommand, ValueEnum};

use devhub::control::{Certificate, FaultRequest};
use devhub::hub::{Connects, Pubacks, Twins};

use super::duration::duration;

#[derive(Debug, Subcommand)]
pub(crate) enum FaultMode {
    /// Cut the connections of a client, or all, without a word
    DropConnections {
        /// A module's name, DEVICE/MODULE, or a device's id; all without it
        client: Option<String>,
    },
    /// Take the token of a client, or of all, for expired
    ExpireTokens {
        /// A module's name, DEVICE/MODULE, or a device's id; all without it
        client: Option<String>,
    },
    /// Send the next N input messages once more after their acknowledgement
    Redeliver {
        /// How many
        messages: u32,
    },
    /// Acknowledge messages of clients late, or never
    Pubacks {
        /// `at-once`, `withheld`, or a delay such as 500ms
        #[arg(value_name = "at-once|withheld|DURATION", value_parser = pubacks)]
        how: Pubacks,
    },
    /// Leave CONNECTs unanswered, refuse them, or accept and drop
    Connects {
        #[arg(value_enum)]
        how: ConnectsMode,
    },
    /// Leave twin requests unanswered, or answer them with 500
    Twins {
        #[arg(value_enum)]
        how: TwinsMode,
    },
    /// Cut the way upstream
    Offline {
        #[arg(value_enum)]
        how: Switch,
    },
    /// Refuse every message, as on a full disk
    FullQueues {
        #[arg(value_enum)]
        how: Switch,
    },
    /// Show a wrong certificate to who connects from now on
    Certificate {
        #[arg(value_enum)]
        which: CertificateMode,
    },
    /// End as in a crash and begin anew with the same arguments and queues (`devhub hub` only)
    Restart,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ConnectsMode {
    Answered,
    Ignored,
    Refused,
    Dropped,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum TwinsMode {
    Answered,
    Ignored,
    Failing,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum CertificateMode {
    Right,
    WrongName,
    WrongRoot,
}

fn pubacks(text: &str) -> Result<Pubacks, String> {
    match text {
        "at-once" => Ok(Pubacks::AtOnce),
        "withheld" => Ok(Pubacks::Withheld),
        delay => duration(delay)
            .map(Pubacks::Delayed)
            .map_err(|_unit| "expected at-once, withheld, or a delay such as 500ms".to_owned()),
    }
}

impl From<FaultMode> for FaultRequest {
    fn from(mode: FaultMode) -> Self {
        let is_on = |how| matches!(how, Switch::On);
        match mode {
            FaultMode::DropConnections { client } => Self::DropConnections { client },
            FaultMode::ExpireTokens { client } => Self::ExpireTokens { client },
            FaultMode::Redeliver { messages } => Self::Redeliver { messages },
            FaultMode::Pubacks { how } => Self::Pubacks(how),
            FaultMode::Connects { how } => Self::Connects(match how {
                ConnectsMode::Answered => Connects::Answered,
                ConnectsMode::Ignored => Connects::Ignored,
                ConnectsMode::Refused => Connects::Refused,
                ConnectsMode::Dropped => Connects::Dropped,
            }),
            FaultMode::Twins { how } => Self::Twins(match how {
                TwinsMode::Answered => Twins::Answered,
                TwinsMode::Ignored => Twins::Ignored,
                TwinsMode::Failing => Twins::Failing,
            }),
            FaultMode::Offline { how } => Self::Offline(is_on(how)),
            FaultMode::FullQueues { how } => Self::FullQueues(is_on(how)),
            FaultMode::Certificate { which } => Self::Certificate(match which {
                CertificateMode::Right => Certificate::Right,
                CertificateMode::WrongName => Certificate::WrongName,
                CertificateMode::WrongRoot => Certificate::WrongRoot,
            }),
            FaultMode::Restart => Self::Restart,
        }
    }
}
