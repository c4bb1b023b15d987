//! Two classes of two countries, from their admission at home to a pair at work, over HTTP alone. Stories of twinning begin here,
//! in a [`World`](crate::World), and so does `scripts/demo twinning`, in a running system.

use serde_json::{Value, json};

use crate::{
    Caller,
    mailbox::Mailbox,
    path::{Ground, Path, text, weeks_since},
    world,
};

mod work;

/// A programme, and two classes of two of its countries.
pub struct Twins<'a> {
    /// The system in which they are.
    pub ground: Ground<'a>,
    /// The programme: `it-hr`.
    pub programme: String,
    /// Its secretariat.
    pub secretariat: Caller,
    /// The programme's edition 22-23.
    pub edition: Value,
    /// The classes, in the order of their countries' names.
    pub classes: [Twin<'a>; 2],
    /// The pair. Null, before it is proposed.
    pub pair: Value,
    say: fn(&str),
}

/// A class that takes part in a programme, with its callers at home and in the programme.
pub struct Twin<'a> {
    /// Its country.
    pub home: String,
    /// The path with which it was admitted.
    pub path: Path<'a>,
    /// The edition at home.
    pub edition: Value,
    /// The central team of its country, at home.
    pub coordinator: Caller,
    /// Its referent, at home.
    pub teacher: Caller,
    /// Its shared account, at home.
    pub team: Caller,
    /// The team.
    pub team_id: String,
    /// The central team of its country, in the programme.
    pub central: Caller,
    /// Its referent, in the programme.
    pub tutor: Caller,
    /// Its shared account, in the programme.
    pub class: Caller,
    /// Its offer.
    pub offer: Value,
}

/// The callers who must exist before: the secretariat, and the central team of each country, with the country's letters.
pub struct Staff {
    /// The secretariat of the programme.
    pub secretariat: Caller,
    /// The central teams with the mailboxes of their countries, in the order of their countries' names.
    pub countries: [(Caller, Mailbox); 2],
}

impl<'a> Twins<'a> {
    /// Admits both classes at home and exchanges their tokens for the programme. There is no offer yet.
    pub async fn cross(ground: Ground<'a>, programme: &str, staff: Staff, mark: &str, say: fn(&str)) -> Self {
        let secretariat = staff.secretariat;
        let edition = open_edition(&ground, &secretariat).await;
        let area = area(&secretariat).await;
        let [one, other] = staff.countries;
        let mut classes = Vec::new();
        for (coordinator, mailbox) in [one, other] {
            let path = Path::new(ground, coordinator.clone(), mailbox, mark, say);
            classes.push(Twin::admitted(path, coordinator, &area, programme).await);
        }
        let classes = classes.try_into().ok().expect("two classes");
        Self { ground, programme: programme.to_owned(), secretariat, edition, classes, pair: Value::Null, say }
    }

    /// [`Twins::cross`] in a world, with new coordinators, and without output.
    pub async fn crossed(world: &'a crate::World, programme: &str, homes: [&str; 2]) -> Self {
        let [one, other] = homes;
        let countries = [
            (world.coordinator(one).await, world.mailbox(one)),
            (world.coordinator(other).await, world.mailbox(other)),
        ];
        let staff = Staff { secretariat: world.coordinator(programme).await, countries };
        // letters only: some numbers, read as letters, contain a word that is forbidden in addresses
        let figures = uuid::Uuid::now_v7().as_u128();
        let mark: String = (0..32).map(|at| char::from(b'g' + (figures >> (4 * at) & 0xf) as u8)).collect();
        Self::cross(Ground::World(world), programme, staff, &mark, |_| ()).await
    }

    /// [`Twins::crossed`], with the pair at work.
    pub async fn at_work(world: &'a crate::World, programme: &str, homes: [&str; 2]) -> Self {
        let mut twins = Self::crossed(world, programme, homes).await;
        twins.pair_up().await;
        twins.begin_work().await;
        twins
    }

    /// Publishes the offers, proposes the pair, and has it accepted and approved.
    pub async fn pair_up(&mut self) {
        let track = text(&self.edition["tracks"][0]["id"]);
        for class in &mut self.classes {
            class.offer = class.tutor.post("/v1/offers", offer(&track)).await.ok();
        }
        self.tell("both classes have published an offer");
        let [one, other] = &self.classes;
        let matches = one.tutor.get(&format!("/v1/offers/{}/matches", text(&one.offer["id"]))).await.ok();
        let matches = matches["matches"].as_array().cloned().unwrap_or_default();
        // where many others wait too, they may fill the list
        if let Some(found) = matches.iter().find(|found| found["offer"]["id"] == other.offer["id"]) {
            let (score, why) = (&found["score"], &found["reasons"]);
            self.tell(&format!("a match for `{}` is of `{}`: {score} of 100, {why}", one.home, other.home));
        }
        let ids = json!({ "offerIds": [one.offer["id"], other.offer["id"]] });
        self.pair = one.tutor.post("/v1/pairs", ids).await.ok();
        self.waits("proposed by a teacher");
        self.accept().await;
    }

    /// The other teacher accepts, and both countries approve.
    pub async fn accept(&mut self) {
        let [one, other] = &self.classes;
        self.pair = other.tutor.post(&self.path(":accept"), json!({})).await.ok();
        self.waits("accepted by both teachers");
        one.central.post(&self.path(":approve"), json!({})).await.ok();
        self.pair = other.central.post(&self.path(":approve"), json!({})).await.ok();
        self.waits("approved by both countries");
    }

    /// Both classes agree on a project with a partner on each side, and the work begins.
    pub async fn begin_work(&mut self) {
        self.import_projects().await;
        let [one, other] = &self.classes;
        let query = format!("/v1/projects?countries={}&countries={}", one.home, other.home);
        let projects = one.tutor.get(&query).await.ok();
        let project = projects["projects"][0].clone();
        let viewpoint = |class: &Twin| {
            let partners = project["partners"].as_array().cloned().unwrap_or_default();
            let partner = partners.into_iter().find(|partner| partner["country"] == class.home.as_str());
            json!({ "teamId": class.team_id, "partnerId": partner.expect("a partner at home")["id"] })
        };
        let wanted = json!({ "projectId": project["id"], "viewpoints": [viewpoint(one), viewpoint(other)] });
        let proposed = one.tutor.post(&self.path(":proposeProject"), wanted).await.ok();
        let agreed = other.tutor.post(&self.path(":agreeProject"), json!({ "etag": proposed["etag"] })).await.ok();
        self.pair = agreed;
        let partner = |side: usize| text(&self.pair["sides"][side]["partner"]["name"]);
        self.tell(&format!(
            "one project, {}: `{}` looks at {}, `{}` at {}",
            text(&self.pair["project"]["acronym"]),
            one.home,
            partner(0),
            other.home,
            partner(1),
        ));
        self.pair = one.tutor.post(&self.path(":start"), json!({})).await.ok();
        self.waits("at work");
    }

    /// The secretariat imports the programme's projects.
    pub async fn import_projects(&self) {
        let file = world::data(&format!("projects/{}.csv", self.programme));
        let begun = self.secretariat.upload("/v1/projects:import", "text/csv", file).await.ok();
        let operation = self.secretariat.outcome(&begun).await;
        let (parts, done) = (operation["metadata"]["doneParts"].as_i64().unwrap_or_default(), &operation["response"]);
        let count = |name: &str| done[name].as_i64().unwrap_or_default();
        let (added, unchanged) = (count("added"), count("unchanged"));
        self.tell(&format!("projects imported: {parts} written; {added} new, {unchanged} as they were"));
    }

    /// Moves to another programme of both countries. There is no offer yet.
    pub async fn go_to(&mut self, world: &crate::World, programme: &str) {
        self.programme = programme.to_owned();
        self.secretariat = world.coordinator(programme).await;
        self.edition = open_edition(&self.ground, &self.secretariat).await;
        self.renew().await;
    }

    /// Signs everybody in again and exchanges their tokens again, where the old ones have expired.
    pub async fn renew(&mut self) {
        self.secretariat = self.secretariat.again().await;
        for class in &mut self.classes {
            class.renew(&self.programme).await;
        }
    }

    /// A path of the pair: `/v1/pairs/{id}:accept`.
    pub fn path(&self, rest: &str) -> String {
        format!("/v1/pairs/{}{rest}", text(&self.pair["id"]))
    }

    /// Prints for whom the pair waits.
    fn waits(&self, what: &str) {
        let waiting = self.pair["waitingFor"].as_array().cloned().unwrap_or_default();
        let who: Vec<_> = waiting
            .iter()
            .map(|one| {
                format!("{} of `{}`", text(&one["role"]).trim_start_matches("ROLE_").to_lowercase(), text(&one["home"]))
            })
            .collect();
        self.tell(&format!("{what}: {}; now waiting for {}", text(&self.pair["state"]), who.join(" and ")));
    }

    /// Prints a line.
    pub fn tell(&self, what: &str) {
        (self.say)(&format!("{:>5}  {what}", self.programme));
    }
}

impl<'a> Twin<'a> {
    /// A class of the ETC track, admitted at home, with tokens for the programme.
    async fn admitted(path: Path<'a>, coordinator: Caller, area: &[String], programme: &str) -> Self {
        let edition = path.open_edition().await;
        let coordinator = coordinator.again().await;
        let schools = path.import_schools(world::data(&format!("schools/{}.csv", coordinator.tenant()))).await;
        let tracks = edition["tracks"].as_array().expect("tracks");
        let track = tracks.iter().find(|track| track["code"] == "etc").expect("a track for twins");
        let inside =
            |school: &&Value| area.iter().any(|prefix| text(&school["territory"]).starts_with(prefix.as_str()));
        let levels = track["levels"].as_array().cloned().unwrap_or_default();
        let school = schools.iter().filter(inside).find(|school| levels.contains(&school["level"]));
        let teacher = path.register("Ana", "Kos").await;
        let submitted = path.apply(&teacher, track, school.expect("a school in the programme's area")).await;
        let admit = format!("/v1/applications/{}:admit", text(&submitted["id"]));
        let team_id = text(&coordinator.post(&admit, json!({})).await.ok()["teamId"]);
        let team = path.activate(&teacher, &team_id).await;
        let (central, tutor, class) = crossed(&coordinator, &teacher, &team, programme, &team_id).await;
        let home = coordinator.tenant().to_owned();
        Self { home, path, edition, coordinator, teacher, team, team_id, central, tutor, class, offer: Value::Null }
    }

    async fn renew(&mut self, programme: &str) {
        self.coordinator = self.coordinator.again().await;
        self.teacher = self.teacher.again().await;
        self.team = self.team.again().await;
        (self.central, self.tutor, self.class) =
            crossed(&self.coordinator, &self.teacher, &self.team, programme, &self.team_id).await;
    }
}

async fn crossed(
    coordinator: &Caller,
    teacher: &Caller,
    team: &Caller,
    programme: &str,
    team_id: &str,
) -> (Caller, Caller, Caller) {
    let central = coordinator.cross(programme, "").await;
    let tutor = teacher.cross(programme, team_id).await;
    (central, tutor, team.cross(programme, team_id).await)
}

/// The programme's edition with an open call. In a running system, an earlier walk may have created it.
async fn open_edition(ground: &Ground<'_>, secretariat: &Caller) -> Value {
    let shift = match ground {
        Ground::World(_) => 0,
        Ground::Running => weeks_since("2022-10-10T00:00:00[UTC]"),
    };
    let made = secretariat.post("/v1/editions", json!({ "template": "22-23", "shiftWeeks": shift })).await;
    let edition = if made.status.is_success() { made.ok() } else { known_edition(secretariat).await };
    if edition["state"] == "EDITION_STATE_OPEN" {
        return edition;
    }
    secretariat.post(&format!("/v1/editions/{}:openCall", text(&edition["id"])), json!({})).await.ok()
}

async fn known_edition(secretariat: &Caller) -> Value {
    let editions = secretariat.get("/v1/editions").await.ok();
    let editions = editions["editions"].as_array().cloned().unwrap_or_default();
    editions.into_iter().find(|edition| edition["code"] == "22-23").expect("an edition 22-23")
}

/// The codes of the territories of a programme's area.
async fn area(secretariat: &Caller) -> Vec<String> {
    let area = secretariat.get("/v1/territories?pageSize=1000").await.ok();
    area["territories"].as_array().expect("territories").iter().map(|territory| text(&territory["code"])).collect()
}

/// The offer of a class that looks for a twin.
pub fn offer(track: &str) -> Value {
    json!({
        "trackId": track, "classSize": 21, "themes": ["environment", "transport"],
        "languages": [{ "tag": "en", "level": "LANGUAGE_LEVEL_B2" }],
        "availableFrom": { "year": 2023, "month": 1, "day": 9 }, "availableUntil": { "year": 2023, "month": 6, "day": 9 },
        "note": "We live by the sea and would like to know who keeps it clean.",
    })
}
