//! The picture in a form (`multipart/form-data`), as the cloud's SDKs and HTML pages send it.
//!
//! The whole body is there already, and bounded; nothing here waits.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use hyper::HeaderMap;
use hyper::header::CONTENT_TYPE;
use multer::{Multipart, parse_boundary};

use super::refusal::Refusal;

/// What a form may have around the picture: the heads of its parts, and other fields.
pub(super) const AROUND: usize = 16 << 10;

/// The name of the part that is the picture.
const PICTURE: &str = "imageData";

/// The boundary between the parts of a form; `None` when the body is the picture itself.
///
/// # Errors
/// When it is said to be a form and has no boundary.
pub(super) fn boundary(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(said) = headers.get(CONTENT_TYPE) else {
        return Ok(None);
    };
    let said = String::from_utf8_lossy(said.as_bytes());
    let is_form = said
        .trim_start()
        .get(..FORM.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(FORM));
    if !is_form {
        return Ok(None);
    }
    parse_boundary(said.trim())
        .map(Some)
        .map_err(|_none| Refusal::Boundary)
}

const FORM: &str = "multipart/form-data";

/// Takes the picture out of a form.
///
/// # Errors
/// When the form is malformed, or has no part for the picture.
pub(super) async fn picture(form: Bytes, boundary: String) -> Result<Bytes, Refusal> {
    let whole = stream::iter([Ok::<_, Infallible>(form)]);
    let mut parts = Multipart::new(whole, boundary);
    let broken = |error: multer::Error| Refusal::Form(error.to_string());
    while let Some(part) = parts.next_field().await.map_err(broken)? {
        if part.name() == Some(PICTURE) {
            return part.bytes().await.map_err(broken);
        }
    }
    Err(Refusal::NoPart)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(content_type: &str) -> Result<Option<String>, Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
        boundary(&headers)
    }

    async fn picture_in(form: &str) -> Result<Bytes, Refusal> {
        picture(Bytes::copy_from_slice(form.as_bytes()), "X".to_owned()).await
    }

    #[test]
    fn only_a_form_has_a_boundary() {
        assert_eq!(boundary(&HeaderMap::new()), Ok(None));
        assert_eq!(said("image/png"), Ok(None));
        assert_eq!(said("application/x-www-form-urlencoded"), Ok(None));
        assert_eq!(
            said("multipart/form-data; boundary=X"),
            Ok(Some("X".into()))
        );
        let quoted = said("Multipart/Form-Data; charset=utf-8; boundary=\"a b\"");
        assert_eq!(quoted, Ok(Some("a b".into())));
        assert_eq!(said("multipart/form-data"), Err(Refusal::Boundary));
    }

    #[tokio::test]
    async fn the_part_called_image_data_is_the_picture_wherever_it_stands() {
        let form = "--X\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n\
            --X\r\nContent-Disposition: form-data; name=\"imageData\"; filename=\"a.jpg\"\r\n\
            Content-Type: image/jpeg\r\n\r\nPICTURE\r\n--X--\r\n";
        assert_eq!(picture_in(form).await.unwrap(), "PICTURE");
        let field =
            "--X\r\nContent-Disposition: form-data; name=\"imageData\"\r\n\r\nP\r\n--X--\r\n";
        assert_eq!(picture_in(field).await.unwrap(), "P");
    }

    #[tokio::test]
    async fn a_form_without_it_or_without_an_end_is_refused() {
        let other = "--X\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nP\r\n--X--\r\n";
        assert_eq!(picture_in(other).await, Err(Refusal::NoPart));
        let cut = "--X\r\nContent-Disposition: form-data; name=\"imageData\"\r\n\r\nPICT";
        assert!(matches!(picture_in(cut).await, Err(Refusal::Form(_))));
        for form in ["", "no form at all", "--Y\r\n\r\n--Y--"] {
            assert!(picture_in(form).await.is_err(), "{form:?}");
        }
    }
}
