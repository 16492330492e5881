//! What the kernel says of its own clock.
//!
//! `adjtimex` that changes nothing needs no privilege. Docker's default profile lets it and
//! `clock_adjtime`, by which newer C libraries call it, pass (moby/moby,
//! `profiles/seccomp/default.json`); older ones refuse the latter, and then it is not known.

use rtime_clock::adjtime::{Timex, adjtimex};

/// Whether a time server, or something like one, keeps the kernel's clock right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernel {
    /// A time daemon said so, within the last hours.
    Synchronised,
    /// Not since the boot, not since the clock was set, or not for many hours (the kernel's own
    /// estimate of its error passed 16 s).
    Unsynchronised,
    /// It cannot be asked here.
    Unknown,
}

/// `STA_UNSYNC` of `<sys/timex.h>`.
const UNSYNCHRONISED: i32 = 0x40;

/// Asks the kernel.
pub(crate) fn state() -> Kernel {
    let mut answer = Timex::new();
    match adjtimex(&mut answer) {
        Ok(_) if answer.0.status & UNSYNCHRONISED != 0 => Kernel::Unsynchronised,
        Ok(_) => Kernel::Synchronised,
        Err(_) => Kernel::Unknown,
    }
}
