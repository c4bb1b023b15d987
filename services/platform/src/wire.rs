//! Conversions between messages and the values that rules use. (The types on both sides are foreign, so these are functions and not
//! implementations of `From`.)

use std::{fmt::Display, str::FromStr};

use jiff::{Timestamp, civil::Date};
use prost_reflect::ReflectMessage;

use crate::{
    Error, Id, Result, Violations,
    error::{Reason, Shared},
};

mod change;

pub use change::changes;

/// An instant as a message.
pub fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
}

/// An instant from a message. Error: internal, where there is no such instant.
pub fn instant(at: &prost_types::Timestamp) -> Result<Timestamp> {
    Timestamp::new(at.seconds, at.nanos).map_err(Error::internal)
}

/// A date as a message.
pub fn date(date: Date) -> proto::google::r#type::Date {
    proto::google::r#type::Date {
        year: i32::from(date.year()),
        month: i32::from(date.month()),
        day: i32::from(date.day()),
    }
}

/// A date from a message. Error: `FIELDS_INVALID`, where the calendar has no such day.
pub fn to_date(date: &proto::google::r#type::Date) -> Result<Date> {
    let part = |value: i32| i8::try_from(value).unwrap_or(-1);
    // a date without a year, which the type also has, is no day
    let year = i16::try_from(date.year).ok().filter(|year| (1..=9999).contains(year)).unwrap_or(i16::MIN);
    Date::new(year, part(date.month), part(date.day))
        .map_err(|_| Shared::FieldsInvalid.error("The calendar has no such day."))
}

/// A message as JSON, in the form of the API.
pub fn json(message: &impl ReflectMessage) -> Result<serde_json::Value> {
    serde_json::to_value(message.transcode_to_dynamic()).map_err(Error::internal)
}

/// A value that may be left out. None, where the text is empty. Error: that of the value.
pub fn optional<T: FromStr<Err = Error>>(text: &str) -> Result<Option<T>> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
}

/// The etag of a row's version.
pub fn etag(version: i64) -> String {
    version.to_string()
}

/// Checks that the caller read the current version. An empty `given` accepts any version. Error: `ETAG_STALE` with `current_etag`.
pub fn check_etag(given: &str, version: i64) -> Result<()> {
    if given.is_empty() || given == etag(version) { Ok(()) } else { Err(stale(etag(version))) }
}

/// The error for a save that is not based on `current`.
pub fn stale(current: impl Display) -> Error {
    Shared::EtagStale
        .error(
            "Somebody saved this after you read it. Nothing of yours was saved; read it again and repeat your change.",
        )
        .with("current_etag", current)
}

/// The id of the object to be changed. Error: a violation at `field`, where `text` is not an id.
pub fn named_id<T>(field: &str, text: &str) -> Result<Id<T>> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let mut violations = Violations::new();
    violations.missing(field, "Say which one is to be changed, by its id.");
    violations.done().and(Err(Error::not_found("id")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_may_be_left_out_where_it_is_optional_and_never_be_another_text() {
        assert_eq!(optional::<Id<()>>("").unwrap(), None);
        let id = Id::<()>::nil();
        assert_eq!(optional(&id.to_string()).unwrap(), Some(id));
        assert_eq!(named_id::<()>("team.id", &id.to_string()).unwrap(), id);
        assert!(optional::<Id<()>>("one").is_err_and(|error| error.is(Shared::FieldsInvalid)));
        for text in ["", "one"] {
            let refused = named_id::<()>("team.id", text).unwrap_err();
            assert_eq!(refused.violations()[0].field, "team.id");
        }
    }

    #[test]
    fn only_the_version_that_was_read_may_be_saved() {
        assert!(check_etag("", 7).is_ok() && check_etag("7", 7).is_ok());
        assert!(check_etag("6", 7).is_err_and(|error| error.is(Shared::EtagStale)));
    }

    #[test]
    fn a_day_the_calendar_does_not_have_is_refused() {
        let day = |day| proto::google::r#type::Date { year: 2023, month: 2, day };
        assert!(to_date(&day(29)).is_err() && to_date(&day(400)).is_err());
        assert_eq!(date(to_date(&day(28)).unwrap()), day(28));
    }
}
