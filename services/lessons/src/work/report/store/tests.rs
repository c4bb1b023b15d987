use proto::options::v1::Role;
use sea_orm::PaginatorTrait;

use platform::{Store, error::Shared};
use tempfile::TempDir;

use super::*;
use crate::{
    across::{classes::Class, judging::judge_again, report::load},
    reason::Reason,
    testing::{Ground, nobody},
    work::{
        answer::{Value, Values},
        credit::{Credit, CreditKind},
        file,
        report::{Draft, LoadedReport},
    },
    year::{
        calendar::{self, Grant, Revision},
        edition::{self, Plan},
    },
};

/// An open edition in a database, with a team.
struct Setting {
    ground: Ground,
    store: Store,
    plan: Plan,
    team: Team,
    _folder: TempDir,
}

async fn setting() -> Setting {
    let ground = Ground::new();
    let (store, folder) = ground.store();
    let mut plan = ground.plan();
    let tx = store.change(&ground.by(Role::Coordinator)).await.unwrap();
    edition::store::add(&tx, &mut plan).await.unwrap();
    tx.commit().await.unwrap();
    let team = ground.team(&plan);
    Setting { ground, store, plan, team, _folder: folder }
}

fn draft(etag: &str, title: &str) -> Draft {
    let values = [("research_title".to_owned(), Value::Text(title.to_owned()))].into_iter().collect();
    Draft { etag: etag.to_owned(), values, ..Draft::default() }
}

fn class(team: &Team) -> Class {
    Class::of_country(team.clone())
}

/// The one cell of the first lesson.
fn cell(cells: Vec<Delivery>) -> Delivery {
    cells.into_iter().find(|cell| cell.lesson == 1).unwrap()
}

impl Setting {
    async fn write(&self) -> Tx {
        self.store.change(&self.ground.by(Role::Coordinator)).await.unwrap()
    }

    async fn loaded(&self) -> LoadedReport {
        load(&self.write().await, &class(&self.team), 1).await.unwrap()
    }

    /// Saves what the team writes.
    async fn save(&self, team: &Team, draft: Draft) -> Result<()> {
        let ctx = self.ground.by_team(team);
        let tx = self.store.change(&ctx).await?;
        let mut loaded = load(&tx, &class(team), 1).await?;
        loaded.save(&ctx, draft)?;
        save(&tx, &mut loaded.report).await?;
        tx.commit().await
    }

    /// Submits a title and nothing else: the form asks for no more here.
    async fn submit(&self, team: &Team, at: &str) -> Submission {
        self.save(team, draft("", "Acqua")).await.unwrap();
        self.ground.at(at);
        let ctx = self.ground.by_team(team);
        let tx = self.store.change(&ctx).await.unwrap();
        let mut loaded = load(&tx, &class(team), 1).await.unwrap();
        loaded.form.fields.retain(|field| field.key == "research_title");
        let submission = loaded.submit(&ctx, "1", &[]).unwrap();
        save_submitted(&tx, &mut loaded.report, &submission).await.unwrap();
        tx.commit().await.unwrap();
        submission
    }

    async fn verdict(&self, team: &Team) -> Verdict {
        let db = self.store.read(&self.ground.by(Role::Coordinator)).await.unwrap();
        cell(deliveries(&db, [team.seat()].into_iter()).await.unwrap()).state.judged().unwrap().verdict.clone()
    }

    async fn extend(&self, team: &Team, to: &str) -> Result<()> {
        let tx = self.write().await;
        let item = calendar::store::deadline_to_change(&tx, team, 1).await?;
        let grant = Grant { deadline: to.parse()?, reason: "flood".to_owned() };
        calendar::store::add_extension(&tx, &Extension::grant(tx.ctx(), team, 1, &item, grant)?).await?;
        judge_again(&tx, &item, Some(team.seat())).await?;
        tx.commit().await
    }

    async fn revise(&self, to: &str) {
        let tx = self.write().await;
        let item = self
            .plan
            .items
            .iter()
            .find(|item| item.deadline_of() == Some(1) && item.track() == self.team.track)
            .unwrap();
        let item = calendar::store::get_to_change(&tx, item.id()).await.unwrap();
        let revision = Revision { starts: to.parse().unwrap(), ends: None, reason: "strike".to_owned() };
        let item = item.revise(tx.ctx(), revision).unwrap();
        calendar::store::add_version(&tx, &item).await.unwrap();
        judge_again(&tx, &item, None).await.unwrap();
        tx.commit().await.unwrap();
    }

    fn another_team(&self) -> Team {
        self.ground.team(&self.plan)
    }
}

#[tokio::test]
async fn an_edition_is_read_as_it_was_added_and_its_code_is_taken() {
    let setting = setting().await;
    let tx = setting.write().await;
    assert_eq!(edition::store::get(&tx, setting.plan.edition.id()).await.unwrap(), setting.plan.edition);
    let mut again = setting.ground.plan();
    assert!(edition::store::add(&tx, &mut again).await.is_err_and(|error| error.is(Reason::EditionExists)));
}

#[tokio::test]
async fn a_draft_edition_does_not_exist_for_teachers_until_its_call_opens() {
    let Setting { ground, store, mut plan, .. } = setting().await;
    let (id, track) = (plan.edition.id(), plan.edition.tracks()[0].id());
    let missing = |error: Error| (error.reason(), error.message().to_owned());
    let db = store.read(&ground.by(Role::Teacher)).await.unwrap();
    let hidden = missing(edition::store::get(&db, id).await.unwrap_err());
    assert_eq!(hidden, missing(edition::store::get(&db, nobody()).await.unwrap_err()));
    let hidden = missing(edition::store::track(&db, track).await.unwrap_err());
    assert_eq!(hidden, missing(edition::store::track(&db, nobody()).await.unwrap_err()));
    drop(db);

    let tx = store.change(&ground.by(Role::Coordinator)).await.unwrap();
    plan.edition.open_call().unwrap();
    edition::store::save(&tx, &mut plan.edition).await.unwrap();
    tx.commit().await.unwrap();
    let db = store.read(&ground.by(Role::Teacher)).await.unwrap();
    let (found, edition) = edition::store::track(&db, track).await.unwrap();
    assert_eq!((found.id(), edition.id()), (track, id));
}

#[tokio::test]
async fn a_report_is_read_as_it_was_saved() {
    let setting = setting().await;
    assert_eq!(setting.loaded().await.report.state, ReportState::NotStarted);
    setting.save(&setting.team, Draft { role: "analyst".to_owned(), ..draft("", "Acqua") }).await.unwrap();
    let report = setting.loaded().await.report;
    let values: Values = [("research_title".to_owned(), Value::Text("Acqua".to_owned()))].into_iter().collect();
    assert_eq!((report.version, report.state, report.values), (1, ReportState::Draft, values));
    assert_eq!(report.saved.unwrap().role, "analyst");
}

#[tokio::test]
async fn the_second_of_two_saves_of_one_version_is_refused() {
    let setting = setting().await;
    // two first saves that both found nothing: SQLite lets one in after the other, so they are told apart by what they read
    let (mut one, mut other) = (setting.loaded().await, setting.loaded().await);
    let ctx = setting.ground.by_team(&setting.team);
    for (loaded, title) in [(&mut one, "Acqua"), (&mut other, "Aria")] {
        loaded.save(&ctx, draft("", title)).unwrap();
    }
    let tx = setting.write().await;
    save(&tx, &mut one.report).await.unwrap();
    assert!(save(&tx, &mut other.report).await.is_err_and(|error| error.is(Shared::EtagStale)));
    tx.commit().await.unwrap();

    // the same with a version that was read
    let (mut one, mut other) = (setting.loaded().await, setting.loaded().await);
    for (loaded, title) in [(&mut one, "Terra"), (&mut other, "Fuoco")] {
        loaded.save(&ctx, draft("1", title)).unwrap();
    }
    let tx = setting.write().await;
    save(&tx, &mut one.report).await.unwrap();
    assert!(save(&tx, &mut other.report).await.is_err_and(|error| error.is(Shared::EtagStale)));
    tx.commit().await.unwrap();
    assert_eq!(setting.loaded().await.report.values.get("research_title"), Some(&Value::Text("Terra".to_owned())));
}

#[tokio::test]
async fn every_submission_is_kept_as_it_was() {
    let setting = setting().await;
    let first = setting.submit(&setting.team, "2022-12-20T22:59:59Z").await;
    let tx = setting.write().await;
    let mut loaded = load(&tx, &class(&setting.team), 1).await.unwrap();
    let reopening = loaded.report.reopen(tx.ctx(), "a word was missing".to_owned()).unwrap();
    save_reopened(&tx, &mut loaded.report, &reopening).await.unwrap();
    let kept = history::reopening::Entity::find().all(tx.conn()).await.unwrap();
    assert_eq!((kept[0].id, kept[0].reason.as_str()), (reopening.id, "a word was missing"));
    loaded.form.fields.clear();
    let second = loaded.submit(&setting.ground.by_team(&setting.team), "3", &[]).unwrap();
    save_submitted(&tx, &mut loaded.report, &second).await.unwrap();
    assert_eq!(submission::Entity::find().count(tx.conn()).await.unwrap(), 2);
    let kept = submission::Entity::find_by_id(first.id).one(tx.conn()).await.unwrap().unwrap();
    assert_eq!((kept.contents, kept.digest), (first.contents, first.digest));
    assert!(loaded.report.state.judged().unwrap().verdict.on_time);
}

#[tokio::test]
async fn an_extension_makes_a_late_report_one_in_time_and_keeps_its_own_id() {
    let setting = setting().await;
    let other = setting.another_team();
    setting.submit(&setting.team, "2022-12-21T10:00:00Z").await;
    setting.ground.at("2022-12-01T09:00:00Z");
    setting.submit(&other, "2022-12-21T10:00:00Z").await;
    assert!(!setting.verdict(&setting.team).await.on_time);
    setting.extend(&setting.team, "2022-12-20T23:59:00").await.unwrap_err();
    setting.extend(&setting.team, "2022-12-22T23:59:59").await.unwrap();
    let verdict = setting.verdict(&setting.team).await;
    assert!(verdict.on_time && verdict.deadline.extension.is_some());
    assert_eq!(verdict.received_at.to_string(), "2022-12-21T10:00:00Z");
    assert!(!setting.verdict(&other).await.on_time, "the extension of one team is no other's");
}

#[tokio::test]
async fn moving_a_deadline_later_helps_and_moving_it_back_harms_nobody() {
    let setting = setting().await;
    setting.submit(&setting.team, "2022-12-21T10:00:00Z").await;
    setting.revise("2022-12-21T10:59:59").await;
    assert!(!setting.verdict(&setting.team).await.on_time, "not late enough to help");
    assert_eq!(setting.verdict(&setting.team).await.deadline.rule_version, 1, "a verdict that stays keeps its rule");
    setting.revise("2022-12-22T23:59:59").await;
    setting.revise("2022-12-10T23:59:59").await;
    let verdict = setting.verdict(&setting.team).await;
    assert!(verdict.on_time);
    assert_eq!(verdict.deadline.rule_version, 3);
    assert_eq!(verdict.deadline.moment.to_string(), "2022-12-22T23:59:59+01:00[Europe/Rome]");
    assert_eq!(setting.loaded().await.deadline.rule_version, 4, "the deadline itself is the newest");
}

#[tokio::test]
async fn an_item_keeps_every_version_and_the_newest_stands_in_the_calendar() {
    let setting = setting().await;
    setting.revise("2022-12-22T23:59:59").await;
    let tx = setting.write().await;
    let items = calendar::store::list(&tx, [setting.team.track].into_iter()).await.unwrap();
    assert_eq!(items.len(), setting.plan.items.len() / 2, "one version of each item of one track");
    let moved = items.iter().find(|item| item.deadline_of() == Some(1)).unwrap();
    let versions = calendar::store::versions(&tx, moved.id()).await.unwrap();
    assert_eq!(versions.iter().map(crate::year::calendar::Item::version).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(&versions[1], moved);
    assert!(calendar::store::versions(&tx, nobody()).await.is_err());
}

#[tokio::test]
async fn a_lesson_the_track_has_not_is_named() {
    let setting = setting().await;
    let error = load(&setting.write().await, &class(&setting.team), 5).await.unwrap_err();
    assert_eq!((error.violations()[0].field.as_str(), error.violations()[0].reason), ("lesson", "LESSON_UNKNOWN"));
}

#[tokio::test]
async fn the_matrix_has_a_cell_for_every_lesson_of_every_team() {
    let setting = setting().await;
    let other = setting.another_team();
    setting.submit(&setting.team, "2022-12-20T22:59:59Z").await;
    let tx = setting.write().await;
    let teams = vec![other.clone(), setting.team.clone()];
    let cells = deliveries(&tx, teams.iter().map(Team::seat)).await.unwrap();
    assert_eq!(cells.len(), 1);
    let rows = crate::work::report::matrix::rows(&setting.plan.edition, teams, cells, Vec::new());
    assert_eq!(rows.iter().map(|row| row.deliveries.len()).collect::<Vec<_>>(), [4, 4]);
    assert!(rows[0].deliveries.iter().all(|cell| cell.state == ReportState::NotStarted));
    assert!(matches!(&rows[1].deliveries[0].state, ReportState::Submitted(judged) if judged.verdict.on_time));
}

#[tokio::test]
async fn a_file_is_found_by_its_own_team_alone() {
    let setting = setting().await;
    let ctx = setting.ground.by_team(&setting.team);
    let place =
        file::Upload { team: setting.team.id, lesson: 1, field: "cover".to_owned(), name: "perché.png".to_owned() };
    let blob = platform::blob::Blob { digest: "aa".to_owned(), size: 9, media_type: "image/png" };
    let kept = file::File::new(&ctx, setting.team.seat(), place, "image/png", blob);
    let tx = setting.write().await;
    file::store::add(&tx, &kept).await.unwrap();
    assert_eq!(file::store::get(&tx, setting.team.id, kept.id()).await.unwrap(), kept);
    assert_eq!(file::store::of_lesson(&tx, setting.team.seat(), 1).await.unwrap(), std::slice::from_ref(&kept));
    assert_eq!(file::store::of_lesson(&tx, setting.team.seat(), 2).await.unwrap(), []);
    let other = file::store::get(&tx, setting.another_team().id, kept.id()).await.unwrap_err();
    let nothing = file::store::get(&tx, setting.team.id, nobody()).await.unwrap_err();
    assert_eq!(format!("{other:?}"), format!("{nothing:?}"));
}

#[tokio::test]
async fn editions_come_in_pages_newest_first() {
    let setting = setting().await;
    let tx = setting.write().await;
    let mut codes = vec!["22-23".to_owned()];
    for year in 23..26 {
        let code = format!("{year}-{}", year + 1);
        let wish = crate::year::edition::NewEdition { code: code.clone(), ..crate::testing::wish(52) };
        edition::store::add(&tx, &mut Plan::new(tx.ctx(), wish).unwrap()).await.unwrap();
        codes.insert(0, code);
    }
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page = platform::PageRequest::walk(3, &token).unwrap();
        let page = edition::store::list(&tx, page).await.unwrap().0.map(proto::lessons::v1::Edition::from);
        seen.extend(page.items.into_iter().map(|edition| edition.code));
        token = page.next;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, codes);
}

#[test]
fn a_credit_is_in_the_cell_of_its_lesson_and_a_lesson_only_a_programme_has_gets_its_own_cell() {
    let ground = Ground::new();
    let plan = ground.plan();
    let team = ground.team(&plan);
    let credit = |programme: &str, lesson| Credit {
        programme: programme.parse().unwrap(),
        team: team.id,
        lesson,
        kind: CreditKind::MirrorReport,
        received_at: ground.clock.now(),
        on_time: true,
        digest: "ab".repeat(32),
    };
    let credits = vec![credit("it-hr", 9), credit("gr-it", 2), credit("it-hr", 2)];
    let rows = crate::work::report::matrix::rows(&plan.edition, vec![team.clone()], Vec::new(), credits);
    let cells: Vec<_> = rows[0].deliveries.iter().map(|cell| (cell.lesson, cell.credits.len())).collect();
    assert_eq!(cells, [(1, 0), (2, 2), (3, 0), (4, 0), (9, 1)], "of two programmes it is one lesson");
}

#[tokio::test]
async fn a_team_that_was_moved_keeps_what_it_delivered_and_takes_its_draft_along() {
    let setting = setting().await;
    let english = setting.plan.edition.tracks()[1].id();
    let moved = |team: &Team| Team { track: english, ..team.clone() };
    let (late, writer) = (&setting.team, setting.another_team());
    setting.save(&writer, draft("", "Acqua")).await.unwrap();
    setting.submit(late, "2022-12-21T09:00:00Z").await;
    let before = setting.loaded().await;
    let after = load(&setting.write().await, &class(&moved(late)), 1).await.unwrap();
    assert_eq!((&after.report, &after.form), (&before.report, &before.form));
    setting.extend(&moved(late), "2022-12-22T12:00:00").await.unwrap();
    assert!(setting.verdict(late).await.on_time, "it is found, though it was delivered in the track before");

    let going_on = load(&setting.write().await, &class(&moved(&writer)), 1).await.unwrap();
    assert_eq!((going_on.form.track, going_on.report.track), (english, english));
    assert!(going_on.report.values.get("research_title").is_some());
    setting.save(&moved(&writer), draft("1", "Aria")).await.unwrap();
}
