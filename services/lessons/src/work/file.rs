//! Files of reports: pictures, documents, videos. The kind of a file is judged by its first bytes and never by its name.

use jiff::Timestamp;
use platform::{Ctx, Id, Result, Violations, blob::Blob};

use crate::{
    reason::{Reason, Refuse},
    year::{
        form::{Field, FieldKind, Form},
        team::{Seat, Team},
    },
};

pub mod api;
pub(crate) mod bytes;
pub(crate) mod store;
mod wire;

/// A stored file. Its bytes are found by its place.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    id: Id<File>,
    seat: Seat,
    lesson: i32,
    field: String,
    name: String,
    media_type: String,
    size: u64,
    digest: String,
    place: String,
    created_at: Timestamp,
}

/// What is uploaded, and for which field of which report.
#[derive(Clone, Debug, PartialEq)]
pub struct Upload {
    /// The team that uploads it.
    pub team: Id<Team>,
    /// The lesson.
    pub lesson: i32,
    /// The key of the form's field.
    pub field: String,
    /// The name it is uploaded under.
    pub name: String,
}

/// What files a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    kind: FieldKind,
    max_bytes: u64,
}

/// The largest file where a form gives no limit, in bytes.
const MAX_BYTES: u64 = 8 << 20;

const PICTURES: [&str; 3] = ["image/jpeg", "image/png", "image/gif"];
const VIDEOS: [&str; 4] = ["video/mp4", "video/x-m4v", "video/webm", "video/quicktime"];
const SOUNDS: [&str; 4] = ["audio/mpeg", "audio/m4a", "audio/ogg", "audio/x-wav"];
const DOCUMENTS: [&str; 11] = [
    "application/pdf",
    "application/rtf",
    "application/zip",
    // office documents before 2007: their first bytes do not tell a table from a text
    "application/x-ole-storage",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.presentation",
    TEXT,
];

/// The media type of text that is no markup. CSV and the like have no first bytes of their own.
const TEXT: &str = "text/plain";
const MARKUP: &str = "text/html";

impl Rule {
    /// What a field of a form takes. Error: `FIELD_UNKNOWN`, `FIELD_KIND` where it takes no files.
    pub fn new(form: &Form, key: &str) -> Result<Self> {
        let mut violations = Violations::new();
        match form.field(key) {
            Some(field) if field.kind.is_file() => return Ok(field.into()),
            Some(_) => violations.add("field", Reason::FieldKind, "This field takes no files."),
            None => violations.add("field", Reason::FieldUnknown, "The form has no such field."),
        }
        violations.value(None)
    }

    /// The largest file, in bytes.
    pub fn max_bytes(self) -> u64 {
        self.max_bytes
    }

    /// Error: `FILE_TOO_LARGE` for more bytes than the field takes.
    pub fn check_size(self, size: u64) -> Result<()> {
        if size > self.max_bytes {
            Err(platform::blob::too_large(Reason::FileTooLarge, self.max_bytes))
        } else {
            Ok(())
        }
    }

    /// Error: `FILE_KIND_REFUSED` for a kind this field does not take. No field takes what a browser could run.
    pub fn check_kind(self, media_type: &str) -> Result<()> {
        let (takes, wanted) = match self.kind {
            FieldKind::Image => (PICTURES.contains(&media_type), "a JPEG, PNG or GIF picture"),
            FieldKind::Video => (VIDEOS.contains(&media_type), "an MP4, WebM or QuickTime video"),
            _ => (
                [&PICTURES[..], &VIDEOS, &SOUNDS, &DOCUMENTS].iter().any(|kinds| kinds.contains(&media_type)),
                "a document, table, presentation, picture, sound, video or archive of a usual kind",
            ),
        };
        if takes {
            return Ok(());
        }
        let text =
            format!("By its first bytes this file is {media_type}; this field takes {wanted}. Nothing was kept.");
        Err(Reason::FileKindRefused.error(text).with("found", media_type))
    }
}

impl From<&Field> for Rule {
    fn from(field: &Field) -> Self {
        let max_bytes = if field.max_bytes == 0 { MAX_BYTES } else { field.max_bytes.into() };
        Self { kind: field.kind, max_bytes }
    }
}

/// The media type of a file, by its first bytes. `known` is the type that those bytes are a mark of. Text has no such mark, and SVG and
/// much HTML look like text, so text that begins like markup is taken for markup.
pub fn media_type(known: &'static str, head: &[u8]) -> &'static str {
    if known != "application/octet-stream" {
        return known;
    }
    let Some(text) = text_of(head) else { return known };
    if text.trim_start_matches(|sign: char| sign == '\u{feff}' || sign.is_whitespace()).starts_with('<') {
        MARKUP
    } else {
        TEXT
    }
}

/// The extensions that names of each kind may have. The first one is added to a name that has none of them.
const ENDS: [(&str, &[&str]); 22] = [
    ("image/jpeg", &["jpg", "jpeg"]),
    ("image/png", &["png"]),
    ("image/gif", &["gif"]),
    ("video/mp4", &["mp4", "m4v"]),
    ("video/x-m4v", &["m4v", "mp4"]),
    ("video/webm", &["webm"]),
    ("video/quicktime", &["mov", "qt"]),
    ("audio/mpeg", &["mp3"]),
    ("audio/m4a", &["m4a"]),
    ("audio/ogg", &["ogg", "oga"]),
    ("audio/x-wav", &["wav"]),
    ("application/pdf", &["pdf"]),
    ("application/rtf", &["rtf"]),
    // some offices write documents whose first bytes are those of any archive
    ("application/zip", &["zip", "docx", "xlsx", "pptx", "odt", "ods", "odp", "kmz"]),
    ("application/x-ole-storage", &["doc", "xls", "ppt"]),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", &["docx"]),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", &["xlsx"]),
    ("application/vnd.openxmlformats-officedocument.presentationml.presentation", &["pptx"]),
    ("application/vnd.oasis.opendocument.text", &["odt"]),
    ("application/vnd.oasis.opendocument.spreadsheet", &["ods"]),
    ("application/vnd.oasis.opendocument.presentation", &["odp"]),
    (TEXT, &["txt", "csv", "tsv", "md", "json", "tex", "srt", "vtt"]),
];

/// The name a file is saved under. Computers choose by the extension what to do with a file, and would run text that is called a page or a
/// program, so the name gets an extension of its kind.
pub(crate) fn saved_name(name: &str, media_type: &str) -> String {
    let ends = ENDS.iter().find(|(kind, _)| *kind == media_type).map_or(&["bin"][..], |(_, ends)| *ends);
    let end = name.rsplit_once('.').map_or("", |(_, end)| end);
    match ends.first() {
        Some(first) if !ends.iter().any(|one| one.eq_ignore_ascii_case(end)) => format!("{name}.{first}"),
        _ => name.to_owned(),
    }
}

/// The text that a file begins with. None where it is no text. The last character may be incomplete.
fn text_of(head: &[u8]) -> Option<&str> {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(cut) if cut.error_len().is_none() => std::str::from_utf8(&head[..cut.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    let is_text = !text.is_empty() && text.chars().all(|sign| !sign.is_control() || sign.is_ascii_whitespace());
    is_text.then_some(text)
}

impl File {
    /// The record of a file whose bytes were received.
    pub fn new(ctx: &Ctx, seat: Seat, upload: Upload, media_type: &str, blob: Blob) -> Self {
        let id = ctx.new_id();
        Self {
            id,
            seat,
            lesson: upload.lesson,
            field: upload.field,
            name: upload.name,
            media_type: media_type.to_owned(),
            size: blob.size,
            place: format!("{}-{id}", blob.digest),
            digest: blob.digest,
            created_at: ctx.now(),
        }
    }

    /// Whether it was uploaded for a field.
    pub fn is_for(&self, key: &str) -> bool {
        self.field == key
    }

    /// Whether it is of a kind that can show people: a picture or a video.
    pub fn may_show_people(&self) -> bool {
        self.media_type.starts_with("image/") || self.media_type.starts_with("video/")
    }

    /// Its id.
    pub fn id(&self) -> Id<File> {
        self.id
    }

    /// The team that uploaded it.
    pub fn team(&self) -> Id<Team> {
        self.seat.team
    }

    /// The name it was uploaded under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its media type: `image/png`.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// SHA-256 of its bytes, hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The name under which its bytes are kept. No other file has it, but for those of the versions that kept equal bytes once.
    pub fn place(&self) -> &str {
        &self.place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNKNOWN: &str = "application/octet-stream";

    fn takes(kind: FieldKind, media_type: &str) -> bool {
        Rule { kind, max_bytes: MAX_BYTES }.check_kind(media_type).is_ok()
    }

    #[test]
    fn a_field_takes_its_kinds_alone() {
        assert!(takes(FieldKind::Image, "image/png") && !takes(FieldKind::Image, "image/tiff"));
        assert!(!takes(FieldKind::Image, "application/pdf") && takes(FieldKind::File, "application/pdf"));
        assert!(takes(FieldKind::Video, "video/mp4") && !takes(FieldKind::Video, "image/png"));
    }

    #[test]
    fn no_field_takes_a_file_that_a_browser_could_run() {
        for kind in [FieldKind::File, FieldKind::Image, FieldKind::Video] {
            for bad in [MARKUP, "image/svg+xml", "text/xml", UNKNOWN, "application/x-executable", "text/x-shellscript"]
            {
                let refused = Rule { kind, max_bytes: 1 }.check_kind(bad);
                assert!(refused.is_err_and(|error| error.is(Reason::FileKindRefused)), "{kind:?} {bad}");
            }
        }
    }

    #[test]
    fn text_that_begins_like_markup_is_markup() {
        for markup in ["<svg xmlns=\"http://www.w3.org/2000/svg\">", "\u{feff} \n<p>", "<x", "\t<!doctype html>"] {
            assert_eq!(media_type(UNKNOWN, markup.as_bytes()), MARKUP, "{markup}");
        }
        assert_eq!(media_type(UNKNOWN, "comune;importo\nForlì;1<2".as_bytes()), TEXT);
        assert_eq!(media_type("image/png", b"<svg"), "image/png");
    }

    #[test]
    fn a_file_is_saved_under_a_name_that_ends_like_its_kind() {
        for (name, kind, saved) in [
            ("risultati.html", TEXT, "risultati.html.txt"),
            ("a.hta", TEXT, "a.hta.txt"),
            ("a.BAT", TEXT, "a.BAT.txt"),
            ("a.svg", TEXT, "a.svg.txt"),
            ("a.csv.", TEXT, "a.csv..txt"),
            ("a.html ", TEXT, "a.html .txt"),
            ("README", TEXT, "README.txt"),
            ("", TEXT, ".txt"),
            ("a.png", TEXT, "a.png.txt"),
            ("a.html", "image/png", "a.html.png"),
            ("a.msi", "application/x-ole-storage", "a.msi.doc"),
            ("a.jar", "application/zip", "a.jar.zip"),
            ("a.csv", "application/x-strange", "a.csv.bin"),
        ] {
            assert_eq!(saved_name(name, kind), saved, "{kind}");
        }
        let documents =
            [("porto.v2.csv", TEXT), ("a.md", TEXT), ("a.docx", "application/zip"), ("a.pdf", "application/pdf")];
        for (name, kind) in
            [("a.png", PICTURES[1]), ("PORTO.PNG", PICTURES[1]), ("a.JPeG", PICTURES[0])].into_iter().chain(documents)
        {
            assert_eq!(saved_name(name, kind), name);
        }
    }

    #[test]
    fn every_kind_that_is_taken_has_its_ends() {
        for kind in [&PICTURES[..], &VIDEOS, &SOUNDS, &DOCUMENTS].concat() {
            assert!(!saved_name("a", kind).ends_with(".bin"), "{kind}");
        }
        assert!(ENDS.iter().all(|(kind, ends)| !ends.is_empty() && takes(FieldKind::File, kind)));
    }

    #[test]
    fn bytes_that_are_no_text_stay_unknown() {
        for bytes in [&b"\x00\x01<svg"[..], b"\xff\xfe<\x00s\x00", b"a\x07b", b"", b"abc\xff def"] {
            assert_eq!(media_type(UNKNOWN, bytes), UNKNOWN, "{bytes:?}");
        }
        assert_eq!(media_type(UNKNOWN, &"perché".as_bytes()[..6]), TEXT, "the last letter is cut in two");
    }

    #[test]
    fn the_first_byte_too_many_is_refused() {
        let rule = Rule { kind: FieldKind::Image, max_bytes: 10 };
        assert!(rule.check_size(10).is_ok());
        assert!(rule.check_size(11).is_err_and(|error| error.is(Reason::FileTooLarge)));
    }
}
