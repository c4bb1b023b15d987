//! Which offers suit one another, and why. The weights are a default of ours (D). Matches are ordered by score, and then by which offer has
//! waited longest.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Language, Offer, OfferDetails, OfferState};

/// The number of days that is long enough to work together: sixteen weeks (D).
const LONG: i64 = 16 * 7;
/// The lowest level at which a class speaks a language well: B1.
const WELL: i32 = 3;
/// The most matches that are listed.
const MOST: usize = 20;

/// An offer that suits another.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// The offer.
    pub offer: Offer,
    /// How well, 0 to 100.
    pub score: i32,
    /// Why, in the order of their weight.
    pub reasons: Vec<Why>,
}

/// What two offers have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Both would like to observe the same project.
    SameProject,
    /// They share a language both speak well.
    CommonLanguage,
    /// They share a theme.
    CommonTheme,
    /// They can work together long enough.
    CommonTime,
    /// The classes are of about the same size.
    SimilarSize,
    /// The class has lost its twin.
    LostTwin,
}

impl Why {
    const ALL: [Self; 6] = [
        Self::SameProject,
        Self::CommonLanguage,
        Self::CommonTheme,
        Self::CommonTime,
        Self::SimilarSize,
        Self::LostTwin,
    ];

    fn weight(self) -> i32 {
        match self {
            Self::SameProject => 30,
            Self::CommonLanguage => 25,
            Self::CommonTheme | Self::CommonTime => 15,
            Self::SimilarSize => 10,
            Self::LostTwin => 5,
        }
    }

    fn holds(self, one: &Offer, other: &Offer) -> bool {
        let (a, b) = (&one.wish, &other.wish);
        match self {
            Self::SameProject => a.projects.iter().any(|project| b.projects.contains(project)),
            Self::CommonLanguage => share_language(a, b),
            Self::CommonTheme => a.themes.iter().any(|theme| b.themes.contains(theme)),
            Self::CommonTime => days(a.from.max(b.from), a.until.min(b.until)) >= LONG,
            Self::SimilarSize => 4 * (a.class_size - b.class_size).abs() <= a.class_size.max(b.class_size),
            Self::LostTwin => other.lost.is_some(),
        }
    }
}

fn share_language(a: &OfferDetails, b: &OfferDetails) -> bool {
    let well = |wish: &OfferDetails, of: &Language| wish.languages.iter().any(|one| one.is(of) && one.level >= WELL);
    a.languages.iter().any(|one| well(a, one) && well(b, one))
}

impl Language {
    /// Whether it is the same language: `en-GB` is `en`.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.tag.split('-').next() == other.tag.split('-').next()
    }
}

fn days(from: Date, until: Date) -> i64 {
    until.duration_since(from).as_hours() / 24
}

impl Offer {
    /// The offers among `others` that suit it, best first: open, of another country and the same track.
    pub fn matches(&self, others: Vec<Self>) -> Vec<Match> {
        let fits = |other: &Self| {
            other.state == OfferState::Open && other.side.home != self.side.home && other.track == self.track
        };
        let mut matches: Vec<Match> = others.into_iter().filter(fits).map(|other| self.compared(other)).collect();
        matches.sort_by_key(|one| (-one.score, one.offer.published_at, one.offer.id));
        matches.truncate(MOST);
        matches
    }

    fn compared(&self, other: Self) -> Match {
        let reasons: Vec<Why> = Why::ALL.into_iter().filter(|why| why.holds(self, &other)).collect();
        Match { score: score(&reasons), reasons, offer: other }
    }
}

/// The sum of the weights of some reasons, 0 to 100.
pub(super) fn score(reasons: &[Why]) -> i32 {
    reasons.iter().map(|why| why.weight()).sum()
}

/// Why two offers suit one another. The order of the two makes no difference.
pub(super) fn common(one: &Offer, other: &Offer) -> Vec<Why> {
    Why::ALL.into_iter().filter(|why| why.holds(one, other) || why.holds(other, one)).collect()
}

#[cfg(test)]
mod tests {
    use platform::Id;
    use proto::options::v1::Role;

    use crate::{
        edition::Track,
        offer::Offer,
        testing::{Ground, twins::offered},
    };

    #[test]
    fn a_class_is_matched_with_open_offers_of_other_countries_in_its_track() {
        let ground = Ground::programme();
        let (track, elsewhere): (Id<Track>, Id<Track>) = (ground.ids.next(), ground.ids.next());
        let offer = |home: &str, track| {
            let side = ground.side(home, "");
            offered(&ground.twin(Role::TwinTeacher, &side), track, side)
        };
        let (own, twin) = (offer("it", track), offer("hr", track));
        let mut withdrawn = offer("hr", track);
        withdrawn.withdraw().unwrap();
        let of_its_country = offer("it", track);
        let others = vec![own.clone(), of_its_country, offer("hr", elsewhere), withdrawn, twin.clone()];
        let found: Vec<Id<Offer>> = own.matches(others).iter().map(|found| found.offer.id()).collect();
        assert_eq!(found, [twin.id()]);
    }
}
