//! No word of the API is made by `Debug`. It prints names of Rust, which change with the code and are written otherwise than those of the
//! API: `ProjectAgreed`, where the API says `PROJECT_AGREED`.

use crate::source::{Source, holds, sources};

/// What prints a value by its `Debug` in a format string.
const DEBUG: &str = "?}";

fn speaks_to_callers(source: &Source) -> bool {
    let is_service =
        source.path.starts_with("services/") && !matches!(source.package.as_str(), "platform" | "koine" | "operator");
    is_service || source.path.starts_with("gateway/")
}

fn debug_faults(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| speaks_to_callers(source)) {
        let formats = source.strings.iter().filter(|text| text.contains(DEBUG));
        faults.extend(formats.map(|text| {
            format!("{}: \"{text}\" prints by `Debug`. Write a `match` that gives each value its word", source.path)
        }));
    }
    faults
}

#[test]
fn no_word_that_callers_read_is_made_by_debug() {
    holds("Callers read words of the API, and no names of Rust:", &debug_faults(sources()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(path: &str, text: &str) -> Vec<String> {
        let package = path.split('/').nth(1).expect("a package");
        debug_faults(&[Source::new(package, path, text.to_owned())])
    }

    #[test]
    fn a_value_that_is_printed_by_debug_is_named() {
        for text in [
            "fn f() { format!(\"{:?}\", state); }",
            "fn f() { format!(\"{state:?}\"); }",
            "fn f() { error.with(\"state\", format_args!(\"{state:#?}\")); }",
            "fn f() { format!(\"{:02x?}\", bytes); }",
        ] {
            let faults = faults("services/lessons/src/twinning/pair.rs", text);
            assert!(faults.len() == 1 && faults[0].contains("by `Debug`"), "{text}: {faults:?}");
        }
    }

    #[test]
    fn tests_other_texts_and_what_no_caller_reads_are_not() {
        let printed = "fn f() { format!(\"{state:?}\"); }";
        assert_eq!(faults("services/platform/src/page.rs", printed), [""; 0], "a page token is no word");
        for text in
            ["#[cfg(test)] mod tests { fn f() { assert!(false, \"{:?}\", 1); } }", "fn f() { g(\"a?\", \"{b}\"); }"]
        {
            assert_eq!(faults("services/lessons/src/twinning/pair.rs", text), [""; 0], "{text}");
        }
    }
}
