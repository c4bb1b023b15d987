//! Answers as messages.

use platform::{Result, Violations, wire};
use proto::lessons::v1::{self as pb, value::Kind};

use super::{Point, Value, Values};
use crate::reason::Reason;

impl Values {
    /// The values of a message. Error: a violation for every message that is no value, all at once.
    pub(crate) fn read(messages: impl IntoIterator<Item = (String, pb::Value)>) -> Result<Self> {
        let mut violations = Violations::new();
        let mut values = Vec::new();
        for (key, message) in messages {
            match message.try_into() {
                Ok(value) => values.push((key, value)),
                Err(NoValue(reason, text)) => violations.add(format!("values[{key}]"), reason, text),
            }
        }
        violations.done().map(|()| values.into_iter().collect())
    }
}

/// The reason why a message is no value.
pub struct NoValue(Reason, &'static str);

impl TryFrom<pb::Value> for Value {
    type Error = NoValue;

    fn try_from(message: pb::Value) -> Result<Self, NoValue> {
        Ok(
            match message
                .kind
                .ok_or(NoValue(Reason::FieldKind, "No value is set. To empty a field, name it in `cleared`."))?
            {
                Kind::Text(text) => Self::Text(text),
                Kind::Boolean(boolean) => Self::Boolean(boolean),
                Kind::Date(date) => Self::Date(
                    wire::to_date(&date).map_err(|_| NoValue(Reason::FieldKind, "The calendar has no such day."))?,
                ),
                Kind::Time(time) => Self::Time(
                    time.parse().map_err(|_| NoValue(Reason::FieldKind, "Must be a time of day, such as 09:30."))?,
                ),
                Kind::Choices(choices) => Self::Choices(choices.items),
                Kind::Files(files) => {
                    let ids: Result<_> = files.items.iter().map(|id| id.parse()).collect();
                    Self::Files(ids.map_err(|_| NoValue(Reason::FileUnknown, "Must be the ids of uploaded files."))?)
                }
                Kind::Point(pb::Point { latitude, longitude, address }) => {
                    Self::Point(Point::new(latitude, longitude, address))
                }
            },
        )
    }
}

impl From<Value> for pb::Value {
    fn from(value: Value) -> Self {
        let kind = match value {
            Value::Text(text) => Kind::Text(text),
            Value::Boolean(boolean) => Kind::Boolean(boolean),
            Value::Date(date) => Kind::Date(wire::date(date)),
            Value::Time(time) => Kind::Time(format!("{:02}:{:02}", time.hour(), time.minute())),
            Value::Choices(items) => Kind::Choices(pb::Strings { items }),
            Value::Files(ids) => Kind::Files(pb::Strings { items: ids.iter().map(ToString::to_string).collect() }),
            Value::Point(Point { latitude, longitude, address }) => {
                Kind::Point(pb::Point { latitude, longitude, address })
            }
        };
        Self { kind: Some(kind) }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::{Date, Time};
    use platform::Id;
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        let day =
            (1900_i16..2100, 1_i8..=12, 1_i8..=28).prop_map(|(year, month, day)| Date::constant(year, month, day));
        prop_oneof![
            ".{0,40}".prop_map(Value::Text),
            any::<bool>().prop_map(Value::Boolean),
            day.prop_map(Value::Date),
            (0_i8..24, 0_i8..60).prop_map(|(hour, minute)| Value::Time(Time::constant(hour, minute, 0, 0))),
            prop::collection::vec(".{1,10}", 0..4).prop_map(Value::Choices),
            prop::collection::vec(any::<u128>(), 0..4)
                .prop_map(|ids| Value::Files(ids.into_iter().map(|id| Id::from(uuid::Uuid::from_u128(id))).collect())),
            (-90.0..=90.0, -180.0..=180.0, ".{0,20}")
                .prop_map(|(latitude, longitude, address)| Value::Point(Point::new(latitude, longitude, address))),
        ]
    }

    proptest! {
        #[test]
        fn a_value_is_the_same_after_the_wire_and_after_a_row(value in value()) {
            let values: Values = [("key".to_owned(), value)].into_iter().collect();
            let messages: Vec<(String, pb::Value)> = values.clone().into_iter().map(|(key, value)| (key, value.into())).collect();
            prop_assert_eq!(&Values::read(messages).unwrap(), &values);
            let row = serde_json::to_string(&values).unwrap();
            prop_assert_eq!(serde_json::from_str::<Values>(&row).unwrap(), values);
        }
    }

    #[test]
    fn all_messages_that_are_no_value_are_named_at_once() {
        let date = proto::google::r#type::Date { year: 2023, month: 2, day: 29 };
        let files = pb::Strings { items: vec!["nonsense".to_owned()] };
        let messages = [
            ("day".to_owned(), pb::Value { kind: Some(Kind::Date(date)) }),
            ("nothing".to_owned(), pb::Value { kind: None }),
            ("picture".to_owned(), pb::Value { kind: Some(Kind::Files(files)) }),
        ];
        let error = Values::read(messages).unwrap_err();
        let mut found: Vec<_> = error.violations().iter().map(|one| (one.field.as_str(), one.reason)).collect();
        found.sort_unstable();
        assert_eq!(
            found,
            [("values[day]", "FIELD_KIND"), ("values[nothing]", "FIELD_KIND"), ("values[picture]", "FILE_UNKNOWN")]
        );
    }
}
