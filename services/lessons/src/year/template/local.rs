//! Local dates and hours of a file. TOML knows them without quotes; a file that came through another format has them as text.

use jiff::civil::{Date, DateTime, Time};
use serde::Deserialize;

/// A date, or a date and an hour, where people of the tenant live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub(super) enum Local {
    Day(Date),
    Hour(DateTime),
}

/// An hour of any day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub(super) struct Hour(pub(super) Time);

/// A day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Local")]
pub(super) struct Day(pub(super) Date);

#[derive(Deserialize)]
#[serde(untagged, expecting = "a local date or hour was expected, such as 2022-12-20, 2022-10-24T18:00:00 or 23:59:59")]
enum Written {
    Native(toml::value::Datetime),
    Text(String),
}

impl Written {
    fn text(self) -> String {
        match self {
            Self::Native(native) => native.to_string(),
            Self::Text(text) => text,
        }
    }
}

impl TryFrom<Written> for Local {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let text = written.text();
        let complaint =
            || format!("`{text}` is no local date or date and hour, such as 2022-12-20 or 2022-10-24T18:00:00");
        let (date, hour) = text.split_at_checked(10).ok_or_else(complaint)?;
        let date: Date = date.parse().map_err(|_| complaint())?;
        match hour.strip_prefix(['T', ' ']) {
            None if hour.is_empty() => Ok(Self::Day(date)),
            None => Err(complaint()),
            // the zone is given at the head of the file; an offset could contradict it
            Some(hour) => Ok(Self::Hour(date.to_datetime(time(hour).ok_or_else(complaint)?))),
        }
    }
}

impl TryFrom<Local> for Day {
    type Error = String;

    fn try_from(local: Local) -> Result<Self, String> {
        match local {
            Local::Day(day) => Ok(Self(day)),
            Local::Hour(hour) => Err(format!("`{hour}` has an hour; a day was expected, such as 2022-12-20")),
        }
    }
}

impl TryFrom<Written> for Hour {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let text = written.text();
        time(&text).map(Self).ok_or_else(|| format!("`{text}` is no hour, such as 23:59:59"))
    }
}

fn time(text: &str) -> Option<Time> {
    text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':').then(|| text.parse().ok())?
}

impl Local {
    /// The date and time, where a date without a time means this hour of it.
    pub(super) fn at(self, hour: Time) -> DateTime {
        match self {
            Self::Day(date) => date.to_datetime(hour),
            Self::Hour(moment) => moment,
        }
    }

    /// The date and time, where a time must be given.
    pub(super) fn moment(self) -> Option<DateTime> {
        match self {
            Self::Day(_) => None,
            Self::Hour(moment) => Some(moment),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};

    use super::*;

    #[derive(Deserialize)]
    struct File {
        at: Local,
    }

    fn at(text: &str) -> Result<Local, String> {
        toml::from_str::<File>(&format!("at = {text}")).map(|file| file.at).map_err(|error| error.to_string())
    }

    #[test]
    fn a_date_can_be_written_with_and_without_quotes_and_hour() {
        let day = Local::Day(date(2022, 12, 20));
        let hour = Local::Hour(date(2022, 10, 24).at(18, 0, 0, 0));
        assert_eq!([at("2022-12-20"), at("'2022-12-20'")], [Ok(day), Ok(day)]);
        assert_eq!([at("2022-10-24T18:00:00"), at("'2022-10-24 18:00'")], [Ok(hour), Ok(hour)]);
        assert_eq!(day.at(time(23, 59, 59, 0)), date(2022, 12, 20).at(23, 59, 59, 0));
        assert_eq!((day.moment(), hour.moment()), (None, Some(date(2022, 10, 24).at(18, 0, 0, 0))));
    }

    #[test]
    fn a_time_that_is_no_local_time_is_refused_with_an_example() {
        for text in
            ["2022-10-24T18:00:00Z", "2022-10-24T18:00:00+02:00", "'24/10/2022'", "'2022-02-30'", "'soon'", "18:00:00"]
        {
            assert!(at(text).is_err_and(|error| error.contains("2022-12-20")), "{text}");
        }
        assert!(at("2022").is_err_and(|error| error.contains("was expected")), "a number");
    }
}
