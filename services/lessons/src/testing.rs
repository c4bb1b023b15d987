//! What tests use: a tenant, a clock that stands still, and a database.

use std::sync::Arc;

use platform::{
    Caller, Clock, Ctx, Id, Ids, Member, Store, Tenant, TenantId,
    secret::Keys,
    store::{Budget, Engine},
    tenant::{SectionKind, parse},
    testing,
};
use proto::options::v1::Role;
use tempfile::TempDir;

use crate::{
    twinning::side::Side,
    year::{
        edition::{NewEdition, Plan},
        team::Team,
        template::Lessons,
    },
};

pub(crate) mod countries;
pub(crate) mod twins;

/// A country with the plan of 2022-23.
pub(crate) struct Ground {
    pub(crate) tenant: Arc<Tenant>,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
}

const TEMPLATE: &str = r#"
[[lessons.templates]]
code = "22-23"
extends = "four-lessons"
label = "ASOC2223"
school_year = "2022-2023"
call = { opens = 2022-09-15T10:00:00, closes = 2022-10-24T18:00:00 }
lessons = [
  { number = 1, webinar = 2022-11-17T15:00:00, deadline = 2022-12-20 },
  { number = 2, webinar = 2022-12-15T15:00:00, deadline = 2023-02-07 },
  { number = 3, webinar = 2023-02-09T15:00:00, deadline = 2023-03-21 },
  { number = 4, webinar = 2023-03-23T15:00:00, deadline = 2023-04-27 },
]
[[lessons.templates.tracks]]
code = "upper_secondary"
name = "Scuole superiori"
sources = ["opencoesione.gov.it"]
[[lessons.templates.tracks]]
code = "english"
name = "In English"
sources = ["opencoesione.gov.it"]
"#;

impl Ground {
    /// A country whose people live in this zone.
    pub(crate) fn in_zone(zone: &str) -> Self {
        Self::with(zone, TEMPLATE)
    }

    /// Italy, with a call that opens at this local time.
    pub(crate) fn opening(call: &str) -> Self {
        Self::with("Europe/Rome", &TEMPLATE.replace("2022-09-15T10:00:00", call))
    }

    /// A programme that Italy and Croatia share.
    pub(crate) fn programme() -> Self {
        let kind = "kind = \"programme\"\ncountries = [\"it\", \"hr\"]\ncci = [\"2014TC16RFCB042\"]";
        Self::tenant("it-hr", kind, "Europe/Rome", TEMPLATE)
    }

    fn with(zone: &str, template: &str) -> Self {
        Self::tenant("it", "kind = \"country\"", zone, template)
    }

    fn tenant(name: &str, kind: &str, zone: &str, template: &str) -> Self {
        let head =
            format!("{kind}\nname = \"Test\"\nlocales = [\"it\"]\nzone = \"{zone}\"\n[lessons]\nlanguage = \"it\"\n");
        let tenant = parse(&name.parse().unwrap(), &(head + template), &[SectionKind::of::<Lessons>()]).unwrap();
        let clock = Clock::held("2022-12-01T09:00:00Z".parse().unwrap());
        Self { tenant: Arc::new(tenant), ids: Ids::new(clock.clone()), clock }
    }

    /// Italy.
    pub(crate) fn new() -> Self {
        Self::in_zone("Europe/Rome")
    }

    /// A call by somebody with a role.
    pub(crate) fn by(&self, role: Role) -> Ctx {
        self.call(role, None)
    }

    /// A call by the shared account of a team.
    pub(crate) fn by_team(&self, team: &Team) -> Ctx {
        self.call(Role::Team, Some(team))
    }

    fn call(&self, role: Role, team: Option<&Team>) -> Ctx {
        let acts_for = team.map(|team| team.id.uuid());
        let (account, session) = (self.ids.next::<Member>().uuid(), self.ids.next::<Member>().uuid());
        let (roles, bound) = (vec![role], platform::Bound::default());
        let (mandate, scopes, home, lacks, is_half) = (None, None, None, None, false);
        let member = Member { account, session, roles, mandate, bound, scopes, acts_for, home, lacks, is_half };
        testing::ctx(&self.tenant, Caller::Member(member), &self.clock, &self.ids)
    }

    /// A class of a country that takes part in the programme.
    pub(crate) fn side(&self, home: &str, territory: &str) -> Side {
        Side {
            home: home.parse().unwrap(),
            team: self.ids.next(),
            team_name: "Fiume".to_owned(),
            school_name: "Liceo".to_owned(),
            territory: territory.to_owned(),
        }
    }

    /// A call in the programme by somebody who acts for a class: its teacher, or its shared account.
    pub(crate) fn twin(&self, role: Role, side: &Side) -> Ctx {
        let caller = testing::visitor(role, &side.home, Some(side.team.uuid()), &self.ids);
        testing::ctx(&self.tenant, caller, &self.clock, &self.ids)
    }

    /// A call in the programme by the central team of a country.
    pub(crate) fn country(&self, home: &TenantId) -> Ctx {
        let caller = testing::visitor(Role::TwinCoordinator, home, None, &self.ids);
        testing::ctx(&self.tenant, caller, &self.clock, &self.ids)
    }

    /// Sets the clock to an instant.
    pub(crate) fn at(&self, instant: &str) -> &Self {
        self.clock.set(instant.parse().unwrap());
        self
    }

    /// An edition with all that belongs to it, not stored.
    pub(crate) fn plan(&self) -> Plan {
        self.plan_later(0)
    }

    /// An edition whose dates are some weeks later, not stored.
    pub(crate) fn plan_later(&self, shift_weeks: i32) -> Plan {
        Plan::new(&self.by(Role::Coordinator), wish(shift_weeks)).unwrap()
    }

    /// A team of the edition's first track.
    pub(crate) fn team(&self, plan: &Plan) -> Team {
        Team {
            id: self.ids.next(),
            code: "22-23_0001".to_owned(),
            name: "Fiume".to_owned(),
            edition: plan.edition.id(),
            track: plan.edition.tracks()[0].id(),
            school_name: "Liceo".to_owned(),
            territory: "ITF14".to_owned(),
            space: None,
        }
    }

    /// An empty database, in a folder that is removed after the test.
    pub(crate) fn store(&self) -> (Store, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let schema = |service, database| -> futures::future::BoxFuture<'static, _> {
            Box::pin(async move { migrations::up(service, &database).await })
        };
        let engine = Engine::Sqlite(folder.path().to_owned());
        (Store::new("lessons", engine, Budget::new(8), Keys::random().unwrap(), Some(schema)), folder)
    }
}

/// A request for an edition that gives only the template and a shift.
pub(crate) fn wish(shift_weeks: i32) -> NewEdition {
    NewEdition { template: "22-23".to_owned(), code: String::new(), label: String::new(), shift_weeks }
}

/// An id that nothing has.
pub(crate) fn nobody<T>() -> Id<T> {
    uuid::Uuid::nil().into()
}
