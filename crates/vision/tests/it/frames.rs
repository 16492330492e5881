//! Every awkward picture decodes to its size, or is refused by its name.

use vision::{DecodeErrorKind, DecodeLimits, Formats, decode};

use crate::shared::{json, shared};

/// Sizes of the index, with the pictures turned upright; kinds that are not
/// taken are refused as such.
#[test]
fn every_frame_of_the_index_ends_as_it_says() {
    let Some(folder) = shared("frames") else {
        return;
    };
    let index = json(&folder.join("index.json"));
    let entries = index.as_array().unwrap();
    assert!(entries.len() >= 40, "only {} frames", entries.len());
    for entry in entries {
        let name = entry["file"].as_str().unwrap();
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let outcome = decode(&bytes, &DecodeLimits::default());
        let outcome = outcome.map(|pixels| (pixels.width(), pixels.height()));
        let outcome = outcome.map_err(|error| error.kind());
        let side = |key: &str| u32::try_from(entry[key].as_u64().unwrap()).unwrap();
        let expected = match (name, entry["format"].as_str()) {
            ("bad_empty.jpg", _) => Err(DecodeErrorKind::Empty),
            ("bad_header_only.jpg" | "bad_truncated_half.jpg", _) => {
                Err(DecodeErrorKind::Truncated)
            }
            ("bad_text_named_jpg.jpg", _) | (_, Some("BMP" | "WEBP")) => {
                Err(DecodeErrorKind::UnsupportedFormat)
            }
            _ => Ok((side("upright_width"), side("upright_height"))),
        };
        assert_eq!(outcome, expected, "{name}");
    }
}

/// Where all formats are taken, as by HTTP, those two decode as well.
#[test]
fn the_other_kinds_of_the_index_decode_where_they_are_taken() {
    let Some(folder) = shared("frames") else {
        return;
    };
    let limits = DecodeLimits {
        formats: Formats::ALL,
        ..DecodeLimits::default()
    };
    for (name, sides) in [
        ("bmp_160x90.bmp", (160, 90)),
        ("webp_640x360.webp", (640, 360)),
    ] {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let pixels = decode(&bytes, &limits).unwrap();
        assert_eq!((pixels.width(), pixels.height()), sides, "{name}");
    }
}

/// Cut anywhere, a real picture is refused, and never decodes as if whole.
#[test]
fn no_cut_of_a_real_picture_decodes() {
    let Some(folder) = shared("frames") else {
        return;
    };
    for name in [
        "cam_640x480_ripe.jpg",
        "progressive_600x462.jpg",
        "restart_markers_1280x720.jpg",
        "rgba_864x575.png",
    ] {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        assert!(decode(&bytes, &DecodeLimits::default()).is_ok(), "{name}");
        let ends = (2..60).chain((60..bytes.len()).step_by(997));
        for end in ends.chain(bytes.len() - 9..bytes.len()) {
            let error = decode(&bytes[..end], &DecodeLimits::default()).unwrap_err();
            let kind = error.kind();
            // A PNG of less than its signature is not known as one.
            let too_short = name.ends_with(".png") && end < 8;
            assert!(
                kind == DecodeErrorKind::Truncated || too_short,
                "{name} at {end}: {error}"
            );
        }
    }
}
