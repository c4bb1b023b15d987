//! Moments as messages.

use jiff::civil::Weekday;
use platform::wire;
use proto::{google::r#type::DayOfWeek, lessons::v1 as pb};

use super::Moment;

impl From<&Moment> for pb::Moment {
    fn from(moment: &Moment) -> Self {
        let weekday = match moment.local().weekday() {
            Weekday::Monday => DayOfWeek::Monday,
            Weekday::Tuesday => DayOfWeek::Tuesday,
            Weekday::Wednesday => DayOfWeek::Wednesday,
            Weekday::Thursday => DayOfWeek::Thursday,
            Weekday::Friday => DayOfWeek::Friday,
            Weekday::Saturday => DayOfWeek::Saturday,
            Weekday::Sunday => DayOfWeek::Sunday,
        };
        Self { at: Some(wire::timestamp(moment.at())), local: moment.to_string(), weekday: weekday.into() }
    }
}
