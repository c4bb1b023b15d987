//! For random deeds of people in Italy, in Croatia and in the programmes they share: the answers Italy gets are byte for byte the same
//! whether or not there is a Croatia, a programme, or a class of Italy that visits one.

use std::collections::HashMap;

use http::{HeaderMap, StatusCode};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use tests::{
    Answer, Caller, Class, Scene, World,
    mailbox::CODE,
    path::text,
    scene::{PASSWORD, PDF},
    twins, world,
};

/// Something people of one country do.
#[derive(Clone, Debug)]
enum Deed {
    Register(u8),
    Verify(u8),
    SignIn(u8),
    GuessPassword(u8),
    ReadAccount(u8),
    FindTeachers(u8),
    MakeEdition(u8),
    OpenCall,
    ListEditions(u8),
    ImportSchools(u8),
    ListSchools(u8),
    Upload(u8),
    Apply(u8),
    Submit(u8),
    Admit(u8),
    Refuse(u8),
    ListApplications(u8),
    ListTeams(u8),
    ListDeliveries,
    ReadNothing(u8),
    Visit(u8),
}

fn deed() -> impl Strategy<Value = Deed> {
    let who = 0..3_u8;
    prop_oneof![
        1 => who.clone().prop_map(Deed::Register),
        1 => who.clone().prop_map(Deed::Verify),
        1 => who.clone().prop_map(Deed::SignIn),
        1 => who.clone().prop_map(Deed::GuessPassword),
        1 => who.clone().prop_map(Deed::ReadAccount),
        1 => who.clone().prop_map(Deed::FindTeachers),
        1 => who.clone().prop_map(Deed::MakeEdition),
        1 => Just(Deed::OpenCall),
        1 => who.clone().prop_map(Deed::ListEditions),
        1 => who.clone().prop_map(Deed::ImportSchools),
        1 => who.clone().prop_map(Deed::ListSchools),
        1 => who.clone().prop_map(Deed::Upload),
        3 => who.clone().prop_map(Deed::Apply),
        3 => who.clone().prop_map(Deed::Submit),
        3 => who.clone().prop_map(Deed::Admit),
        1 => who.clone().prop_map(Deed::Refuse),
        1 => who.clone().prop_map(Deed::ListApplications),
        1 => who.clone().prop_map(Deed::ListTeams),
        1 => Just(Deed::ListDeliveries),
        1 => who.clone().prop_map(Deed::ReadNothing),
        2 => who.prop_map(Deed::Visit),
    ]
}

/// A programme that Italy and Croatia share.
const PROGRAMME: &str = "it-hr";

/// The people of one country, and what they remember of it.
struct People<'w> {
    world: &'w World,
    tenant: &'static str,
    scene: Scene<'w>,
    coordinator: Caller,
    teachers: HashMap<u8, Caller>,
    edition: Value,
    school: Value,
    files: HashMap<u8, Value>,
    applications: HashMap<u8, Value>,
}

impl<'w> People<'w> {
    /// With an edition whose call is open, a register, and a first teacher: so that random deeds meet something.
    async fn settled(world: &'w World, tenant: &'static str) -> Self {
        let scene = Scene::open(world, tenant).await;
        let (edition, school) = (scene.edition.clone(), scene.school("UPPER_SECONDARY").clone());
        let coordinator = scene.coordinator.clone();
        let (teachers, files, applications) = Default::default();
        let mut people = Self { world, tenant, scene, coordinator, teachers, edition, school, files, applications };
        for deed in [Deed::Register(0), Deed::Verify(0), Deed::SignIn(0)] {
            people.act(&deed).await;
        }
        people
    }

    /// A class that could visit the programme, if there were one.
    async fn twin(&self) -> Class {
        self.scene.invited_to("Twin", "etc", &self.school).await.activated().await
    }

    fn address(&self, who: u8) -> String {
        format!("teacher{who}@{}.example", self.tenant)
    }

    fn teacher(&self, who: u8) -> Caller {
        self.teachers.get(&who).cloned().unwrap_or_else(|| self.world.anybody(self.tenant))
    }

    async fn act(&mut self, deed: &Deed) -> Answer {
        let anybody = self.world.anybody(self.tenant);
        match *deed {
            Deed::Register(who) => {
                let form =
                    json!({ "email": self.address(who), "password": PASSWORD, "givenName": "Ana", "surname": "Kos" });
                anybody.post("/v1/accounts", form).await
            }
            Deed::Verify(who) => {
                self.world.settle().await;
                let code = self.world.mailbox(self.tenant).find(&self.address(who), CODE).unwrap_or_default();
                anybody.post("/v1/accounts:verifyEmail", json!({ "code": code, "password": PASSWORD })).await
            }
            Deed::SignIn(who) => {
                let answer =
                    anybody.post("/v1/sessions", json!({ "login": self.address(who), "password": PASSWORD })).await;
                if answer.status.is_success() {
                    self.teachers.insert(who, anybody.with_session(&self.address(who), PASSWORD, &answer.ok()));
                }
                answer
            }
            Deed::GuessPassword(who) => {
                anybody.post("/v1/sessions", json!({ "login": self.address(who), "password": "a guess" })).await
            }
            Deed::ReadAccount(who) => self.teacher(who).get("/v1/account").await,
            Deed::FindTeachers(who) => {
                let path = format!("/v1/teachers:find?surname=Kos&schoolId={}", text(&self.school["id"]));
                self.teacher(who).get(&path).await
            }
            Deed::Upload(who) => {
                let path = "/v1/files:upload?name=letter.pdf&purpose=FILE_PURPOSE_AUTHORISATION";
                let answer = self.teacher(who).upload(path, "application/pdf", PDF).await;
                if answer.status.is_success() {
                    self.files.insert(who, answer.json()["id"].clone());
                }
                answer
            }
            _ => self.act_in_edition(deed).await,
        }
    }

    async fn act_in_edition(&mut self, deed: &Deed) -> Answer {
        let edition = text(&self.edition["id"]);
        let application = |who: &u8, verb: &str| match self.applications.get(who) {
            Some(id) => format!("/v1/applications/{}{verb}", text(id)),
            None => format!("/v1/applications/{}{verb}", uuid::Uuid::nil()),
        };
        match deed {
            Deed::MakeEdition(number) => {
                let wanted = json!({ "template": "22-23", "code": format!("e{number}") });
                self.coordinator.post("/v1/editions", wanted).await
            }
            Deed::OpenCall => self.coordinator.post(&format!("/v1/editions/{edition}:openCall"), json!({})).await,
            Deed::ListEditions(who) => self.teacher(*who).get("/v1/editions").await,
            Deed::ImportSchools(lines) => {
                let register = String::from_utf8(world::data(&format!("schools/{}.csv", self.tenant))).expect("UTF-8");
                let kept: String =
                    register.lines().take(13 - usize::from(*lines)).map(|line| format!("{line}\n")).collect();
                self.coordinator.upload("/v1/schools:import", "text/csv", kept).await
            }
            Deed::ListSchools(size) => self.coordinator.get(&format!("/v1/schools?pageSize={}", size + 1)).await,
            Deed::Apply(who) => {
                let answer = self.teacher(*who).post("/v1/applications", self.application(*who)).await;
                if answer.status.is_success() {
                    self.applications.insert(*who, answer.json()["id"].clone());
                }
                answer
            }
            Deed::Submit(who) => self.teacher(*who).post(&application(who, ":submit"), json!({})).await,
            Deed::Admit(who) => self.coordinator.post(&application(who, ":admit"), json!({})).await,
            Deed::Refuse(who) => self.coordinator.post(&application(who, ":refuse"), json!({ "refusal": "No." })).await,
            Deed::ListApplications(who) => self.teacher(*who).get("/v1/applications").await,
            Deed::ListTeams(who) => self.teacher(*who).get("/v1/teams").await,
            Deed::ListDeliveries => self.coordinator.get(&format!("/v1/editions/{edition}/deliveries")).await,
            // Italy has no share in this one, whether or not it exists
            Deed::Visit(who) => self.teacher(*who).exchange("si-hr", &uuid::Uuid::nil().to_string()).await,
            Deed::ReadNothing(who) => self.teacher(*who).get(&format!("/v1/teams/{}", uuid::Uuid::nil())).await,
            other => unreachable!("{other:?} is no deed in an edition"),
        }
    }

    fn application(&self, who: u8) -> Value {
        json!({ "application": {
            "trackId": self.edition["tracks"][0]["id"], "schoolId": self.school["id"], "teamName": "Green Bridges",
            "teamType": "TEAM_TYPE_WHOLE_CLASS", "teamSize": 21, "motivation": "Why not.",
            "integrationMode": "INTEGRATION_MODE_ORDINARY",
            "fileIds": self.files.get(&who).map(|file| vec![file.clone()]).unwrap_or_default(),
        } })
    }
}

/// An answer as Italy gets to see it: ids by the order they appear in, tokens without their text.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    of: String,
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

/// Names ids by the order of their appearance.
#[derive(Default)]
struct Names(HashMap<String, usize>);

impl Names {
    fn see(&mut self, answer: &Answer) -> Seen {
        let mut headers = answer.headers.clone();
        headers.remove("date");
        // its length is that of a token, which holds an id
        headers.remove("content-length");
        Seen { of: self.named(&answer.of), status: answer.status, headers, body: self.named(&answer.text()) }
    }

    fn named(&mut self, text: &str) -> String {
        let pattern =
            r#"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|"(accessToken|refreshToken)":"[^"]*""#;
        let ids = regex::Regex::new(pattern).expect("a pattern");
        let name = |found: &regex::Captures<'_>| match found.get(1) {
            Some(token) => format!("{}: a token", token.as_str()),
            None => {
                let next = self.0.len();
                format!("#{}", self.0.entry(found[0].to_owned()).or_insert(next))
            }
        };
        ids.replace_all(text, name).into_owned()
    }
}

/// All there is beside Italy: another country, and a programme of both with a class of each.
struct Abroad<'w> {
    croatia: People<'w>,
    secretariat: Caller,
    classes: [Class; 2],
    tutors: [Caller; 2],
    /// Whom a pair is proposed to, by the offers of both.
    offers: [Value; 2],
    /// The pair in which both are bound, by its path.
    pair: Option<String>,
}

impl<'w> Abroad<'w> {
    async fn settled(world: &'w World, italian: Class) -> Self {
        let croatia = People::settled(world, "hr").await;
        let classes = [italian, croatia.twin().await];
        let secretariat = world.coordinator(PROGRAMME).await;
        let edition = secretariat.post("/v1/editions", json!({ "template": "22-23" })).await.ok();
        secretariat.post(&format!("/v1/editions/{}:openCall", text(&edition["id"])), json!({})).await.ok();
        let track = text(&edition["tracks"][0]["id"]);
        let cross = async |class: &Class| class.referent.cross(PROGRAMME, &class.id).await;
        let tutors = [cross(&classes[0]).await, cross(&classes[1]).await];
        let publish = async |tutor: &Caller| tutor.post("/v1/offers", twins::offer(&track)).await.ok()["id"].clone();
        let offers = [publish(&tutors[0]).await, publish(&tutors[1]).await];
        Self { croatia, secretariat, classes, tutors, offers, pair: None }
    }

    /// What happens where Italy does not look: deeds of Croatia, and visits of both countries in the programme.
    async fn act(&mut self, deed: &Deed) {
        let Deed::Visit(who) = deed else { return drop(self.croatia.act(deed).await) };
        let class = &self.classes[usize::from(who % 2)];
        let visitors = [class.referent.cross(PROGRAMME, &class.id).await, class.team.cross(PROGRAMME, "").await];
        for visitor in visitors {
            visitor.get("/v1/membership").await.ok();
            visitor.get("/v1/offers").await.ok();
        }
        self.secretariat.get("/v1/members").await.ok();
        if *who == 2 {
            self.bind_or_part().await;
        }
    }

    /// Both classes are bound in a pair, of which their homes take note; or they part.
    async fn bind_or_part(&mut self) {
        let [one, other] = &self.tutors;
        if let Some(pair) = self.pair.take() {
            return drop(one.post(&format!("{pair}:decline"), json!({})).await.ok());
        }
        let proposed = one.post("/v1/pairs", json!({ "offerIds": self.offers })).await.ok();
        let pair = format!("/v1/pairs/{}", text(&proposed["id"]));
        other.post(&format!("{pair}:accept"), json!({})).await.ok();
        self.pair = Some(pair);
    }
}

/// What Italy is answered, when there is all the rest, or nothing.
async fn answers(deeds: &[(bool, Deed)], with_the_rest: bool, settings: &str) -> Vec<Seen> {
    let tenants: &[&str] = if with_the_rest { &["it", "hr", PROGRAMME, "si-hr"] } else { &["it"] };
    let world = World::of(tenants).settings(settings).start().await;
    let mut italy = People::settled(&world, "it").await;
    let class = italy.twin().await;
    let mut abroad = if with_the_rest { Some(Abroad::settled(&world, class).await) } else { None };
    let (mut names, mut seen) = (Names::default(), Vec::new());
    for (in_italy, deed) in deeds {
        match (&mut abroad, in_italy) {
            (_, true) => seen.push(names.see(&italy.act(deed).await)),
            (Some(abroad), false) => abroad.act(deed).await,
            (None, false) => {}
        }
    }
    world.end().await;
    seen
}

#[test]
fn what_happens_in_croatia_changes_nothing_of_what_italy_is_answered() {
    // each case is two whole systems; what shrinks is found in few steps
    let config = Config { cases: 6, max_shrink_iters: 40, failure_persistence: None, ..Config::default() };
    let deeds = proptest::collection::vec((any::<bool>(), deed()), 16..40);
    let outcome = TestRunner::new(config).run(&deeds, |deeds| {
        let runtime = tests::limit::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (alone, beside) =
            runtime.block_on(async { (answers(&deeds, false, "").await, answers(&deeds, true, "").await) });
        prop_assert_eq!(alone, beside);
        Ok(())
    });
    if let Err(found) = outcome {
        panic!("{found}");
    }
}

/// The law of the law: it sees what leaks. A network address is counted over all tenants, on purpose; with room for a few guesses
/// only, those made in Croatia show in Italy.
#[tokio::test(crate = "::tests::limit")]
async fn what_leaks_between_tenants_is_seen() {
    let settings = "[identity.throttle]\naddress = { burst = 6, every_ms = 3600000 }\n";
    let guesses = [vec![(false, Deed::GuessPassword(1)); 4], vec![(true, Deed::GuessPassword(1)); 4]].concat();
    let (alone, beside) = (answers(&guesses, false, settings).await, answers(&guesses, true, settings).await);
    assert_eq!(alone.len(), beside.len());
    assert_ne!(alone, beside);
}
