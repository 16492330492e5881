//! What formats HTTP takes.

use std::io::Cursor;

use image::{ImageFormat, RgbImage};

use super::bench::Bench;

fn picture(format: ImageFormat) -> Vec<u8> {
    let picture = RgbImage::from_fn(64, 48, |x, y| image::Rgb([x as u8, y as u8, 90]));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_format_of_the_container_is_answered_and_counted() {
    use ImageFormat::{Bmp, Gif, Jpeg, Png, WebP};
    let bench = Bench::new().await;
    for (format, sent) in [Jpeg, Png, Bmp, Gif, WebP].into_iter().zip(1..) {
        let body = picture(format);
        let answer = bench.post("/image?camera=gate", &[], &body).await;
        assert_eq!(answer.status, 200, "{format:?}: {answer:?}");
        assert_eq!(bench.counted("http:gate"), (sent, 0, 0), "{format:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_format_is_a_400_that_says_what_was_found_and_what_is_taken() {
    let bench = Bench::new().await;
    let answer = bench.post("/image?camera=gate", &[], b"II*\0rest").await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(
        answer.json()["message"],
        "unsupported_format: found a TIFF file, expected a JPEG, PNG, BMP, GIF or WebP"
    );
    assert_eq!(bench.counted("http:gate"), (1, 0, 1));
}
