//! Reads JSON bodies within limits: a body is refused by its announced length before it is read, by its bytes while it is read, and
//! by its depth before it is parsed.

use bytes::Bytes;
use http::{
    HeaderMap,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
};
use platform::intake::{Held, gather};
use proto::error::v1::Reason;
use tonic::Status;

use crate::{problem::Problem, reason, settings::Settings};

/// The body of a request as JSON text; empty, where there is none. Its bytes are counted in `held`. Error: the limit that was
/// exceeded, or an unsupported media type or encoding.
pub(crate) async fn json(
    settings: &Settings,
    headers: &HeaderMap,
    body: axum::body::Body,
    held: &mut Held,
) -> Result<Bytes, Problem> {
    announced(headers, settings.max_body_bytes as u64)?;
    let text = gather(body, settings.max_body_bytes, held).await?;
    if text.is_empty() {
        return Ok(text);
    }
    encoding(headers)?;
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("nothing");
    if !is_json(media_type) {
        return Err(Problem::unsupported_media_type(format!(
            "The body must be JSON in UTF-8, with `content-type: application/json`; this says {media_type}."
        )));
    }
    within_depth(&text, settings.max_json_depth)?;
    Ok(text)
}

/// Refuses a body whose `content-length` is above `limit`.
pub(crate) fn announced(headers: &HeaderMap, limit: u64) -> Result<(), Status> {
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > limit) { Err(reason::too_large(limit)) } else { Ok(()) }
}

/// Refuses a compressed body, because a limit on its bytes would not limit its size.
pub(crate) fn encoding(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get(CONTENT_ENCODING) {
        Some(encoding) if encoding != "identity" => Err(Problem::unsupported_media_type(
            "Compressed bodies are not read here. Send it without `content-encoding`.",
        )),
        _ => Ok(()),
    }
}

fn is_json(media_type: &str) -> bool {
    let mut parts = media_type.split(';').map(str::trim);
    let json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    let other_charset = |part: &str| {
        let charset = part.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
        charset.is_some_and(|(_, charset)| !charset.trim().trim_matches('"').eq_ignore_ascii_case("utf-8"))
    };
    json && !parts.any(other_charset)
}

/// Refuses text with objects and lists nested deeper than `max`, in one pass and without a stack.
fn within_depth(text: &[u8], max: usize) -> Result<(), Status> {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for &byte in text {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'{' | b'[') if depth == max => {
                let message = format!("Objects and lists stand in each other deeper than {max} levels.");
                return Err(reason::refuse(Reason::BodyMalformed, message));
            }
            (false, b'{' | b'[') => depth += 1,
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_brackets_outside_of_strings_only() {
        assert!(within_depth(br#"{"a": [1, {"b": "[[[[{{{"}]}"#, 3).is_ok());
        assert!(within_depth(br#"{"a": [1, {"b": 1}]}"#, 2).is_err());
        assert!(within_depth(br#"{"a": "\"[[["}"#, 1).is_ok());
        assert!(within_depth(br#"[[],[],[]]"#, 2).is_ok());
    }

    #[test]
    fn a_megabyte_of_open_brackets_is_refused_without_parsing() {
        assert!(within_depth(&vec![b'['; 1 << 20], 32).is_err());
    }

    #[test]
    fn json_may_name_utf8_and_no_other_charset() {
        assert!(is_json("application/json") && is_json("Application/JSON; charset=\"UTF-8\""));
        assert!(!is_json("application/json; charset=latin1"));
        assert!(!is_json("text/plain") && !is_json("application/jsonp"));
    }
}
