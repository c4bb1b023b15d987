//! The texts of letters: one file per language in `letters/`, built in. To add a language, add a file and a line in [`FILES`]. The file
//! of a country can bring letters too, of another language or in place of those built in: the tables `[identity.letters.<tag>]`.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Deref,
    sync::LazyLock,
};

use jiff::Timestamp;
use platform::{Error, Result, Tenant, language::prefixes};
use serde::Deserialize;

use crate::post::reminder::Wait;

mod kinds;

use kinds::KINDS;
pub(crate) use kinds::Kind;

/// A letter, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Letter {
    /// One line.
    pub(crate) subject: String,
    /// Plain text.
    pub(crate) text: String,
}

/// The texts of one language.
#[derive(Clone, Debug, Deserialize)]
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
    account_idle: Text,
    team_credential: Text,
    application_refused: Text,
    class_awaited: Text,
    central_team_awaited: Text,
    invitation: Text,
    mandate_granted: Text,
    mandate_revoked: Text,
    teacher_confirmed: Text,
    confirmation_ended: Text,
    school_asked: Text,
    grounds: Grounds,
    webhook_disabled: Text,
    machine_secret_made: Text,
    class_handed_over: Text,
    support_added: Text,
    factor_enrolled: Text,
    factor_given_up: Text,
    factor_reset: Text,
    recovery_code_used: Text,
    passkey_added: Text,
    passkey_removed: Text,
    passkey_copied: Text,
    provider_linked: Text,
    provider_unlinked: Text,
    todo: Todo,
    /// What people call a role, by its word in data.
    roles: BTreeMap<String, String>,
}

/// What the reader has to do, for each reason why a pair waits.
#[derive(Clone, Debug, Deserialize)]
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

/// Who has vouched for a teacher, as the teacher is told.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Grounds {
    school: String,
    colleague: String,
    coordinator: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    subject: String,
    text: String,
}

/// The files, by the BCP 47 tag of their language.
const FILES: [(&str, &str); 7] = [
    ("en", include_str!("../../letters/en.toml")),
    ("it", include_str!("../../letters/it.toml")),
    ("hr", include_str!("../../letters/hr.toml")),
    ("es", include_str!("../../letters/es.toml")),
    ("ca", include_str!("../../letters/ca.toml")),
    ("el", include_str!("../../letters/el.toml")),
    ("sl", include_str!("../../letters/sl.toml")),
];

/// The language where no other fits.
const LAST: &str = "en";

/// The languages whose files can be read. A test reads them all.
static LANGUAGES: LazyLock<Vec<(&str, Language)>> =
    LazyLock::new(|| FILES.iter().filter_map(|(tag, text)| Some((*tag, toml::from_str(text).ok()?))).collect());

/// The letters that a tenant's file brings, by the BCP 47 tag of their language.
pub(crate) type Own = BTreeMap<String, Language>;

/// The texts of one language, with its BCP 47 tag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tongue<'t> {
    pub(crate) tag: &'t str,
    texts: &'t Language,
}

impl Deref for Tongue<'_> {
    type Target = Language;

    fn deref(&self) -> &Language {
        self.texts
    }
}

/// The language for a letter: the reader's own, else the first of the tenant's that is known, else English. `it-CH` falls back to
/// `it`. What the tenant's file brings comes before what is built in. Error: internal, where no file can be read.
pub(crate) fn language<'t>(tenant: &Tenant, own: &'t Own, locale: &str) -> Result<Tongue<'t>> {
    let wanted = std::iter::once(locale).chain(tenant.locales().iter().map(String::as_str)).chain([LAST]);
    let found = wanted.flat_map(prefixes).find_map(|tag| brought(own, tag).or_else(|| known(tag)));
    found.ok_or_else(|| Error::internal("letters: no language can be read"))
}

/// Whether there are letters in a language, or in one that it falls back to.
pub(crate) fn is_written(own: &Own, tag: &str) -> bool {
    prefixes(tag).any(|tag| brought(own, tag).or_else(|| known(tag)).is_some())
}

fn brought<'t>(own: &'t Own, tag: &str) -> Option<Tongue<'t>> {
    let (tag, texts) = own.iter().find(|(known, _)| known.eq_ignore_ascii_case(tag))?;
    Some(Tongue { tag, texts })
}

fn known(tag: &str) -> Option<Tongue<'static>> {
    let (tag, texts) = LANGUAGES.iter().find(|(known, _)| known.eq_ignore_ascii_case(tag))?;
    Some(Tongue { tag, texts })
}

/// What is wrong with the letters of a tenant's file, each with its key. That none is missing is known when the file is read.
pub(crate) fn faults(own: &Own) -> Vec<String> {
    own.iter()
        .flat_map(|(tag, language)| language.faults().into_iter().map(move |fault| format!("{tag}.{fault}")))
        .collect()
}

/// The placeholders of a text. What no brace closes is one that nobody knows.
fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).map(|rest| rest.split_once('}').map_or(rest, |(name, _)| name)).collect()
}

impl Language {
    /// What is wrong with these texts, each with its key.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let parts = BTreeSet::from(["weekday", "day", "month", "year", "time", "zone"]);
        if placeholders(&self.moment) != parts {
            faults.push(format!("moment: has to have {}", listed(&parts)));
        }
        for (kind, wanted) in KINDS {
            let (Text { subject, text }, wanted) = (self.text(kind), BTreeSet::from_iter(wanted.iter().copied()));
            if placeholders(text) != wanted {
                faults.push(format!("{}.text: has to have {}, and no other", kind.name(), listed(&wanted)));
            }
            if subject.trim().is_empty() || !placeholders(subject).is_subset(&wanted) {
                faults.push(format!("{}.subject: may have {}, and is not empty", kind.name(), listed(&wanted)));
            }
        }
        faults
    }

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
            Kind::AccountIdle => &self.account_idle,
            Kind::TeamCredential => &self.team_credential,
            Kind::ApplicationRefused => &self.application_refused,
            Kind::ClassAwaited => &self.class_awaited,
            Kind::CentralTeamAwaited => &self.central_team_awaited,
            Kind::Invitation => &self.invitation,
            Kind::MandateGranted => &self.mandate_granted,
            Kind::MandateRevoked => &self.mandate_revoked,
            Kind::TeacherConfirmed => &self.teacher_confirmed,
            Kind::ConfirmationEnded => &self.confirmation_ended,
            Kind::SchoolAsked => &self.school_asked,
            Kind::WebhookDisabled => &self.webhook_disabled,
            Kind::MachineSecretMade => &self.machine_secret_made,
            Kind::ClassHandedOver => &self.class_handed_over,
            Kind::SupportAdded => &self.support_added,
            Kind::FactorEnrolled => &self.factor_enrolled,
            Kind::FactorGivenUp => &self.factor_given_up,
            Kind::FactorReset => &self.factor_reset,
            Kind::RecoveryCodeUsed => &self.recovery_code_used,
            Kind::PasskeyAdded => &self.passkey_added,
            Kind::PasskeyRemoved => &self.passkey_removed,
            Kind::PasskeyCopied => &self.passkey_copied,
            Kind::ProviderLinked => &self.provider_linked,
            Kind::ProviderUnlinked => &self.provider_unlinked,
        }
    }

    /// What people call a role. Empty for one that nobody gives.
    pub(crate) fn role(&self, word: &str) -> &str {
        self.roles.get(word).map_or("", String::as_str)
    }

    /// Who has vouched for a teacher, by the word of the ground. None for a domain, of which no letter tells.
    pub(crate) fn ground(&self, word: &str) -> Option<&str> {
        match word {
            "school" => Some(&self.grounds.school),
            "colleague" => Some(&self.grounds.colleague),
            "coordinator" => Some(&self.grounds.coordinator),
            _ => None,
        }
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

fn listed(placeholders: &BTreeSet<&str>) -> String {
    placeholders.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(" ")
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
    use mailparse::{MailHeaderMap, parse_mail};
    use platform::mail::Mail;
    use uuid::Uuid;

    use super::*;
    use crate::testing::Ground;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn every_language_has_every_letter_with_every_placeholder() {
        assert_eq!(LANGUAGES.len(), FILES.len());
        for (tag, language) in LANGUAGES.iter() {
            assert_eq!(language.faults(), [""; 0], "{tag}");
            for (kind, _) in KINDS {
                assert!(language.text(kind).text.lines().count() > 5, "{tag} {kind:?}");
            }
        }
    }

    /// The built-in letters of a language, as a tenant's file brings them after `change`.
    fn own(tag: &str, of: &str, change: impl Fn(String) -> String) -> Result<Own, toml::de::Error> {
        let (_, text) = FILES.iter().find(|(known, _)| *known == of).unwrap();
        Ok(Own::from([(tag.to_owned(), toml::from_str(&change((*text).to_owned()))?)]))
    }

    #[test]
    fn letters_that_a_file_brings_are_complete_and_know_their_placeholders() {
        assert_eq!(faults(&own("pt", "it", |text| text).unwrap()), [""; 0]);
        let lacks = own("pt", "it", |text| text.replace("[class_awaited]", "[class_waits]")).unwrap_err();
        assert!(lacks.to_string().contains("class_waits"), "{lacks}");
        for (from, to, fault) in [
            ("{credential}", "", "pt.team_credential.text: has to have "),
            ("{refusal}", "{refusal} {password}", "pt.application_refused.text: has to have "),
            ("{refusal}", "{refusal", "pt.application_refused.text: has to have "),
            ("{weekday}", "", "pt.moment: has to have "),
            (
                "subject = \"Conferma il tuo indirizzo – {programme}\"",
                "subject = \"{nome}\"",
                "pt.verify_email.subject: may have ",
            ),
        ] {
            let found = faults(&own("pt", "it", |text| text.replacen(from, to, 1)).unwrap());
            assert!(found.len() == 1 && found[0].starts_with(fault), "{from}: {found:?}");
        }
    }

    #[test]
    fn what_a_file_brings_comes_before_what_is_built_in() {
        let tenant = Ground::tenant_of("locales = ['pt', 'it']");
        let pt = own("pt", "it", |text| text.replace("Conferma il tuo indirizzo", "Confirma o teu endereço")).unwrap();
        let subject = |own: &Own, locale: &str| {
            let language = language(&tenant, own, locale).unwrap();
            (language.tag.to_owned(), language.write(Kind::VerifyEmail, &[("programme", "P")]).subject)
        };
        assert_eq!(subject(&pt, "pt-PT"), ("pt".to_owned(), "Confirma o teu endereço – P".to_owned()));
        assert_eq!(subject(&pt, "fr").0, "pt", "the tenant's first language");
        assert_eq!(subject(&pt, "hr").0, "hr");
        assert_eq!(subject(&Own::new(), "pt").0, "it");
        let better = own("IT", "it", |text| text.replace("Conferma il tuo indirizzo", "Conferma qui")).unwrap();
        assert_eq!(subject(&better, "it").1, "Conferma qui – P");
    }

    #[tokio::test]
    async fn every_letter_in_every_language_is_read_by_another_parser_as_it_was_written() {
        let ground = Ground::without_store();
        let team = "Škola & <Мир> ".repeat(12);
        for (tag, language) in LANGUAGES.iter() {
            for (kind, wanted) in KINDS {
                let long = "https://koine.example/it/verify-email#0123456789012345678901234567890123456789abc";
                let values: Vec<_> =
                    wanted.iter().map(|name| (*name, if *name == "link" { long } else { &*team })).collect();
                let Letter { subject, text } = language.write(kind, &values);
                let (to, language) = ("ana@school.example".to_owned(), (*tag).to_owned());
                let mail = Mail { id: Uuid::nil(), to, language, subject: subject.clone(), text: text.clone() };
                ground.mailer().send(&ground.anybody(), mail).await.unwrap();
                is_well_written(&ground, tag, &subject, &text);
            }
        }
    }

    /// Reads the mail on the ground and compares.
    #[track_caller]
    fn is_well_written(ground: &Ground, tag: &str, subject: &str, text: &str) {
        let bytes = ground.mail(Uuid::nil());
        assert!(
            bytes.is_ascii() && bytes.split(|byte| *byte == b'\n').all(|line| line.len() <= 998),
            "{tag} {subject}"
        );
        let mail = parse_mail(&bytes).unwrap();
        let header = |name| mail.headers.get_all_values(name).join("|");
        assert_eq!(header("Subject"), subject);
        assert_eq!(header("Auto-Submitted"), "auto-generated");
        assert_eq!(header("MIME-Version"), "1.0");
        assert_eq!(header("Content-Language"), tag);
        assert_eq!(header("Message-ID"), "<00000000-0000-0000-0000-000000000000@localhost.localdomain>");
        assert_eq!(header("From"), "Testlandia <koine@localhost.localdomain>");
        assert!(mailparse::dateparse(&header("Date")).is_ok());
        let [plain, html] = &mail.subparts[..] else { panic!("plain and HTML") };
        assert_eq!((&*mail.ctype.mimetype, &*plain.ctype.mimetype), ("multipart/alternative", "text/plain"));
        assert_eq!((&*html.ctype.mimetype, &*html.ctype.charset), ("text/html", "utf-8"));
        assert_eq!(plain.get_body().unwrap().replace("\r\n", "\n").trim_end(), text.trim_end());
        let html = html.get_body().unwrap();
        assert!(html.contains(&format!("<html lang=\"{tag}\">")) && !html.contains("<Мир>"), "{html}");
        assert_eq!(text.contains("https://"), html.contains("<a href=\"https://"), "{html}");
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
    fn every_language_says_in_its_own_words_who_vouched_for_a_teacher() {
        for ground in ["school", "colleague", "coordinator"] {
            let said: BTreeSet<_> = LANGUAGES.iter().filter_map(|(_, language)| language.ground(ground)).collect();
            assert_eq!(said.len(), LANGUAGES.len(), "{ground:?}");
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
        let tag = |locales: &str, locale: &str| language(&tenant(locales), &Own::new(), locale).unwrap().tag.to_owned();
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
        assert!(is_written(&Own::new(), "sl") && is_written(&Own::new(), "es-ES") && is_written(&Own::new(), "EL-gr"));
        assert!(!is_written(&Own::new(), "pt") && !is_written(&Own::new(), "tlh") && !is_written(&Own::new(), ""));
    }

    #[test]
    fn a_value_that_looks_like_a_placeholder_stays_a_value() {
        assert_eq!(fill("{a} and {b}", &[("a", "{b}"), ("b", "{a}")]), "{b} and {a}");
        let letter =
            known("en").unwrap().write(Kind::TeamCredential, &[("team", "Red\r\nBcc: all"), ("programme", "P")]);
        assert_eq!(letter.subject, "First sign-in of your team Red Bcc: all – P");
    }
}
