//! The changes that a watcher has seen: all before a horizon, and some after it.

use std::{collections::BTreeSet, fmt, str::FromStr};

/// The place of a change: the number of its transaction, and its number in the transaction.
pub(super) type Place = (i64, i32);

/// The number of changes after the horizon that a position can list. With more, a watcher cannot return to it.
const MOST: usize = 64;

/// Which changes a watcher has seen. Transactions that run at once commit in any order, so there can be changes it has not seen
/// before some it has: behind the horizon, which is the first transaction that may still run, each one is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    horizon: i64,
    seen: BTreeSet<Place>,
}

impl Position {
    /// All before `horizon`, and these.
    pub(super) fn new(horizon: i64, seen: impl IntoIterator<Item = Place>) -> Self {
        let mut position = Self { horizon, seen: seen.into_iter().collect() };
        position.reach(horizon);
        position
    }

    /// The first transaction of which a change may not have been seen.
    pub(super) fn horizon(&self) -> i64 {
        self.horizon
    }

    /// Whether a change was seen.
    pub(super) fn has(&self, place: Place) -> bool {
        place.0 < self.horizon || self.seen.contains(&place)
    }

    /// Adds a change that was seen.
    pub(super) fn saw(&mut self, place: Place) {
        if place.0 >= self.horizon {
            self.seen.insert(place);
        }
    }

    /// All changes before a horizon have been seen.
    pub(super) fn reach(&mut self, horizon: i64) {
        self.horizon = self.horizon.max(horizon);
        self.seen = self.seen.split_off(&(self.horizon, i32::MIN));
    }
}

/// `4711-0.2-3.0`: all before 4711, the change 2 of 4711, the change 0 of 4714. `4711-!`: too many to be written down.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.horizon)?;
        if self.seen.len() > MOST {
            return f.write_str("-!");
        }
        self.seen.iter().try_for_each(|(transaction, nth)| write!(f, "-{}.{nth}", transaction - self.horizon))
    }
}

impl FromStr for Position {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('-');
        let horizon: i64 =
            parts.next().and_then(|horizon| horizon.parse().ok()).filter(|horizon| *horizon >= 0).ok_or(())?;
        let place = |part: &str| -> Option<Place> {
            let (after, nth) = part.split_once('.')?;
            let after: u32 = after.parse().ok()?;
            Some((horizon.checked_add(after.into())?, nth.parse().ok()?))
        };
        let seen: BTreeSet<Place> = parts.map(|part| place(part).ok_or(())).collect::<Result<_, _>>()?;
        if seen.len() > MOST { Err(()) } else { Ok(Self { horizon, seen }) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_position_is_read_as_it_was_written(horizon in 0..i64::MAX / 2, seen in prop::collection::btree_set((0..1_000_i64, 0..9), 0..MOST)) {
            let position = Position::new(horizon, seen.into_iter().map(|(after, nth)| (horizon + after, nth)));
            prop_assert_eq!(position.to_string().parse(), Ok(position));
        }

        #[test]
        fn a_text_is_refused_or_read_as_a_position_that_writes_it_again(text in "[-.0-9!a-z]{0,12}") {
            if let Ok(position) = text.parse::<Position>() {
                prop_assert_eq!(position.to_string().parse(), Ok(position));
            }
        }
    }

    #[test]
    fn changes_before_the_horizon_are_seen_and_forgotten_one_by_one() {
        let mut position = Position::new(10, [(10, 0), (12, 1), (9, 0)]);
        assert_eq!(position.to_string(), "10-0.0-2.1");
        assert!([(9, 5), (10, 0), (12, 1)].iter().all(|place| position.has(*place)));
        assert!(![(10, 1), (11, 0), (12, 0)].iter().any(|place| position.has(*place)));
        position.reach(12);
        assert_eq!(position.to_string(), "12-0.1");
        position.reach(11);
        assert_eq!(position.horizon(), 12, "it does not go back");
    }

    #[test]
    fn a_position_with_too_much_behind_its_horizon_cannot_be_come_back_to() {
        let far = Position::new(1, (0..=MOST).map(|nth| (1, i32::try_from(nth).unwrap())));
        assert_eq!(far.to_string(), "1-!");
        assert!("1-!".parse::<Position>().is_err());
    }
}
