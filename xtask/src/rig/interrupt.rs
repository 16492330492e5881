//! Ctrl-C and SIGTERM as something to ask about, so that the demo stops its
//! processes in order instead of falling over them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use thiserror::Error;

/// Somebody asked the demo to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("stopped by {}", match signal { 2 => "Ctrl-C", 15 => "SIGTERM", _ => "a hang-up" })]
pub(crate) struct Interrupted {
    signal: u8,
}

impl Interrupted {
    /// What a shell reports for a program that died of this signal.
    pub(crate) fn exit_code(self) -> u8 {
        128 + self.signal
    }
}

/// Remembers the last signal.
pub(crate) struct Interrupt {
    signal: Arc<AtomicUsize>,
}

impl Interrupt {
    /// From now on signals no longer end this process.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let signal = Arc::new(AtomicUsize::new(0));
        for (number, value) in [(SIGINT, 2), (SIGTERM, 15), (SIGHUP, 1)] {
            signal_hook::flag::register_usize(number, Arc::clone(&signal), value)
                .context("cannot listen for signals")?;
        }
        Ok(Self { signal })
    }

    /// An error once a signal has come.
    pub(crate) fn check(&self) -> Result<(), Interrupted> {
        match u8::try_from(self.signal.load(Ordering::Relaxed)) {
            Ok(0) | Err(_) => Ok(()),
            Ok(signal) => Err(Interrupted { signal }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signal_is_an_answer_and_not_the_end() {
        let interrupt = Interrupt::listen().unwrap();
        assert_eq!(interrupt.check(), Ok(()));
        signal_hook::low_level::raise(SIGTERM).unwrap();
        let interrupted = interrupt.check().unwrap_err();
        assert_eq!(interrupted.exit_code(), 143);
        assert_eq!(interrupted.to_string(), "stopped by SIGTERM");
    }
}
