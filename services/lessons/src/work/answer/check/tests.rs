use platform::{Violations, blob::Blob};
use proto::options::v1::Role;

use super::*;
use crate::{
    testing::{Ground, nobody},
    work::{
        answer::{Point, Values},
        file::Upload,
    },
    year::{form::Form, team::Seat},
};

fn field(key: &str, kind: FieldKind) -> Field {
    Field {
        key: key.to_owned(),
        label: key.to_uppercase(),
        help: String::new(),
        kind,
        required: true,
        max_chars: 0,
        spaces_count: false,
        max_words: 0,
        choices: Vec::new(),
        max_items: 0,
        max_bytes: 0,
        roles: Vec::new(),
        evaluated: false,
        hosts: Vec::new(),
    }
}

fn form(fields: Vec<Field>) -> Form {
    Form { track: nobody(), lesson: 1, version: 1, fields }
}

fn values<const N: usize>(values: [(&str, Value); N]) -> Values {
    values.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn found(result: platform::Result<()>) -> Vec<(String, &'static str)> {
    let violations = result.err().map(|error| error.violations().to_vec()).unwrap_or_default();
    violations.into_iter().map(|one| (one.field, one.reason)).collect()
}

fn one(field: Field, value: Value) -> Vec<&'static str> {
    let key = field.key.clone();
    let found = found(form(vec![field]).check_final(&values([(&key, value)]), &[]));
    assert!(found.iter().all(|(path, _)| *path == format!("values[{key}]")));
    found.into_iter().map(|(_, reason)| reason).collect()
}

#[test]
fn everything_that_is_wrong_with_a_report_is_named_at_once() {
    let title = Field { max_words: 5, ..field("title", FieldKind::Line) };
    let story = Field { max_chars: 5, ..field("story", FieldKind::RichText) };
    let theme = Field { choices: vec!["energy".to_owned()], ..field("theme", FieldKind::Choice) };
    let form = form(vec![title, story, theme, field("day", FieldKind::Date), field("page", FieldKind::Url)]);
    let values = values([
        ("title", text("one two three four five six")),
        ("story", text("<p>123456</p>")),
        ("theme", text("sports")),
        ("page", text("nowhere")),
    ]);
    let expected = [
        ("values[title]", "WORDS_TOO_MANY"),
        ("values[story]", "TEXT_TOO_LONG"),
        ("values[theme]", "CHOICE_UNKNOWN"),
        ("values[day]", "FIELD_EMPTY"),
        ("values[page]", "FIELD_KIND"),
    ];
    assert_eq!(found(form.check_final(&values, &[])), expected.map(|(path, reason)| (path.to_owned(), reason)));
}

#[test]
fn a_draft_may_be_incomplete_and_too_long_but_not_of_another_kind() {
    let form = form(vec![
        Field { max_chars: 3, ..field("title", FieldKind::Line) },
        field("page", FieldKind::Url),
        field("day", FieldKind::Date),
        field("place", FieldKind::Point),
    ]);
    let half = values([("title", text("much too long")), ("page", text("http"))]);
    assert_eq!(found(form.check_draft(&half, &[])), []);
    let outside = Point::new(90.5, f64::NAN, String::new());
    let wrong = values([("day", text("tomorrow")), ("other", text("")), ("place", Value::Point(outside))]);
    let cleared = ["title".to_owned(), "gone".to_owned()];
    let expected = [
        ("values[day]", "FIELD_KIND"),
        ("values[other]", "FIELD_UNKNOWN"),
        ("values[place]", "POINT_OUTSIDE"),
        ("cleared[1]", "FIELD_UNKNOWN"),
    ];
    assert_eq!(found(form.check_draft(&wrong, &cleared)), expected.map(|(path, reason)| (path.to_owned(), reason)));
}

#[test]
fn every_kind_of_field_takes_its_own_kind_of_value_alone() {
    use FieldKind as K;
    let kinds = [
        K::Line,
        K::RichText,
        K::Url,
        K::Email,
        K::Date,
        K::Time,
        K::File,
        K::Image,
        K::Video,
        K::Boolean,
        K::Choice,
        K::Choices,
        K::Point,
        K::Embed,
        K::Project,
        K::MonitoringReport,
    ];
    let values = [
        (text("x"), vec![K::Line, K::RichText, K::Url, K::Email, K::Choice, K::Embed, K::Project, K::MonitoringReport]),
        (Value::Boolean(false), vec![K::Boolean]),
        (Value::Date(jiff::civil::date(2023, 2, 28)), vec![K::Date]),
        (Value::Time(jiff::civil::time(9, 30, 0, 0)), vec![K::Time]),
        (Value::Choices(vec!["x".to_owned()]), vec![K::Choices]),
        (Value::Files(vec![nobody()]), vec![K::File, K::Image, K::Video]),
        (Value::Point(Point::new(41.9, 12.5, String::new())), vec![K::Point]),
    ];
    for (value, takes) in values {
        for kind in kinds {
            let mut violations = Violations::new();
            draft(&field("x", kind), &value, "x", &mut violations);
            assert_eq!(violations.done().is_ok(), takes.contains(&kind), "{kind:?} {value:?}");
        }
    }
}

#[test]
fn the_limit_itself_fits_and_spaces_count_only_where_the_form_says_so() {
    let limit = |spaces_count| Field { max_chars: 6, spaces_count, ..field("x", FieldKind::RichText) };
    assert_eq!(one(limit(false), text("<p>abc def</p>")), [] as [&str; 0]);
    assert_eq!(one(limit(true), text("<p>abc def</p>")), ["TEXT_TOO_LONG"]);
    assert_eq!(one(limit(true), text("<p>ab def</p>")), [] as [&str; 0]);
    assert_eq!(one(field("x", FieldKind::RichText), text(&"a".repeat(20_000))), [] as [&str; 0]);
    assert_eq!(one(field("x", FieldKind::RichText), text(&"a".repeat(20_001))), ["TEXT_TOO_LONG"]);
}

#[test]
fn a_text_that_is_too_long_says_by_how_much() {
    let field = Field { max_chars: 280, spaces_count: true, ..field("x", FieldKind::Line) };
    let error = form(vec![field]).check_final(&values([("x", text(&"a".repeat(301)))]), &[]).unwrap_err();
    assert_eq!(error.violations()[0].description, "At most 280 characters fit here, including spaces; there are 301.");
}

#[test]
fn a_project_is_at_one_of_the_sources() {
    let project = || Field { hosts: vec!["opencoesione.gov.it".to_owned()], ..field("x", FieldKind::Project) };
    assert_eq!(one(project(), text("https://opencoesione.gov.it/it/progetti/1mise/")), [] as [&str; 0]);
    assert_eq!(one(project(), text("https://opencoesione.gov.it.example.org/")), ["PROJECT_SOURCE"]);
    assert_eq!(one(project(), text("opencoesione.gov.it")), ["FIELD_KIND"]);
    assert_eq!(one(field("x", FieldKind::Project), text("https://keep.eu/1")), [] as [&str; 0]);
    assert_eq!(one(field("x", FieldKind::Email), text("nobody")), ["FIELD_KIND"]);
}

#[test]
fn choices_are_among_those_offered_and_not_too_many() {
    let offered: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
    let some = |max_items| Field { choices: offered.clone(), max_items, ..field("x", FieldKind::Choices) };
    let chosen = |chosen: &[&str]| Value::Choices(chosen.iter().map(|one| (*one).to_owned()).collect());
    assert_eq!(one(some(2), chosen(&["a", "c"])), [] as [&str; 0]);
    assert_eq!(one(some(0), chosen(&["a", "c"])), ["CHOICE_UNKNOWN"]);
    assert_eq!(one(some(2), chosen(&["a", "z"])), ["CHOICE_UNKNOWN"]);
    assert_eq!(one(some(2), chosen(&[])), ["FIELD_EMPTY"]);
}

#[test]
fn a_file_is_one_the_team_uploaded_for_this_field() {
    let ground = Ground::new();
    let place = |field: &str| Upload { team: nobody(), lesson: 1, field: field.to_owned(), name: "a.png".to_owned() };
    let blob = Blob { digest: "00".to_owned(), size: 1, media_type: "image/png" };
    let seat = Seat { team: nobody(), space: None };
    let file = |field| File::new(&ground.by(Role::Team), seat, place(field), "image/png", blob.clone());
    let (mine, other) = (file("cover"), file("gallery"));
    let form = form(vec![field("cover", FieldKind::Image)]);
    let check = |ids: &[Id<File>]| {
        let found =
            found(form.check_final(&values([("cover", Value::Files(ids.to_vec()))]), &[mine.clone(), other.clone()]));
        found.into_iter().map(|(_, reason)| reason).collect::<Vec<_>>()
    };
    assert_eq!(check(&[mine.id()]), [] as [&str; 0]);
    assert_eq!(check(&[other.id()]), ["FILE_UNKNOWN"]);
    assert_eq!(check(&[nobody()]), ["FILE_UNKNOWN"]);
    assert_eq!(check(&[mine.id(), mine.id()]), ["FIELDS_INVALID"]);
}

#[test]
fn answers_are_kept_with_clean_markup_and_without_blank_values() {
    let form =
        form(vec![field("title", FieldKind::Line), field("story", FieldKind::RichText), field("page", FieldKind::Url)]);
    let kept = form.clean(values([
        ("title", text("one\r\nline ")),
        ("story", text("<p onclick=\"x\">a<script>b</script></p>")),
        ("page", text("  ")),
    ]));
    assert_eq!(kept, values([("title", text("one line ")), ("story", text("<p>a</p>"))]));
    assert_eq!(form.clean(values([("story", text("<p> </p><p></p>"))])), Values::default());
}
