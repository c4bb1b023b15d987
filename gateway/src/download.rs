//! Answers with a file: a stream of `google.api.HttpBody` as the bytes of a response.

use crate::{call, deadline::Deadline, path, problem::Problem, table::Route};
use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
};
use prost_reflect::{DynamicMessage, Value};

/// The header in which a service sends the name of the file: percent-encoded UTF-8, because metadata is ASCII.
static FILE_NAME: HeaderName = HeaderName::from_static("koine-file-name");

/// Answers with the bytes as they arrive. An error in the middle closes the connection, which is the only way left to tell the
/// caller that the file is not complete.
pub(crate) async fn answer(
    route: &Route,
    (metadata, deadline): (HeaderMap, Deadline),
    message: DynamicMessage,
) -> Result<Response, Problem> {
    let (metadata, mut pieces, _) = deadline.answer(call::stream(route, metadata, message)).await?.into_parts();
    let first = deadline.answer(pieces.message()).await?;
    let first = first.unwrap_or_else(|| DynamicMessage::new(route.output.clone()));
    let media_type = first.get_field_by_name("content_type");
    let media_type = media_type.as_ref().and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    let pieces = deadline.within(stream::iter([Ok(first)]).chain(pieces));
    let mut response = Body::from_stream(pieces.map(|piece| piece.map(data))).into_response();
    let name = metadata.into_headers().remove(&FILE_NAME).and_then(|name| file_name(&name));
    response.headers_mut().extend(headers(&media_type, name.as_deref()));
    Ok(response)
}

fn data(mut piece: DynamicMessage) -> Bytes {
    match piece.take_field_by_name("data") {
        Some(Value::Bytes(data)) => data,
        _ => Bytes::new(),
    }
}

/// The headers of a file. A user has made the file, so it must not run scripts in our origin, whatever it is.
fn headers(media_type: &str, name: Option<&str>) -> [(HeaderName, HeaderValue); 5] {
    let content_type = HeaderValue::try_from(media_type).ok().filter(|_| !media_type.is_empty());
    let disposition = disposition(if shown(media_type) { "inline" } else { "attachment" }, name);
    [
        (CONTENT_TYPE, content_type.unwrap_or(HeaderValue::from_static("application/octet-stream"))),
        (CONTENT_DISPOSITION, HeaderValue::try_from(disposition).unwrap_or(HeaderValue::from_static("attachment"))),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ]
}

/// Whether a browser may show a file: images and PDF, but not SVG, which can run scripts. Others are saved.
fn shown(media_type: &str) -> bool {
    let kind = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/pdf" || (kind.starts_with("image/") && !kind.starts_with("image/svg"))
}

fn file_name(value: &HeaderValue) -> Option<String> {
    let name = path::decode(value.to_str().ok()?, false)?;
    (!name.is_empty()).then(|| name.into_owned())
}

/// The header of RFC 6266: an ASCII name for old clients, and the exact name in the encoding of RFC 5987.
fn disposition(kind: &str, name: Option<&str>) -> String {
    let Some(name) = name else { return kind.to_owned() };
    let plain = |letter: char| if letter.is_ascii_graphic() || letter == ' ' { letter } else { '_' };
    let ascii: String = name.chars().map(plain).map(|l| if matches!(l, '"' | '\\' | '%') { '_' } else { l }).collect();
    let mut encoded = String::new();
    for byte in name.bytes() {
        match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("{kind}; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_any_script_is_given_twice() {
        assert_eq!(
            disposition("attachment", Some("perché \"x\".pdf")),
            "attachment; filename=\"perch_ _x_.pdf\"; filename*=UTF-8''perch%C3%A9%20%22x%22.pdf"
        );
        assert_eq!(disposition("inline", None), "inline");
    }

    #[test]
    fn a_file_that_can_run_scripts_is_saved_and_not_shown() {
        for kind in ["image/svg+xml", "IMAGE/SVG+XML; x", "text/html", "application/xhtml+xml", ""] {
            assert!(!shown(kind), "{kind}");
        }
        assert!(shown("image/png") && shown("application/pdf"));
    }

    #[test]
    fn a_file_without_a_kind_is_bytes() {
        assert_eq!(headers("", None)[0].1, "application/octet-stream");
        assert_eq!(headers("text\nhtml", None)[0].1, "application/octet-stream");
    }
}
