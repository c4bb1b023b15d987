//! Tenants: one TOML file each, in a directory that is watched. Adding a country is adding a file.
//!
//! The head of a file ([`Tenant`]) is read by every service; each table belongs to one service, which declares its type as a
//! [`Section`]. A file is read completely or not at all: an invalid file changes neither its own tenant nor another one.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    str::FromStr,
    sync::Arc,
};

use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};

use crate::{
    Error, Result,
    error::{Reason, Shared},
    mail,
};

mod registry;

pub use registry::{Fault, Tenants};

/// The name of a tenant, as used in paths: `it`, `it-hr`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(Arc<str>);

impl TenantId {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TenantId {
    type Err = Error;

    /// Checks a name: lower-case letters, digits and inner hyphens, at most 20, because folders, databases and roles are named
    /// after it. Words that begin other paths of the same port are refused.
    fn from_str(text: &str) -> Result<Self> {
        let fits = (2..=20).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && !text.ends_with('-')
            && !RESERVED.contains(&text);
        if fits { Ok(Self(text.into())) } else { Err(unknown()) }
    }
}

impl Serialize for TenantId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TenantId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(|_| serde::de::Error::custom("not the name of a tenant"))
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The error for an unknown tenant. It does not repeat the name, which may be any text.
pub(crate) fn unknown() -> Error {
    Shared::TenantUnknown.error("There is no tenant of this name. The list of tenants is at /v1/tenants.")
}

/// Words that begin paths without a tenant.
const RESERVED: [&str; 6] = ["v1", "v2", "livez", "readyz", "metrics", "problems"];

/// The kind of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A country.
    Country,
    /// A programme that several countries share.
    Programme,
}

/// A table of a tenant's file that belongs to one service.
pub trait Section: DeserializeOwned + Send + Sync + 'static {
    /// The name of the table.
    const NAME: &'static str;

    /// Checks what the type alone does not. Each fault begins with its key: `schools.code: not a regular expression`.
    fn faults(&self, head: &Head) -> Vec<String>;
}

/// The head of a file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Country or programme.
    pub kind: Kind,
    /// The name shown to people.
    pub name: String,
    /// The BCP 47 tags of its languages, its own first.
    pub locales: Vec<String>,
    /// The IANA name of its time zone.
    pub zone: String,
    /// The countries of a programme. A country has none.
    #[serde(default)]
    pub countries: Vec<String>,
    /// The codes (CCI) of a programme in the register of projects, for example `2014TC16RFCB042`. A country has none.
    #[serde(default)]
    pub cci: Vec<String>,
    /// The address where somebody reads the answers to letters.
    #[serde(default)]
    pub reply_to: Option<String>,
}

/// A country or a programme, with its own data and rules.
pub struct Tenant {
    id: TenantId,
    head: Head,
    zone: TimeZone,
    countries: Vec<TenantId>,
    sections: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
}

impl Tenant {
    /// Its name in paths.
    pub fn id(&self) -> &TenantId {
        &self.id
    }

    /// Country or programme.
    pub fn kind(&self) -> Kind {
        self.head.kind
    }

    /// Its name shown to people.
    pub fn name(&self) -> &str {
        &self.head.name
    }

    /// The BCP 47 tags of its languages, its own first.
    pub fn locales(&self) -> &[String] {
        &self.head.locales
    }

    /// Its time zone.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The countries of a programme. Empty for a country.
    pub fn countries(&self) -> &[TenantId] {
        &self.countries
    }

    /// The codes (CCI) of a programme. Empty for a country.
    pub fn cci(&self) -> &[String] {
        &self.head.cci
    }

    /// The address where somebody reads the answers to letters. None, where the file names none.
    pub fn reply_to(&self) -> Option<&str> {
        self.head.reply_to.as_deref()
    }

    /// What is missing in the file although the tenant works without it, each with its key.
    pub fn lacks(&self) -> Vec<String> {
        let nobody = "reply_to: is missing, so nobody reads the answers to letters";
        self.head.reply_to.is_none().then(|| nobody.to_owned()).into_iter().collect()
    }

    /// A service's table. Error: internal, where this process did not declare the table.
    pub fn section<S: Section>(&self) -> Result<&S> {
        self.sections
            .get(&TypeId::of::<S>())
            .and_then(|section| section.downcast_ref())
            .ok_or_else(|| Error::internal(format!("section `{}` is not declared by this process", S::NAME)))
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tenant").field(&self.id).finish()
    }
}

/// A table that was read, with its type.
type Parsed = (TypeId, Arc<dyn Any + Send + Sync>);

/// How a table is read. The service that owns the table makes it.
#[derive(Clone, Copy)]
pub struct SectionKind {
    name: &'static str,
    read: fn(toml::Value, &Head, &mut Vec<String>) -> Option<Parsed>,
}

impl SectionKind {
    /// The kind for the type `S`.
    pub fn of<S: Section>() -> Self {
        Self { name: S::NAME, read: read::<S> }
    }
}

fn read<S: Section>(value: toml::Value, head: &Head, faults: &mut Vec<String>) -> Option<Parsed> {
    match S::deserialize(value) {
        Ok(section) => {
            faults.extend(section.faults(head));
            Some((TypeId::of::<S>(), Arc::new(section)))
        }
        Err(error) => {
            faults.push(format!("{}: {}", S::NAME, error.to_string().trim().replace('\n', " ")));
            None
        }
    }
}

/// Whether the contract has a service with this name: `identity` for `koine.identity.v1`.
fn is_service(name: &str) -> bool {
    proto::descriptor().services().any(|service| service.package_name().rsplit('.').nth(1) == Some(name))
}

/// Reads the text of a file. Error: all faults, each with its key.
pub fn parse(id: &TenantId, text: &str, kinds: &[SectionKind]) -> Result<Tenant, Vec<String>> {
    let mut table: toml::Table = text.parse().map_err(|error: toml::de::Error| vec![error.to_string()])?;
    let mut faults = Vec::new();
    let mut values = Vec::new();
    for kind in kinds {
        match table.remove(kind.name) {
            Some(value) => values.push((kind, value)),
            None => faults.push(format!("{}: this table is missing", kind.name)),
        }
    }
    // one file serves all processes, so a table may belong to a service that runs elsewhere
    table.retain(|name, value| !(value.is_table() && is_service(name)));
    let head: Head = match toml::Value::Table(table).try_into() {
        Ok(head) => head,
        Err(error) => {
            faults.push(error.to_string().trim().replace('\n', " "));
            return Err(faults);
        }
    };
    if head.locales.is_empty() {
        faults.push("locales: at least one language is needed".to_owned());
    }
    if head.reply_to.as_deref().is_some_and(|address| !mail::is_address(address)) {
        faults.push("reply_to: mail cannot be sent to this address".to_owned());
    }
    let zone = TimeZone::get(&head.zone)
        .inspect_err(|_| faults.push(format!("zone: `{}` is not a zone of the IANA database", head.zone)))
        .unwrap_or(TimeZone::UTC);
    let countries = countries(&head, &mut faults);
    let sections = values.into_iter().filter_map(|(kind, value)| (kind.read)(value, &head, &mut faults)).collect();
    if faults.is_empty() { Ok(Tenant { id: id.clone(), head, zone, countries, sections }) } else { Err(faults) }
}

/// The countries that a head names.
fn countries(head: &Head, faults: &mut Vec<String>) -> Vec<TenantId> {
    match head.kind {
        Kind::Country if !head.countries.is_empty() => {
            faults.push("countries: a country has none, they are of programmes".to_owned());
        }
        Kind::Programme if head.countries.len() < 2 => {
            faults.push("countries: a programme is shared by at least two, such as `[\"it\", \"hr\"]`".to_owned());
        }
        Kind::Country | Kind::Programme => {}
    }
    let mut countries: Vec<TenantId> = Vec::new();
    for name in &head.countries {
        match name.parse() {
            Ok(id) if countries.contains(&id) => faults.push(format!("countries: `{name}` stands there twice")),
            Ok(id) => countries.push(id),
            Err(_) => faults.push(format!("countries: `{name}` is not the name of a tenant")),
        }
    }
    countries
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "kind = \"country\"\nname = \"Test\"\nlocales = [\"it\"]\nzone = \"Europe/Rome\"\n";

    #[derive(Deserialize)]
    struct Doors {
        count: u32,
    }

    impl Section for Doors {
        const NAME: &'static str = "doors";

        fn faults(&self, _: &Head) -> Vec<String> {
            if self.count == 0 { vec!["doors.count: at least one".to_owned()] } else { Vec::new() }
        }
    }

    fn read(text: &str) -> Result<Tenant, Vec<String>> {
        parse(&"it".parse().unwrap(), text, &[SectionKind::of::<Doors>()])
    }

    #[test]
    fn a_file_gives_a_tenant_and_its_sections() {
        let tenant = read(&format!("{HEAD}[doors]\ncount = 2")).unwrap();
        assert_eq!(tenant.section::<Doors>().unwrap().count, 2);
        assert_eq!(tenant.zone().iana_name(), Some("Europe/Rome"));
    }

    #[test]
    fn every_fault_of_a_file_is_named_with_its_key() {
        let text = format!("{}[doors]\ncount = 0", HEAD.replace("Europe/Rome", "Europe/Roma"));
        let faults = read(&text).unwrap_err();
        assert!(faults.iter().any(|fault| fault.starts_with("doors.count")), "{faults:?}");
        assert!(faults.iter().any(|fault| fault.starts_with("zone")), "{faults:?}");
    }

    #[test]
    fn a_programme_names_its_countries_and_a_country_none() {
        let file = |kind, countries: &str| {
            read(&format!("{}{countries}\n[doors]\ncount = 1", HEAD.replace("country", kind)))
                .map(|tenant| tenant.countries().iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(file("programme", "countries = ['it', 'hr']"), Ok(vec!["it".to_owned(), "hr".to_owned()]));
        assert_eq!(file("country", ""), Ok(Vec::new()));
        for (kind, countries, fault) in [
            ("country", "countries = ['it']", "countries: a country has none"),
            ("programme", "", "countries: a programme is shared"),
            ("programme", "countries = ['it', 'it']", "countries: `it` stands there twice"),
            ("programme", "countries = ['it', 'HR']", "countries: `HR` is not the name"),
        ] {
            let faults = file(kind, countries).unwrap_err();
            assert!(faults.len() == 1 && faults[0].starts_with(fault), "{faults:?}");
        }
    }

    #[test]
    fn who_reads_the_answers_to_letters_is_an_address_or_is_missed() {
        let file = |line: &str| read(&format!("{line}{HEAD}[doors]\ncount = 1"));
        let named = file("reply_to = \"info@school.example\"\n").unwrap();
        assert_eq!((named.reply_to(), named.lacks()), (Some("info@school.example"), Vec::new()));
        assert!(file("").unwrap().lacks()[0].starts_with("reply_to: "));
        assert!(file("reply_to = \"nobody\"\n").unwrap_err()[0].starts_with("reply_to: "));
    }

    #[test]
    fn a_key_nobody_knows_is_a_fault() {
        assert!(
            read(&format!("colour = \"red\"\n{HEAD}[doors]\ncount = 1"))
                .is_err_and(|faults| faults[0].contains("colour"))
        );
    }

    #[test]
    fn the_table_of_a_service_that_runs_elsewhere_is_passed_over_and_a_strange_one_is_a_fault() {
        assert!(read(&format!("{HEAD}[doors]\ncount = 1\n[lessons]\ncolour = \"red\"")).is_ok());
        let faults = read(&format!("{HEAD}[doors]\ncount = 1\n[lesons]\ncolour = \"red\"")).unwrap_err();
        assert!(faults[0].contains("lesons"), "{faults:?}");
    }

    #[test]
    fn a_tenant_id_can_name_a_folder_and_a_database() {
        for bad in ["", "i", "IT", "it/hr", "..", "it_hr", "-it", "it-", "1t", "v1", "metrics", &"a".repeat(21)] {
            assert!(bad.parse::<TenantId>().is_err(), "{bad}");
        }
        assert_eq!("it-hr".parse::<TenantId>().unwrap().as_str(), "it-hr");
    }
}
