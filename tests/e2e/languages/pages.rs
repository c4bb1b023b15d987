//! The law of the portal's words: every language has every message and attribute of the English catalogue, with the same values, in words
//! of its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use crate::source::{holds, root};

/// The messages of a catalogue by their names: `form-sign-in`, `form-sign-in.lead`.
fn messages(text: &str) -> BTreeMap<String, &str> {
    let (mut found, mut message) = (BTreeMap::new(), "");
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, text) = line.split_once(" = ").unwrap_or((line, ""));
        match name.trim().strip_prefix('.') {
            Some(attribute) => found.insert(format!("{message}.{attribute}"), text),
            None => {
                message = name;
                found.insert(name.to_owned(), text)
            }
        };
    }
    found
}

fn values(text: &str) -> BTreeSet<&str> {
    text.split("{ $").skip(1).filter_map(|rest| rest.split(" }").next()).collect()
}

fn faults(language: &str, text: &str, english: &str) -> Vec<String> {
    let (said, english) = (messages(text), messages(english));
    let mut faults: Vec<_> =
        english.keys().filter(|name| !said.contains_key(*name)).map(|name| format!("{name} is missing")).collect();
    for (name, text) in &said {
        match english.get(name) {
            _ if text.trim().is_empty() => faults.push(format!("{name} says nothing")),
            None => faults.push(format!("{name} is not in the English catalogue")),
            Some(other) if other == text && language != "en" => faults.push(format!("{name} is English")),
            Some(other) if values(other) != values(text) => faults.push(format!("{name} has other values")),
            Some(_) => {}
        }
    }
    faults.into_iter().map(|fault| format!("{language}: {fault}")).collect()
}

#[test]
fn every_language_of_the_portal_has_every_message() {
    let folder = root().join("gateway/portal/words");
    let files: BTreeMap<String, String> = fs::read_dir(folder)
        .expect("the words")
        .map(|file| file.expect("a file").path())
        .map(|path| {
            let name = path.file_stem().expect("a name").to_str().expect("UTF-8").to_owned();
            (name, fs::read_to_string(&path).expect("a text"))
        })
        .collect();
    let spoken: BTreeSet<_> = proto::CATALOGUES.iter().map(|catalogue| catalogue.language.to_owned()).collect();
    assert_eq!(files.keys().cloned().collect::<BTreeSet<_>>(), spoken);
    let faults: Vec<_> = files.iter().flat_map(|(language, text)| faults(language, text, &files["en"])).collect();
    holds("What the pages say stands in gateway/portal/words, in every language:", &faults);
}

#[test]
fn what_a_language_of_the_portal_lacks_is_named() {
    let english = "# Words.\n\na = One { $title }\n    .lead = Two\nb = Three\n";
    assert_eq!(faults("hr", "a = Jedan { $title }\n    .lead = Dva\nb = Tri\n", english), [""; 0]);
    for (text, fault) in [
        ("a = Jedan { $title }\n    .lead = Dva\n", "hr: b is missing"),
        ("a = Jedan { $title }\n    .lead = Two\nb = Tri\n", "hr: a.lead is English"),
        ("a = Jedan\n    .lead = Dva\nb = Tri\n", "hr: a has other values"),
        ("a = Jedan { $title }\n    .lead = Dva\nb = Tri\nc = Pet\n", "hr: c is not in the English catalogue"),
    ] {
        assert_eq!(faults("hr", text, english), [fault]);
    }
}
