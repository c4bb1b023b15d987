//! Instants together with the zone of the tenant: compared in UTC, shown in the zone.

use jiff::{Timestamp, Zoned, civil::Date, tz::TimeZone};
use platform::{Error, Result};

pub mod local;
mod wire;

/// An instant and the zone it is shown in.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub struct Moment(Zoned);

impl Moment {
    /// The instant, to be shown in `zone`.
    pub fn new(at: Timestamp, zone: &TimeZone) -> Self {
        Self(at.to_zoned(zone.clone()))
    }

    /// The instant.
    pub fn at(&self) -> Timestamp {
        self.0.timestamp()
    }

    /// Whether something that was received at an instant is in time: a deadline includes the whole of its last second.
    pub fn includes(&self, received: Timestamp) -> bool {
        received.as_second() <= self.at().as_second()
    }

    /// The moment at the same local hour of another day; where clocks skip that hour, the hour after it.
    pub fn on(&self, day: Date) -> Result<Self> {
        let zone = self.0.time_zone().clone();
        day.to_datetime(self.0.time()).to_zoned(zone).map(Self).map_err(Error::internal)
    }

    /// The local date and time.
    pub fn local(&self) -> &Zoned {
        &self.0
    }
}

/// RFC 9557: `2022-12-20T23:59:59+01:00[Europe/Rome]`.
impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::Weekday;

    use super::*;

    fn moment(text: &str) -> Moment {
        Moment(text.parse().unwrap())
    }

    #[test]
    fn a_deadline_includes_its_last_second_and_nothing_after_it() {
        for (zone, last, first_late) in [
            ("Europe/Rome", "2022-12-20T22:59:59.999999Z", "2022-12-20T23:00:00Z"),
            ("Europe/Athens", "2022-12-20T21:59:59.999999Z", "2022-12-20T22:00:00Z"),
        ] {
            let offset = if zone == "Europe/Rome" { "+01:00" } else { "+02:00" };
            let deadline = moment(&format!("2022-12-20T23:59:59{offset}[{zone}]"));
            assert!(deadline.includes(last.parse().unwrap()), "{zone}");
            assert!(!deadline.includes(first_late.parse().unwrap()), "{zone}");
        }
    }

    #[test]
    fn a_moment_reads_as_its_people_write_it() {
        let rome = TimeZone::get("Europe/Rome").unwrap();
        let deadline = Moment::new("2022-12-20T22:59:59Z".parse().unwrap(), &rome);
        assert_eq!(deadline.to_string(), "2022-12-20T23:59:59+01:00[Europe/Rome]");
        assert_eq!(deadline.local().weekday(), Weekday::Tuesday);
    }
}
