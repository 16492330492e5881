//! Any bytes as a picture of any format, decoded within limits.
//!
//! The input is one byte that chooses the limits, and the file. Most choices have short sides, so that
//! an input that wants many pixels is refused and thousands of others are tried in the same time.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vision::{DecodeLimits, Formats, examine};

/// One in so many inputs has the limits of the module.
const RARELY: u8 = 32;

fuzz_target!(|data: &[u8]| {
    let Some((choice, file)) = data.split_first() else {
        return;
    };
    let usual = DecodeLimits {
        formats: Formats::ALL,
        ..DecodeLimits::default()
    };
    let limits = if choice.is_multiple_of(RARELY) {
        usual
    } else {
        DecodeLimits {
            max_width: 128,
            max_height: 128,
            max_alloc: 1 << 20,
            max_memory: 2 << 20,
            ..usual
        }
    };
    match examine(file, &limits) {
        Ok(examined) => {
            assert!(examined.memory() <= limits.max_memory);
            let memory = examined.memory();
            if let Ok(pixels) = examined.decode(&mut vision::Scratch::default()) {
                let (width, height) = (pixels.width(), pixels.height());
                // Upright, so perhaps turned.
                assert!(width.max(height) <= limits.max_width.max(limits.max_height));
                let bytes = u64::from(width) * u64::from(height) * 3;
                assert_eq!(pixels.rgb8().len() as u64, bytes);
                assert!(bytes <= memory, "{bytes} of {memory}");
            }
        }
        // Errors reach logs: each has its words.
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
