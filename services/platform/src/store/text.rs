//! Values that a row stores as text: a word for an enum value without fields, JSON for everything else.

use sea_orm::sea_query::LikeExpr;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Error, Result};

/// The text of a value. Error: internal, where it cannot be serialized.
pub fn to_text<T: Serialize>(value: &T) -> Result<String> {
    match serde_json::to_value(value).map_err(Error::internal)? {
        Value::String(word) => Ok(word),
        other => Ok(other.to_string()),
    }
}

/// The value of a text in a row. Error: internal, where it cannot be read as a `T`.
pub fn of_text<T: DeserializeOwned>(text: &str) -> Result<T> {
    let value = if text.starts_with(['{', '[']) {
        serde_json::from_str(text)
    } else {
        serde_json::from_value(Value::String(text.to_owned()))
    };
    value.map_err(Error::internal)
}

/// A pattern for texts that contain a word. Characters that are special in patterns are escaped.
pub fn holding(word: &str) -> LikeExpr {
    let word = word.replace('|', "||").replace('%', "|%").replace('_', "|_");
    LikeExpr::new(format!("%{word}%")).escape('|')
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Light {
        Off,
        On { since: i64 },
    }

    #[test]
    fn a_word_stays_a_word_and_facts_are_kept() {
        assert_eq!(to_text(&Light::Off).unwrap(), "off");
        for light in [Light::Off, Light::On { since: 7 }] {
            assert_eq!(of_text::<Light>(&to_text(&light).unwrap()).unwrap(), light);
        }
        assert!(of_text::<Light>("dim").is_err());
    }
}
