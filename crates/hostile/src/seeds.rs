//! Small honest pictures of every format and coding, to begin mutations from.

use crate::bmp;
use crate::gif;
use crate::jpeg::{
    BASELINE, DETAILS, DETAILS_AGAIN, FOUR, FULL, GREY, HALVED, Jpeg, MEANS, MEANS_AGAIN,
    PROGRESSIVE,
};
use crate::png::{self, COLOUR, COLOUR_AND_ALPHA, PALETTE, Png};
use crate::webp::{self, Before};

/// A picture that is decoded.
#[derive(Debug, Clone)]
pub struct Seed {
    /// Its format: `jpeg`, `png`, `bmp`, `gif` or `webp`.
    pub format: &'static str,
    /// Its bytes, a few kilobytes.
    pub bytes: Vec<u8>,
}

/// All of them, always the same.
#[must_use]
pub fn seeds() -> Vec<Seed> {
    let mut random = fastrand::Rng::with_seed(20_261_127);
    let groups = [
        ("jpeg", jpegs(&mut random)),
        ("png", pngs(&mut random)),
        ("bmp", bmps(&mut random)),
        ("gif", gifs(&mut random)),
        ("webp", webps(&mut random)),
    ];
    let seeds = groups.into_iter().flat_map(|(format, files)| {
        let seed = move |bytes| Seed { format, bytes };
        files.into_iter().map(seed)
    });
    seeds.collect()
}

const WIDTH: u16 = 72;
const HEIGHT: u16 = 40;

fn jpegs(random: &mut fastrand::Rng) -> Vec<Vec<u8>> {
    let sequential = |factors| Jpeg::of(WIDTH, HEIGHT, factors).frame(BASELINE);
    let all = &[0, 1, 2];
    vec![
        sequential(FULL).noise(all, random).end(),
        sequential(HALVED).noise(all, random).end(),
        sequential(&[(2, 1), (1, 1), (1, 1)])
            .noise(all, random)
            .end(),
        sequential(GREY).noise(&[0], random).end(),
        sequential(FOUR).noise(&[0, 1, 2, 3], random).end(),
        sequential(HALVED)
            .noise(&[0], random)
            .noise(&[1], random)
            .noise(&[2], random)
            .end(),
        Jpeg::of(WIDTH, HEIGHT, HALVED)
            .turned(6)
            .frame(BASELINE)
            .noise(all, random)
            .end(),
        Jpeg::of(WIDTH, HEIGHT, HALVED)
            .frame(PROGRESSIVE)
            .flat(all, MEANS, 1)
            .flat(&[0], DETAILS, 1)
            .skipped(1, DETAILS)
            .flat(all, MEANS_AGAIN, 1)
            .skipped(0, DETAILS_AGAIN)
            .end(),
    ]
}

fn bytes(random: &mut fastrand::Rng, count: usize) -> Vec<u8> {
    (0..count).map(|_| random.u8(..)).collect()
}

fn pngs(random: &mut fastrand::Rng) -> Vec<Vec<u8>> {
    let (width, height) = (u32::from(WIDTH), u32::from(HEIGHT));
    let mut rows = |each: u32| {
        let row = || {
            // How a row was filtered, then noise.
            let mut row = bytes(random, (width * each).div_ceil(8) as usize + 1);
            row[0] %= 5;
            row
        };
        let rows: Vec<Vec<u8>> = std::iter::repeat_with(row).take(height as usize).collect();
        png::stored(&rows.concat())
    };
    let mut plain = |depth, colour, each| {
        let pixels = rows(each);
        Png::of(width, height, depth, colour, false)
            .with(b"IDAT", &pixels)
            .end()
    };
    let mut files = vec![
        plain(8, COLOUR, 24),
        plain(8, COLOUR_AND_ALPHA, 32),
        plain(16, COLOUR, 48),
        plain(1, png::GREY, 1),
        png::flat(width, height, 8, PALETTE, 8),
        png::interlaced(width, 8, COLOUR, 24),
    ];
    let pixels = png::zeros(u64::from(height * (width * 3 + 1)));
    let turn = b"MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    files.push(
        Png::of(width, height, 8, COLOUR, false)
            .with(b"eXIf", turn)
            .with(b"tEXt", b"Title\0noise")
            .with(b"zTXt", &[&b"more\0\0"[..], &png::zeros(500)].concat())
            .with(b"IDAT", &pixels[..20])
            .with(b"IDAT", &pixels[20..])
            .end(),
    );
    files
}

fn bmps(random: &mut fastrand::Rng) -> Vec<Vec<u8>> {
    let (width, height) = (u32::from(WIDTH), i32::from(HEIGHT));
    let mut plain = |bits: u16, height: i32| {
        let row = (width as usize * usize::from(bits)).div_ceil(32) * 4;
        let pixels = bytes(random, row * usize::from(HEIGHT));
        bmp::file(width, height, bits, bmp::PLAIN, &pixels)
    };
    vec![
        plain(24, height),
        plain(32, -height),
        plain(16, height),
        plain(4, height),
        bmp::file(
            width,
            height,
            8,
            bmp::RUNS_OF_BYTES,
            &bmp::runs(width, HEIGHT.into()),
        ),
    ]
}

fn gifs(random: &mut fastrand::Rng) -> Vec<Vec<u8>> {
    let sides = (WIDTH, HEIGHT);
    let noise = gif::noise(u64::from(WIDTH) * u64::from(HEIGHT), random);
    let mut two = gif::screen(WIDTH, HEIGHT);
    two.extend(b"\x21\xF9\x04\x01\x0A\0\x03\0");
    gif::picture(&mut two, (8, 8), (16, 16), &gif::flat(256));
    gif::picture(&mut two, (0, 0), sides, &noise);
    two.push(0x3B);
    vec![gif::file(sides, sides, &noise), two]
}

fn webps(random: &mut fastrand::Rng) -> Vec<Vec<u8>> {
    let (width, height) = (u32::from(WIDTH), u32::from(HEIGHT));
    let mut lossy = || {
        // Nothing special, then anything.
        let modes = [vec![0; 8], bytes(random, 400)].concat();
        webp::lossy(WIDTH, HEIGHT, &modes, &bytes(random, 2000))
    };
    let plain = lossy();
    let with_alpha = [
        webp::canvas(0x10, width, height),
        webp::alpha(Before::Nothing),
        lossy(),
    ];
    let animation = [
        webp::canvas(2, width, height),
        webp::chunk(b"ANIM", &[0; 6]),
        webp::animated(width, height, &[lossy()]),
        webp::animated(width, height, &[lossy()]),
    ];
    vec![
        webp::file(&[plain]),
        webp::file(&with_alpha),
        webp::file(&animation),
        webp::file(&[webp::noise(width, height, random)]),
        webp::file(&[webp::lossless(width, Before::Changes)]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_small_and_always_the_same() {
        let (first, second) = (seeds(), seeds());
        assert_eq!(first.len(), second.len());
        for (one, other) in first.iter().zip(&second) {
            assert_eq!(one.bytes, other.bytes);
            assert!(
                one.bytes.len() < 20_000,
                "{} {}",
                one.format,
                one.bytes.len()
            );
        }
    }
}
