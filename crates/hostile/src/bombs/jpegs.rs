//! JPEGs: sizes, kinds of frames, and scans without end.

use super::{Bomb, Ending, FILE, MOST, OF_6, bomb};
use crate::jpeg::{
    self, ARITHMETIC, BASELINE, DETAILS, DETAILS_AGAIN, FOUR, FULL, GREY, HALVED, Jpeg, LOSSLESS,
    MEANS, MEANS_AGAIN, PROGRESSIVE, WHOLE,
};

fn baseline(side: u16, factors: &'static [(u8, u8)]) -> Jpeg {
    Jpeg::of(side, side, factors).frame(BASELINE)
}

fn progressive(side: u16, factors: &'static [(u8, u8)]) -> Jpeg {
    Jpeg::of(side, side, factors).frame(PROGRESSIVE)
}

/// All components of a scan.
const ALL: &[u8] = &[0, 1, 2];
/// One bit for a mean and one for the end of a block.
const BOTH: u64 = 2;

fn turned(turn: u8) -> Vec<u8> {
    Jpeg::of(OF_6, OF_6, HALVED)
        .turned(turn)
        .frame(BASELINE)
        .flat(ALL, WHOLE, BOTH)
        .end()
}

/// Of one kind of frame that is not decoded.
fn of_a_rare_kind(kind: u8) -> Vec<u8> {
    let file = Jpeg::of(MOST, MOST, FULL).frame(kind);
    file.flat(ALL, WHOLE, BOTH).end()
}

pub(super) const JPEGS: &[Bomb] = &[
    bomb("jpeg-16000", Ending::TooLarge, || {
        baseline(16_000, HALVED).flat(ALL, WHOLE, BOTH).end()
    }),
    bomb("jpeg-16000-progressive", Ending::TooLarge, || {
        progressive(16_000, HALVED).flat(ALL, MEANS, 1).end()
    }),
    bomb("jpeg-1x65535", Ending::TooLarge, || {
        let file = Jpeg::of(1, 65_535, FULL).frame(BASELINE);
        file.flat(ALL, WHOLE, BOTH).end()
    }),
    bomb("jpeg-4096-full-colour", Ending::Taken, || {
        baseline(MOST, FULL).flat(ALL, WHOLE, BOTH).end()
    }),
    bomb("jpeg-4096-halved-colour", Ending::Taken, || {
        baseline(MOST, HALVED).flat(ALL, WHOLE, BOTH).end()
    }),
    bomb("jpeg-4096-grey", Ending::Taken, || {
        baseline(MOST, GREY).flat(&[0], WHOLE, BOTH).end()
    }),
    bomb("jpeg-4096-four-colours", Ending::Taken, || {
        baseline(MOST, FOUR).flat(&[0, 1, 2, 3], WHOLE, BOTH).end()
    }),
    bomb("jpeg-3728-one-colour-at-a-time", Ending::Taken, || {
        let file = baseline(OF_6, HALVED).flat(&[0], WHOLE, BOTH);
        file.flat(&[1], WHOLE, BOTH).flat(&[2], WHOLE, BOTH).end()
    }),
    bomb("jpeg-4096-factors-of-4-alone", Ending::Taken, || {
        baseline(MOST, &[(4, 4)]).flat(&[0], WHOLE, BOTH).end()
    }),
    bomb("jpeg-4096-factors-of-4-and-1", Ending::Taken, || {
        let file = baseline(MOST, &[(4, 4), (1, 1), (1, 1)]);
        file.flat(ALL, WHOLE, BOTH).end()
    }),
    bomb("jpeg-3728-turned-5", Ending::Taken, || turned(5)),
    bomb("jpeg-3728-turned-6", Ending::Taken, || turned(6)),
    bomb("jpeg-3728-turned-7", Ending::Taken, || turned(7)),
    bomb("jpeg-3728-turned-8", Ending::Taken, || turned(8)),
    bomb("jpeg-4096-no-data", Ending::Taken, || {
        baseline(MOST, HALVED).scan(ALL, WHOLE, 0, &[]).end()
    }),
    bomb("jpeg-4096-arithmetic", Ending::Undecodable, || {
        of_a_rare_kind(ARITHMETIC)
    }),
    bomb("jpeg-4096-lossless", Ending::Undecodable, || {
        of_a_rare_kind(LOSSLESS)
    }),
    bomb("jpeg-4096-noise", Ending::Taken, || {
        // As much of it as fits into a file.
        let mut random = fastrand::Rng::with_seed(1);
        let file = Jpeg::of(MOST, 2048, HALVED).frame(BASELINE);
        file.noise(ALL, &mut random).end()
    }),
    bomb("jpeg-4096-restarts", Ending::Taken, || {
        // One bit pair for each unit, and a restart after each.
        let units = 256 * 256;
        let file = baseline(MOST, HALVED).restarts(1);
        let data: Vec<u8> = (0..units)
            .flat_map(|unit: u32| [0, 0x0F, 0xFF, 0xD0 | (unit % 8) as u8])
            .collect();
        file.scan(ALL, WHOLE, 0, &data).end()
    }),
    bomb("jpeg-many-tables", Ending::TooLarge, || {
        let mut file = Jpeg::of(64, 64, GREY);
        // Each as short as can be; so long a segment has 3640 of them.
        let table = [&[0x10, 1][..], &[0; 15], &[0]].concat();
        let body = table.repeat(3640);
        while file.length() + body.len() + 2000 < FILE {
            file.segment(0xC4, &body);
        }
        file.frame(BASELINE).flat(&[0], WHOLE, BOTH).end()
    }),
    bomb("jpeg-tables-within-the-limit", Ending::Taken, || {
        let mut file = Jpeg::of(64, 64, GREY);
        let table = [&[0x10, 1][..], &[0; 15], &[0]].concat();
        for _ in 0..4 {
            file.segment(0xC4, &table.repeat(3600));
        }
        file.frame(BASELINE).flat(&[0], WHOLE, BOTH).end()
    }),
    bomb("jpeg-many-segments", Ending::Taken, || {
        let mut file = Jpeg::of(64, 64, GREY);
        while file.length() < FILE - 2000 {
            file.segment(0xEB, b"");
        }
        file.frame(BASELINE).flat(&[0], WHOLE, BOTH).end()
    }),
    bomb("jpeg-many-profiles", Ending::Taken, || {
        let mut file = Jpeg::of(64, 64, GREY);
        let body = [&b"ICC_PROFILE\0\x01\xFF"[..], &[7; 60_000]].concat();
        while file.length() < FILE - 70_000 {
            file.segment(0xE2, &body);
        }
        file.frame(BASELINE).flat(&[0], WHOLE, BOTH).end()
    }),
];

/// So many scans behind the first.
fn scans(factors: &'static [(u8, u8)], count: usize, scan: fn(Jpeg) -> Jpeg) -> Vec<u8> {
    let mut file = progressive(OF_6, factors).flat(ALL, MEANS, 1);
    for _ in 0..count {
        file = scan(file);
    }
    file.end()
}

pub(super) const SCANS: &[Bomb] = &[
    bomb(
        "jpeg-3728-progressive-full-colour",
        Ending::TooLarge,
        || scans(FULL, 1, |file| file.skipped(0, DETAILS)),
    ),
    bomb("jpeg-3728-progressive-usual", Ending::Taken, || {
        // The order of libjpeg: ten scans.
        let low = jpeg::Band {
            to: 5,
            low: 2,
            ..DETAILS
        };
        let high = jpeg::Band {
            from: 6,
            to: 63,
            ..low
        };
        let finer = jpeg::Band {
            from: 1,
            to: 63,
            high: 2,
            low: 1,
        };
        progressive(OF_6, HALVED)
            .flat(ALL, MEANS, 1)
            .flat(&[0], low, 1)
            .flat(&[2], DETAILS, 1)
            .flat(&[1], DETAILS, 1)
            .flat(&[0], high, 1)
            .flat(&[0], finer, 1)
            .flat(ALL, MEANS_AGAIN, 1)
            .flat(&[2], DETAILS_AGAIN, 1)
            .flat(&[1], DETAILS_AGAIN, 1)
            .flat(&[0], DETAILS_AGAIN, 1)
            .end()
    }),
    bomb("jpeg-3728-4700-scans", Ending::TooLarge, || {
        scans(HALVED, 3_000, |file| file.skipped(0, DETAILS))
    }),
    bomb("jpeg-3728-100-scans", Ending::TooLarge, || {
        scans(HALVED, 99, |file| file.skipped(0, DETAILS))
    }),
    bomb("jpeg-3728-100-scans-once-more", Ending::TooLarge, || {
        scans(HALVED, 99, |file| file.skipped(0, DETAILS_AGAIN))
    }),
    bomb("jpeg-3728-100-scans-of-means", Ending::TooLarge, || {
        // 49 KB each: as many as fit.
        scans(HALVED, 84, |file| file.flat(ALL, MEANS_AGAIN, 1))
    }),
    bomb(
        "jpeg-3728-100-scans-of-every-block",
        Ending::TooLarge,
        || scans(HALVED, 99, |file| file.flat(&[0], DETAILS_AGAIN, 1)),
    ),
    bomb("jpeg-3728-30-scans-of-every-block", Ending::Taken, || {
        scans(HALVED, 30, |file| file.flat(&[0], DETAILS_AGAIN, 1))
    }),
    bomb("jpeg-2048-100-scans-full-colour", Ending::Taken, || {
        let mut file = progressive(2048, FULL).flat(ALL, MEANS, 1);
        for _ in 0..99 {
            file = file.skipped(0, DETAILS_AGAIN);
        }
        file.end()
    }),
];
