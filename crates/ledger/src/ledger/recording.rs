//! Frames looked up and recorded: the *Record* of the contract.

use super::Ledger;
use crate::counting::Group;
use crate::duplicates::{self, Print};
use crate::error::{LedgerError, store_failed};
use crate::frame::{
    FrameKey, FrameRecord, MAX_NAME_BYTES, MAX_REPLY_BYTES, ModelInfo, Outcome, Recorded, Seen,
};
use crate::lot::Lot;
use crate::memo::{self, Memory};

impl Ledger {
    /// Whether a frame is counted already: a cheap look before the picture is decoded, but after a
    /// commit that failed and before the next, where it reads all that is remembered. Only
    /// [`Ledger::record`] decides; a frame that is a duplicate is to be recorded all the same, with
    /// any outcome.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn is_duplicate(&self, key: &FrameKey) -> Result<bool, LedgerError> {
        Ok(matches!(self.look_up(key)?, Seen::Counted { .. }))
    }

    /// What is known of a frame, with the reply that was kept with it: the same cheap look as
    /// [`Ledger::is_duplicate`].
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn look_up(&self, key: &FrameKey) -> Result<Seen, LedgerError> {
        let look_up = || {
            // One view of the store for all that is read, and cheaper than one for each.
            let moment = self.connection.unchecked_transaction()?;
            let Some(place) = memo::known_place(&moment, &key.camera, self.rules.max_cameras)?
            else {
                return Ok(Seen::No);
            };
            let print = Print::of(key, place);
            let copies = self.memo.held_memory().map(Memory::copies);
            duplicates::look_up(&moment, copies, key, print).map(Seen::from)
        };
        look_up().map_err(store_failed(&self.path, "look a frame up"))
    }

    /// Records one frame in one commit, durable as
    /// [`LedgerOptions::durability`](crate::LedgerOptions::durability) says. When this returns
    /// `Ok`, the frame may be acknowledged.
    ///
    /// The caller's outcome counts unless the frame is counted already; then `duplicate` counts.
    /// Costs one flush of the disk, whatever the size of the ledger.
    ///
    /// # Errors
    /// `Argument` for names over [`MAX_NAME_BYTES`] or a reply over [`MAX_REPLY_BYTES`]; otherwise
    /// the store's: the frame must not be acknowledged.
    pub fn record(
        &mut self,
        frame: &FrameRecord,
        model: &ModelInfo,
    ) -> Result<Recorded, LedgerError> {
        let mut one_each = self.record_all(std::slice::from_ref(frame), model)?;
        Ok(one_each.swap_remove(0))
    }

    /// Records frames in one commit as [`Ledger::record`] does and answers each, in order. When this returns `Ok`, all
    /// of them may be acknowledged. Two of one frame in the same group are like one after the
    /// other: the second is a duplicate and has the first one's reply.
    ///
    /// Costs one flush of the disk for all of them.
    ///
    /// # Errors
    /// As [`Ledger::record`], for the whole group: none is recorded.
    pub fn record_all(
        &mut self,
        frames: &[FrameRecord],
        model: &ModelInfo,
    ) -> Result<Vec<Recorded>, LedgerError> {
        frames.iter().try_for_each(check_frame)?;
        let (rules, lot) = (self.rules, self.lot.clone());
        let lot = lot.as_ref().map_or("", Lot::as_str);
        // Not there again unless the commit is good.
        let mut memo = std::mem::take(&mut self.memo);
        let recorded =
            self.commit_with(self.durability.of_frames(), "record frames", |change| {
                let mut group = Group::begin(change, rules, lot, &mut memo);
                let recorded = frames
                    .iter()
                    .map(|frame| group.record(frame, model))
                    .collect::<rusqlite::Result<Vec<_>>>()?;
                group.finish()?;
                Ok(recorded)
            })?;
        self.memo = memo;
        for deadline in recorded.iter().filter_map(|(_, deadline)| *deadline) {
            self.deadlines.add(deadline);
        }
        Ok(recorded.into_iter().map(|(recorded, _)| recorded).collect())
    }
}

fn check_frame(frame: &FrameRecord) -> Result<(), LedgerError> {
    check_name("camera", &frame.key.camera)?;
    if let Outcome::Classified { label } = &frame.outcome {
        check_name("label", label)?;
    }
    match &frame.reply {
        Some(reply) if reply.len() > MAX_REPLY_BYTES => Err(LedgerError::Argument {
            name: "reply",
            seen: format!("{} bytes long", reply.len()),
            expected: "at most 16384 bytes",
        }),
        Some(_) | None => Ok(()),
    }
}

pub(super) fn check_name(name: &'static str, value: &str) -> Result<(), LedgerError> {
    if value.len() <= MAX_NAME_BYTES {
        return Ok(());
    }
    Err(LedgerError::Argument {
        name,
        seen: format!("{} bytes long", value.len()),
        expected: "at most 300 bytes",
    })
}
