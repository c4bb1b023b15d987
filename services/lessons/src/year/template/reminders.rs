//! How often people are reminded who let a pair wait.

use std::num::NonZeroU16;

use jiff::SignedDuration;
use serde::Deserialize;

/// The table `lessons.reminders` of a programme. A key that is missing has a default of ours [D].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reminders {
    first_after_days: NonZeroU16,
    then_every_days: NonZeroU16,
    at_most: u16,
}

impl Default for Reminders {
    fn default() -> Self {
        let week = NonZeroU16::MIN.saturating_add(6);
        Self { first_after_days: week, then_every_days: week, at_most: 3 }
    }
}

impl Reminders {
    /// How long a pair waits before the first reminder.
    pub fn first(self) -> SignedDuration {
        days(self.first_after_days)
    }

    /// How long a pair waits between two reminders.
    pub fn next(self) -> SignedDuration {
        days(self.then_every_days)
    }

    /// The most reminders of one wait. 0: nobody is ever reminded.
    pub fn most(self) -> i32 {
        self.at_most.into()
    }
}

fn days(number: NonZeroU16) -> SignedDuration {
    SignedDuration::from_hours(24 * i64::from(number.get()))
}
