//! The settings of a process: defaults, then a file, then variables `KOINE_SECTION__KEY`. There is one section for each subject and
//! for each service; the same file can start one service or all of them. An unknown key is an error with its name, because it is a
//! typing error or a setting that would have no effect. `main` reads the settings once, and passes each part on.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use figment::{
    Figment, Provider as _,
    providers::{Env, Format, Toml},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Error, Result, blob, event, mail, secret::Secret, store, telemetry, tls, token};

mod fault;

pub(crate) use crate::limits::seconds;
pub use crate::limits::{LARGEST_MESSAGE, Limits, not_zero};

/// Variables with the prefix `KOINE_` that are not settings.
const NOT_SETTINGS: [&str; 1] = ["config"];

/// All settings of a process.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Config {
    /// The process itself.
    pub process: Process,
    /// The files of the tenants.
    pub tenants: Tenants,
    /// The databases.
    pub store: store::Settings,
    /// The files.
    pub blobs: blob::Settings,
    /// How mail is sent.
    pub mail: mail::Settings,
    /// How facts are transported.
    pub events: event::Settings,
    /// How callers are authenticated.
    pub tokens: token::Settings,
    /// The limits of a process.
    pub limits: Limits,
    /// The destinations of logs, traces and metrics.
    pub telemetry: telemetry::Settings,
    /// The certificates for traffic between services. Required where services run on several machines.
    pub tls: Option<tls::Settings>,
    /// The addresses of services of other processes: `identity = "https://identity:7400"`.
    pub peers: BTreeMap<String, String>,
    #[serde(skip)]
    sections: Sections,
}

/// The section `[process]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Process {
    /// The folder for generated files, such as keys.
    pub data: PathBuf,
    /// The address on which the process listens.
    pub address: SocketAddr,
    /// The address that serves `/metrics`, `/livez` and `/readyz`, apart from the address for callers.
    pub admin_address: Option<SocketAddr>,
    /// The secret that all other keys are derived from. It must be the same in all processes; without it one is created under
    /// `data`.
    pub secret: Option<Secret>,
    /// How many seconds a process that is asked to end waits for running calls.
    pub drain_seconds: u64,
}

impl Default for Process {
    fn default() -> Self {
        Self {
            data: "data".into(),
            address: SocketAddr::from(([127, 0, 0, 1], 8080)),
            admin_address: None,
            secret: None,
            drain_seconds: 20,
        }
    }
}

/// The section `[tenants]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tenants {
    /// The folder with one TOML file per tenant.
    pub dir: PathBuf,
}

impl Default for Tenants {
    fn default() -> Self {
        Self { dir: "tenants".into() }
    }
}

/// The sections of services, before they are read.
#[derive(Clone, Debug, Default)]
struct Sections {
    figment: Figment,
    declared: Vec<Section>,
}

/// A section of one service. Its type must refuse unknown keys: `#[serde(default, deny_unknown_fields)]`.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    name: &'static str,
    read: fn(&Figment, &'static str) -> Result<toml::Value>,
    lax: fn() -> bool,
}

impl Section {
    /// The section `[name]`, read as a `T`.
    pub fn of<T: DeserializeOwned + Serialize + Default>(name: &'static str) -> Self {
        Self {
            name,
            read: |figment, name| toml::Value::try_from(read_section::<T>(figment, name)?).map_err(Error::internal),
            lax: || toml::from_str::<T>("a_key_that_nobody_knows = 1").is_ok(),
        }
    }
}

impl Config {
    /// Reads the settings from a file, if one is given, and from the environment. Error: all faults, each with its file or variable
    /// and its key.
    pub fn load(file: Option<&Path>, sections: Vec<Section>) -> Result<Self> {
        let env = Env::prefixed("KOINE_").split("__").ignore(&NOT_SETTINGS);
        let Some(file) = file else { return Self::of(Figment::from(env), sections) };
        std::fs::metadata(file).map_err(|error| Error::internal(format!("{}: {error}", file.display())))?;
        Self::of(Figment::from(Toml::file_exact(file)).merge(env), sections)
    }

    /// Reads the settings from a text: for tests.
    pub fn parse(text: &str, sections: Vec<Section>) -> Result<Self> {
        Self::of(Figment::from(Toml::string(text)), sections)
    }

    fn of(figment: Figment, declared: Vec<Section>) -> Result<Self> {
        // one file serves all processes, so the gateway's section is always known; those of peers are added below
        let mut reading = Reading { figment: &figment, known: vec!["gateway".to_owned()], faults: Vec::new() };
        let mut config = Self {
            process: reading.section("process"),
            tenants: reading.section("tenants"),
            store: reading.section("store"),
            blobs: reading.section("blobs"),
            mail: reading.section("mail"),
            events: reading.section("events"),
            tokens: reading.section("tokens"),
            limits: reading.section("limits"),
            telemetry: reading.section("telemetry"),
            tls: reading.section("tls"),
            peers: reading.section("peers"),
            sections: Sections::default(),
        };
        reading.known.extend(config.peers.keys().cloned());
        for section in &declared {
            reading.declared(section);
        }
        reading.strangers();
        let faults = reading.faults;
        config.sections = Sections { figment, declared };
        if faults.is_empty() { Ok(config) } else { Err(Error::internal(faults.join("\n"))) }
    }

    /// The section of a service. Error: internal, where it cannot be read as a `T`.
    pub fn section<T: DeserializeOwned + Default>(&self, name: &'static str) -> Result<T> {
        read_section(&self.sections.figment, name)
    }

    /// The current settings as TOML, with secrets as `***`.
    pub fn print(&self) -> Result<String> {
        let mut tree = toml::Table::try_from(self).map_err(Error::internal)?;
        for section in &self.sections.declared {
            tree.insert(section.name.to_owned(), (section.read)(&self.sections.figment, section.name)?);
        }
        toml::to_string(&tree).map_err(Error::internal)
    }
}

/// Reads every section and collects the faults of all.
struct Reading<'a> {
    figment: &'a Figment,
    known: Vec<String>,
    faults: Vec<String>,
}

impl Reading<'_> {
    fn section<T: DeserializeOwned + Default>(&mut self, name: &'static str) -> T {
        self.known.push(name.to_owned());
        read_section(self.figment, name).unwrap_or_else(|error| {
            self.faults.push(text_of(&error));
            T::default()
        })
    }

    fn declared(&mut self, section: &Section) {
        self.known.push(section.name.to_owned());
        self.faults.extend((section.read)(self.figment, section.name).err().map(|error| text_of(&error)));
        if (section.lax)() {
            self.faults.push(format!("[{}] is of a type that takes unknown keys", section.name));
        }
    }

    /// Adds a fault for each unknown section: not of this type, not declared by this process, and not of a peer.
    fn strangers(&mut self) {
        let profiles = self.figment.data().unwrap_or_default();
        for name in profiles.into_values().flat_map(|sections| sections.into_keys()) {
            if !self.known.contains(&name) {
                self.faults
                    .push(format!("{}: nobody knows this section", fault::place(self.figment, &[name.as_str()])));
            }
        }
    }
}

fn read_section<T: DeserializeOwned + Default>(figment: &Figment, name: &'static str) -> Result<T> {
    let Ok(value) = figment.find_value(name) else { return Ok(T::default()) };
    value.deserialize().map_err(|error| Error::internal(fault::texts(figment, Some(name), error).join("\n")))
}

/// The text of an error for the person who starts a process: the source, where there is one.
pub(crate) fn text_of(error: &Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.message().to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[derive(Deserialize, Serialize, Default, Debug)]
    #[serde(default, deny_unknown_fields)]
    struct Doors {
        count: u32,
        key: Option<Secret>,
    }

    fn doors() -> Vec<Section> {
        vec![Section::of::<Doors>("doors")]
    }

    fn faults(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("koine.toml");
        fs::write(&file, text).unwrap();
        text_of(&Config::load(Some(&file), doors()).unwrap_err()).replace(folder.path().to_str().unwrap(), "")
    }

    #[test]
    fn without_a_file_everything_has_a_default() {
        let config = Config::parse("", doors()).unwrap();
        assert_eq!(config.process.data, Path::new("data"));
        assert_eq!(config.section::<Doors>("doors").unwrap().count, 0);
    }

    #[test]
    fn the_environment_goes_over_the_file() {
        let file = Toml::string("[process]\ndrain_seconds = 3\n[tenants]\ndir = \"countries\"\n[doors]\ncount = 1");
        let env = Toml::string("[process]\ndrain_seconds = 5\n[doors]\ncount = 2");
        let config = Config::of(Figment::from(file).merge(env), doors()).unwrap();
        assert_eq!(config.process.drain_seconds, 5);
        assert_eq!(config.tenants.dir, Path::new("countries"));
        assert_eq!(config.section::<Doors>("doors").unwrap().count, 2);
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_file_and_its_name() {
        for (text, expected) in [
            ("[process]\ncolour = 1", "/koine.toml: process.colour: "),
            ("[doors]\ncolour = 1", "/koine.toml: doors.colour: "),
            ("[corridors]\nlong = true", "/koine.toml: corridors: "),
            ("colour = 1", "/koine.toml: colour: "),
        ] {
            assert!(faults(text).starts_with(expected), "{text}: {}", faults(text));
        }
    }

    #[test]
    fn a_wrong_value_is_named_but_not_repeated() {
        let fault = faults("[process]\ndrain_seconds = \"hunter2\"");
        assert!(fault.starts_with("/koine.toml: process.drain_seconds: ") && !fault.contains("hunter2"), "{fault}");
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let text = "colour = 1\n[process]\ncolour = 1\n[store]\nconnections = \"many\"\n[doors]\ncount = -1";
        assert_eq!(faults(text).lines().count(), 4, "{}", faults(text));
    }

    #[test]
    fn a_section_of_a_peer_is_left_to_the_peer() {
        let peer = "[peers]\nlessons = \"https://lessons:7400\"\n[lessons]\nanything = 1";
        assert!(Config::parse(peer, doors()).is_ok());
        assert!(Config::parse(&peer.replace("[peers]", "[mail]").replace("lessons = ", "from = "), doors()).is_err());
    }

    #[test]
    fn a_section_type_that_takes_anything_is_refused() {
        let lax = vec![Section::of::<BTreeMap<String, u32>>("lax")];
        assert!(text_of(&Config::parse("", lax).unwrap_err()).contains("[lax]"));
    }

    #[test]
    fn the_printed_tree_is_whole_and_has_no_secret_in_it() {
        let text =
            "[process]\nsecret = \"hunter2\"\n[doors]\nkey = \"hunter2\"\n[store]\nurl = \"postgres://a:hunter2@b/c\"";
        let printed = Config::parse(text, doors()).unwrap().print().unwrap();
        assert!(!printed.contains("hunter2"), "{printed}");
        let tree: toml::Table = printed.parse().unwrap();
        assert_eq!(tree["process"]["secret"].as_str(), Some("***"));
        assert_eq!(tree["doors"]["count"].as_integer(), Some(0));
        assert_eq!(tree["process"]["drain_seconds"].as_integer(), Some(20));
    }

    #[test]
    fn a_missing_file_is_an_error_that_names_it() {
        let error = Config::load(Some(Path::new("/nowhere/koine.toml")), doors()).unwrap_err();
        assert!(text_of(&error).contains("/nowhere/koine.toml"));
    }
}
