//! Faults of the settings, in words: the place, the key, and what would be accepted. Values are not repeated, because any of them
//! may be a misplaced secret.

use figment::{
    Figment, Source,
    error::{Actual, Error, Kind},
};

/// One text per fault. The keys of a section's faults begin with the section.
pub(super) fn texts(figment: &Figment, section: Option<&str>, error: Error) -> Vec<String> {
    let text = |fault: Error| {
        let mut path: Vec<&str> = section.into_iter().chain(fault.path.iter().map(String::as_str)).collect();
        match &fault.kind {
            Kind::UnknownField(key, _) if path.last() != Some(&key.as_str()) => path.push(key),
            _ => {}
        }
        format!("{}: {}", place(figment, &path), what(&fault.kind))
    };
    error.into_iter().map(text).collect()
}

/// The place of a fault: `koine.toml: store.url`, or `KOINE_STORE__URL`.
pub(super) fn place(figment: &Figment, path: &[&str]) -> String {
    let key = path.join(".");
    let nearest = (0..path.len()).rev().find_map(|end| figment.find_metadata(&path[..=end].join(".")));
    match nearest.map(|source| (source.name.as_ref(), source.source.as_ref().and_then(Source::file_path))) {
        Some((_, Some(file))) => format!("{}: {key}", file.display()),
        Some((name, None)) if name.contains("KOINE_") => format!("KOINE_{}", path.join("__").to_ascii_uppercase()),
        _ => key,
    }
}

fn what(kind: &Kind) -> String {
    match kind {
        Kind::UnknownField(_, []) => "nobody knows this key".to_owned(),
        Kind::UnknownField(_, known) => format!("nobody knows this key; known here: {}", known.join(", ")),
        Kind::UnknownVariant(_, known) => format!("must be one of: {}", known.join(", ")),
        Kind::InvalidType(found, expected) => format!("must be {}, not {}", words_of(expected), type_of(found)),
        Kind::InvalidValue(_, expected) => format!("must be {}", words_of(expected)),
        Kind::InvalidLength(_, expected) => format!("its length must be {expected}"),
        Kind::MissingField(key) => format!("`{key}` is missing"),
        Kind::Message(message) => message.clone(),
        _ => "cannot be read".to_owned(),
    }
}

/// The types serde expects, in words for readers who do not write Rust.
fn words_of(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number, also a negative one",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" => "a text",
        "a sequence" => "a list",
        expected if expected.starts_with("struct ") => "a table",
        expected if expected.starts_with("a nonzero ") => "a whole number above 0",
        expected => expected,
    }
}

fn type_of(found: &Actual) -> &'static str {
    match found {
        Actual::Bool(_) => "a truth value",
        Actual::Unsigned(_) | Actual::Signed(_) | Actual::Float(_) => "a number",
        Actual::Char(_) | Actual::Str(_) | Actual::Bytes(_) => "a text",
        Actual::Seq => "a list",
        Actual::Map => "a table",
        _ => "something else",
    }
}
