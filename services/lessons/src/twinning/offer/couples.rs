//! The matcher: which of the open offers are proposed to each other. A couple has the same worth for both classes, so taking the best
//! couple first, and then the best of those that are left, leaves no two classes that would both prefer each other.

use std::{cmp::Reverse, collections::HashSet};

use platform::{Id, TenantId};

use super::{
    Offer, Why,
    matching::{common, score},
};
use crate::year::team::Team;

/// Two offers that suit one another.
#[derive(Clone, Debug, PartialEq)]
pub struct Couple<'a> {
    /// Both of them, the class that has waited longer first.
    pub offers: [&'a Offer; 2],
    /// Why, in the order of their weight.
    pub reasons: Vec<Why>,
}

/// Why an offer has no twin. Of several reasons the last one of this list holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alone {
    /// Its country has no share in the programme any more.
    CountryOutside,
    /// No class of another country looks for a twin.
    NoOtherCountry,
    /// None of those speaks a language of this class.
    NoCommonLanguage,
    /// None of those is free on the same days.
    NoCommonTime,
    /// It was in a pair with each of those before.
    MetBefore,
    /// Those that are left suit others better.
    TwinsTaken,
}

/// The result of the matcher for the offers of one track.
#[derive(Clone, Debug, PartialEq)]
pub struct Matching<'a> {
    /// The couples, the best first.
    pub couples: Vec<Couple<'a>>,
    /// The offers that stay without a twin, and why. The one that has waited longest comes first.
    pub alone: Vec<(Id<Offer>, Alone)>,
}

/// The classes that have been in one pair before, by their ids in order.
pub(crate) type Met = HashSet<[Id<Team>; 2]>;

/// Two classes, in the order a [`Met`] has them.
pub(crate) fn met(one: Id<Team>, other: Id<Team>) -> [Id<Team>; 2] {
    if one < other { [one, other] } else { [other, one] }
}

/// Matches open offers of one track. The same offers give the same couples, in whatever order they come.
pub(crate) fn couples<'a>(offers: &'a [Offer], countries: &[TenantId], met_before: &Met) -> Matching<'a> {
    let mut offers: Vec<_> = offers.iter().collect();
    // the order is total, because ids are unique, and decides between couples of the same worth
    offers.sort_by_key(|offer| (offer.published_at, offer.id));
    let (inside, outside): (Vec<_>, Vec<_>) = offers.iter().partition(|offer| countries.contains(&offer.side.home));
    let mut taken = HashSet::new();
    let mut couples = Vec::new();
    for (_, places) in by_worth(&inside, met_before) {
        if places.iter().all(|place| !taken.contains(place)) {
            taken.extend(places);
            let [one, other] = places.map(|place| inside[place]);
            couples.push(Couple { offers: [one, other], reasons: common(one, other) });
        }
    }
    let why = |offer: &Offer| {
        if outside.contains(&offer) { Alone::CountryOutside } else { alone(offer, &inside, met_before) }
    };
    let left = |offer: &&&Offer| couples.iter().all(|couple| couple.offers.iter().all(|taken| taken.id != offer.id));
    let alone = offers.iter().filter(left).map(|offer| (offer.id, why(offer))).collect();
    Matching { couples, alone }
}

/// All couples that could be twins, by their positions in `offers`: those of the most worth first, and of these the ones that have waited
/// longest.
fn by_worth(offers: &[&Offer], met_before: &Met) -> Vec<(Reverse<i32>, [usize; 2])> {
    let mut fitting = Vec::new();
    for (at, one) in offers.iter().enumerate() {
        for (place, other) in offers.iter().enumerate().skip(at + 1) {
            if obstacle(one, other, met_before).is_none() {
                fitting.push((Reverse(score(&common(one, other))), [at, place]));
            }
        }
    }
    fitting.sort_unstable();
    fitting
}

/// The reason why two classes cannot be twins. None where they can.
fn obstacle(one: &Offer, other: &Offer, met_before: &Met) -> Option<Alone> {
    let (a, b) = (&one.wish, &other.wish);
    if one.side.home == other.side.home {
        Some(Alone::NoOtherCountry)
    } else if !a.languages.iter().any(|own| b.languages.iter().any(|language| own.is(language))) {
        Some(Alone::NoCommonLanguage)
    } else if a.from.max(b.from) > a.until.min(b.until) {
        Some(Alone::NoCommonTime)
    } else if met_before.contains(&met(one.side.team, other.side.team)) {
        Some(Alone::MetBefore)
    } else {
        None
    }
}

/// The reason why an offer has no twin: that of the other offer which came closest to being one.
fn alone(offer: &Offer, all: &[&Offer], met_before: &Met) -> Alone {
    let others = all.iter().filter(|other| other.id != offer.id);
    let obstacles = others.map(|other| obstacle(offer, other, met_before).unwrap_or(Alone::TwinsTaken));
    obstacles.max().unwrap_or(Alone::NoOtherCountry)
}

#[cfg(test)]
mod tests;
