//! The matcher, on offers a seed makes: the same ones every time.

use jiff::civil::date;
use proto::options::v1::Role;

use super::*;
use crate::{
    testing::Ground,
    twinning::offer::{Language, OfferDetails},
    year::edition::Track,
};

/// Numbers that look like chance and are the same every time (SplitMix64).
struct Seed(u64);

impl Seed {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()].clone()
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, usize::try_from(self.below(at as u64 + 1)).unwrap());
        }
    }
}

/// A programme, with one track of it.
struct Fair {
    ground: Ground,
    track: Id<Track>,
}

impl Fair {
    fn new() -> Self {
        let ground = Ground::programme();
        Self { track: ground.ids.next(), ground }
    }

    fn offer(&self, home: &str, change: impl FnOnce(&mut OfferDetails)) -> Offer {
        let side = self.ground.side(home, "");
        let mut wish = OfferDetails {
            languages: vec![language("en")],
            themes: vec!["transport".to_owned()],
            class_size: 20,
            from: date(2023, 1, 9),
            until: date(2023, 6, 9),
            projects: Vec::new(),
            note: String::new(),
        };
        change(&mut wish);
        Offer::publish(&self.ground.twin(Role::TwinTeacher, &side), self.track, side, wish).unwrap()
    }

    /// Offers of all kinds, some of them of the same instant.
    fn crowd(&self, seed: &mut Seed, many: usize) -> Vec<Offer> {
        let projects: Vec<_> = (0..4).map(|_| self.ground.ids.next()).collect();
        let offers = (0..many).map(|_| {
            self.ground.clock.set(self.ground.clock.now() + jiff::SignedDuration::from_hours(seed.below(3) as i64));
            let home = seed.pick(&["it", "hr", "hr", "si"]);
            let mut offer = self.offer(home, |wish| {
                wish.languages =
                    vec![Language { level: seed.below(7) as i32, ..language(seed.pick(&["en", "it", "hr"])) }];
                wish.themes = vec![seed.pick(&["transport", "environment", "culture"]).to_owned()];
                wish.class_size = 10 + seed.below(20) as i32;
                wish.projects = vec![seed.pick(&projects)];
                let month = seed.pick(&[1, 2, 4]);
                (wish.from, wish.until) = (date(2023, month, 1), date(2023, month + 2, 1));
            });
            offer.lost = (seed.below(10) == 0).then(|| self.ground.ids.next());
            offer
        });
        offers.collect()
    }
}

fn language(tag: &str) -> Language {
    Language { tag: tag.to_owned(), level: 4 }
}

fn countries() -> Vec<TenantId> {
    ["it", "hr", "si"].map(|name| name.parse().unwrap()).into()
}

fn ids(found: &Matching<'_>) -> Vec<[Id<Offer>; 2]> {
    found.couples.iter().map(|couple| couple.offers.map(Offer::id)).collect()
}

fn worth(one: &Offer, other: &Offer) -> i32 {
    score(&common(one, other))
}

#[test]
fn no_two_classes_prefer_each_other_to_the_twins_they_got() {
    let fair = Fair::new();
    let mut seed = Seed(20_230_113);
    for many in [0, 1, 2, 7, 60, 300] {
        let offers = fair.crowd(&mut seed, many);
        let before = offers.chunks(9).filter(|some| some.len() > 1);
        let before: Met = before.map(|some| met(some[0].side.team, some[1].side.team)).collect();
        let found = couples(&offers, &countries(), &before);
        // what each has: nothing is worth less than the least twin
        let has = |offer: &Offer| {
            let of = |couple: &&Couple<'_>| couple.offers.iter().any(|one| one.id == offer.id);
            found.couples.iter().find(of).map_or(-1, |couple| worth(couple.offers[0], couple.offers[1]))
        };
        let had: Vec<i32> = offers.iter().map(has).collect();
        let mut could = 0;
        for (at, one) in offers.iter().enumerate() {
            for (place, other) in offers.iter().enumerate().skip(at + 1) {
                if obstacle(one, other, &before).is_none() {
                    could += 1;
                    let both = worth(one, other);
                    assert!(
                        both <= had[at] || both <= had[place],
                        "{both} is more than {} and {}",
                        had[at],
                        had[place]
                    );
                }
            }
        }
        assert!(
            many < 60 || (could > many && found.couples.len() > many / 4),
            "{could} could, {:?}",
            found.couples.len()
        );
        assert_eq!(found.couples.len() * 2 + found.alone.len(), many, "each is in one couple or alone");
    }
}

#[test]
fn every_couple_of_the_matcher_can_be_twins() {
    let fair = Fair::new();
    let offers = fair.crowd(&mut Seed(7), 200);
    let before: Met = offers.iter().zip(&offers[1..]).map(|(one, other)| met(one.side.team, other.side.team)).collect();
    let found = couples(&offers, &countries(), &before);
    for Couple { offers: [one, other], reasons } in &found.couples {
        assert_ne!(one.side.home, other.side.home);
        assert_eq!(one.wish.languages[0].tag, other.wish.languages[0].tag);
        assert!(one.wish.from <= other.wish.until && other.wish.from <= one.wish.until);
        assert!(!before.contains(&met(one.side.team, other.side.team)));
        assert_eq!(*reasons, common(other, one), "the same from both sides");
    }
    assert!(found.couples.len() > 20);
}

#[test]
fn the_same_offers_give_the_same_couples_in_whatever_order_they_come() {
    let fair = Fair::new();
    let mut seed = Seed(11);
    let mut offers = fair.crowd(&mut seed, 120);
    let first = offers.clone();
    let first = couples(&first, &countries(), &Met::new());
    for _ in 0..5 {
        seed.shuffle(&mut offers);
        let again = couples(&offers, &countries(), &Met::new());
        assert_eq!((ids(&again), &again.alone), (ids(&first), &first.alone));
    }
    let scores: Vec<_> = first.couples.iter().map(|couple| worth(couple.offers[0], couple.offers[1])).collect();
    assert!(scores.is_sorted_by(|one, next| one >= next), "the best first: {scores:?}");
}

#[test]
fn of_two_equal_matches_the_one_that_has_waited_longer_is_taken() {
    let fair = Fair::new();
    let waiting = fair.offer("it", |_| ());
    fair.ground.clock.set("2022-12-02T09:00:00Z".parse().unwrap());
    let (late, wanted) = (fair.offer("it", |_| ()), fair.offer("hr", |_| ()));
    let offers = [late.clone(), wanted.clone(), waiting.clone()];
    let found = couples(&offers, &countries(), &Met::new());
    assert_eq!((ids(&found), found.alone), (vec![[waiting.id, wanted.id]], vec![(late.id, Alone::TwinsTaken)]));
}

#[test]
fn an_offer_without_a_twin_gets_the_reason() {
    let fair = Fair::new();
    let of = |offers: &[Offer], before: &Met| {
        let found = couples(offers, &countries(), before);
        assert_eq!(found.couples, []);
        found.alone.into_iter().map(|(_, why)| why).collect::<Vec<_>>()
    };
    let english = fair.offer("it", |_| ());
    assert_eq!(of(std::slice::from_ref(&english), &Met::new()), [Alone::NoOtherCountry]);
    assert_eq!(of(&[english.clone(), fair.offer("it", |_| ())], &Met::new()), [Alone::NoOtherCountry; 2]);
    let greek = fair.offer("hr", |wish| wish.languages = vec![language("el")]);
    assert_eq!(of(&[english.clone(), greek], &Met::new()), [Alone::NoCommonLanguage; 2]);
    let autumn = fair.offer("hr", |wish| (wish.from, wish.until) = (date(2023, 9, 1), date(2023, 12, 1)));
    assert_eq!(of(&[english.clone(), autumn], &Met::new()), [Alone::NoCommonTime; 2]);
    let british = fair.offer("hr", |wish| wish.languages = vec![language("en-GB")]);
    let before = Met::from([met(british.side.team, english.side.team)]);
    assert_eq!(of(&[english.clone(), british.clone()], &before), [Alone::MetBefore; 2]);
    assert_eq!(
        of(&[english.clone(), fair.offer("es", |_| ())], &Met::new()),
        [Alone::NoOtherCountry, Alone::CountryOutside]
    );
    assert_eq!(couples(&[english, british], &countries(), &Met::new()).couples.len(), 1, "en-GB is English");
}
