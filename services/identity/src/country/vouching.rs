//! How teachers are vouched for: the table `[identity.vouching]`. Where a file says nothing, nobody has to be, and nobody can be.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde::Deserialize;

/// The table `[identity.vouching]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Vouching {
    required: bool,
    ways: BTreeSet<Way>,
    domains: Vec<String>,
    letter_hours: u16,
}

/// A way in which a teacher is confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// The domain of the proven e-mail address is the school's own, as the register tells it, or one of `domains`. Those below it are
    /// others, pupils' perhaps: `*.school.example` in `domains` stands for them.
    Domain,
    /// Somebody at the school redeems the code of a letter to its address in the register.
    School,
    /// A confirmed colleague of the same school vouches.
    Colleague,
    /// The central team confirms.
    Coordinator,
}

impl Default for Vouching {
    fn default() -> Self {
        Self { required: false, ways: BTreeSet::new(), domains: Vec::new(), letter_hours: 336 }
    }
}

impl Vouching {
    /// Whether a teacher has to be confirmed before a class can be theirs.
    pub fn is_required(&self) -> bool {
        self.required
    }

    /// Whether teachers are confirmed in this way.
    pub fn has(&self, way: Way) -> bool {
        self.ways.contains(&way)
    }

    /// Whether teachers are confirmed at all.
    pub fn is_provided(&self) -> bool {
        !self.ways.is_empty()
    }

    /// How long the code in a letter to a school is valid.
    pub fn letter(&self) -> SignedDuration {
        SignedDuration::from_hours(self.letter_hours.into())
    }

    /// What an e-mail address proves by its domain of its owner. `school` is the domain of the school the account names. It is empty, where
    /// the register tells none.
    pub fn proven_by(&self, address: &str, school: &str) -> Option<Proven> {
        let (_, domain) = address.rsplit_once('@').filter(|_| self.has(Way::Domain))?;
        let domain = Domain::named(domain)?;
        if self.domains.iter().filter_map(|named| Pattern::named(named)).any(|pattern| pattern.fits(&domain)) {
            return Some(Proven::Teacher);
        }
        (Domain::named(school)? == domain).then_some(Proven::OfSchool)
    }

    pub(super) fn faults(&self) -> Vec<String> {
        let strange = self.domains.iter().filter(|named| Pattern::named(named).is_none());
        let mut faults: Vec<_> = strange
            .map(|named| {
                format!(
                    "identity.vouching.domains: `{named}` is no domain such as `school.example` or `*.school.example`"
                )
            })
            .collect();
        if self.required && self.ways.is_empty() {
            faults.push("identity.vouching.ways: at least one way, or nobody could be given a class".to_owned());
        }
        if !self.domains.is_empty() && !self.has(Way::Domain) {
            faults.push("identity.vouching.domains: they say nothing unless `ways` has `domain`".to_owned());
        }
        faults
    }
}

/// What a domain proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proven {
    /// That its owners are teachers, of whatever school.
    Teacher,
    /// That its owners are of the school that their account names.
    OfSchool,
}

/// What stands in `domains`: a domain, or all below one.
enum Pattern {
    One(Domain),
    Below(Domain),
}

impl Pattern {
    fn named(text: &str) -> Option<Self> {
        match text.strip_prefix("*.") {
            Some(above) => Domain::named(above).map(Self::Below),
            None => Domain::named(text).map(Self::One),
        }
    }

    fn fits(&self, domain: &Domain) -> bool {
        match self {
            Self::One(one) => one == domain,
            Self::Below(above) => domain.is_below(above),
        }
    }
}

/// The domain of e-mail addresses, in the form in which names are compared: ASCII letters in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain(String);

impl Domain {
    /// The domain that a text names. None, where it is no domain, or one at the top, such as `it`, below which are those of anybody.
    pub fn named(text: &str) -> Option<Self> {
        let ascii = idna::domain_to_ascii_strict(text).ok()?;
        ascii.contains('.').then_some(Self(ascii))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is below the other one. `evilschool.example` is not below `school.example`.
    fn is_below(&self, other: &Self) -> bool {
        self.0.strip_suffix(&other.0).is_some_and(|rest| rest.ends_with('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vouching(text: &str) -> Vouching {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_domain_is_the_named_one_however_it_is_written_and_none_below_it_unless_it_is_said() {
        let here = vouching(
            "ways = ['domain']\ndomains = ['School.example', '*.Staff.example', 'škola.example', 'xn--mnchen-3ya.example']",
        );
        for address in [
            "ana@school.example",
            "ana@SCHOOL.Example",
            "ana@north.staff.example",
            "ana@a.b.staff.example",
            "ana@škola.example",
            "ana@ŠKOLA.example",
            "ana@s\u{30c}kola.example",
            "ana@xn--kola-f6a.example",
            "ana@münchen.example",
            "\"a@b\"@school.example",
        ] {
            assert_eq!(here.proven_by(address, ""), Some(Proven::Teacher), "{address}");
        }
        for address in [
            // where pupils are
            "ana@studenti.school.example",
            "ana@staff.example",
            "ana@evilstaff.example",
            "ana@evilschool.example",
            "ana@school.example.org",
            "ana@school.example.",
            "ana@example",
            "ana@.school.example",
            "school.example",
            "ana@school.example@home.example",
            "ana@skola.example",
            // the Cyrillic letter
            "ana@sch\u{43e}ol.example",
            "ana@",
            "",
        ] {
            assert_eq!(here.proven_by(address, ""), None, "{address}");
        }
    }

    #[test]
    fn the_school_s_own_domain_proves_for_who_names_that_school() {
        let here = vouching("ways = ['domain']");
        assert_eq!(here.proven_by("ana@lyceum.example", "lyceum.example"), Some(Proven::OfSchool));
        assert_eq!(here.proven_by("ana@pupils.lyceum.example", "lyceum.example"), None);
        assert_eq!(here.proven_by("ana@lyceum.example", "gymnasium.example"), None);
        let both = vouching("ways = ['domain']\ndomains = ['lyceum.example']");
        assert_eq!(both.proven_by("ana@lyceum.example", "lyceum.example"), Some(Proven::Teacher));
        for none in ["", "example", "no domain"] {
            assert_eq!(here.proven_by("ana@lyceum.example", none), None, "{none}");
        }
        assert_eq!(vouching("ways = ['school']").proven_by("ana@lyceum.example", "lyceum.example"), None);
    }

    #[test]
    fn what_is_not_said_asks_nobody_to_be_vouched_for() {
        let silent = vouching("");
        assert!(!silent.is_required() && silent.faults().is_empty());
        assert!([Way::Domain, Way::School, Way::Colleague, Way::Coordinator].into_iter().all(|way| !silent.has(way)));
        assert_eq!(silent.letter(), SignedDuration::from_hours(336));
    }

    #[test]
    fn what_cannot_work_is_a_fault() {
        let faults = |text: &str| vouching(text).faults();
        assert_eq!(faults("required = true\nways = ['coordinator']"), Vec::<String>::new());
        assert!(faults("required = true")[0].starts_with("identity.vouching.ways:"));
        assert!(faults("domains = ['school.example']")[0].contains("unless `ways`"));
        for strange in ["it", "a b.it", "@school.example", ""] {
            let found = faults(&format!("ways = ['domain']\ndomains = ['{strange}']"));
            assert!(found[0].contains(&format!("`{strange}`")), "{found:?}");
        }
    }
}
