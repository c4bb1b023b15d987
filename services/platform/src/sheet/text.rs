//! The encoding of a sheet. It is declared by `Content-Type`, by the byte order mark at its beginning, or by being valid UTF-8; it
//! is never guessed.

use encoding_rs::{DecoderResult, Encoding, UTF_8};

use crate::{Result, Violations, error::Shared};

/// The description of a value that is not valid text in the encoding of its file.
pub const NOT_TEXT: &str = "The value is not UTF-8, or not in the encoding that was told. Save the file as \"CSV UTF-8\", or tell its \
                            encoding: `Content-Type: text/csv; charset=windows-1252`.";

/// Replaces bytes that are invalid in their encoding. It is not valid UTF-8, so the reader of the value finds it.
const UNREADABLE: u8 = 0xff;

/// An uploaded file.
#[derive(Clone, Debug, Default)]
pub struct Upload {
    /// Its media type, as the caller declares it: `text/csv; charset=windows-1252`.
    pub content_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The encoding that a `Content-Type` declares.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Told {
    /// An encoding of the web.
    As(&'static Encoding),
    /// ISO-8859-1. (On the web that is another name of windows-1252, which has characters where ISO-8859-1 has none.)
    Latin1,
    /// UTF-16. The byte order mark decides the order.
    Utf16,
}

impl Upload {
    /// The text in UTF-8, without a byte order mark. Invalid bytes are kept as bytes that are not UTF-8, so that they are found
    /// with their line. Error: `FIELDS_INVALID` at `file.content_type`, where the encoding is unknown, differs from the byte order
    /// mark, or is not declared and the file is clearly not UTF-8.
    pub fn text(self) -> Result<Vec<u8>> {
        let told = told(&self.content_type)?;
        let marked = Encoding::for_bom(&self.bytes);
        match (told, marked) {
            (Some(Told::As(told)), Some((mark, _))) if told != mark => Err(another(told.name(), mark)),
            (Some(Told::Latin1), Some((mark, _))) => Err(another("ISO-8859-1", mark)),
            (Some(Told::Utf16), Some((mark, _))) if mark == UTF_8 => Err(another("UTF-16", mark)),
            (_, Some((mark, length))) => Ok(decoded(mark, self.bytes, length)),
            (Some(Told::As(told)), None) => Ok(decoded(told, self.bytes, 0)),
            (Some(Told::Latin1), None) => Ok(encoding_rs::mem::decode_latin1(&self.bytes).into_owned().into_bytes()),
            (Some(Told::Utf16), None) => Err(refused(
                "UTF-16 without a mark at its beginning does not say which byte comes first. Tell it: `charset=utf-16le` or \
                 `charset=utf-16be`.",
            )),
            // a workbook has zero bytes, and so has UTF-16 without a byte order mark
            (None, None) if self.bytes.contains(&0) => Err(refused(
                "This is not a CSV in UTF-8. Save the file as \"CSV UTF-8\", or tell its encoding: `Content-Type: text/csv; \
                 charset=utf-16le`.",
            )),
            (None, None) => Ok(self.bytes),
        }
    }
}

fn told(content_type: &str) -> Result<Option<Told>> {
    let parameters = content_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let mut charsets = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    let Some((_, charset)) = charsets.next() else { return Ok(None) };
    let charset = charset.trim().trim_matches('"').to_ascii_lowercase();
    match charset.as_str() {
        "iso-8859-1" | "iso8859-1" | "latin1" => Ok(Some(Told::Latin1)),
        "utf-16" => Ok(Some(Told::Utf16)),
        label => match Encoding::for_label_no_replacement(label.as_bytes()) {
            Some(encoding) => Ok(Some(Told::As(encoding))),
            None => Err(refused(format!(
                "`{label}` is no encoding this system knows. It reads utf-8, utf-16le, utf-16be, windows-1252, iso-8859-1 and what \
                 else browsers read."
            ))),
        },
    }
}

fn decoded(encoding: &'static Encoding, bytes: Vec<u8>, mark: usize) -> Vec<u8> {
    if encoding == UTF_8 {
        return if mark == 0 { bytes } else { bytes[mark..].to_vec() };
    }
    let (mut decoder, mut rest) = (encoding.new_decoder_without_bom_handling(), &bytes[mark..]);
    let (mut text, mut piece) = (Vec::with_capacity(bytes.len()), [0; 4096]);
    loop {
        let (result, read, written) = decoder.decode_to_utf8_without_replacement(rest, &mut piece, true);
        text.extend_from_slice(&piece[..written]);
        rest = &rest[read..];
        match result {
            DecoderResult::InputEmpty => return text,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => text.push(UNREADABLE),
        }
    }
}

fn another(told: &str, mark: &'static Encoding) -> crate::Error {
    let mark = mark.name();
    refused(format!("The file is said to be {told}, and begins with the mark of {mark}. Tell one encoding, or none."))
}

fn refused(description: impl Into<String>) -> crate::Error {
    let mut violations = Violations::new();
    violations.add("file.content_type", Shared::FieldsInvalid, description);
    match violations.done() {
        Err(error) => error,
        Ok(()) => crate::Error::internal("a refused file has no violation"),
    }
}
