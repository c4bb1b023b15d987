use encoding_rs::{ISO_8859_7, WINDOWS_1250, WINDOWS_1252};
use proptest::prelude::*;

use super::*;
use crate::{Error, error::Shared};

const FORM: Form<Shared> = Form {
    delimiter: None,
    widest: 1_000,
    multiline: true,
    strict: true,
    column_missing: Shared::NotFound,
    line_invalid: Shared::FieldsInvalid,
};

fn upload(content_type: &str, bytes: impl Into<Vec<u8>>) -> Upload {
    Upload { content_type: content_type.to_owned(), bytes: bytes.into() }
}

/// Reads a sheet: each line with its number and the values of the columns `a` and `b`.
fn read(form: Form<Shared>, upload: Upload) -> Result<Vec<(u64, [String; 2])>> {
    let text = upload.text()?;
    let mut sheet = Sheet::open(form, &text)?;
    let places = sheet.columns([(0, "a", true), (1, "b", true)])?;
    let mut lines = Vec::new();
    while let Some(line) = sheet.line() {
        lines.push((line.number(), [0, 1].map(|column| line.value(places[&column]).to_owned())));
    }
    sheet.done().map(|()| lines)
}

fn places(refused: Result<Vec<(u64, [String; 2])>>) -> Vec<(String, &'static str)> {
    let refused: Error = refused.unwrap_err();
    refused.violations().iter().map(|one| (one.field.clone(), one.reason)).collect()
}

fn of(text: &str) -> Upload {
    upload("text/csv", text)
}

/// The ways in which a file can declare its encoding.
#[derive(Clone, Copy, Debug)]
enum Way {
    Utf8,
    Utf8Marked,
    Utf16LeMarked,
    Utf16BeMarked,
    Utf16LeTold,
    Utf16BeTold,
    Windows1252,
    Latin1,
}

impl Way {
    fn upload(self, text: &str) -> Upload {
        let little = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        let big = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>();
        match self {
            Self::Utf8 => upload("text/csv", text),
            Self::Utf8Marked => upload("text/csv; charset=utf-8", format!("\u{feff}{text}")),
            Self::Utf16LeMarked => upload("text/csv; charset=\"UTF-16\"", little(&format!("\u{feff}{text}"))),
            Self::Utf16BeMarked => upload("", big(&format!("\u{feff}{text}"))),
            Self::Utf16LeTold => upload("text/csv; header=present; charset=UTF-16LE", little(text)),
            Self::Utf16BeTold => upload("text/csv;charset=utf-16be", big(text)),
            Self::Windows1252 => upload("text/csv; charset=windows-1252", WINDOWS_1252.encode(text).0),
            Self::Latin1 => {
                let bytes: Vec<u8> = text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect();
                upload("text/csv; Charset=ISO-8859-1", bytes)
            }
        }
    }
}

fn written(rows: &[[String; 2]], delimiter: u8, is_dos: bool) -> String {
    let terminator = if is_dos { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).terminator(terminator).from_writer(Vec::new());
    writer.write_record(["A", " b "]).unwrap();
    for row in rows {
        writer.write_record(row).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

/// The rows as they are expected: each with its line, without spaces around its values, and without what shows nothing.
fn expected(rows: &[[String; 2]]) -> Vec<(u64, [String; 2])> {
    let mut line = 2;
    let numbered = rows.iter().map(|row| {
        let number = line;
        line += 1 + row.concat().matches('\n').count() as u64;
        (number, row.clone().map(|value| value.replace(is_unseen, "").trim().to_owned()))
    });
    numbered.collect()
}

fn rows(value: &'static str) -> impl Strategy<Value = Vec<[String; 2]>> {
    // a line of spaces alone is skipped
    let first = value.prop_map(|value| format!("x{value}"));
    prop::collection::vec((first, value).prop_map(|(one, other)| [one, other]), 1..8)
}

proptest! {
    #[test]
    fn what_was_written_in_unicode_is_read_with_its_lines(
        rows in rows("(\\PC|\n|\"|;|,){0,9}"),
        way in prop::sample::select(vec![
            Way::Utf8, Way::Utf8Marked, Way::Utf16LeMarked, Way::Utf16BeMarked, Way::Utf16LeTold, Way::Utf16BeTold,
        ]),
        delimiter in prop::sample::select(vec![b',', b';']),
        is_dos in any::<bool>(),
    ) {
        let text = written(&rows, delimiter, is_dos);
        prop_assert_eq!(read(FORM, way.upload(&text)).unwrap(), expected(&rows));
    }

    #[test]
    fn what_was_written_in_the_letters_of_one_byte_is_read_with_its_lines(
        rows in rows("[ -~\u{a0}-\u{ff}\n]{0,9}"),
        way in prop::sample::select(vec![Way::Windows1252, Way::Latin1]),
    ) {
        let text = written(&rows, b';', false);
        prop_assert_eq!(read(FORM, way.upload(&text)).unwrap(), expected(&rows));
    }

    #[test]
    fn any_bytes_are_read_without_a_panic_and_only_text_is_accepted(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        told in prop::sample::select(vec!["", "utf-8", "utf-16", "utf-16be", "windows-1252", "iso-8859-1", "gb18030"]),
    ) {
        let content_type = if told.is_empty() { String::new() } else { format!("text/csv; charset={told}") };
        let mut file = b"a,b\n".to_vec();
        file.extend(bytes);
        if let Ok(lines) = read(FORM, upload(&content_type, file)) {
            prop_assert!(lines.iter().all(|(_, row)| !row.concat().contains('\0')));
        }
    }
}

#[test]
fn an_encoding_that_is_neither_told_nor_proven_is_refused_with_what_to_do() {
    let latin = WINDOWS_1252.encode("a,b\nx,caffè\ny,thé\n").0.into_owned();
    let refused = read(FORM, upload("text/csv", latin)).unwrap_err();
    let fields: Vec<_> = refused.violations().iter().map(|one| one.field.as_str()).collect();
    assert_eq!(fields, ["line 2, b", "line 3, b"]);
    assert!(refused.violations()[0].description.contains("charset=windows-1252"), "{refused:?}");

    let header = WINDOWS_1250.encode("šifra,b\nx,y\n").0.into_owned();
    assert_eq!(places(read(FORM, upload("text/csv", header))), [("line 1".to_owned(), "FIELDS_INVALID")]);

    let unmarked: Vec<u8> = "a,b\nx,y\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let field = [("file.content_type".to_owned(), "FIELDS_INVALID")];
    for content_type in ["text/csv", "text/csv; charset=utf-16", "text/csv; charset=klingon", "a; charset="] {
        assert_eq!(places(read(FORM, upload(content_type, unmarked.clone()))), field, "{content_type}");
    }
}

#[test]
fn a_byte_order_mark_of_another_encoding_than_the_declared_one_is_refused() {
    let marked = "\u{feff}a,b\nx,y\n";
    for told in ["windows-1252", "iso-8859-1", "utf-16", "utf-16le"] {
        let refused = read(FORM, upload(&format!("text/csv; charset={told}"), marked)).unwrap_err();
        assert_eq!(refused.violations()[0].field, "file.content_type", "{told}");
        assert!(refused.violations()[0].description.contains("UTF-8"), "{refused:?}");
    }
}

#[test]
fn the_encodings_of_other_countries_are_read_where_they_are_told() {
    for (label, encoding, word) in [("windows-1250", WINDOWS_1250, "Šibenik"), ("iso-8859-7", ISO_8859_7, "Αίνος")]
    {
        let file = encoding.encode(&format!("a,b\n1,{word}\n")).0.into_owned();
        let read = read(FORM, upload(&format!("text/csv; charset={label}"), file)).unwrap();
        assert_eq!(read, [(2, ["1".to_owned(), word.to_owned()])]);
    }
}

#[test]
fn bytes_an_encoding_has_no_letter_for_are_found_with_their_line() {
    let mut half: Vec<u8> = "a,b\nx,".encode_utf16().flat_map(u16::to_le_bytes).collect();
    half.extend([0x00, 0xd8]);
    half.extend("\ny,z\n".encode_utf16().flat_map(u16::to_le_bytes));
    let place = [("line 2, b".to_owned(), "FIELDS_INVALID")];
    assert_eq!(places(read(FORM, upload("text/csv; charset=utf-16le", half))), place);
    // the euro sign of windows-1252 is not a character of ISO-8859-1, which is declared here
    let euro = WINDOWS_1252.encode("a,b\nx,5 €\n").0.into_owned();
    assert_eq!(places(read(FORM, upload("text/csv; charset=iso-8859-1", euro))), place);
}

#[test]
fn everything_that_is_wrong_is_named_at_once_with_its_line() {
    let long = "x".repeat(1_001);
    let text = format!("\n a ;B;c\n\n1;2;3\n;;\n1;2\n1;\"two\nlines\";3\n{long};2;3\n1;2;\u{1}\n1;2;3;4\n");
    let expected = ["line 6", "line 9, a", "line 10, c", "line 11"].map(|place| (place.to_owned(), "FIELDS_INVALID"));
    assert_eq!(places(read(FORM, of(&text))), expected);
    // a column that is not asked for is not checked where the form is not strict, and no value has line breaks
    let lax = Form { strict: false, multiline: false, ..FORM };
    let expected = ["line 6", "line 7, B", "line 9, a", "line 11"].map(|place| (place.to_owned(), "FIELDS_INVALID"));
    assert_eq!(places(read(lax, of(&text))), expected);
}

#[test]
fn columns_that_are_missing_are_named_at_once() {
    let refused = read(FORM, of("\nc,d\n1,2\n")).unwrap_err();
    let [one] = refused.violations() else { panic!("{refused:?}") };
    assert_eq!((one.field.as_str(), one.reason), ("line 2", "NOT_FOUND"));
    assert!(one.description.contains("lacks a, b."), "{one:?}");
    let form = Form { delimiter: Some(b','), ..FORM };
    let refused = read(form, of("a;b\n1;2\n")).unwrap_err();
    assert!(refused.violations()[0].description.contains("no `,`"), "{refused:?}");
}

#[test]
fn a_sheet_without_lines_is_refused() {
    assert_eq!(places(read(FORM, of("\n\n"))), [("line 1".to_owned(), "NOT_FOUND")]);
    assert_eq!(places(read(FORM, of("a,b\n\n"))), [("line 1".to_owned(), "FIELDS_INVALID")]);
}

#[test]
fn as_many_faults_are_told_as_an_answer_holds_and_the_others_counted() {
    let refused = read(FORM, of(&format!("a,b\n{}", "1\n".repeat(250)))).unwrap_err();
    let told = refused.violations();
    assert_eq!((told.len(), told[59].field.as_str(), told[60].field.as_str()), (61, "line 61", "file"));
    assert!(told[60].description.starts_with("190 more"), "{:?}", told[60]);
}
