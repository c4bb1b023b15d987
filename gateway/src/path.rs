//! The path of a request. It is cut into segments before it is decoded, so that an encoded slash stays inside its segment.

use std::borrow::Cow;

use tonic::Status;

use crate::reason;

/// A segment of a path, as it was sent and decoded.
#[derive(Clone, Debug)]
pub(crate) struct Segment<'p> {
    pub(crate) raw: &'p str,
    pub(crate) text: Cow<'p, str>,
}

impl<'p> Segment<'p> {
    pub(crate) fn new(raw: &'p str) -> Result<Self, Status> {
        let text = decode(raw, false).ok_or_else(|| refuse("it is not percent-encoded UTF-8"))?;
        // a client or proxy would have resolved these, so a path that has one is an attack
        if text == "." || text == ".." {
            return Err(refuse("`.` and `..` are not resolved here"));
        }
        Ok(Self { raw, text })
    }
}

/// Cuts `/it/v1/teams` into its segments. Error: `FIELDS_INVALID`, where a segment cannot be decoded or is `.` or `..`.
pub(crate) fn segments(path: &str) -> Result<Vec<Segment<'_>>, Status> {
    path.strip_prefix('/').unwrap_or(path).split('/').map(Segment::new).collect()
}

fn refuse(why: &str) -> Status {
    reason::fields(vec![tonic_types::FieldViolation::new("path", format!("Cannot read the path: {why}."))])
}

/// Decodes percent-encoding. With `keep_slash`, `%2F` is kept: google.api.http requires this for variables over several segments,
/// where it could not be distinguished from a separator. None: a broken escape, or not UTF-8.
pub(crate) fn decode(raw: &str, keep_slash: bool) -> Option<Cow<'_, str>> {
    if !raw.contains('%') {
        return Some(Cow::Borrowed(raw));
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, tail) = rest.split_at_checked(2)?;
        rest = tail;
        match hex(digits[0])? << 4 | hex(digits[1])? {
            b'/' if keep_slash => bytes.extend([b'%', digits[0], digits[1]]),
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(path: &str) -> Vec<String> {
        segments(path).unwrap().into_iter().map(|segment| segment.text.into_owned()).collect()
    }

    #[test]
    fn an_encoded_slash_stays_inside_its_segment() {
        assert_eq!(texts("/it/v1/files/a%2Fb%20c"), ["it", "v1", "files", "a/b c"]);
    }

    #[test]
    fn a_path_that_climbs_is_refused_also_when_encoded() {
        for path in ["/it/v1/../x", "/it/%2e%2E/x", "/it/./x"] {
            assert_eq!(segments(path).unwrap_err().code(), tonic::Code::InvalidArgument, "{path}");
        }
    }

    #[test]
    fn broken_escapes_and_bytes_that_are_no_utf8_are_refused() {
        for path in ["/%", "/%4", "/%zz", "/%ff", "/%+1"] {
            assert!(segments(path).is_err(), "{path}");
        }
    }

    #[test]
    fn several_segments_keep_their_encoded_slashes() {
        assert_eq!(decode("a%2fb%20c", true).unwrap(), "a%2fb c");
    }
}
