//! Secrets in the settings: passwords, keys, and URLs that contain them. A secret is a value or `{ file = ".." }`, and is printed
//! as `***`.

use std::{fmt, fs, path::PathBuf};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::{Error, Result};

mod keys;

pub use keys::Keys;
pub(crate) use keys::read_or_make;

/// A value that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Place);

#[derive(Clone, PartialEq, Eq)]
enum Place {
    Here(String),
    File(PathBuf),
}

impl Secret {
    /// The value. A file is read each time, so that a rotated secret is used without a restart; a line break at its end is ignored.
    /// Error: internal, with the path of the file.
    pub fn reveal(&self) -> Result<String> {
        match &self.0 {
            Place::Here(value) => Ok(value.clone()),
            Place::File(path) => fs::read_to_string(path)
                .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
                .map_err(|error| Error::internal(format!("{}: {error}", path.display()))),
        }
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self(Place::Here(value.to_owned()))
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(Place::Here(value))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretVisitor)
    }
}

struct SecretVisitor;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InFile {
    file: PathBuf,
}

/// Reads without the errors of serde, which repeat the rejected value.
const UNQUOTED: &str = "a secret is a text in quotes or { file = \"..\" }";

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text in quotes or { file = \"..\" }")
    }

    fn visit_str<E>(self, value: &str) -> Result<Secret, E> {
        Ok(value.into())
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Secret, E> {
        Err(E::custom(UNQUOTED))
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Secret, E> {
        Err(E::custom(UNQUOTED))
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Secret, E> {
        Err(E::custom(UNQUOTED))
    }

    fn visit_u128<E: serde::de::Error>(self, _: u128) -> Result<Secret, E> {
        Err(E::custom(UNQUOTED))
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Secret, E> {
        Err(E::custom(UNQUOTED))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Secret, A::Error> {
        let InFile { file } = InFile::deserialize(MapAccessDeserializer::new(map))?;
        // a wrong path is reported at the start, with its key, and not at the first use
        fs::metadata(&file).map_err(|error| A::Error::custom(format_args!("{}: {error}", file.display())))?;
        Ok(Secret(Place::File(file)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize, Serialize, Debug)]
    struct Holder {
        password: Secret,
    }

    #[test]
    fn a_secret_prints_as_stars() {
        let holder: Holder = toml::from_str("password = \"hunter2\"").unwrap();
        assert_eq!(toml::to_string(&holder).unwrap().trim(), "password = \"***\"");
        assert_eq!(format!("{holder:?}"), "Holder { password: *** }");
        assert_eq!(holder.password.reveal().unwrap(), "hunter2");
    }

    #[test]
    fn a_secret_in_a_file_is_read_when_it_is_needed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        fs::write(&path, "first\n").unwrap();
        let holder: Holder = toml::from_str(&format!("password = {{ file = {path:?} }}")).unwrap();
        assert_eq!(holder.password.reveal().unwrap(), "first");
        fs::write(&path, "second\n").unwrap();
        assert_eq!(holder.password.reveal().unwrap(), "second");
    }

    #[test]
    fn a_missing_file_is_an_error_that_names_it() {
        let error = toml::from_str::<Holder>("password = { file = \"/nowhere/at/all\" }").unwrap_err();
        assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
    }

    #[test]
    fn a_secret_that_is_not_a_text_is_refused_without_being_repeated() {
        let error = toml::from_str::<Holder>("password = 123456").unwrap_err();
        assert!(error.message().contains("in quotes") && !error.message().contains("123456"), "{error}");
    }
}
