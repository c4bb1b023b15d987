//! A local date and time as people write it. Clocks may skip it or show it twice.

use std::str::FromStr;

use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{AmbiguousOffset, Offset, TimeZone},
};
use platform::{Error, Violations, error::Shared};

use super::Moment;
use crate::reason::{Reason, Refuse};

/// A local date and time: `2022-12-20T23:59:59`, with an offset only where the hour occurs twice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalTime {
    time: DateTime,
    meant: Option<Timestamp>,
}

/// Why a local time does not name one instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Misplaced {
    /// Clocks skip it.
    Skipped,
    /// Clocks show it twice, with these offsets one after the other.
    Twice(Offset, Offset),
    /// It was written with an offset that the zone does not have at that time. This is the offset of the zone.
    Offset(Offset),
}

impl From<DateTime> for LocalTime {
    fn from(time: DateTime) -> Self {
        Self { time, meant: None }
    }
}

impl FromStr for LocalTime {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Shared::FieldsInvalid.error("Must be a local date and time, such as 2022-12-20T23:59:59.");
        let time = text.get(..19).and_then(|time| time.parse().ok()).ok_or_else(wrong)?;
        let meant = if text.len() == 19 { None } else { Some(text.parse().map_err(|_| wrong())?) };
        Ok(Self { time, meant })
    }
}

impl LocalTime {
    /// The moment it names in a zone.
    pub fn in_zone(self, zone: &TimeZone) -> Result<Moment, Misplaced> {
        let offset = zone.to_ambiguous_timestamp(self.time).offset();
        let at = match (offset, self.meant) {
            (AmbiguousOffset::Gap { .. }, _) => return Err(Misplaced::Skipped),
            (AmbiguousOffset::Fold { before, after }, None) => return Err(Misplaced::Twice(before, after)),
            (AmbiguousOffset::Fold { .. }, Some(meant)) if zone.to_datetime(meant) == self.time => meant,
            (AmbiguousOffset::Fold { before, after }, Some(_)) => return Err(Misplaced::Twice(before, after)),
            (AmbiguousOffset::Unambiguous { offset }, Some(meant)) if zone.to_datetime(meant) != self.time => {
                return Err(Misplaced::Offset(offset));
            }
            (AmbiguousOffset::Unambiguous { offset }, _) => {
                offset.to_timestamp(self.time).map_err(|_| Misplaced::Offset(offset))?
            }
        };
        Ok(Moment::new(at, zone))
    }

    /// The moment it names in a zone. Adds a violation at `field`, and returns none, where it names no moment.
    pub fn or_violation(self, zone: &TimeZone, field: &str, violations: &mut Violations) -> Option<Moment> {
        self.in_zone(zone).map_err(|misplaced| misplaced.tell(self.time, zone, field, violations)).ok()
    }
}

impl Misplaced {
    fn tell(self, time: DateTime, zone: &TimeZone, field: &str, violations: &mut Violations) {
        let name = zone.iana_name().unwrap_or("UTC");
        match self {
            Self::Skipped => {
                let text = format!("Clocks in {name} jump over {time}. Choose another hour.");
                violations.add_with(field, Reason::LocalTimeSkipped, text, [("zone", &name as _)]);
            }
            Self::Twice(first, second) => {
                let (first, second) = (written(first), written(second));
                let text = format!(
                    "Clocks in {name} show {time} twice. Add {first} for the first time, {second} for the second."
                );
                violations.add_with(
                    field,
                    Reason::LocalTimeTwice,
                    text,
                    [("first", &first as _), ("second", &second as _)],
                );
            }
            Self::Offset(right) => {
                let text = format!("At {time} the offset in {name} is {}. Write that one, or none.", written(right));
                violations.add(field, Shared::FieldsInvalid, text);
            }
        }
    }
}

/// An offset as people write it: `+01:00`.
fn written(offset: Offset) -> String {
    let minutes = offset.seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(zone: &str, text: &str) -> Result<String, Misplaced> {
        let local: LocalTime = text.parse().unwrap();
        local.in_zone(&TimeZone::get(zone).unwrap()).map(|moment| moment.at().to_string())
    }

    fn hours(hours: i8) -> Offset {
        Offset::constant(hours)
    }

    #[test]
    fn the_same_hour_is_another_instant_in_another_country_and_season() {
        assert_eq!(at("Europe/Rome", "2022-12-20T23:59:59").unwrap(), "2022-12-20T22:59:59Z");
        assert_eq!(at("Europe/Athens", "2022-12-20T23:59:59").unwrap(), "2022-12-20T21:59:59Z");
        assert_eq!(at("Europe/Rome", "2023-04-27T23:59:59").unwrap(), "2023-04-27T21:59:59Z");
    }

    #[test]
    fn an_hour_that_clocks_skip_is_refused_whatever_the_offset() {
        for text in ["2023-03-26T02:30:00", "2023-03-26T02:30:00+01:00", "2023-03-26T02:30:00+02:00"] {
            assert_eq!(at("Europe/Rome", text), Err(Misplaced::Skipped), "{text}");
        }
        assert_eq!(at("Europe/Athens", "2023-03-26T03:00:00"), Err(Misplaced::Skipped));
        assert_eq!(at("Europe/Athens", "2023-03-26T02:30:00").unwrap(), "2023-03-26T00:30:00Z");
        assert_eq!(at("Europe/Rome", "2023-03-26T03:00:00").unwrap(), "2023-03-26T01:00:00Z");
    }

    #[test]
    fn an_hour_that_clocks_show_twice_needs_the_offset_that_is_meant() {
        let twice = Err(Misplaced::Twice(hours(2), hours(1)));
        assert_eq!(at("Europe/Rome", "2022-10-30T02:30:00"), twice);
        assert_eq!(at("Europe/Rome", "2022-10-30T02:30:00+02:00").unwrap(), "2022-10-30T00:30:00Z");
        assert_eq!(at("Europe/Rome", "2022-10-30T02:30:00+01:00").unwrap(), "2022-10-30T01:30:00Z");
        assert_eq!(at("Europe/Rome", "2022-10-30T02:30:00+05:00"), twice);
        assert_eq!(at("Europe/Athens", "2022-10-30T03:00:00"), Err(Misplaced::Twice(hours(3), hours(2))));
    }

    #[test]
    fn an_offset_the_zone_does_not_have_then_is_refused() {
        assert_eq!(at("Europe/Rome", "2022-12-20T23:59:59+02:00"), Err(Misplaced::Offset(hours(1))));
        assert!(at("Europe/Rome", "2022-12-20T23:59:59+01:00").is_ok());
    }

    #[test]
    fn a_fault_of_a_file_says_what_to_write_instead() {
        let zone = TimeZone::get("Europe/Rome").unwrap();
        let mut violations = Violations::new();
        assert_eq!(
            "2022-10-30T02:30:00".parse::<LocalTime>().unwrap().or_violation(&zone, "starts_local", &mut violations),
            None
        );
        let error = violations.done().unwrap_err();
        assert_eq!(error.violations()[0].reason, "LOCAL_TIME_TWICE");
        assert!(error.violations()[0].description.contains("+02:00 for the first"), "{error:?}");
    }
}
