//! The changes that a watcher has seen: all before a horizon, and some after it.

use std::{collections::BTreeSet, fmt, str::FromStr};

/// The place of a change: the number of its transaction, and its number in the transaction.
pub(super) type Place = (i64, i32);

/// The number of changes after the horizon that a position can list. With more, a watcher cannot return to it.
const MOST: usize = 64;

/// Which changes a watcher has seen. Transactions that run at once commit in any order, so there can be changes it has not seen
/// before some it has: behind the horizon, which is the first transaction that may still run or the first change that was not read yet,
/// each one is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    horizon: Place,
    seen: BTreeSet<Place>,
}

impl Position {
    /// All before `horizon`, and these.
    pub(super) fn new(horizon: Place, seen: impl IntoIterator<Item = Place>) -> Self {
        let mut position = Self { horizon, seen: seen.into_iter().collect() };
        position.reach(horizon);
        position
    }

    /// The first change that may not have been seen.
    pub(super) fn horizon(&self) -> Place {
        self.horizon
    }

    /// How many changes behind the horizon have been seen.
    pub(super) fn behind(&self) -> usize {
        self.seen.len()
    }

    /// Whether a change was seen.
    pub(super) fn has(&self, place: Place) -> bool {
        place < self.horizon || self.seen.contains(&place)
    }

    /// Adds a change that was seen.
    pub(super) fn saw(&mut self, place: Place) {
        if place >= self.horizon {
            self.seen.insert(place);
        }
    }

    /// All changes before a horizon have been seen.
    pub(super) fn reach(&mut self, horizon: Place) {
        self.horizon = self.horizon.max(horizon);
        self.seen = self.seen.split_off(&self.horizon);
    }
}

/// `4711-0.2-3.0`: all before 4711, the change 2 of 4711, the change 0 of 4714. `4711.5`: all before 4711, and the first five changes of
/// 4711. `4711-!`: too many to be written down.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, nth) = self.horizon;
        write!(f, "{first}")?;
        if nth > 0 {
            write!(f, ".{nth}")?;
        }
        if self.seen.len() > MOST {
            return f.write_str("-!");
        }
        self.seen.iter().try_for_each(|(transaction, nth)| write!(f, "-{}.{nth}", transaction - first))
    }
}

impl FromStr for Position {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('-');
        let (first, nth) = parts.next().map(|horizon| horizon.split_once('.').unwrap_or((horizon, "0"))).ok_or(())?;
        let (first, nth): Place = (first.parse().map_err(drop)?, nth.parse().map_err(drop)?);
        let place = |part: &str| -> Option<Place> {
            let (after, nth) = part.split_once('.')?;
            let after: u32 = after.parse().ok()?;
            Some((first.checked_add(after.into())?, nth.parse().ok()?))
        };
        let seen: BTreeSet<Place> = parts.map(|part| place(part).ok_or(())).collect::<Result<_, _>>()?;
        if first < 0 || nth < 0 || seen.len() > MOST { Err(()) } else { Ok(Self::new((first, nth), seen)) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_position_is_read_as_it_was_written(
            horizon in (0..i64::MAX / 2, 0..9),
            seen in prop::collection::btree_set((0..1_000_i64, 0..9), 0..MOST),
        ) {
            let position = Position::new(horizon, seen.into_iter().map(|(after, nth)| (horizon.0 + after, nth)));
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
        let mut position = Position::new((10, 0), [(10, 0), (12, 1), (9, 0)]);
        assert_eq!(position.to_string(), "10-0.0-2.1");
        assert!([(9, 5), (10, 0), (12, 1)].iter().all(|place| position.has(*place)));
        assert!(![(10, 1), (11, 0), (12, 0)].iter().any(|place| position.has(*place)));
        position.reach((12, 0));
        assert_eq!(position.to_string(), "12-0.1");
        position.reach((11, 0));
        assert_eq!(position.horizon(), (12, 0), "it does not go back");
        position.reach((12, 1));
        assert_eq!((position.to_string().as_str(), position.behind()), ("12.1-0.1", 1));
        assert!(position.has((12, 0)) && position.has((12, 1)) && !position.has((12, 2)));
        assert_eq!("12.1-0.1".parse(), Ok(position));
    }

    #[test]
    fn a_position_with_too_much_behind_its_horizon_cannot_be_come_back_to() {
        let far = Position::new((1, 0), (0..=MOST).map(|nth| (1, i32::try_from(nth).unwrap())));
        assert_eq!(far.to_string(), "1-!");
        assert!("1-!".parse::<Position>().is_err());
    }
}
