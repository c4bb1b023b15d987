//! How often who lets a pair wait is reminded.

use std::num::NonZeroU16;

use jiff::SignedDuration;
use serde::Deserialize;

/// The table `lessons.reminders` of a programme. What it does not say has a default of ours [D].
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
    /// How long something waits before the first one.
    pub fn first(self) -> SignedDuration {
        days(self.first_after_days)
    }

    /// How long it waits on from one to the next.
    pub fn next(self) -> SignedDuration {
        days(self.then_every_days)
    }

    /// After how many nobody is reminded any more. None: nobody ever is.
    pub fn most(self) -> i32 {
        self.at_most.into()
    }
}

fn days(number: NonZeroU16) -> SignedDuration {
    SignedDuration::from_hours(24 * i64::from(number.get()))
}
