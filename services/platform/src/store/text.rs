//! Values that a row keeps as text: a plain word for an enum without facts, JSON for everything else.

use sea_orm::sea_query::LikeExpr;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Error, Result};

/// A value as a row keeps it.
pub fn to_text<T: Serialize>(value: &T) -> Result<String> {
    match serde_json::to_value(value).map_err(Error::internal)? {
        Value::String(word) => Ok(word),
        other => Ok(other.to_string()),
    }
}

/// A value a row has kept. Error: internal, when it is none.
pub fn of_text<T: DeserializeOwned>(text: &str) -> Result<T> {
    let value = if text.starts_with(['{', '[']) {
        serde_json::from_str(text)
    } else {
        serde_json::from_value(Value::String(text.to_owned()))
    };
    value.map_err(Error::internal)
}

/// A pattern that fits what holds this word. What means something to a database is a sign like any other in it.
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
