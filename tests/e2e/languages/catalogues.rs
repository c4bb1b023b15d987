//! The laws of catalogues: every reason is said in every language of the tenants, in words of that language, with the same facts.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::LazyLock,
};

use ::tests::world::tenant_files;
use proto::{CATALOGUES, Catalogue};
use regex::Regex;

use crate::{errors::declared, source::holds};

/// A message, or a form of it: `CALL_CLOSED`, `CALL_CLOSED.exact`.
static SENTENCE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:(?<reason>[A-Z][A-Z0-9_]*)|    \.(?<form>[a-z]+)) = (?<text>\S.*\.)$").expect("a pattern")
});

static PLACEABLE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\$([a-z_]+)").expect("a pattern"));

/// The longest a sentence may be, in bytes: several have to fit into the trailers of an answer.
const LONGEST: usize = 360;

/// The name of a catalogue: `identity/hr`.
fn named(catalogue: &Catalogue) -> String {
    format!("{}/{}", service(catalogue.domain), catalogue.language)
}

fn service(domain: &str) -> &str {
    domain.split('.').nth(1).unwrap_or_default()
}

/// The sentences of a catalogue, by their names, and the lines that are none.
fn sentences(text: &str) -> (BTreeMap<String, &str>, Vec<&str>) {
    let (mut found, mut strange, mut reason) = (BTreeMap::new(), Vec::new(), "");
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")) {
        let Some(said) = SENTENCE.captures(line) else {
            strange.push(line);
            continue;
        };
        reason = said.name("reason").map_or(reason, |found| found.as_str());
        let name = said.name("form").map_or(reason.to_owned(), |form| format!("{reason}.{}", form.as_str()));
        let text = said.name("text").map_or("", |text| text.as_str());
        if found.insert(name, text).is_some() {
            strange.push(line);
        }
    }
    (found, strange)
}

fn placeables(text: &str) -> BTreeSet<&str> {
    PLACEABLE.captures_iter(text).map(|found| found.extract::<1>().1[0]).collect()
}

/// What every catalogue has, and how it is written, by the English one of its package.
fn faults(catalogue: &Catalogue, english: &str) -> Vec<String> {
    let (english, _) = sentences(english);
    let (said, strange) = sentences(catalogue.text);
    let mut faults: Vec<_> =
        strange.into_iter().map(|line| format!("`{line}` is no sentence, or a second of its name")).collect();
    for (name, text) in &said {
        match english.get(name) {
            None => faults.push(format!("{name} is not in the English catalogue")),
            Some(same) if same == text && catalogue.language != "en" => faults.push(format!("{name} is English")),
            Some(other) if placeables(other) != placeables(text) => faults.push(format!("{name} has other facts")),
            Some(_) => {}
        }
        if text.len() > LONGEST {
            faults.push(format!("{name} has {} bytes", text.len()));
        }
        if !name.contains('.') && !text.contains(". ") {
            faults.push(format!("{name} says what is wrong, or what to do, and not both"));
        }
        if !name.contains('.') && !placeables(text).is_empty() {
            faults.push(format!("{name} needs a fact: say with it in the form `exact`, and here without"));
        }
    }
    let missing = english.keys().filter(|name| !said.contains_key(*name));
    faults.extend(missing.map(|name| format!("{name} is missing")));
    faults.into_iter().map(|fault| format!("{}: {fault}", named(catalogue))).collect()
}

fn english_of(domain: &str) -> &'static str {
    let english = CATALOGUES.iter().find(|catalogue| (catalogue.domain, catalogue.language) == (domain, "en"));
    english.map_or("", |catalogue| catalogue.text)
}

/// The languages of all tenants.
fn spoken() -> BTreeSet<String> {
    let files = fs::read_dir(tenant_files()).expect("the tenants").map(|file| file.expect("a file").path());
    let heads = files.map(|file| fs::read_to_string(file).expect("a tenant").parse::<toml::Table>().expect("TOML"));
    heads
        .flat_map(|head| head["locales"].as_array().cloned().unwrap_or_default())
        .map(|tag| tag.as_str().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn every_package_with_reasons_has_a_catalogue_in_every_language_of_the_tenants() {
    let mut found: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for catalogue in CATALOGUES {
        found.entry(catalogue.domain).or_default().insert(catalogue.language.to_owned());
    }
    let packages: BTreeSet<_> =
        declared().keys().filter_map(|reason| Some(reason.split_once('.')?.0.to_owned())).collect();
    assert_eq!(found.keys().map(|domain| service(domain).to_owned()).collect::<BTreeSet<_>>(), packages);
    let spoken = spoken();
    assert_eq!(spoken.len(), 7, "{spoken:?}");
    for (package, languages) in found {
        assert_eq!(languages, spoken, "{package}");
    }
}

#[test]
fn every_reason_has_its_sentence_and_every_sentence_its_reason() {
    let declared = declared();
    let mut faults = Vec::new();
    for catalogue in CATALOGUES {
        let service = service(catalogue.domain);
        let (said, _) = sentences(catalogue.text);
        let of = |name: &str| format!("{service}.{}", name.split('.').next().unwrap_or_default());
        let unknown = said.keys().filter(|name| !declared.contains_key(&of(name)));
        faults.extend(unknown.map(|name| format!("{}: there is no reason {name}", named(catalogue))));
        let reasons = declared.keys().filter_map(|reason| reason.strip_prefix(&format!("{service}.")));
        let unsaid = reasons.filter(|reason| !said.contains_key(*reason));
        faults.extend(unsaid.map(|reason| format!("{}: {reason} is not said", named(catalogue))));
    }
    holds(
        "What a caller reads of a reason stands beside it, in `reasons/<language>.ftl` (README, \"Add a reason\"):",
        &faults,
    );
}

#[test]
fn every_language_says_the_same_with_the_same_facts_in_words_of_its_own() {
    let faults: Vec<_> =
        CATALOGUES.iter().flat_map(|catalogue| faults(catalogue, english_of(catalogue.domain))).collect();
    holds("A sentence says first what is wrong and then what to do, on one line, and ends with a full stop:", &faults);
}

#[test]
fn an_exact_sentence_needs_only_what_its_reason_announces() {
    let declared = declared();
    let mut faults = Vec::new();
    for catalogue in CATALOGUES.iter().filter(|catalogue| catalogue.language == "en") {
        let (said, _) = sentences(catalogue.text);
        for (reason, text) in said.iter().filter_map(|(name, text)| Some((name.strip_suffix(".exact")?, text))) {
            let announced = &declared[&format!("{}.{reason}", service(catalogue.domain))].facts;
            let unknown = placeables(text).into_iter().filter(|fact| !announced.iter().any(|known| known == fact));
            faults.extend(unknown.map(|fact| format!("{}: {reason} does not announce `{fact}`", named(catalogue))));
        }
    }
    holds("A form `exact` is said with the metadata of its reason:", &faults);
}

#[test]
fn no_reason_of_a_service_has_the_name_of_a_shared_one() {
    let declared = declared();
    let names = declared.keys().filter_map(|reason| reason.split_once('.'));
    let shadowed: Vec<_> = names
        .filter(|(service, name)| *service != "error" && declared.contains_key(&format!("error.{name}")))
        .collect();
    assert!(shadowed.is_empty(), "of a violation the name alone is told: {shadowed:?}");
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENGLISH: &str = "# Words.\n\nA = Wrong. Mend it.\n    .exact = Wrong: { $limit }.\nB = Bad. Stop.\n";

    fn found(text: &'static str) -> Vec<String> {
        faults(&Catalogue { domain: "koine.test.v1", language: "it", text }, ENGLISH)
    }

    #[test]
    fn what_is_missing_untranslated_or_other_is_named() {
        let good = "A = Errato. Correggi.\n    .exact = Errato: { $limit }.\nB = Male. Basta.\n";
        assert_eq!(found(good), Vec::<String>::new());
        for (text, fault) in [
            ("A = Errato. Correggi.\n    .exact = Errato: { $limit }.\n", "test/it: B is missing"),
            ("A = Errato. Correggi.\nB = Male. Basta.\n", "test/it: A.exact is missing"),
            ("A = Errato. Correggi.\n    .exact = Errato: { $limit }.\nB = Bad. Stop.\n", "test/it: B is English"),
            (
                "A = Errato. Correggi.\n    .exact = Errato: { $max }.\nB = Male. Basta.\n",
                "test/it: A.exact has other facts",
            ),
            (
                "A = Errato.\n    .exact = Errato: { $limit }.\nB = Male. Basta.\n",
                "test/it: A says what is wrong, or what to do, and not both",
            ),
        ] {
            assert_eq!(found(text), [fault]);
        }
        let strange =
            "A = Errato. Correggi.\n    .exact = Errato: { $limit }.\nB = Male. Basta.\nB = Ancora. Basta.\nC\n";
        assert_eq!(found(strange).len(), 2, "{:?}", found(strange));
    }
}
