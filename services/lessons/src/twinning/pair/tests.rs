//! The rules of pairs.

use super::*;
use crate::{
    testing::{
        Ground,
        twins::{project, wish},
    },
    year::team::Team,
};

struct Twins {
    ground: Ground,
    offers: [Offer; 2],
}

const PLACES: [(&str, &str); 2] = [("hr", "HR033"), ("it", "ITF14")];

impl Twins {
    fn new() -> Self {
        let ground = Ground::programme();
        let track = ground.ids.next();
        let offers = PLACES.map(|(home, territory)| {
            let side = ground.side(home, territory);
            Offer::publish(&ground.twin(Role::TwinTeacher, &side), track, side, wish()).unwrap()
        });
        Self { ground, offers }
    }

    fn teacher(&self, of: usize) -> Ctx {
        self.ground.twin(Role::TwinTeacher, self.offers[of].side())
    }

    fn coordinator(&self, of: usize) -> Ctx {
        self.ground.country(&self.offers[of].side().home)
    }

    fn secretariat(&self) -> Ctx {
        self.ground.by(Role::Coordinator)
    }

    fn proposed(&self) -> Pair {
        Pair::propose(&self.teacher(0), [&self.offers[1], &self.offers[0]]).unwrap()
    }

    fn approved(&self) -> Pair {
        let mut pair = self.proposed();
        assert!(pair.accept(&self.teacher(1)).unwrap());
        pair.approve(&self.coordinator(0)).unwrap();
        pair.approve(&self.coordinator(1)).unwrap();
        pair
    }

    fn active(&self) -> Pair {
        let mut pair = self.approved();
        pair.propose_project(&self.teacher(0), project(&self.ground), &self.views(["2", "1"])).unwrap();
        pair.agree_project(&self.teacher(1), &platform::wire::etag(pair.version), project(&self.ground)).unwrap();
        pair.start(&self.teacher(1)).unwrap();
        pair
    }

    fn views(&self, partners: [&str; 2]) -> Vec<Viewpoint> {
        let teams: [Id<Team>; 2] = [0, 1].map(|of| self.offers[of].side().team);
        teams.into_iter().zip(partners).map(|(team, partner)| Viewpoint { team, partner: partner.to_owned() }).collect()
    }
}

fn is<T: std::fmt::Debug>(refused: Result<T>, reason: Reason) -> bool {
    refused.unwrap_err().is(reason)
}

/// Whether a field is refused for this reason.
fn violates<T: std::fmt::Debug>(refused: Result<T>, reason: Reason) -> bool {
    let status = tonic::Status::from(refused.unwrap_err());
    let name = reason.as_str_name().trim_start_matches("REASON_");
    status.details().windows(name.len()).any(|bytes| bytes == name.as_bytes())
}

fn waits(pair: &Pair) -> Vec<(String, Role)> {
    let name = |waiting: Waiting| (waiting.home.map(|home| home.to_string()).unwrap_or_default(), waiting.role);
    pair.waiting_for().into_iter().map(name).collect()
}

#[test]
fn a_pair_comes_about_step_by_step_and_each_step_says_who_must_act() {
    let twins = Twins::new();
    let mut pair = twins.proposed();
    assert_eq!(waits(&pair), [("it".to_owned(), Role::TwinTeacher)]);
    assert!(pair.accept(&twins.teacher(1)).unwrap());
    let both = |role| [("hr".to_owned(), role), ("it".to_owned(), role)];
    assert_eq!(waits(&pair), both(Role::TwinCoordinator));
    pair.approve(&twins.coordinator(1)).unwrap();
    assert_eq!(waits(&pair), [("hr".to_owned(), Role::TwinCoordinator)]);
    pair.approve(&twins.coordinator(0)).unwrap();
    assert_eq!((pair.stage(), waits(&pair)), (PairStage::Approved, both(Role::TwinTeacher).to_vec()));
    let proposing = twins.ground.at("2022-12-20T09:00:00Z").twin(Role::TwinTeacher, twins.offers[1].side());
    pair.propose_project(&proposing, project(&twins.ground), &twins.views(["2", "1"])).unwrap();
    assert_eq!(waits(&pair), [("hr".to_owned(), Role::TwinTeacher)]);
    assert_eq!(pair.waiting_for()[0].since, proposing.now(), "since there is something to agree to");
    pair.agree_project(&twins.teacher(0), &platform::wire::etag(pair.version), project(&twins.ground)).unwrap();
    pair.start(&twins.teacher(0)).unwrap();
    assert_eq!((pair.stage(), waits(&pair)), (PairStage::Active, both(Role::TwinTeam).to_vec()));
    let looks_at = |of: usize| pair.partner(&pair.sides[of]).map(|partner| partner.country.as_str());
    assert_eq!([looks_at(0), looks_at(1)], [Some("hr"), Some("it")]);
}

#[test]
fn a_step_out_of_turn_is_refused() {
    let twins = Twins::new();
    let mut pair = twins.proposed();
    assert!(is(pair.approve(&twins.coordinator(0)), Reason::PairState));
    assert!(is(pair.start(&twins.teacher(0)), Reason::PairState));
    assert!(is(pair.leave(&twins.teacher(0), String::new()), Reason::PairState));
    assert!(is(pair.proposed_project(), Reason::PairState));
    assert!(!pair.accept(&twins.teacher(0)).unwrap(), "the same teacher twice is one acceptance");
    let mut pair = twins.active();
    assert!(is(pair.accept(&twins.teacher(0)), Reason::PairState));
}

#[test]
fn a_pair_at_work_says_what_is_not_delivered_yet_and_is_complete_with_all_of_it() {
    let twins = Twins::new();
    let mut pair = twins.active();
    let secretariat = twins.secretariat();
    assert!(pair.deliver(&secretariat, pair.sides[0].side.team));
    assert!(!pair.deliver(&secretariat, pair.sides[0].side.team), "once");
    assert_eq!(waits(&pair), [("it".to_owned(), Role::TwinTeam)]);
    assert!(is(pair.complete(&secretariat), Reason::PairState));
    let secretariat = twins.ground.at("2023-05-01T08:00:00Z").by(Role::Coordinator);
    assert!(pair.deliver(&secretariat, pair.sides[1].side.team));
    assert_eq!(waits(&pair), ["hr", "it"].map(|home| (home.to_owned(), Role::TwinTeacher)));
    assert_eq!(pair.waiting_for()[0].since.to_string(), "2023-05-01T08:00:00Z");
    assert!(is(pair.complete(&secretariat), Reason::PairState));
    let teams = [0, 1].map(|of: usize| pair.sides[of].side.team);
    assert!(pair.sign(&teams[..1]) && !pair.sign(&teams[..1]));
    assert_eq!(waits(&pair), [("it".to_owned(), Role::TwinTeacher)], "who has signed need not");
    assert!(pair.sign(&[]), "an edit voids it");
    assert_eq!(waits(&pair).len(), 2);
    assert!(pair.deliver_together(&secretariat) && !pair.deliver_together(&secretariat));
    assert_eq!(waits(&pair), [(String::new(), Role::Coordinator)]);
    pair.complete(&secretariat).unwrap();
    assert!(waits(&pair).is_empty());
}

#[test]
fn twins_are_of_two_countries_and_one_edition() {
    let twins = Twins::new();
    let [one, other] = &twins.offers;
    assert!(violates(Pair::propose(&twins.secretariat(), [one, one]), Reason::TwinsMismatched));
    let side = twins.ground.side("it", "ITF14");
    let later = Offer::publish(&twins.teacher(1), twins.ground.ids.next(), side, wish()).unwrap();
    assert!(violates(Pair::propose(&twins.secretariat(), [one, &later]), Reason::TwinsMismatched));
    let mut taken = other.clone();
    taken.take().unwrap();
    assert!(is(Pair::propose(&twins.teacher(1), [one, &taken]), Reason::OfferClosed));
    let by_who_cannot_know = Pair::propose(&twins.teacher(0), [one, &taken]);
    assert!(by_who_cannot_know.unwrap_err().is(platform::error::Shared::NotFound));
    let stranger = twins.ground.side("it", "ITF14");
    let by_stranger = Pair::propose(&twins.ground.twin(Role::TwinTeacher, &stranger), [one, other]);
    assert!(by_stranger.unwrap_err().is(platform::error::Shared::NotFound));
}

#[test]
fn the_secretariat_proposes_and_both_teachers_must_accept() {
    let twins = Twins::new();
    let mut pair = Pair::propose(&twins.secretariat(), [&twins.offers[0], &twins.offers[1]]).unwrap();
    assert_eq!((pair.origin.by, waits(&pair).len()), (ProposedBy::Secretariat, 2));
    assert!(!pair.accept(&twins.teacher(0)).unwrap());
    assert!(pair.accept(&twins.teacher(1)).unwrap());
}

#[test]
fn a_partner_must_be_in_the_country_of_its_class() {
    let twins = Twins::new();
    let mut pair = twins.approved();
    let refused = pair.propose_project(&twins.teacher(0), project(&twins.ground), &twins.views(["1", "9"]));
    assert!(violates(refused, Reason::PartnerMisplaced));
}

#[test]
fn a_teacher_agrees_only_to_the_version_that_was_read() {
    let twins = Twins::new();
    let mut pair = twins.approved();
    pair.propose_project(&twins.teacher(0), project(&twins.ground), &twins.views(["2", "1"])).unwrap();
    let refused = pair.agree_project(&twins.teacher(1), "99", project(&twins.ground));
    assert!(refused.unwrap_err().is(platform::error::Shared::EtagStale));
}

#[test]
fn a_class_that_has_left_cannot_see_the_pair_and_leaves_a_gap() {
    let twins = Twins::new();
    let mut pair = twins.active();
    let (left, survivor) = pair.leave(&twins.teacher(0), "no teacher".to_owned()).unwrap();
    assert_eq!((left.side.team_name.as_str(), pair.sides[0].side.team_name.as_str()), ("Fiume", ""));
    assert_eq!(survivor.map(|place| place.side.home), Some(twins.offers[1].side().home.clone()));
    assert!(!pair.is_visible_to(&twins.teacher(0)) && !pair.is_visible_to(&twins.coordinator(0)));
    assert!(pair.is_visible_to(&twins.teacher(1)) && pair.is_visible_to(&twins.secretariat()));
    assert!(pair.check_working().is_ok(), "the other goes on");
    let (_, nobody) = pair.leave(&twins.teacher(1), String::new()).unwrap();
    assert!(nobody.is_none() && pair.stage() == PairStage::Dissolved);
}

#[test]
fn a_suspended_pair_rests_until_who_suspended_it_takes_it_up_again() {
    let twins = Twins::new();
    let coordinators = [twins.coordinator(0), twins.coordinator(1)];
    let teachers = [twins.teacher(0), twins.teacher(1)];
    let secretariat = twins.secretariat();
    // who suspends it, whom it waits for, who may not take it up again, who may
    type Case<'a> = (&'a Ctx, (&'a str, Role), &'a [&'a Ctx], &'a [&'a Ctx]);
    let cases: [Case<'_>; 3] = [
        (&teachers[1], ("it", Role::TwinTeacher), &[&teachers[0], &coordinators[0]], &[&coordinators[1], &secretariat]),
        (&coordinators[1], ("it", Role::TwinCoordinator), &[&teachers[0], &teachers[1]], &[&coordinators[1]]),
        (&secretariat, ("", Role::Coordinator), &[&teachers[0], &coordinators[1]], &[&secretariat]),
    ];
    for (who, (home, role), others, may) in cases {
        let mut pair = twins.active();
        pair.suspend(who, "strike".to_owned()).unwrap();
        assert_eq!(waits(&pair), [(home.to_owned(), role)]);
        assert!(is(pair.check_working(), Reason::PairState));
        for other in others {
            assert!(is(pair.resume(other), Reason::PairState));
        }
        for one in may {
            let mut pair = pair.clone();
            pair.resume(one).unwrap();
            assert!(pair.check_working().is_ok());
        }
    }
}

#[test]
fn a_class_can_leave_a_dissolved_or_repaired_pair_to_take_along_what_it_brought() {
    let twins = Twins::new();
    let mut pair = twins.active();
    pair.dissolve(&twins.secretariat(), "a quarrel".to_owned()).unwrap();
    assert!(is(pair.check_together(&twins.teacher(0)), Reason::PairState));
    assert!(pair.check_together(&twins.secretariat()).is_ok());
    let (left, survivor) = pair.leave(&twins.teacher(0), "we want it back".to_owned()).unwrap();
    assert_eq!((left.side.team_name.as_str(), survivor), ("Fiume", None));
    assert_eq!((pair.stage(), pair.state.reason()), (PairStage::Dissolved, "a quarrel"));
    assert!(pair.is_visible_to(&twins.teacher(1)) && !pair.is_visible_to(&twins.teacher(0)));
    let mut pair = twins.active();
    pair.leave(&twins.teacher(0), "no teacher".to_owned()).unwrap();
    assert!(pair.repair(&twins.secretariat()));
    let (left, _) = pair.leave(&twins.teacher(1), "we want it back".to_owned()).unwrap();
    assert_eq!(
        (left.side.team_name.as_str(), pair.stage()),
        ("Fiume", PairStage::Repaired),
        "who has found another twin, too"
    );
}
