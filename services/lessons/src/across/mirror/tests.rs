//! Mirror reports, in a database.

use platform::{Ctx, Error, PageRequest, Result, error::Shared};
use proto::options::v1::Role;

use super::comparison;
use crate::{
    across::{
        classes::{self, NamedClass},
        report::{load, load_to_write, submit},
    },
    reason::Reason,
    space::mirror::Comparison,
    twinning::pair::{self, testing::Space},
    work::{
        answer::Value,
        report::{Draft, ReportState, store},
    },
    year::form,
};

fn draft(etag: &str, title: &str) -> Draft {
    let values = [("research_title".to_owned(), Value::Text(title.to_owned()))].into_iter().collect();
    Draft { etag: etag.to_owned(), values, ..Draft::default() }
}

impl Space {
    async fn save(&self, of: usize, lesson: i32, draft: Draft) -> Result<()> {
        let ctx = self.twin(Role::TwinTeam, of);
        let tx = self.store.change(&ctx).await?;
        let class = classes::hold(&tx, NamedClass::OfPair(self.team(of))).await?;
        let mut loaded = load_to_write(&tx, &class, lesson).await?;
        loaded.save(&ctx, draft)?;
        store::save(&tx, &mut loaded.report).await?;
        tx.commit().await
    }

    pub(crate) async fn submit(&self, of: usize, lesson: i32, title: &str) -> Result<()> {
        self.save(of, lesson, draft("", title)).await?;
        let ctx = self.twin(Role::TwinTeam, of);
        let tx = self.store.change(&ctx).await?;
        let class = classes::hold(&tx, NamedClass::OfPair(self.team(of))).await?;
        submit(&tx, class, lesson, &platform::wire::etag(1)).await?;
        tx.commit().await
    }

    async fn sees(&self, ctx: Ctx, of: usize) -> Result<ReportState> {
        let db = self.store.read(&ctx).await?;
        let class = classes::get(&db, self.team(of)).await?;
        Ok(load(&db, &class, 1).await?.report.state().clone())
    }

    async fn compare(&self, ctx: Ctx) -> Result<Comparison> {
        let db = self.store.read(&ctx).await?;
        let pair = pair::store::get(&db, self.pair).await?;
        pair.check_begun()?;
        comparison(&db, &pair, 1).await
    }
}

fn is_missing<T>(answer: Result<T>) -> bool {
    answer.is_err_and(|error: Error| error.is(Shared::NotFound))
}

fn titles(comparison: &Comparison) -> [Option<&str>; 2] {
    let (_, values) = comparison.fields().find(|(field, _)| field.key == "research_title").unwrap();
    values.map(|value| match value {
        Some(Value::Text(text)) => Some(text.as_str()),
        _ => None,
    })
}

#[tokio::test]
async fn a_class_is_seen_by_itself_its_teacher_its_country_and_the_secretariat_and_not_by_its_twin() {
    let space = Space::new().await;
    space.save(0, 1, draft("", "Luka")).await.unwrap();
    for ctx in [
        space.twin(Role::TwinTeam, 0),
        space.twin(Role::TwinTeacher, 0),
        space.country(0),
        space.ground.by(Role::Coordinator),
    ] {
        assert_eq!(space.sees(ctx, 0).await.unwrap(), ReportState::Draft);
    }
    for ctx in [space.twin(Role::TwinTeam, 1), space.twin(Role::TwinTeacher, 1), space.country(1)] {
        assert!(is_missing(space.sees(ctx, 0).await));
    }
}

#[tokio::test]
async fn only_what_was_submitted_is_compared() {
    let space = Space::new().await;
    space.submit(0, 1, "Luka").await.unwrap();
    space.save(1, 1, draft("", "Porto")).await.unwrap();
    for ctx in [space.twin(Role::TwinTeam, 1), space.twin(Role::TwinTeacher, 0), space.country(1)] {
        assert_eq!(titles(&space.compare(ctx).await.unwrap()), [Some("Luka"), None]);
    }
    let (_, strangers) = space.another().await;
    let stranger = space.ground.twin(Role::TwinTeam, &strangers[0]);
    assert!(is_missing(space.compare(stranger).await));
}

#[tokio::test]
async fn changes_to_a_reopened_report_are_not_compared() {
    let space = Space::new().await;
    space.submit(0, 1, "Luka").await.unwrap();
    let ctx = space.ground.by(Role::Coordinator);
    let tx = space.store.change(&ctx).await.unwrap();
    let class = classes::get(&tx, space.team(0)).await.unwrap();
    let mut loaded = load(&tx, &class, 1).await.unwrap();
    let reopening = loaded.report.reopen(&ctx, "the wrong port".to_owned()).unwrap();
    store::save_reopened(&tx, &mut loaded.report, &reopening).await.unwrap();
    tx.commit().await.unwrap();
    space.save(0, 1, draft("3", "Nova luka")).await.unwrap();
    assert_eq!(titles(&space.compare(space.twin(Role::TwinTeam, 1)).await.unwrap()), [Some("Luka"), None]);
}

#[tokio::test]
async fn the_first_report_that_is_begun_decides_the_version_of_the_form_for_both() {
    let space = Space::new().await;
    space.submit(0, 1, "Luka").await.unwrap();
    let tx = space.store.change(&space.ground.by(Role::Coordinator)).await.unwrap();
    let track = space.plan.edition.tracks()[0].id();
    for lesson in [1, 2] {
        let mut form = form::store::newest(&tx, track, lesson).await.unwrap();
        form.version = 2;
        form::store::add(&tx, &[form]).await.unwrap();
    }
    tx.commit().await.unwrap();
    let db = space.store.read(&space.twin(Role::TwinTeam, 1)).await.unwrap();
    let class = classes::get(&db, space.team(1)).await.unwrap();
    for (lesson, version) in [(1, 1), (2, 2)] {
        assert_eq!(load(&db, &class, lesson).await.unwrap().report.form_version(), version);
    }
}

#[tokio::test]
async fn a_class_that_leaves_takes_its_reports_along_and_the_other_goes_on() {
    let space = Space::new().await;
    space.submit(0, 1, "Luka").await.unwrap();
    space.submit(1, 1, "Porto").await.unwrap();
    space.leave(0).await;
    assert!(is_missing(space.save(0, 2, draft("", "Luka")).await), "from the next call on");
    assert!(is_missing(space.compare(space.twin(Role::TwinTeam, 0)).await));
    for ctx in [space.twin(Role::TwinTeam, 0), space.country(0), space.ground.by(Role::Coordinator)] {
        assert!(is_missing(space.sees(ctx, 0).await), "nobody reads it any more");
    }
    let left = space.compare(space.twin(Role::TwinTeam, 1)).await.unwrap();
    assert_eq!((titles(&left), left.halves[0].has_left), ([None, Some("Porto")], true));
    space.save(1, 2, Draft::default()).await.unwrap();
}

#[tokio::test]
async fn nothing_is_written_while_a_pair_rests() {
    let space = Space::new().await;
    space.suspend().await;
    let refused = space.save(0, 1, draft("", "Luka")).await.unwrap_err();
    assert!(refused.is(Reason::PairState));
    assert_eq!(space.sees(space.twin(Role::TwinTeam, 0), 0).await.unwrap(), ReportState::NotStarted);
}

#[tokio::test]
async fn a_country_lists_its_own_classes_and_the_secretariat_all() {
    let space = Space::new().await;
    let (_, others) = space.another().await;
    let list = async |ctx: Ctx, territory: &str, size: u64| {
        let db = space.store.read(&ctx).await.unwrap();
        let edition = space.plan.edition.id();
        let filter = classes::Filter { edition, track: None, territory: territory.to_owned() };
        let (mut teams, mut token) = (Vec::new(), String::new());
        loop {
            let page = PageRequest::walk(size, &token).unwrap();
            let page = classes::page(&db, &filter, page).await.unwrap();
            teams.extend(page.items.into_iter().map(|team| team.id));
            token = page.next;
            if token.is_empty() {
                return teams;
            }
        }
    };
    let secretariat = || space.ground.by(Role::Coordinator);
    let mut all = vec![space.team(0), space.team(1), others[0].team, others[1].team];
    all.sort();
    assert_eq!(list(secretariat(), "", 50).await, all);
    assert_eq!(list(secretariat(), "", 1).await, all);
    assert_eq!(list(secretariat(), "ITF", 50).await, [space.team(1), others[1].team]);
    assert_eq!(list(space.country(0), "", 50).await, [space.team(0), others[0].team]);
    space.leave(0).await;
    assert_eq!(list(space.country(0), "", 50).await, [others[0].team]);
}
