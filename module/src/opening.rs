//! Opens the ledger and the attempt notes beside it, and waits while the disk does not let it.
//!
//! edgeAgent starts a module that ends at most 20 times and then leaves it dead, so a disk that is
//! full for an afternoon must not end the process. What waiting does not mend is an error at once.

use std::path::Path;
use std::time::Duration;

use ledger::{AttemptLog, Ledger, LedgerError, LedgerErrorKind, LedgerOptions};
use tracing::error;

use crate::app::NeedsAnotherSetup;
use crate::{clock, error_chain};

/// First and longest pause between two tries to open the ledger.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// Opens both; returns when they are open or cannot be.
///
/// # Errors
/// When another process holds the ledger, or, with [`NeedsAnotherSetup`] among the
/// contexts, when it is of a newer program or the options are out of range.
pub(crate) async fn ledger(
    folder: &Path,
    options: LedgerOptions,
    boot_id: &str,
) -> anyhow::Result<(Ledger, AttemptLog)> {
    let mut pause = PAUSES.0;
    loop {
        let why = match open(folder, options, boot_id)? {
            Ok(opened) => return Ok(opened),
            Err(why) => why,
        };
        error!(
            why,
            pause_s = pause.as_secs_f32(),
            "the ledger cannot be opened yet; no picture is taken until it can"
        );
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// The inner error is what waiting may mend.
fn open(
    folder: &Path,
    options: LedgerOptions,
    boot_id: &str,
) -> anyhow::Result<Result<(Ledger, AttemptLog), String>> {
    let ledger = match Ledger::open(folder, options, clock::now()) {
        Ok(ledger) => ledger,
        Err(error) if waits(&error) => return Ok(Err(error_chain(&error))),
        Err(error) => {
            let doing = format!("opening the ledger in {}", folder.display());
            let settled = matches!(
                error.kind(),
                LedgerErrorKind::NewerFormat | LedgerErrorKind::Argument
            );
            let error = anyhow::Error::new(error);
            return Err(if settled {
                error.context(NeedsAnotherSetup(doing))
            } else {
                error.context(doing)
            });
        }
    };
    Ok(match AttemptLog::open(folder, boot_id) {
        Ok(attempts) => Ok((ledger, attempts)),
        Err(error) => Err(error_chain(&error)),
    })
}

fn waits(error: &LedgerError) -> bool {
    match error.kind() {
        LedgerErrorKind::Full
        | LedgerErrorKind::ReadOnly
        | LedgerErrorKind::Io
        | LedgerErrorKind::Busy => true,
        // A damaged file is set aside by the opening itself: this one cannot be.
        LedgerErrorKind::Damaged | LedgerErrorKind::HeldByAnother => false,
        _ => false,
    }
}
