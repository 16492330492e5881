//! The last ten frames of each input, for frames without a message id.
//!
//! A copy of the table `recent` that is looked into and changed in memory, and written back in the
//! commit that counts its frames: of a group only those that are among the last ten at its end.

use rusqlite::{Connection, params};

use crate::duplicates::Hash;

/// The copy. At most [`MAX_INPUTS`] × [`RECENT`] frames.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    inputs: Vec<Input>,
    last_ordinal: i64,
    /// Inputs whose rows are still in the store.
    forgotten: Vec<String>,
}

#[derive(Debug)]
struct Input {
    name: String,
    slots: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    number: i64,
    ordinal: i64,
    camera: i64,
    /// `None` where a message id tells the frame apart.
    content: Option<Hash>,
    is_written: bool,
}

/// How many frames of an input are compared: edgeHub hands a module at most ten messages of an
/// input at once, so no more can come again after a connect.
const RECENT: usize = 10;

/// Inputs are named by the deployment's routes, so there are few; this keeps it so.
const MAX_INPUTS: usize = 64;

impl Recent {
    /// Reads the copy from the store.
    pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let mut recent = Recent::default();
        let mut statement = connection
            .prepare_cached("SELECT input, slot, ordinal, camera, content FROM recent")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let name: String = row.get(0)?;
            let slot = Slot {
                number: row.get(1)?,
                ordinal: row.get(2)?,
                camera: row.get(3)?,
                content: row.get(4)?,
                is_written: true,
            };
            recent.last_ordinal = recent.last_ordinal.max(slot.ordinal);
            recent.input(&name).slots.push(slot);
        }
        Ok(recent)
    }

    /// Whether this content is among the last frames of an input.
    pub(crate) fn contains(&self, input: &str, camera: i64, content: Hash) -> bool {
        let input = self.inputs.iter().find(|known| known.name == input);
        input.is_some_and(|input| {
            let same = |slot: &Slot| slot.camera == camera && slot.content == Some(content);
            input.slots.iter().any(same)
        })
    }

    /// The cameras of all of them.
    pub(crate) fn cameras(&self) -> impl Iterator<Item = i64> + '_ {
        let slots = self.inputs.iter().flat_map(|input| &input.slots);
        slots.map(|slot| slot.camera)
    }

    /// Takes a frame in: in a free slot of its input, else in that of the oldest.
    pub(crate) fn push(&mut self, input: &str, camera: i64, content: Option<Hash>) {
        self.last_ordinal += 1;
        let ordinal = self.last_ordinal;
        let slots = &mut self.input(input).slots;
        let slot = |number| Slot {
            number,
            ordinal,
            camera,
            content,
            is_written: false,
        };
        let is_full = slots.len() >= RECENT;
        match slots.iter_mut().min_by_key(|slot| slot.ordinal) {
            Some(oldest) if is_full => *oldest = slot(oldest.number),
            Some(_) | None => {
                // The table admits slots 0 to 9, and fewer than that are taken.
                let free = (0..).find(|number| slots.iter().all(|slot| slot.number != *number));
                slots.push(slot(free.unwrap_or_default()));
            }
        }
    }

    /// Writes what has changed, in the caller's transaction.
    pub(crate) fn write(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        for input in self.forgotten.drain(..) {
            connection
                .prepare_cached("DELETE FROM recent WHERE input = ?1")?
                .execute([input])?;
        }
        for input in &mut self.inputs {
            for slot in input.slots.iter_mut().filter(|slot| !slot.is_written) {
                connection
                    .prepare_cached(
                        "INSERT OR REPLACE INTO recent (input, slot, ordinal, camera, content)
                         VALUES (?1, ?2, ?3, ?4, ?5)",
                    )?
                    .execute(params![
                        input.name,
                        slot.number,
                        slot.ordinal,
                        slot.camera,
                        slot.content
                    ])?;
                slot.is_written = true;
            }
        }
        Ok(())
    }

    fn input(&mut self, name: &str) -> &mut Input {
        let known = self.inputs.iter().position(|input| input.name == name);
        let at = known.unwrap_or_else(|| {
            if self.inputs.len() >= MAX_INPUTS {
                self.forget_oldest();
            }
            self.inputs.push(Input {
                name: name.to_owned(),
                slots: Vec::new(),
            });
            self.inputs.len() - 1
        });
        &mut self.inputs[at]
    }

    /// Forgets the input whose last frame is the oldest.
    fn forget_oldest(&mut self) {
        let newest = |input: &Input| input.slots.iter().map(|slot| slot.ordinal).max();
        let all = self.inputs.iter().enumerate();
        if let Some((at, _)) = all.min_by_key(|(_, input)| newest(input)) {
            self.forgotten.push(self.inputs.swap_remove(at).name);
        }
    }
}
