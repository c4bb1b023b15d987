//! What a country's file says to identity: the table `[identity]`. Everything in which countries differ for identity is in that
//! file, so adding a country is adding a file. The room also holds the territories (NUTS) and the search for forbidden words.
//!
//! It imports `post` alone, whose letters the file may bring, and every later room may import it.

use std::{fmt, sync::LazyLock};

use jiff::SignedDuration;
use platform::tenant::{Head, Kind, Section};
use proto::options::v1::Role;
use regex::Regex;
use serde::{Deserialize, Serialize};

use self::{vouching::Vouching, words::Words};
use crate::post::letters::{self, Own};

pub mod api;
mod pattern;
mod providers;
mod roles;
mod schools;
pub mod territory;
pub mod vouching;
pub mod words;

pub use providers::Provider;
pub use schools::{Column, Schools};

/// The table `[identity]` of a country's or a programme's file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Country {
    nuts: Vec<String>,
    schools: Option<Schools>,
    #[serde(default)]
    words: Forbidden,
    #[serde(default)]
    retention: Retention,
    #[serde(default)]
    credentials: Credentials,
    #[serde(default)]
    letters: Own,
    #[serde(default)]
    vouching: Vouching,
    #[serde(default)]
    second_factor: SecondFactor,
    #[serde(default)]
    providers: Vec<Provider>,
}

/// The table `[identity.second_factor]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SecondFactor {
    /// The words of the roles that are acted in only by who has a second factor.
    required_for: Vec<String>,
}

/// The stage a school teaches at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Lower secondary: Italian scuola secondaria di I grado, Spanish ESO, Greek gymnasio.
    LowerSecondary,
    /// Upper secondary: Italian scuola secondaria di II grado, Croatian srednja škola, Spanish bachillerato, Greek lykeio.
    UpperSecondary,
    /// Any other level. Such schools are listed, and no track admits them.
    Other,
}

impl Level {
    /// The name of the level in data, for example `lower_secondary`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LowerSecondary => "lower_secondary",
            Self::UpperSecondary => "upper_secondary",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Forbidden {
    forbidden: Words,
}

/// Retention periods in days: the table `[identity.retention]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// An account whose address was never verified, counted from its registration; and what else waits for a mailed code, counted from
    /// when it was asked for.
    pub unverified_accounts: u16,
    /// A draft application that was never submitted, counted from its last change.
    pub abandoned_drafts: u16,
    /// The head teacher's authorisation and other attachments, counted from the end of the edition.
    pub authorisation_files: u16,
    /// An account that nobody signs in to, counted from the last sign-in.
    pub inactive_accounts: u16,
    /// How many days before an account ends that nobody signs in to, its owner is told by a letter.
    pub inactive_warning: u16,
    /// The address of somebody who was invited, counted from the end of the invitation.
    pub ended_invitations: u16,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            unverified_accounts: 30,
            abandoned_drafts: 365,
            authorisation_files: 730,
            inactive_accounts: 1825,
            inactive_warning: 30,
            ended_invitations: 30,
        }
    }
}

/// How long mailed credentials and codes are valid, and machine tokens at most: the table `[identity.credentials]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Credentials {
    provisional_hours: u16,
    verification_hours: u16,
    invitation_hours: u16,
    recovery_hours: u16,
    machine_token_days: u16,
}

impl Default for Credentials {
    fn default() -> Self {
        Self {
            provisional_hours: 336,
            verification_hours: 48,
            invitation_hours: 336,
            recovery_hours: 2,
            machine_token_days: 400,
        }
    }
}

impl Credentials {
    /// How long a team's provisional credential is valid.
    pub fn provisional(&self) -> SignedDuration {
        SignedDuration::from_hours(self.provisional_hours.into())
    }

    /// How long the code of an invitation is valid.
    pub fn invitation(&self) -> SignedDuration {
        SignedDuration::from_hours(self.invitation_hours.into())
    }

    /// How long a code that verifies an e-mail address is valid.
    pub fn verification(&self) -> SignedDuration {
        SignedDuration::from_hours(self.verification_hours.into())
    }

    /// How long a code that replaces a forgotten password is valid.
    pub fn recovery(&self) -> SignedDuration {
        SignedDuration::from_hours(self.recovery_hours.into())
    }

    /// The most days for which a machine token works.
    pub fn machine_token_days(&self) -> i32 {
        self.machine_token_days.into()
    }
}

impl Country {
    /// The prefixes of the NUTS codes of the country's territories. For a programme: the prefixes of its area.
    pub fn nuts(&self) -> &[String] {
        &self.nuts
    }

    /// Whether the territory with this NUTS code lies in the country or in the programme's area. A school may enter a programme
    /// only where this is true.
    pub fn contains(&self, territory: &str) -> bool {
        self.nuts.iter().any(|prefix| territory.starts_with(prefix.as_str()))
    }

    /// How the country's register of schools is read. None for a programme, which has no register.
    pub fn schools(&self) -> Option<&Schools> {
        self.schools.as_ref()
    }

    /// Whether a text has the format of a school's code in this country.
    pub fn school_code_fits(&self, code: &str) -> bool {
        self.schools.as_ref().is_some_and(|schools| schools.code_fits(code))
    }

    /// The words that names and addresses must not contain (I5).
    pub fn words(&self) -> &Words {
        &self.words.forbidden
    }

    /// The retention periods.
    pub fn retention(&self) -> &Retention {
        &self.retention
    }

    /// How long mailed credentials and codes are valid.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The letters that the file brings.
    pub(crate) fn letters(&self) -> &Own {
        &self.letters
    }

    /// How teachers are vouched for.
    pub fn vouching(&self) -> &Vouching {
        &self.vouching
    }

    /// The identity providers that people may come in by.
    pub fn providers(&self) -> &[Provider] {
        &self.providers
    }

    /// What people call the provider with a code: the code itself, where the file has none any more.
    pub fn provider_name<'c>(&'c self, code: &'c str) -> &'c str {
        self.providers.iter().find(|provider| provider.code() == code).map_or(code, Provider::name)
    }

    /// Whether a role is acted in only by who has a second factor.
    pub fn needs_factor(&self, role: Role) -> bool {
        self.second_factor.required_for.contains(&roles::word(role))
    }

    /// The roles that need a second factor are those that somebody can be given: the account that pupils share has none, and a visitor's
    /// is at home.
    fn factor_faults(&self) -> impl Iterator<Item = String> {
        let is_given =
            |word: &str| roles::all().any(|role| roles::word(role) == word && roles::granting(role).is_some());
        let strange = self.second_factor.required_for.iter().filter(move |word| !is_given(word));
        strange.map(|word| format!("identity.second_factor.required_for: nobody can be given a role `{word}`"))
    }

    fn kind_faults(&self, head: &Head) -> Vec<String> {
        match (head.kind, &self.schools) {
            (Kind::Country, _) if !head.cci.is_empty() => {
                vec!["cci: a country has none, they are of programmes".to_owned()]
            }
            (Kind::Country, Some(schools)) => schools.faults(&self.nuts),
            (Kind::Country, None) => {
                vec!["identity.schools: a country needs this table, which says how its register is read".to_owned()]
            }
            (Kind::Programme, Some(_)) => {
                vec!["identity.schools: a programme has no register, its schools are those of its countries".to_owned()]
            }
            (Kind::Programme, None) => cci_faults(&head.cci),
        }
    }

    fn day_faults(&self) -> Vec<String> {
        let Retention {
            unverified_accounts,
            abandoned_drafts,
            authorisation_files,
            inactive_accounts,
            inactive_warning,
            ended_invitations,
        } = self.retention;
        let Credentials { provisional_hours, verification_hours, invitation_hours, recovery_hours, machine_token_days } =
            self.credentials;
        let counts = [
            ("retention.unverified_accounts", unverified_accounts),
            ("retention.abandoned_drafts", abandoned_drafts),
            ("retention.authorisation_files", authorisation_files),
            ("retention.inactive_accounts", inactive_accounts),
            ("retention.inactive_warning", inactive_warning),
            ("retention.ended_invitations", ended_invitations),
            ("credentials.provisional_hours", provisional_hours),
            ("credentials.verification_hours", verification_hours),
            ("credentials.invitation_hours", invitation_hours),
            ("credentials.recovery_hours", recovery_hours),
            ("credentials.machine_token_days", machine_token_days),
        ];
        let empty = counts.into_iter().filter(|(_, count)| *count == 0);
        let late = (inactive_warning >= inactive_accounts)
            .then(|| "identity.retention.inactive_warning: less than `inactive_accounts`".to_owned());
        empty.map(|(key, _)| format!("identity.{key}: at least 1")).chain(late).collect()
    }
}

impl Section for Country {
    const NAME: &'static str = "identity";

    fn faults(&self, head: &Head) -> Vec<String> {
        let mut faults = Vec::new();
        if self.nuts.is_empty() {
            faults.push("identity.nuts: at least one code of NUTS, or the beginning of one, such as `IT`".to_owned());
        }
        let strange = self.nuts.iter().filter(|code| code.len() < 2 || territory::within(code).is_empty());
        faults.extend(strange.map(|code| format!("identity.nuts: no territory of NUTS begins with `{code}`")));
        faults.extend(self.kind_faults(head));
        faults.extend(self.words.forbidden.faults("identity.words.forbidden"));
        faults.extend(self.day_faults());
        faults.extend(letters::faults(&self.letters).into_iter().map(|fault| format!("identity.letters.{fault}")));
        faults.extend(self.vouching.faults());
        faults.extend(self.factor_faults());
        faults.extend(providers::faults(&self.providers));
        faults
    }
}

/// The format of a CCI code, for example `2014TC16RFCB042`: year, objective, kind of fund, strand, number.
static CCI: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^20\d\dTC16[A-Z][A-Z0-9][A-Z]{2}\d{3}$").ok());

/// The Commission's codes (CCI) of the Interreg programmes whose projects are observed.
fn cci_faults(codes: &[String]) -> Vec<String> {
    if codes.is_empty() {
        return vec!["cci: a programme needs the codes of its projects, such as `[\"2014TC16RFCB042\"]`".to_owned()];
    }
    let strange = codes.iter().filter(|code| CCI.as_ref().is_some_and(|cci| !cci.is_match(code)));
    strange.map(|code| format!("cci: `{code}` is not like `2014TC16RFCB042`")).collect()
}

#[cfg(test)]
mod tests {
    use platform::tenant::{SectionKind, Tenant, parse};
    use serde::de::IgnoredAny;

    use super::*;

    /// The table of another service, which these tests do not look at.
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Lessons(IgnoredAny);

    impl Section for Lessons {
        const NAME: &'static str = "lessons";

        fn faults(&self, _: &Head) -> Vec<String> {
            Vec::new()
        }
    }

    fn tenant(id: &str, text: &str) -> Result<Tenant, Vec<String>> {
        parse(&id.parse().unwrap(), text, &[SectionKind::of::<Country>(), SectionKind::of::<Lessons>()])
    }

    fn faults(kind: &str, identity: &str) -> Vec<String> {
        let countries = if kind == "programme" { "countries = ['it', 'hr']\n" } else { "" };
        let head = format!(
            "kind = '{kind}'\nname = 'Test'\nlocales = ['it']\nzone = 'Europe/Rome'\n{countries}lessons = {{}}\n"
        );
        tenant("it", &format!("{head}{identity}")).map(|_| Vec::new()).unwrap_or_else(|faults| faults)
    }

    fn file(name: &str) -> Tenant {
        let path = format!("{}/../koine/tenants/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap();
        tenant(name, &text).unwrap_or_else(|faults| panic!("{name}: {faults:#?}"))
    }

    #[test]
    fn the_files_of_all_tenants_are_without_fault() {
        for name in ["it", "hr", "es", "gr", "si"] {
            let tenant = file(name);
            let country = tenant.section::<Country>().unwrap();
            assert_eq!(tenant.kind(), Kind::Country, "{name}");
            assert!(country.schools().is_some(), "{name}");
            assert_eq!(country.words().find("team.A-S-O-C"), Some("asoc"), "{name}");
        }
        for name in ["it-hr", "it-si", "gr-it", "si-hr", "euro-med"] {
            let tenant = file(name);
            let country = tenant.section::<Country>().unwrap();
            assert_eq!(tenant.kind(), Kind::Programme, "{name}");
            assert!(!tenant.cci().is_empty(), "{name}");
            for home in tenant.countries() {
                let home = file(home.as_str());
                let nuts = home.section::<Country>().unwrap().nuts();
                let part =
                    country.nuts().iter().filter(|code| nuts.iter().any(|prefix| code.starts_with(prefix.as_str())));
                assert!(part.count() > 0, "{name}: no part of the area is in {home:?}");
            }
        }
    }

    #[test]
    fn the_area_of_a_programme_decides_who_can_take_part() {
        let area = file("it-hr");
        let area = area.section::<Country>().unwrap();
        assert!(
            area.contains("ITF14") && area.contains("HR027"),
            "Chieti and Karlovac are in the area of Italy-Croatia"
        );
        assert!(!area.contains("ITF11") && !area.contains("HR050"), "L'Aquila and Zagreb are not");
        assert!(!area.school_code_fits("CHTD007011"), "a programme has no register");
    }

    #[test]
    fn codes_of_schools_have_their_country_s_form() {
        for (name, fitting, other) in [
            ("it", "CHTD007011", "CHTD00701"),
            ("hr", "21-114-504", "21114504"),
            ("es", "08013275", "8013275"),
            ("gr", "0501015", "501015"),
            ("si", "5084059000", "50840590"),
        ] {
            let tenant = file(name);
            let country = tenant.section::<Country>().unwrap();
            assert!(country.school_code_fits(fitting) && !country.school_code_fits(other), "{name}");
        }
    }

    #[test]
    fn every_italian_province_has_its_territory_and_no_other() {
        let tenant = file("it");
        let country = tenant.section::<Country>().unwrap();
        let schools = country.schools().unwrap();
        let provinces = territory::within("IT").iter().filter(|one| one.level == 3 && !one.code.ends_with("ZZZ"));
        let mut count = 0;
        for province in provinces {
            assert_eq!(schools.territory("", province.name).as_deref(), Ok(province.code));
            count += 1;
        }
        assert_eq!(count, 107);
        assert_eq!(schools.territory("", "REGGIO CALABRIA").as_deref(), Ok("ITF65"));
        assert_eq!(schools.territory("", "FORLI' - CESENA").as_deref(), Ok("ITH58"));
    }

    #[test]
    fn what_is_not_said_has_its_default() {
        let country: Country = toml::from_str("nuts = ['IT']").unwrap();
        assert_eq!(country.credentials().provisional(), SignedDuration::from_hours(14 * 24));
        assert_eq!(country.credentials().verification(), SignedDuration::from_hours(48));
        assert_eq!(country.credentials().recovery(), SignedDuration::from_hours(2));
        assert_eq!(country.retention().unverified_accounts, 30);
        assert_eq!(country.words().find("asoc"), None);
        assert!(roles::all().all(|role| !country.needs_factor(role)));
    }

    #[test]
    fn every_fault_is_named_at_once_with_its_key() {
        let found = faults(
            "programme",
            "cci = ['2014']\n[identity]\nnuts = ['XX', 'I']\nwords = { forbidden = ['a'] }\nretention = { unverified_accounts = 0, inactive_warning = 1825 }\n\
             credentials = { verification_hours = 0, recovery_hours = 0 }\nsecond_factor = { required_for = ['juror', 'team', 'Juror'] }\n",
        );
        for key in [
            "identity.nuts: no territory of NUTS begins with `XX`",
            "identity.nuts: no territory of NUTS begins with `I`",
            "identity.words.forbidden: `a`",
            "identity.retention.unverified_accounts:",
            "identity.retention.inactive_warning: less than",
            "identity.credentials.verification_hours:",
            "identity.credentials.recovery_hours:",
            "identity.second_factor.required_for: nobody can be given a role `team`",
            "identity.second_factor.required_for: nobody can be given a role `Juror`",
            "cci: `2014`",
        ] {
            assert!(found.iter().any(|fault| fault.starts_with(key)), "{key} {found:#?}");
        }
        assert!(!found.iter().any(|fault| fault.contains("`juror`")), "{found:#?}");
    }

    #[test]
    fn a_country_has_a_register_and_a_programme_an_agreement() {
        let (none, codes) = ("[identity]\nnuts = ['IT']\n", "cci = ['2014TC16RFCB042']\n");
        assert!(faults("country", none)[0].starts_with("identity.schools: a country needs"));
        assert!(faults("programme", none)[0].starts_with("cci: a programme needs"));
        assert!(faults("country", &format!("{codes}{none}"))[0].starts_with("cci: a country has none"));
        assert_eq!(faults("programme", &format!("{codes}{none}")), Vec::<String>::new());
    }

    #[test]
    fn a_key_nobody_knows_is_a_fault() {
        let found = faults("country", "[identity]\nnuts = ['IT']\ncolour = 'red'\n");
        assert!(found[0].contains("colour"), "{found:?}");
    }
}
