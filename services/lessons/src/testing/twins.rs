//! A pair at work, in a database of its own.

use jiff::civil::date;
use platform::{Ctx, Id, Reads, Store, Tenants, tenant::SectionKind, testing};
use proto::options::v1::Role;
use tempfile::TempDir;

use super::{Ground, TEMPLATE};
use crate::{
    space::timeline::homes::Homes,
    twinning::{
        engagement::home::Engagements,
        offer::{Language, Offer, OfferDetails},
        pair::{self, Pair, Viewpoint},
        project::{Budget, Facts, Partner, Project},
        side::Side,
    },
    year::{
        edition::{self, Plan, Track},
        template::Lessons,
    },
};

/// A Croatian and an Italian class at work, in this order.
pub(crate) struct Twins {
    pub(crate) ground: Ground,
    pub(crate) plan: Plan,
    pub(crate) pair: Pair,
    pub(crate) store: Store,
    folder: TempDir,
}

const PLACES: [(&str, &str); 2] = [("hr", "HR033"), ("it", "ITF14")];

impl Twins {
    pub(crate) async fn at_work() -> Self {
        let ground = Ground::programme();
        let (store, folder) = ground.store();
        let mut plan = ground.plan();
        let tx = store.change(&ground.by(Role::Coordinator)).await.unwrap();
        edition::store::add(&tx, &mut plan).await.unwrap();
        let mut pair = started(&ground, &plan);
        pair::store::add(&tx, &mut pair).await.unwrap();
        tx.commit().await.unwrap();
        Self { ground, plan, pair, store, folder }
    }

    pub(crate) fn side(&self, of: usize) -> &Side {
        &self.pair.sides()[of].side
    }

    pub(crate) fn teacher(&self, of: usize) -> Ctx {
        self.ground.twin(Role::TwinTeacher, self.side(of))
    }

    pub(crate) fn team(&self, of: usize) -> Ctx {
        self.ground.twin(Role::TwinTeam, self.side(of))
    }

    pub(crate) fn secretariat(&self) -> Ctx {
        self.ground.by(Role::Coordinator)
    }

    /// Records in the pair that a class leaves. What it brought stays.
    pub(crate) async fn leaves(&mut self, of: usize) {
        let ctx = self.teacher(of);
        self.pair.leave(&ctx, String::new()).unwrap();
        let tx = self.store.change(&ctx).await.unwrap();
        pair::store::save(&tx, &mut self.pair).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// The files of both countries: in Croatia schools are closed on 22 and 23 December.
    pub(crate) fn homes(&self) -> Homes {
        for (home, holidays) in [("hr", "{ name = 'Odmor', from = 2022-12-22, until = 2022-12-23 }"), ("it", "")] {
            let head = "kind = 'country'\nname = 'x'\nlocales = ['en']\nzone = 'Europe/Rome'\n";
            let text = format!("{head}[lessons]\nlanguage = 'en'\nholidays = [{holidays}]\n{TEMPLATE}");
            std::fs::write(self.folder.path().join(format!("{home}.toml")), text).unwrap();
        }
        let (tenants, faults) = Tenants::load(self.folder.path(), vec![SectionKind::of::<Lessons>()]);
        assert_eq!(faults, []);
        Homes::new(tenants)
    }

    /// The pair as the database has it.
    pub(crate) async fn read(&self, db: &impl Reads) -> Pair {
        pair::store::find(db, self.pair.id()).await.unwrap().unwrap()
    }
}

fn started(ground: &Ground, plan: &Plan) -> Pair {
    let sides = PLACES.map(|(home, territory)| ground.side(home, territory));
    let teachers = sides.each_ref().map(|side| ground.twin(Role::TwinTeacher, side));
    let teams = sides.each_ref().map(|side| side.team);
    let mut pair = proposed(&teachers[0], plan.edition.tracks()[0].id(), sides);
    pair.accept(&teachers[1]).unwrap();
    for (home, _) in PLACES {
        pair.approve(&ground.country(&home.parse().unwrap())).unwrap();
    }
    let view = |of: usize, partner: &str| Viewpoint { team: teams[of], partner: partner.to_owned() };
    pair.propose_project(&teachers[0], project(ground), &[view(0, "2"), view(1, "1")]).unwrap();
    pair.agree_project(&teachers[1], &platform::wire::etag(0), project(ground)).unwrap();
    pair.start(&teachers[1]).unwrap();
    pair
}

/// Two classes, as a teacher of one of them has proposed them for a pair.
pub(crate) fn proposed(teacher: &Ctx, track: Id<Track>, sides: [Side; 2]) -> Pair {
    let [one, other] = sides.map(|side| offered(teacher, track, side));
    Pair::propose(teacher, [&one, &other]).unwrap()
}

/// A class that looks for a twin.
pub(crate) fn offered(teacher: &Ctx, track: Id<Track>, side: Side) -> Offer {
    Offer::publish(teacher, track, side, wish()).unwrap()
}

/// Plain details of an offer.
pub(crate) fn wish() -> OfferDetails {
    OfferDetails {
        languages: vec![Language { tag: "en".to_owned(), level: 3 }],
        themes: Vec::new(),
        class_size: 20,
        from: date(2023, 1, 16),
        until: date(2023, 6, 9),
        projects: Vec::new(),
        note: String::new(),
    }
}

/// A project with a partner in Italy, 1, and one in Croatia, 2.
pub(crate) fn project(ground: &Ground) -> Project {
    let partner = |id: &str, country: &str| Partner {
        id: id.to_owned(),
        name: "A port".to_owned(),
        is_lead: id == "1",
        country: country.to_owned(),
        territory: String::new(),
        town: String::new(),
        share: Budget::Unpublished,
    };
    let facts = Facts {
        keep_id: "20001".to_owned(),
        acronym: "SEA".to_owned(),
        name: "Clean ports".to_owned(),
        programme_cci: "2014TC16RFCB042".to_owned(),
        status: "closed".to_owned(),
        starts_on: String::new(),
        ends_on: String::new(),
        total: Budget::Unpublished,
        union_share: Budget::Unpublished,
        themes: Vec::new(),
        partners: vec![partner("1", "it"), partner("2", "hr")],
    };
    Project::new(&ground.by(Role::Coordinator), facts)
}

/// Homes in countries without files: their schools are always open.
pub(crate) fn always_open() -> Homes {
    let folder = tempfile::tempdir().unwrap();
    Homes::new(Tenants::load(folder.path(), vec![SectionKind::of::<Lessons>()]).0)
}

/// Engagements that reach no country.
pub(crate) fn engaged_nowhere(store: &Store) -> Engagements {
    let folder = tempfile::tempdir().unwrap();
    Engagements::new(store.clone(), testing::border(&Tenants::load(folder.path(), Vec::new()).0))
}
