use platform::{error::Shared, wire};
use proptest::prelude::*;
use proto::options::v1::Role;

use super::*;
use crate::{
    testing::Ground,
    year::{
        calendar::{Extension, Grant, Item, Revision},
        edition::Plan,
        moment::local::LocalTime,
    },
};

/// A loaded with a form of two lines, one of them required, and the deadline of the first lesson.
struct Setting {
    ground: Ground,
    team: Team,
    item: Item,
    loaded: LoadedReport,
}

fn setting_in(zone: &str) -> Setting {
    let ground = Ground::in_zone(zone);
    let Plan { edition, mut forms, items } = ground.plan();
    let team = ground.team(&Plan { edition: edition.clone(), forms: Vec::new(), items: Vec::new() });
    let mut form = forms.swap_remove(0);
    form.fields.retain(|field| ["research_title", "cover"].contains(&field.key.as_str()));
    for field in &mut form.fields {
        field.required = field.key == "research_title";
    }
    let item = items.into_iter().find(|item| item.deadline_of() == Some(1)).unwrap();
    let report = Report::none(&team, &form);
    let loaded =
        LoadedReport { report, form, track: edition.tracks()[0].clone(), deadline: Deadline::new(&item, None) };
    Setting { ground, team, item, loaded }
}

fn setting() -> Setting {
    setting_in("Europe/Rome")
}

fn draft(etag: &str, title: &str) -> Draft {
    let values = [("research_title".to_owned(), Value::Text(title.to_owned()))].into_iter().collect();
    Draft { etag: etag.to_owned(), values, ..Draft::default() }
}

impl Setting {
    fn save(&mut self, draft: Draft) -> Result<()> {
        self.loaded.save(&self.ground.by_team(&self.team), draft)?;
        // as the store does
        self.loaded.report.version += 1;
        Ok(())
    }

    fn submit(&mut self) -> Result<Submission> {
        let read = wire::etag(self.loaded.report.version);
        let submission = self.loaded.submit(&self.ground.by_team(&self.team), &read, &[])?;
        self.loaded.report.version += 1;
        Ok(submission)
    }

    fn verdict(&self) -> &Verdict {
        &self.loaded.report.state.judged().unwrap().verdict
    }

    fn title(&self) -> &Value {
        self.loaded.report.values.get("research_title").unwrap()
    }
}

#[test]
fn the_last_second_of_the_day_is_in_time_and_the_next_is_not() {
    for (zone, last, next) in [
        ("Europe/Rome", "2022-12-20T22:59:59.999999Z", "2022-12-20T23:00:00Z"),
        ("Europe/Athens", "2022-12-20T21:59:59.999999Z", "2022-12-20T22:00:00Z"),
    ] {
        for (instant, on_time) in [(last, true), (next, false)] {
            let mut setting = setting_in(zone);
            setting.save(draft("", "Acqua")).unwrap();
            setting.ground.at(instant);
            setting.submit().unwrap();
            assert_eq!(setting.verdict().on_time, on_time, "{zone} {instant}");
            assert_eq!(setting.verdict().received_at.to_string(), instant);
            assert_eq!((setting.verdict().deadline.rule_version, setting.verdict().deadline.extension), (1, None));
        }
    }
}

#[test]
fn a_second_person_saving_the_same_draft_is_told_and_nothing_is_lost() {
    let mut setting = setting();
    setting.save(draft("", "Acqua")).unwrap();
    for stale in ["", "0", "2", "nonsense"] {
        let error = setting.save(draft(stale, "Aria")).unwrap_err();
        assert!(error.is(Shared::EtagStale), "`{stale}`");
    }
    assert_eq!(setting.title(), &Value::Text("Acqua".to_owned()));
    setting.save(draft("1", "Aria")).unwrap();
    assert_eq!(setting.title(), &Value::Text("Aria".to_owned()));
}

#[test]
fn what_somebody_else_has_changed_meanwhile_is_not_submitted() {
    let mut setting = setting();
    setting.save(draft("", "Acqua")).unwrap();
    setting.save(draft("1", "Aria")).unwrap();
    let ctx = setting.ground.by_team(&setting.team);
    for stale in ["", "1", "3", "nonsense"] {
        let error = setting.loaded.submit(&ctx, stale, &[]).unwrap_err();
        assert!(error.is(Shared::EtagStale), "`{stale}`");
        assert!(setting.loaded.report.state.judged().is_none());
    }
    setting.loaded.submit(&ctx, "2", &[]).unwrap();
}

#[test]
fn a_save_sets_what_it_names_empties_what_it_clears_and_leaves_the_rest() {
    let mut setting = setting();
    setting.save(draft("", "Acqua")).unwrap();
    let ids = Value::Files(vec![crate::testing::nobody()]);
    let cover: Values = [("cover".to_owned(), ids.clone())].into_iter().collect();
    setting.save(Draft { etag: "1".to_owned(), values: cover, ..Draft::default() }).unwrap();
    assert_eq!(setting.title(), &Value::Text("Acqua".to_owned()));
    setting.save(Draft { etag: "2".to_owned(), cleared: vec!["cover".to_owned()], ..Draft::default() }).unwrap();
    assert_eq!(setting.loaded.report.values.get("cover"), None);
    setting.save(draft("3", " ")).unwrap();
    assert_eq!(setting.loaded.report.values, Values::default(), "what was set to nothing is empty");
}

#[test]
fn a_draft_names_a_role_of_its_track_or_none() {
    let mut setting = setting();
    let error = setting.save(Draft { role: "hacker".to_owned(), ..draft("", "Acqua") }).unwrap_err();
    assert_eq!(error.violations()[0].field, "acting_role");
    setting.save(Draft { role: "storyteller".to_owned(), ..draft("", "Acqua") }).unwrap();
    assert_eq!(setting.loaded.report.saved.unwrap().role, "storyteller");
}

#[test]
fn the_rules_of_the_form_are_checked_when_a_report_is_submitted() {
    let mut setting = setting();
    setting.save(draft("", "uno due tre quattro cinque sei")).unwrap();
    assert_eq!(setting.submit().unwrap_err().violations()[0].reason, "WORDS_TOO_MANY");
    setting.save(draft("1", "")).unwrap();
    assert_eq!(setting.submit().unwrap_err().violations()[0].reason, "FIELD_EMPTY");
    assert_eq!(setting.loaded.report.state, ReportState::Draft);
}

#[test]
fn a_submission_is_final_until_staff_reopens_it_and_the_first_verdict_stays() {
    let mut setting = setting();
    let staff = setting.ground.by(Role::Coordinator);
    assert!(
        setting.loaded.report.reopen(&staff, String::new()).is_err_and(|error| error.is(Reason::ReportNotSubmitted))
    );
    setting.save(draft("", "Acqua")).unwrap();
    let first = setting.submit().unwrap();
    assert!(setting.save(draft("2", "Aria")).is_err_and(|error| error.is(Reason::ReportFinal)));
    assert!(setting.submit().is_err_and(|error| error.is(Reason::ReportFinal)));
    assert!(setting.loaded.takes("cover").is_err_and(|error| error.is(Reason::ReportFinal)));
    let verdict = setting.verdict().clone();

    let reopening = setting.loaded.report.reopen(&staff, "a word was missing".to_owned()).unwrap();
    assert_eq!((reopening.lesson, reopening.reason.as_str()), (1, "a word was missing"));
    setting.ground.at("2023-06-01T12:00:00Z");
    setting.save(draft("2", "Aria")).unwrap();
    let second = setting.submit().unwrap();
    assert_eq!(setting.verdict(), &verdict, "the first verdict stays, though the second submission was late");
    assert_ne!(first.digest, second.digest);
    assert_eq!(setting.loaded.report.state.judged().unwrap().digest, second.digest);
}

#[test]
fn a_digest_names_what_was_written_and_the_bytes_of_its_files() {
    let ground = Ground::new();
    let plan = ground.plan();
    let team = ground.team(&plan);
    let place =
        || crate::work::file::Upload { team: team.id, lesson: 1, field: "cover".to_owned(), name: "a.png".to_owned() };
    let blob = |digest: &str| platform::blob::Blob { digest: digest.to_owned(), size: 1, media_type: "image/png" };
    let ctx = ground.by_team(&team);
    let file = File::new(&ctx, team.seat(), place(), "image/png", blob("aa"));
    let unused = File::new(&ctx, team.seat(), place(), "image/png", blob("bb"));
    let values: Values = [("cover".to_owned(), Value::Files(vec![file.id()]))].into_iter().collect();
    let report = Report { values, ..Report::none(&team, &plan.forms[0]) };
    let submission = Submission::new(&ctx, &report, &[unused, file.clone()]).unwrap();
    let expected = format!(
        "{{\"form_version\":1,\"values\":{{\"cover\":{{\"files\":[\"{id}\"]}}}},\"files\":{{\"{id}\":\"aa\"}}}}",
        id = file.id()
    );
    assert_eq!(submission.contents, expected);
    assert_eq!(submission.digest, hex(digest(&SHA256, expected.as_bytes()).as_ref()));
}

/// What can happen to a delivery, days counted from the first of December.
#[derive(Clone, Copy, Debug)]
enum Step {
    Revise(i8),
    Extend(i8),
    Submit(i8),
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (5_i8..60).prop_map(Step::Revise),
        (5_i8..60).prop_map(Step::Extend),
        (0_i8..60).prop_map(Step::Submit),
        Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..20)
}

/// The last second of a day of December or January.
fn day(day: i8) -> LocalTime {
    let first = jiff::civil::date(2022, 12, 1).at(23, 59, 59, 0);
    first.saturating_add(jiff::SignedDuration::from_hours(24 * i64::from(day))).into()
}

proptest! {
    /// The verdict is in time exactly when some deadline that held at the first submission or after it includes that submission:
    /// so nothing that happens makes it worse, and whatever gives more time makes it better.
    #[test]
    fn a_verdict_is_the_best_of_all_deadlines_that_held(steps in steps()) {
        let Setting { ground, team, mut item, mut loaded } = setting();
        let staff = ground.by(Role::Coordinator);
        loaded.save(&ground.by_team(&team), draft("", "Acqua")).unwrap();
        loaded.report.version = 1;
        let (mut extension, mut first, mut best) = (None, None, None);
        for step in steps {
            match step {
                Step::Revise(to) => item = item.revise(&staff, Revision { starts: day(to), ends: None, reason: String::new() }).unwrap(),
                Step::Extend(to) => {
                    let grant = Grant { deadline: day(to), reason: String::new() };
                    extension = Extension::grant(&staff, &team, 1, &item, grant).ok().or(extension);
                }
                Step::Submit(at) => {
                    ground.clock.set(day(at).in_zone(ground.tenant.zone()).unwrap().at());
                    loaded.deadline = Deadline::new(&item, extension.as_ref());
                    let ctx = ground.by_team(&team);
                    if loaded.submit(&ctx, "1", &[]).is_ok() && first.is_none() {
                        first = Some(ctx.now());
                    }
                }
                Step::Reopen => drop(loaded.report.reopen(&staff, String::new())),
            }
            let deadline = Deadline::new(&item, extension.as_ref());
            if let Some(received) = first {
                let mut delivery = Delivery { version: 1, state: loaded.report.state.clone(), ..Delivery::none(&team, 1) };
                let before = delivery.state.judged().unwrap().verdict.on_time;
                delivery.judge_again(&deadline);
                loaded.report.state = delivery.state;
                let verdict = &loaded.report.state.judged().unwrap().verdict;
                prop_assert!(verdict.on_time || !before, "worse than before");
                best = best.max(Some(deadline.moment.at()));
                prop_assert_eq!(verdict.received_at, received);
                prop_assert_eq!(verdict.on_time, best.is_some_and(|best| received <= best));
                prop_assert_eq!(verdict.on_time, verdict.deadline.moment.includes(received), "it keeps the rule it was given under");
            }
        }
    }
}
