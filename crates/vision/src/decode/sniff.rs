//! What bytes are, by their first few; the name of a file says nothing.

use super::error::Found;
use super::format::PictureFormat::{Bmp, Gif, Jpeg, Png, WebP};
use super::{gif, png};

/// What the bytes begin as. Looks at 512 of them at most.
pub(super) fn found(bytes: &[u8]) -> Found {
    match bytes {
        [0xFF, 0xD8, ..] => Found::Picture(Jpeg),
        _ if bytes.starts_with(png::SIGNATURE) => Found::Picture(Png),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Found::Picture(WebP),
        [_, _, _, _, b'7' | b'9', b'a', ..] if bytes.starts_with(gif::SIGNATURE) => {
            Found::Picture(Gif)
        }
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => Found::Tiff,
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => Found::Heif,
        // Two letters alone are a poor sign; the reserved zeros of the header
        // tell a bitmap from a text that begins with them.
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => Found::Picture(Bmp),
        _ if is_text(bytes) => Found::Text,
        _ => Found::Unknown,
    }
}

fn is_text(bytes: &[u8]) -> bool {
    const LOOKED_AT: usize = 512;
    let head = &bytes[..bytes.len().min(LOOKED_AT)];
    let readable = match std::str::from_utf8(head) {
        Ok(_) => true,
        // The cut may fall inside a character.
        Err(error) => error.error_len().is_none() && head.len() == LOOKED_AT,
    };
    let printable = |byte: &u8| *byte >= 0x20 && *byte != 0x7F || matches!(byte, 9 | 10 | 12 | 13);
    readable && head.iter().all(printable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_named() {
        fn check(bytes: &[u8], expected: Found) {
            assert_eq!(found(bytes), expected, "{bytes:?}");
        }
        check(b"\xFF\xD8\xFF\xE0", Found::Picture(Jpeg));
        check(b"\x89PNG\r\n\x1a\n", Found::Picture(Png));
        check(b"RIFF\x10\0\0\0WEBPVP8 ", Found::Picture(WebP));
        check(b"GIF89a\x01\0", Found::Picture(Gif));
        check(b"GIF88a\x01\0", Found::Unknown);
        check(b"BM\x10\0\0\0\0\0\0\0\x36", Found::Picture(Bmp));
        check(b"BMX is a sport", Found::Text);
        check(b"\0\0\0\x20ftypavif", Found::Heif);
        check(b"II*\0rest", Found::Tiff);
        check("{\"grüße\": 1}\n".as_bytes(), Found::Text);
        check(b"\0\x01\x02", Found::Unknown);
    }

    #[test]
    fn text_that_is_cut_inside_a_character_is_still_text() {
        let mut text = vec![b'a'; 511];
        text.extend_from_slice("ü".as_bytes());
        assert_eq!(found(&text), Found::Text);
    }
}
