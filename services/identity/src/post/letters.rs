//! The texts of letters: one file per language in `letters/`, built in. To add a language, add a file and a line in [`FILES`].

use std::{collections::BTreeMap, sync::LazyLock};

use jiff::Timestamp;
use platform::{Error, Result, Tenant, language::prefixes};
use serde::Deserialize;

use crate::post::reminder::Wait;

/// The kind of a letter, with the placeholders in its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `programme`, `registered`, `link`, `code`, `until`. It contains no name: the reader may not be the person who entered the
    /// name.
    VerifyEmail,
    /// `name`, `programme`, `link`, `recover`.
    RegisteredAgain,
    /// `name`, `programme`, `link`, `code`, `until`.
    Recovery,
    /// `name`, `programme`, `at`, `recover`.
    PasswordRecovered,
    /// `programme`, `asked`, `link`, `code`, `until`. It contains no name: the reader may not be the person who asked.
    AddressAsked,
    /// `name`, `programme`, `asked`, `address`, `recover`.
    AddressWarned,
    /// `name`, `programme`, `sign_in`, `recover`. It contains nothing of who asked.
    AddressTaken,
    /// `name`, `programme`, `former`, `address`.
    AddressChanged,
    /// `name`, `programme`, `former`, `address`, `link`, `code`, `until`.
    AddressGivenUp,
    /// `name`, `programme`, `at`, `reason`.
    AccountLocked,
    /// `name`, `programme`, `sign_in`, `recover`.
    AccountReinstated,
    /// `name`, `programme`, `team`, `login`, `credential`, `link`, `until`.
    TeamCredential,
    /// `name`, `programme`, `team`, `refusal`.
    ApplicationRefused,
    /// `name`, `programme`, `twinning`, `team`, `since`, `todo`, `link`, `sign_in`. It contains nothing of the other class.
    ClassAwaited,
    /// `name`, `programme`, `twinning`, `since`, `todo`, `link`, `sign_in`.
    CentralTeamAwaited,
    /// `programme`, `role`, `link`, `code`, `until`. It does not say whether the address has an account.
    Invitation,
    /// `name`, `programme`, `role`, `link`.
    MandateGranted,
    /// `name`, `programme`, `role`, `link`.
    MandateRevoked,
    /// `name`, `programme`, `at`, `recover`.
    FactorEnrolled,
    /// `name`, `programme`, `at`, `recover`.
    FactorGivenUp,
    /// `name`, `programme`, `at`, `sign_in`.
    FactorReset,
    /// `name`, `programme`, `at`, `left`, `recover`.
    RecoveryCodeUsed,
}

/// A letter, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Letter {
    /// One line.
    pub(crate) subject: String,
    /// Plain text.
    pub(crate) text: String,
}

/// The texts of one language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Language {
    moment: String,
    weekdays: [String; 7],
    months: [String; 12],
    verify_email: Text,
    registered_again: Text,
    recovery: Text,
    password_recovered: Text,
    address_asked: Text,
    address_warned: Text,
    address_taken: Text,
    address_changed: Text,
    address_given_up: Text,
    account_locked: Text,
    account_reinstated: Text,
    team_credential: Text,
    application_refused: Text,
    class_awaited: Text,
    central_team_awaited: Text,
    invitation: Text,
    mandate_granted: Text,
    mandate_revoked: Text,
    factor_enrolled: Text,
    factor_given_up: Text,
    factor_reset: Text,
    recovery_code_used: Text,
    todo: Todo,
    /// What people call a role, by its word in data.
    roles: BTreeMap<String, String>,
}

/// What the reader has to do, for each reason why a pair waits.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Todo {
    proposed: String,
    accepted: String,
    approved: String,
    project_agreed: String,
    one_sided: String,
    suspended: String,
    unsigned: String,
    delivered: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    subject: String,
    text: String,
}

/// The files, by the BCP 47 tag of their language.
const FILES: [(&str, &str); 6] = [
    ("en", include_str!("../../letters/en.toml")),
    ("it", include_str!("../../letters/it.toml")),
    ("hr", include_str!("../../letters/hr.toml")),
    ("es", include_str!("../../letters/es.toml")),
    ("el", include_str!("../../letters/el.toml")),
    ("sl", include_str!("../../letters/sl.toml")),
];

/// The language where no other fits.
const LAST: &str = "en";

/// The languages whose files can be read. A test reads them all.
static LANGUAGES: LazyLock<Vec<(&str, Language)>> =
    LazyLock::new(|| FILES.iter().filter_map(|(tag, text)| Some((*tag, toml::from_str(text).ok()?))).collect());

/// The language for a letter: the reader's own, else the first of the tenant's that is known, else English. `it-CH` falls back to
/// `it`. Error: internal, where no file can be read.
pub(crate) fn language(tenant: &Tenant, locale: &str) -> Result<&'static Language> {
    let wanted = std::iter::once(locale).chain(tenant.locales().iter().map(String::as_str)).chain([LAST]);
    wanted.flat_map(prefixes).find_map(known).ok_or_else(|| Error::internal("letters: no language can be read"))
}

/// Whether there are letters in a language, or in one that it falls back to.
pub(crate) fn is_written(tag: &str) -> bool {
    prefixes(tag).find_map(known).is_some()
}

fn known(tag: &str) -> Option<&'static Language> {
    LANGUAGES.iter().find(|(known, _)| known.eq_ignore_ascii_case(tag)).map(|(_, language)| language)
}

impl Language {
    /// An instant in the tenant's time zone, with the weekday and the name of the zone.
    pub(crate) fn moment(&self, tenant: &Tenant, at: Timestamp) -> String {
        let local = at.to_zoned(tenant.zone().clone());
        let zone = local.time_zone().iana_name().unwrap_or("UTC");
        let weekday = usize::try_from(local.weekday().to_monday_zero_offset()).unwrap_or_default();
        let month = usize::try_from(local.month()).unwrap_or(1) - 1;
        fill(
            &self.moment,
            &[
                ("weekday", &self.weekdays[weekday]),
                ("day", &local.day().to_string()),
                ("month", &self.months[month]),
                ("year", &local.year().to_string()),
                ("time", &local.strftime("%H:%M").to_string()),
                ("zone", &format!("{zone}, UTC{}", local.strftime("%:z"))),
            ],
        )
    }

    /// Writes a letter.
    pub(crate) fn write(&self, kind: Kind, values: &[(&str, &str)]) -> Letter {
        let Text { subject, text } = self.text(kind);
        // a team's name may contain a line break
        let subject = fill(subject, values).split_whitespace().collect::<Vec<_>>().join(" ");
        Letter { subject, text: fill(text, values) }
    }

    fn text(&self, kind: Kind) -> &Text {
        match kind {
            Kind::VerifyEmail => &self.verify_email,
            Kind::RegisteredAgain => &self.registered_again,
            Kind::Recovery => &self.recovery,
            Kind::PasswordRecovered => &self.password_recovered,
            Kind::AddressAsked => &self.address_asked,
            Kind::AddressWarned => &self.address_warned,
            Kind::AddressTaken => &self.address_taken,
            Kind::AddressChanged => &self.address_changed,
            Kind::AddressGivenUp => &self.address_given_up,
            Kind::AccountLocked => &self.account_locked,
            Kind::AccountReinstated => &self.account_reinstated,
            Kind::TeamCredential => &self.team_credential,
            Kind::ApplicationRefused => &self.application_refused,
            Kind::ClassAwaited => &self.class_awaited,
            Kind::CentralTeamAwaited => &self.central_team_awaited,
            Kind::Invitation => &self.invitation,
            Kind::MandateGranted => &self.mandate_granted,
            Kind::MandateRevoked => &self.mandate_revoked,
            Kind::FactorEnrolled => &self.factor_enrolled,
            Kind::FactorGivenUp => &self.factor_given_up,
            Kind::FactorReset => &self.factor_reset,
            Kind::RecoveryCodeUsed => &self.recovery_code_used,
        }
    }

    /// What people call a role. Empty for one that nobody gives.
    pub(crate) fn role(&self, word: &str) -> &str {
        self.roles.get(word).map_or("", String::as_str)
    }

    /// What the reader has to do where a pair waits.
    pub(crate) fn todo(&self, wait: Wait) -> &str {
        match wait {
            Wait::Proposed => &self.todo.proposed,
            Wait::Accepted => &self.todo.accepted,
            Wait::Approved => &self.todo.approved,
            Wait::ProjectAgreed => &self.todo.project_agreed,
            Wait::OneSided => &self.todo.one_sided,
            Wait::Suspended => &self.todo.suspended,
            Wait::Unsigned => &self.todo.unsigned,
            Wait::Delivered => &self.todo.delivered,
        }
    }
}

/// Replaces the placeholders by values. A value is inserted as it is, even where it contains braces.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((name, after)) = after.split_once('}') else { break };
        let value = values.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        filled.push_str(value.unwrap_or_default());
        rest = after;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::testing::Ground;

    const KINDS: [(Kind, &[&str]); 22] = [
        (Kind::VerifyEmail, &["programme", "registered", "link", "code", "until"]),
        (Kind::RegisteredAgain, &["name", "programme", "link", "recover"]),
        (Kind::Recovery, &["name", "programme", "link", "code", "until"]),
        (Kind::PasswordRecovered, &["name", "programme", "at", "recover"]),
        (Kind::AddressAsked, &["programme", "asked", "link", "code", "until"]),
        (Kind::AddressWarned, &["name", "programme", "asked", "address", "recover"]),
        (Kind::AddressTaken, &["name", "programme", "sign_in", "recover"]),
        (Kind::AddressChanged, &["name", "programme", "former", "address"]),
        (Kind::AddressGivenUp, &["name", "programme", "former", "address", "link", "code", "until"]),
        (Kind::AccountLocked, &["name", "programme", "at", "reason"]),
        (Kind::AccountReinstated, &["name", "programme", "sign_in", "recover"]),
        (Kind::TeamCredential, &["name", "programme", "team", "login", "credential", "link", "until"]),
        (Kind::ApplicationRefused, &["name", "programme", "team", "refusal"]),
        (Kind::ClassAwaited, &["name", "programme", "twinning", "team", "since", "todo", "link", "sign_in"]),
        (Kind::CentralTeamAwaited, &["name", "programme", "twinning", "since", "todo", "link", "sign_in"]),
        (Kind::Invitation, &["programme", "role", "link", "code", "until"]),
        (Kind::MandateGranted, &["name", "programme", "role", "link"]),
        (Kind::MandateRevoked, &["name", "programme", "role", "link"]),
        (Kind::FactorEnrolled, &["name", "programme", "at", "recover"]),
        (Kind::FactorGivenUp, &["name", "programme", "at", "recover"]),
        (Kind::FactorReset, &["name", "programme", "at", "sign_in"]),
        (Kind::RecoveryCodeUsed, &["name", "programme", "at", "left", "recover"]),
    ];

    fn placeholders(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).map(|rest| rest.split_once('}').unwrap().0).collect()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn every_language_has_every_letter_with_every_placeholder() {
        assert_eq!(LANGUAGES.len(), FILES.len());
        for (tag, language) in LANGUAGES.iter() {
            for (kind, wanted) in KINDS {
                let Text { subject, text } = language.text(kind);
                assert_eq!(placeholders(text), BTreeSet::from_iter(wanted.iter().copied()), "{tag} {kind:?}");
                assert!(placeholders(subject).is_subset(&placeholders(text)), "{tag} {kind:?}");
                assert!(!subject.trim().is_empty() && text.lines().count() > 5, "{tag} {kind:?}");
            }
            let parts = BTreeSet::from(["weekday", "day", "month", "year", "time", "zone"]);
            assert_eq!(placeholders(&language.moment), parts, "{tag}");
        }
    }

    #[test]
    fn no_language_repeats_another() {
        for (kind, _) in KINDS {
            let subjects: BTreeSet<_> = LANGUAGES.iter().map(|(_, language)| &language.text(kind).subject).collect();
            assert_eq!(subjects.len(), LANGUAGES.len(), "{kind:?}");
        }
    }

    #[test]
    fn every_language_says_what_is_to_be_done_in_words_of_its_own() {
        for wait in [
            Wait::Proposed,
            Wait::Accepted,
            Wait::Approved,
            Wait::ProjectAgreed,
            Wait::OneSided,
            Wait::Suspended,
            Wait::Unsigned,
            Wait::Delivered,
        ] {
            let said: BTreeSet<_> = LANGUAGES.iter().map(|(_, language)| language.todo(wait)).collect();
            assert_eq!(said.len(), LANGUAGES.len(), "{wait:?}");
            assert!(said.iter().all(|text| text.len() > 30 && !text.contains('{')), "{said:?}");
        }
    }

    #[test]
    fn every_language_has_a_word_for_every_role_that_is_given() {
        let given: BTreeSet<_> = proto::roles::all()
            .filter(|role| proto::roles::granting(*role).is_some())
            .map(proto::roles::word)
            .collect();
        assert!(given.len() > 5);
        for (tag, language) in LANGUAGES.iter() {
            assert_eq!(language.roles.keys().cloned().collect::<BTreeSet<_>>(), given, "{tag}");
            assert!(given.iter().all(|role| language.role(role).len() > 5), "{tag}");
        }
    }

    #[test]
    fn a_moment_has_weekday_local_time_and_zone() {
        let rome = Ground::without_store().tenant;
        let moment = |tag: &str, instant: &str| known(tag).unwrap().moment(&rome, at(instant));
        let closing = "2022-10-24T16:00:00Z";
        assert_eq!(moment("en", closing), "Monday 24 October 2022 at 18:00 (Europe/Rome, UTC+02:00)");
        assert_eq!(moment("it", closing), "lunedì 24 ottobre 2022 alle ore 18:00 (Europe/Rome, UTC+02:00)");
        assert_eq!(moment("hr", closing), "ponedjeljak, 24. listopada 2022. u 18:00 (Europe/Rome, UTC+02:00)");
        assert_eq!(moment("es", closing), "lunes, 24 de octubre de 2022, a las 18:00 (Europe/Rome, UTC+02:00)");
        assert_eq!(moment("el", closing), "Δευτέρα 24 Οκτωβρίου 2022, ώρα 18:00 (Europe/Rome, UTC+02:00)");
        assert_eq!(moment("sl", closing), "ponedeljek, 24. oktobra 2022, ob 18:00 (Europe/Rome, UTC+02:00)");
        let twice = ["2022-10-30T00:30:00Z", "2022-10-30T01:30:00Z"].map(|instant| moment("en", instant));
        assert_eq!(twice[0], "Sunday 30 October 2022 at 02:30 (Europe/Rome, UTC+02:00)");
        assert_eq!(twice[1], "Sunday 30 October 2022 at 02:30 (Europe/Rome, UTC+01:00)");
    }

    #[test]
    fn the_language_is_ones_own_then_the_tenants_then_english() {
        let tenant = |locales: &str| Ground::tenant_of(&format!("locales = {locales}"));
        let tag = |locales: &str, locale: &str| {
            let chosen = language(&tenant(locales), locale).unwrap();
            LANGUAGES.iter().find(|(_, language)| std::ptr::eq(language, chosen)).unwrap().0
        };
        assert_eq!(tag("['it', 'en']", "hr"), "hr");
        assert_eq!(tag("['it']", "sl-SI"), "sl");
        assert_eq!(tag("['it']", "EL-gr"), "el");
        assert_eq!(tag("['it-CH', 'en']", ""), "it");
        assert_eq!(tag("['it']", "pt-BR"), "it");
        assert_eq!(tag("['fr', 'de']", "pt"), "en");
        assert_eq!(tag("['fr', 'hr']", "pt"), "hr");
    }

    #[test]
    fn there_are_letters_in_a_language_and_its_regions() {
        assert!(is_written("sl") && is_written("es-ES") && is_written("EL-gr"));
        assert!(!is_written("ca") && !is_written("tlh") && !is_written(""));
    }

    #[test]
    fn a_value_that_looks_like_a_placeholder_stays_a_value() {
        assert_eq!(fill("{a} and {b}", &[("a", "{b}"), ("b", "{a}")]), "{b} and {a}");
        let letter =
            known("en").unwrap().write(Kind::TeamCredential, &[("team", "Red\r\nBcc: all"), ("programme", "P")]);
        assert_eq!(letter.subject, "First sign-in of your team Red Bcc: all – P");
    }
}
