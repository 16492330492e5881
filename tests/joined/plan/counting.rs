//! What is drawn besides for a world whose module is the product's: cameras with habits, windows,
//! disks that fail, and more deaths of the module than elsewhere.

use std::time::Duration;

use fastrand::Rng;
use fruit_counter::clock::Kernel;

use super::{STEPS, TROUBLE, pick, secs, sometime};
use crate::agenda::Happening;
use crate::books::{Change, Disk};
use crate::camera::{Ids, Labels, Stamps};
use crate::client::Who;
use crate::counter::{Counting, Flaw, MOMENTS};
use crate::faults::{Fault, Trigger, When};
use crate::setup::Setup;
use crate::world::World;

/// Steps that a short schedule has with those of the module's pipeline and reporter.
const MORE_STEPS: u64 = 4 * STEPS;

pub(super) fn choose(setup: &mut Setup, flaw: Option<Flaw>, dice: &mut Rng) {
    setup.cameras = dice.usize(1..=3);
    for labels in &mut setup.labels {
        *labels = Labels {
            ids: *pick(dice, &[Ids::Unique, Ids::Unique, Ids::Reused, Ids::None]),
            stamps: *pick(
                dice,
                &[
                    Stamps::None,
                    Stamps::Late(0),
                    Stamps::Late(90),
                    Stamps::Late(5000),
                    Stamps::Late(-200),
                    Stamps::Epoch,
                    Stamps::Nonsense,
                ],
            ),
        };
    }
    setup.counting = Some(Counting {
        window: secs(*pick(dice, &[1, 10, 60, 60])),
        heartbeat: *pick(dice, &[None, Some(secs(20)), Some(secs(900))]),
        merge_after: *pick(dice, &[None, Some(secs(5)), Some(secs(40))]),
        kernel: *pick(
            dice,
            &[
                Kernel::Synchronised,
                Kernel::Unsynchronised,
                Kernel::Unknown,
            ],
        ),
        flaw,
    });
}

/// Whether the operator of a seed changes what is counted by. Not so in the worlds of seeds that are
/// kept since they failed: those stay as they were then.
pub(super) fn has_changes(seed: u64) -> bool {
    matches!(seed % 5, 0 | 3)
}

/// One more change by the operator.
pub(super) fn change(world: &mut World, dice: &mut Rng) {
    let change = if dice.bool() {
        Change::Lot(*pick(dice, &[None, Some("A"), Some("B")]))
    } else {
        // Longer ones would make the world wait for their ends.
        Change::Window(secs(*pick(dice, &[1, 10, 60, 600])))
    };
    world.agenda.add(sometime(dice), Happening::Changes(change));
}

/// One more fault of the kinds that a counter has to survive.
pub(super) fn trouble(world: &mut World, dice: &mut Rng) {
    let few = dice.u32(1..=3);
    let (fault, end) = match dice.u8(..10) {
        0 => (Fault::Disk(Disk::Full), Some(Fault::Disk(Disk::Works))),
        1 => (Fault::Disk(Disk::Dead), Some(Fault::Disk(Disk::Works))),
        2 => (Fault::Disk(Disk::Fails(few)), None),
        3 => (Fault::Disk(Disk::Doubts(few)), None),
        4 => {
            let step = *pick(dice, &[-7200, -61, -1, 1, 61, 7200]);
            (Fault::ClientClock(step), Some(Fault::ClientClock(0)))
        }
        5..=7 => {
            let moment = MOMENTS[dice.usize(..MOMENTS.len())];
            (Fault::CrashWhen(moment), None)
        }
        _ => {
            let later = Duration::from_millis(dice.u64(0..3000));
            (Fault::Crash(Who::Module, later), None)
        }
    };
    let waits = matches!(fault, Fault::CrashWhen(_));
    if end.is_none() && !waits && dice.u8(..3) > 0 {
        world.triggers.push(Trigger {
            step: dice.u64(1..=MORE_STEPS),
            when: *pick(dice, &[When::Before, When::After]),
            fault,
        });
        return;
    }
    let at = sometime(dice);
    world.plan(at, fault);
    if let Some(end) = end {
        let lasts = secs(*pick(dice, &[1, 8, 25, 70]));
        world.plan((at + lasts).min(TROUBLE), end);
    }
}
