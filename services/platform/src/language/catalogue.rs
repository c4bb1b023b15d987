//! The catalogues: for each reason a Fluent message, under its name on the wire. Its value is said wherever the reason is given; its
//! attributes say more, where the facts they need are known. `exact` is the one that needs what the reason announces as metadata.

use std::{borrow::Cow, collections::HashMap, sync::LazyLock};

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use jiff::{Zoned, fmt::strtime};
use proto::{CATALOGUES, Catalogue};

use super::Language;

type Bundle = FluentBundle<FluentResource>;

/// Every catalogue, by the package that declares its reasons, and its language. A test reads them all.
static BUNDLES: LazyLock<HashMap<(&str, &str), Bundle>> = LazyLock::new(|| {
    let bundles = CATALOGUES.iter().filter_map(|file| Some(((file.domain, file.language), bundle(file).ok()?)));
    bundles.collect()
});

/// The bundle of a file. Error: everything in it that cannot be read.
fn bundle(file: &Catalogue) -> Result<Bundle, String> {
    let language = file.language.parse().map_err(|fault| format!("{}: {fault}", file.language))?;
    let mut bundle = Bundle::new_concurrent(vec![language]);
    // the marks around what is inserted are for texts that run in two directions
    bundle.set_use_isolating(false);
    bundle.add_function("MOMENT", moment).map_err(|fault| fault.to_string())?;
    bundle.add_function("MEGABYTES", megabytes).map_err(|fault| fault.to_string())?;
    let text = FluentResource::try_new(file.text.to_owned()).map_err(|(_, faults)| format!("{faults:?}"))?;
    bundle.add_resource(text).map_err(|faults| format!("{faults:?}"))?;
    Ok(bundle)
}

/// What is said of a reason that a package declares: its message, or the attribute `form` of it. None, where there is no such message
/// or attribute, or it needs a fact that is not among `facts`.
pub fn sentence<'f>(
    language: Language,
    (domain, reason): (&str, &str),
    form: Option<&str>,
    facts: impl IntoIterator<Item = (&'f str, &'f str)>,
) -> Option<String> {
    let bundle = BUNDLES.get(&(domain, language.tag()))?;
    let message = bundle.get_message(reason)?;
    let pattern = match form {
        Some(form) => message.get_attribute(form)?.value(),
        None => message.value()?,
    };
    let facts: FluentArgs<'_> = facts.into_iter().map(|(name, fact)| (Cow::from(name), value(fact))).collect();
    let mut faults = Vec::new();
    let text = bundle.format_pattern(pattern, Some(&facts), &mut faults);
    faults.is_empty().then(|| text.into_owned())
}

/// A number is given as one, so that a catalogue can inflect what it counts.
fn value(fact: &str) -> FluentValue<'_> {
    fact.parse::<i64>().map_or_else(|_| fact.into(), FluentValue::from)
}

/// `MOMENT($closed_at, form: "%-d/%-m/%Y")`: an instant with its zone, as the language writes it.
fn moment<'v>(given: &[FluentValue<'v>], named: &FluentArgs<'_>) -> FluentValue<'v> {
    let Some(instant) = given.first() else { return FluentValue::Error };
    let (FluentValue::String(text), Some(FluentValue::String(form))) = (instant, named.get("form")) else {
        return instant.clone();
    };
    let written = text.parse::<Zoned>().and_then(|at| strtime::format(form.as_bytes(), &at));
    written.map_or_else(|_| instant.clone(), FluentValue::from)
}

/// `MEGABYTES($limit_bytes)`: a number of bytes as people count them.
fn megabytes<'v>(given: &[FluentValue<'v>], _: &FluentArgs<'_>) -> FluentValue<'v> {
    match given.first() {
        Some(FluentValue::Number(bytes)) => FluentValue::from((bytes.value / f64::from(1 << 20)).round()),
        Some(other) => other.clone(),
        None => FluentValue::Error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(tag: &str, reason: (&str, &str), form: Option<&str>, facts: &[(&str, &str)]) -> Option<String> {
        sentence(Language::of(tag).unwrap(), reason, form, facts.iter().copied())
    }

    #[test]
    fn every_catalogue_can_be_read() {
        for file in CATALOGUES {
            if let Err(fault) = bundle(file) {
                panic!("{} {}: {fault}", file.domain, file.language);
            }
        }
        assert_eq!(Language::all().count(), 7);
    }

    #[test]
    fn a_reason_is_said_with_the_facts_it_needs_or_without_any() {
        let closed = ("koine.identity.v1", "CALL_CLOSED");
        let at = [("closed_at", "2022-10-24T18:00:00+02:00[Europe/Rome]")];
        let exact = said("hr", closed, Some("exact"), &at).unwrap();
        assert!(exact.starts_with("Poziv za prijavu zatvoren je 24.10.2022. u 18:00."), "{exact}");
        assert_eq!(said("hr", closed, Some("exact"), &[]), None);
        assert!(said("hr", closed, None, &[]).unwrap().starts_with("Poziv za prijavu je zatvoren."));
        let large = ("koine.identity.v1", "FILE_TOO_LARGE");
        let exact = said("sl", large, Some("exact"), &[("limit_bytes", "8388608")]).unwrap();
        assert!(exact.contains("največ 8 MB"), "{exact}");
        assert_eq!(said("it", ("koine.identity.v1", "NO_SUCH"), None, &[]), None);
    }
}
