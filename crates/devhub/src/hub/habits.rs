//! What nobody has seen a real edgeHub do, or what differs between its versions, as choices.
//!
//! The fact sheet marks such conclusions `[inferred]`. A client must get through either way, so
//! the hub has both, and tests run against both. Each choice has a name and a value for the
//! command line (`--habit NAME=VALUE`); [`Habits::default`] is the sheet's reading, with the one
//! kindness that a lost connection or a silent client does not cost minutes of waiting.

use std::fmt;

use serde::Serialize;
use thiserror::Error;

/// Declares the choices: one enum each, and the table that the command line reads.
macro_rules! habits {
    ($(
        $(#[$doc:meta])*
        $field:ident: $name:ident = $key:literal {
            $($(#[$variant_doc:meta])* $variant:ident = $value:literal),+ $(,)?
        }
    )+) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
            pub enum $name {
                $($(#[$variant_doc])* #[serde(rename = $value)] $variant),+
            }
        )+

        /// One value for each choice.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
        pub struct Habits {
            $($(#[$doc])* #[serde(rename = $key)] pub $field: $name),+
        }

        impl Habits {
            /// Names with their values, the default first, in the order of the fields.
            pub const CHOICES: &[(&str, &[&str])] = &[$(($key, &[$($value),+])),+];

            /// Takes a choice by its names.
            ///
            /// # Errors
            /// [`HabitError`] with the names that exist.
            pub fn choose(&mut self, name: &str, value: &str) -> Result<(), HabitError> {
                match (name, value) {
                    $($(($key, $value) => self.$field = $name::$variant,)+)+
                    _ => {
                        return Err(HabitError {
                            name: name.to_owned(),
                            value: value.to_owned(),
                        });
                    }
                }
                Ok(())
            }
        }
    };
}

habits! {
    /// When the message that was out on a lost connection is sent again (sheet 6.3, inferred).
    connection_loss: ConnectionLoss = "connection-loss" {
        /// As soon as the client is back: what a development hub may do (sheet 6.6).
        #[default]
        AtOnce = "at-once",
        /// Not before its acknowledgement would have been overdue, as edgeHub seems to do; a
        /// takeover does not wait.
        AfterTimeout = "after-timeout",
    }
    /// The pause before what was not acknowledged, or waits for an absent client, is tried again
    /// (sheet 6.3).
    retry: Retry = "retry" {
        /// None.
        #[default]
        AtOnce = "at-once",
        /// 1 s doubling to 60 s, and a client that comes back does not cut it short.
        Backoff = "backoff",
    }
    /// What becomes of input messages after UNSUBSCRIBE on a live connection (sheet 6.3, inferred).
    unsubscribed: Unsubscribed = "unsubscribed" {
        /// They are offered, fit no subscription and are dropped for good.
        #[default]
        Drop = "drop",
        /// They stay queued.
        Keep = "keep",
    }
    /// How a client beyond the limit of connected clients fares (sheet 4.3, inferred).
    crowd: Crowd = "crowd" {
        /// CONNACK 0, and nothing ever after.
        #[default]
        Ignore = "ignore",
        /// Like any other.
        Serve = "serve",
    }
    /// What application properties named `deviceId` and `moduleId` do (sheet 5.4, inferred).
    sender_properties: SenderProperties = "sender-properties" {
        /// They take the sender's place and vanish.
        #[default]
        Replace = "replace",
        /// They are properties like others.
        Keep = "keep",
    }
    /// What becomes of a message with two keys that differ in case only (sheet 5.4, inferred).
    case_twins: CaseTwins = "case-twins" {
        /// It is acknowledged and dropped.
        #[default]
        Drop = "drop",
        /// Both keys travel.
        Keep = "keep",
    }
    /// Packet ids of the hub's own PUBLISHes, and how PUBACKs find them (sheet 6.3).
    packet_ids: PacketIds = "packet-ids" {
        /// Always 1, never DUP; the first PUBACK is for the first packet (inferred).
        #[default]
        One = "one",
        /// Rising, matched by id, DUP on a redelivery: a plain broker.
        Rising = "rising",
    }
    /// When a hub with queues on disk writes down what is delivered (sheet 6.4). Whoever opens the
    /// store sees to it: [`crate::store::DiskStore::with_batched_checkpoints`].
    checkpoint: Checkpoint = "checkpoint" {
        /// After each message: a killed hub repeats nothing that was acknowledged.
        #[default]
        Each = "each",
        /// After a batch of 10, or when the queue is empty, as edgeHub does: a killed hub repeats
        /// up to 9 acknowledged messages of each queue.
        Batch = "batch",
    }
}

/// A habit or a value of it that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct HabitError {
    /// The name given.
    pub name: String,
    /// The value given.
    pub value: String,
}

impl fmt::Display for HabitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Habits::CHOICES.iter().find(|(name, _)| *name == self.name) {
            Some((name, values)) => write!(
                f,
                "`{}` is no value of the habit {name}: it has {}",
                self.value,
                values.join(", ")
            ),
            None => {
                let names: Vec<_> = Habits::CHOICES.iter().map(|(name, _)| *name).collect();
                write!(
                    f,
                    "there is no habit `{}`: there are {}",
                    self.name,
                    names.join(", ")
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_can_be_taken_by_name_and_the_first_value_is_the_default() {
        for (name, values) in Habits::CHOICES {
            for value in *values {
                let mut habits = Habits::default();
                habits.choose(name, value).unwrap();
                let json = serde_json::to_value(habits).unwrap();
                assert_eq!(json[name], *value);
                assert_eq!(habits == Habits::default(), *value == values[0]);
            }
        }
    }

    #[test]
    fn a_misspelt_choice_names_what_exists() {
        let error = Habits::default().choose("retry", "never").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`never` is no value of the habit retry: it has at-once, backoff"
        );
        let error = Habits::default().choose("retries", "x").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("there is no habit `retries`: there are connection-loss, retry,")
        );
    }
}
