//! Filters and orders, on rows of a real table. What a filter should find is said a second time in Rust, beside each comparison.

use std::cmp::Ordering;

use jiff::Timestamp;
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, IntoActiveModel, Order, QueryFilter, QueryTrait, Schema,
    Statement, Value,
};
use uuid::Uuid;

use self::thing::{Column as C, Entity, Model};
use super::{
    Fields, Key,
    parse::{self, Literal, Tree},
};
use crate::{
    PageRequest, Reads, Result,
    error::{Shared, Violation},
    page::Sizes,
    store::{At, tests::Ground},
};

mod thing {
    use sea_orm::entity::prelude::*;

    use crate::store::At;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "thing")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub name: String,
        pub note: Option<String>,
        pub many: i32,
        pub at: Option<At>,
        pub is_open: bool,
        pub day: String,
        pub colour: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

const ROWS: u64 = 24;

const WORDS: [&str; 5] = ["Bridge", "bridge of stone", "Šibenik 100%", "a \"quoted\" _name", "a*b\\c"];

fn row(number: u64) -> Model {
    let second = i64::try_from(number % 6 * 1_000).unwrap();
    Model {
        id: Uuid::from_u128(number.into()),
        name: WORDS[number as usize % 5].to_owned(),
        note: (!number.is_multiple_of(3)).then(|| format!("note {}", number % 2)),
        many: i32::try_from(number % 5).unwrap() - 1,
        at: (number % 4 != 1).then(|| At(Timestamp::from_second(second).unwrap())),
        is_open: number.is_multiple_of(2),
        day: format!("2022-10-{:02}", 1 + number % 9),
        colour: (!number.is_multiple_of(5)).then(|| ["red", "dark_blue"][number as usize % 2].to_owned()),
    }
}

fn fields() -> Fields<Entity> {
    Fields::new(C::Id, Order::Asc)
        .id("id", C::Id)
        .text("name", C::Name)
        .text("note", C::Note)
        .number("many", C::Many)
        .time("at", C::At)
        .flag("open", C::IsOpen)
        .day("day.begun", C::Day)
        .words("colour", C::Colour, "COLOUR", ["red", "dark_blue"])
        .cases("size", [("SIZE_SMALL", C::Many.lt(2).into()), ("SIZE_LARGE", C::Many.gte(2).into())])
}

/// A list that is asked for nothing else.
fn request(filter: &str, order_by: &str, size: i32, token: &str) -> Result<PageRequest<Key>> {
    let request = proto::identity::v1::ListTeamsRequest {
        filter: filter.to_owned(),
        order_by: order_by.to_owned(),
        page_size: size,
        page_token: token.to_owned(),
        ..Default::default()
    };
    PageRequest::of(Sizes { usual: 7, most: 50 }, &request)
}

/// The rows, stored in another order than that of their ids.
async fn ground() -> Ground {
    let ground = Ground::new();
    let tx = ground.store.change(&ground.ctx("aa")).await.unwrap();
    let table = Schema::new(DbBackend::Sqlite).create_table_from_entity(Entity);
    tx.conn().execute(&table).await.unwrap();
    let rows = (0..ROWS).rev().map(row).map(IntoActiveModel::into_active_model);
    Entity::insert_many(rows).exec_without_returning(tx.conn()).await.unwrap();
    tx.commit().await.unwrap();
    ground
}

/// The numbers of all rows that a list gives, page by page.
async fn listed(ground: &Ground, filter: &str, order_by: &str, size: i32) -> Vec<u64> {
    let db = ground.store.read(&ground.ctx("aa")).await.unwrap();
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page = request(filter, order_by, size, &token).unwrap();
        let page = fields().page(&db, Entity::find(), page).await.unwrap_or_else(|error| panic!("{filter}: {error:?}"));
        seen.extend(page.items.iter().map(|row| row.id.as_u128() as u64));
        token = page.next;
        if token.is_empty() {
            return seen;
        }
    }
}

fn which(holds: impl Fn(&Model) -> bool) -> Vec<u64> {
    (0..ROWS).filter(|number| holds(&row(*number))).collect()
}

/// The query of a list, as a database is asked.
fn statement(filter: &str, order_by: &str, backend: DbBackend) -> Statement {
    let page = request(filter, order_by, 0, "").unwrap();
    fields().select(Entity::find(), &page).unwrap_or_else(|error| panic!("{filter}: {error:?}")).build(backend)
}

/// Why a list is refused: the violation at `filter` or `order_by`.
fn refused(filter: &str, order_by: &str) -> Vec<Violation> {
    let page = request(filter, order_by, 0, "").unwrap();
    let refused = fields().select(Entity::find(), &page);
    refused.map_or_else(|error| error.violations().to_vec(), |_| panic!("{filter} {order_by} is taken"))
}

fn instant(text: &str) -> At {
    At(text.parse().unwrap())
}

/// Which rows are found.
type Holds = fn(&Model) -> bool;

/// Comparisons, each with what it means. What has no value is equal to nothing.
fn comparisons() -> Vec<(&'static str, Holds)> {
    vec![
        ("name = Bridge", |row| row.name == "Bridge"),
        ("name != 'Bridge'", |row| row.name != "Bridge"),
        ("name:ridge", |row| row.name.contains("ridge")),
        ("name:\"100%\"", |row| row.name.contains("100%")),
        (r#"name:"\"quoted\"""#, |row| row.name.contains("\"quoted\"")),
        ("name:_", |row| row.name.contains('_')),
        ("name = \"Šib*\"", |row| row.name.starts_with("Šib")),
        (r"name = a\**", |row| row.name.starts_with("a*")),
        (r#"name = 'a\*b\\c'"#, |row| row.name == r"a*b\c"),
        ("name != b*", |row| !row.name.starts_with('b')),
        ("name = \"\"", |row| row.name.is_empty()),
        ("note = \"note 1\"", |row| row.note.as_deref() == Some("note 1")),
        ("note != \"note 1\"", |row| row.note.as_deref() != Some("note 1")),
        ("note:*", |row| row.note.is_some()),
        ("note:0", |row| row.note.as_ref().is_some_and(|note| note.contains('0'))),
        ("note = note*", |row| row.note.is_some()),
        ("many>=2", |row| row.many >= 2),
        ("many = -1", |row| row.many == -1),
        ("many < 1", |row| row.many < 1),
        ("many < 9223372036854775807", |_| true),
        ("at > \"1970-01-01T00:16:40Z\"", |row| row.at.is_some_and(|at| at > instant("1970-01-01T00:16:40Z"))),
        ("at <= 1970-01-01T01:16:40+01:00", |row| row.at.is_some_and(|at| at <= instant("1970-01-01T00:16:40Z"))),
        ("at:*", |row| row.at.is_some()),
        ("open = true", |row| row.is_open),
        ("open != true", |row| !row.is_open),
        ("day.begun > 2022-10-04", |row| row.day.as_str() > "2022-10-04"),
        ("day.begun = 2022-10-04", |row| row.day == "2022-10-04"),
        ("colour = COLOUR_RED", |row| row.colour.as_deref() == Some("red")),
        ("colour != COLOUR_DARK_BLUE", |row| row.colour.as_deref() != Some("dark_blue")),
        ("colour:*", |row| row.colour.is_some()),
        ("size = SIZE_SMALL", |row| row.many < 2),
        ("size != \"SIZE_SMALL\"", |row| row.many >= 2),
        ("id = 00000000-0000-0000-0000-000000000007", |row| row.id.as_u128() == 7),
    ]
}

#[tokio::test]
async fn a_comparison_finds_what_it_says_and_its_negation_finds_all_the_rest() {
    let ground = ground().await;
    for (filter, holds) in comparisons() {
        assert_eq!(listed(&ground, filter, "", 3).await, which(holds), "{filter}");
        for not in ["NOT ", "-", "- ", "NOT("] {
            let filter = format!("{not}{filter}{}", if not.ends_with('(') { ")" } else { "" });
            assert_eq!(listed(&ground, &filter, "", 50).await, which(|row| !holds(row)), "{filter}");
        }
    }
    for empty in ["", "  ", "\t\n"] {
        assert_eq!(listed(&ground, empty, empty, 5).await, which(|_| true));
    }
}

/// What a filter says, with comparisons by their number.
#[derive(Clone, Debug)]
enum Said {
    One(usize),
    Not(Box<Self>),
    All(Vec<Self>),
    Any(Vec<Self>),
}

fn said() -> impl Strategy<Value = Said> {
    let one = (0..comparisons().len()).prop_map(Said::One);
    one.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|said| Said::Not(Box::new(said))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Said::All),
            prop::collection::vec(inner, 2..4).prop_map(Said::Any),
        ]
    })
}

impl Said {
    fn holds(&self, row: &Model) -> bool {
        match self {
            Self::One(number) => comparisons()[*number].1(row),
            Self::Not(said) => !said.holds(row),
            Self::All(parts) => parts.iter().all(|said| said.holds(row)),
            Self::Any(parts) => parts.iter().any(|said| said.holds(row)),
        }
    }

    fn comparisons(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Not(said) => said.comparisons(),
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::comparisons).sum(),
        }
    }

    /// The filter, with as few parentheses as can be: `OR` binds more tightly than `AND`.
    fn text(&self) -> String {
        let join = |parts: &[Self], word: &str, is_bare: fn(&Self) -> bool| {
            let parts: Vec<_> = parts.iter().map(|said| said.part(is_bare(said))).collect();
            parts.join(word)
        };
        match self {
            Self::One(number) => comparisons()[*number].0.to_owned(),
            Self::Not(said) => format!("NOT {}", said.part(matches!(**said, Self::One(_)))),
            Self::All(parts) => join(parts, " AND ", |said| !matches!(said, Self::All(_))),
            Self::Any(parts) => join(parts, " OR ", |said| matches!(said, Self::One(_) | Self::Not(_))),
        }
    }

    fn part(&self, is_bare: bool) -> String {
        if is_bare { self.text() } else { format!("({})", self.text()) }
    }
}

#[tokio::test]
async fn what_is_put_together_finds_what_it_says() {
    let ground = ground().await;
    let mut runner = TestRunner::deterministic();
    let mut tried = 0;
    while tried < 300 {
        let said = said().new_tree(&mut runner).unwrap().current();
        if said.comparisons() <= 30 {
            tried += 1;
            assert_eq!(listed(&ground, &said.text(), "", 50).await, which(|row| said.holds(row)), "{}", said.text());
        }
    }
}

#[tokio::test]
async fn no_filter_reaches_further_than_what_its_caller_is_shown() {
    let ground = ground().await;
    let db = ground.store.read(&ground.ctx("aa")).await.unwrap();
    for filter in ["many < 9 OR many >= 9", "NOT name = x", "name = x OR NOT name = x", "-(name = x AND NOT name = x)"]
    {
        let shown = Entity::find().filter(C::IsOpen.eq(true));
        let page = fields().page(&db, shown, request(filter, "", 50, "").unwrap()).await.unwrap();
        assert!(!page.items.is_empty() && page.items.iter().all(|row| row.is_open), "{filter}");
    }
}

#[test]
fn what_is_wrong_with_a_filter_is_told_with_its_place_and_what_is_expected() {
    for (filter, at, text) in [
        ("colour2 = red", 1, "These are the fields: id, name, note, many, at, open, day.begun, colour, size."),
        ("name = Bridge AND  size2 = 1", 20, "`size2`"),
        ("Šibenik", 1, "A comparison is needed here"),
        ("name Bridge", 6, "A comparison is needed here"),
        ("name =", 7, "A value is needed"),
        ("name = ()", 8, "A value is needed"),
        ("name = \"Bridge", 8, "no closing quote"),
        ("name = Šibenik\\", 16, "A letter is needed after the backslash"),
        ("name = Bridge many = 1", 15, "Put `AND` or `OR`"),
        ("(name = Bridge", 15, "closing parenthesis"),
        ("name < Bridge", 6, "`name` is compared by one of != = :"),
        ("open > true", 6, "`open` is compared by one of != ="),
        ("size:*", 5, "`size` is compared by one of != ="),
        ("many:*", 5, "`many` is compared by one of != <= >= = < >"),
        ("name = a*b", 10, "`*` stands at the end"),
        ("name:a*", 6, "`*` alone"),
        ("at:x", 4, "After `:` comes `*`"),
        ("many = several", 8, "`several` is not a whole number"),
        ("many = 1*", 8, "`1*` is not a whole number"),
        ("many = 9223372036854775808", 8, "is not a whole number"),
        ("at > yesterday", 6, "an instant such as"),
        ("day.begun = 2022-02-30", 13, "a day such as"),
        ("open = yes", 8, "`true` or `false`"),
        ("id = 7", 6, "a UUID"),
        ("colour = RED", 10, "none of COLOUR_RED, COLOUR_DARK_BLUE"),
        ("many = 1 AND", 13, "A comparison is needed here"),
        ("NOT NOT name = x", 9, "A comparison is needed here"),
        ("((((((((((((name = x))))))))))))", 11, "deeper than 10"),
        (&"many = 1 OR ".repeat(31), 361, "at most 30 comparisons"),
        ("name = Bridge )", 15, "The filter ends before this"),
    ] {
        let [violation] = refused(filter, "").try_into().unwrap();
        assert_eq!((violation.field.as_str(), violation.reason), ("filter", "FIELDS_INVALID"));
        assert!(violation.description.starts_with(&format!("At character {at}: ")), "{filter}: {violation:?}");
        assert!(violation.description.contains(text), "{filter}: {violation:?}");
    }
}

#[test]
fn what_is_wrong_with_an_order_is_told_with_its_place_and_what_is_expected() {
    for (order, at, text) in [
        ("colour2", 1, "These are the fields: id, name, note, many, at, open, day.begun."),
        ("name, colour", 7, "cannot be ordered by `colour`"),
        ("name up", 1, "after it perhaps `desc`"),
        ("name desc many", 1, "Put a comma"),
        ("name, many, name desc", 13, "twice"),
        ("name,,at", 6, "``"),
        ("name,", 6, "``"),
        ("name, many, at, open, note", 23, "at most 4 fields"),
    ] {
        let [violation] = refused("", order).try_into().unwrap();
        assert_eq!(violation.field, "order_by");
        assert!(violation.description.starts_with(&format!("At character {at}: ")), "{order}: {violation:?}");
        assert!(violation.description.contains(text), "{order}: {violation:?}");
    }
    let both = refused("x", "y");
    assert_eq!(both.iter().map(|one| one.field.as_str()).collect::<Vec<_>>(), ["filter", "order_by"]);
}

/// How two rows follow each other by a field: without a value last, in both directions.
fn by(field: &str, is_desc: bool, one: &Model, other: &Model) -> Ordering {
    fn of<T: Ord>(one: Option<T>, other: Option<T>, is_desc: bool) -> Ordering {
        match (one, other) {
            (Some(one), Some(other)) if is_desc => other.cmp(&one),
            (Some(one), Some(other)) => one.cmp(&other),
            (one, other) => other.is_some().cmp(&one.is_some()),
        }
    }
    match field {
        "name" => of(Some(&one.name), Some(&other.name), is_desc),
        "note" => of(one.note.as_ref(), other.note.as_ref(), is_desc),
        "many" => of(Some(one.many), Some(other.many), is_desc),
        "at" => of(one.at, other.at, is_desc),
        "open" => of(Some(one.is_open), Some(other.is_open), is_desc),
        _ => of(Some(one.id), Some(other.id), is_desc),
    }
}

#[tokio::test]
async fn a_list_comes_in_every_order_by_pages_of_every_size() {
    let ground = ground().await;
    let names = ["name", "note", "many", "at", "open", "id"];
    for (first, second) in names.iter().flat_map(|first| names.iter().map(move |second| (*first, *second))) {
        for (one, two) in [(false, true), (true, false), (true, true)] {
            let word = |is_desc: bool| if is_desc { " desc" } else { " asc" };
            let mut order = format!("{first}{}", word(one));
            if first != second {
                order.push_str(&format!(" , {second}{}", word(two)));
            }
            let mut rows: Vec<_> = (0..ROWS).map(row).collect();
            rows.sort_by(|a, b| by(first, one, a, b).then(by(second, two, a, b)).then(a.id.cmp(&b.id)));
            let expected: Vec<_> = rows.iter().map(|row| row.id.as_u128() as u64).collect();
            for size in [1, 4, 50] {
                assert_eq!(listed(&ground, "", &order, size).await, expected, "{order}, {size} a page");
            }
        }
    }
    let found = listed(&ground, "open = true", "at desc", 2).await;
    assert_eq!((found.len(), found[0]), (12, 4), "an order and a filter go together");
}

#[test]
fn a_list_that_is_asked_nothing_comes_in_its_usual_order_alone() {
    let usual = |fields: Fields<Entity>, order_by: &str| {
        let page = request("", order_by, 0, "").unwrap();
        let sql = fields.select(Entity::find(), &page).unwrap().build(DbBackend::Postgres).sql;
        sql.split_once("ORDER BY ").unwrap().1.replace("\"thing\".", "")
    };
    assert_eq!(usual(fields(), ""), "\"id\" ASC LIMIT $1");
    assert_eq!(usual(fields().usually(C::Name, Order::Desc), " "), "\"name\" DESC, \"id\" ASC LIMIT $1");
    assert_eq!(usual(fields().usually(C::Name, Order::Desc), "many"), "\"many\" ASC, \"id\" ASC LIMIT $1");
    assert_eq!(usual(fields(), "id desc, name"), "\"id\" DESC LIMIT $1", "nothing is equal by it");
}

#[test]
fn a_token_counts_for_the_filter_and_the_order_it_was_given_for() {
    let page = request("name:Bridge", "name", 1, "").unwrap();
    let order = super::order::terms(&fields(), "name").unwrap();
    let token = page.page(vec![row(0), row(5)], |row| super::order::key(&order, row)).next;
    assert!(request("name:Bridge", "name", 3, &token).is_ok());
    for (filter, order_by) in [("name:bridge", "name"), ("name:Bridge", "name desc"), ("", "name"), ("name:Bridge", "")]
    {
        let refused = request(filter, order_by, 1, &token).map(drop);
        assert!(refused.is_err_and(|error| error.is(Shared::PageTokenInvalid)), "{filter} {order_by}");
    }
}

#[test]
fn a_forged_token_is_refused_and_asks_the_database_nothing() {
    for (order_by, keys) in [
        ("name", &["[]", "[1,2]", "[\"x\"]", "[\"x\",\"no id\"]", "[\"x\",\"y\",\"z\"]", "[null,null]"][..]),
        ("name", &["[\"\\u0000\",\"00000000-0000-0000-0000-000000000000\"]"]),
        ("many", &["[2147483648,\"00000000-0000-0000-0000-000000000000\"]", "[true,7]", "[1,null]"]),
        ("note", &["[null,null]", "[null,3]"]),
    ] {
        for key in keys {
            let key: Key = serde_json::from_str(key).unwrap();
            let token = request("", order_by, 1, "").unwrap().followed_by(Some(key), vec![()]).next;
            let page = request("", order_by, 1, &token).unwrap();
            let refused = fields().select(Entity::find(), &page).map(drop);
            assert!(refused.is_err_and(|error| error.is(Shared::PageTokenInvalid)), "{order_by}: {page:?}");
        }
    }
}

/// How a text is written between quotes so that it means itself.
fn escaped(text: &str) -> String {
    let escaped = text.chars().map(|letter| match letter {
        '"' | '\\' | '*' => format!("\\{letter}"),
        _ => letter.to_string(),
    });
    escaped.collect()
}

proptest! {
    #[test]
    fn no_text_breaks_the_reader(
        filter in "\\PC{0,60}",
        words in prop::collection::vec(
            prop::sample::select(vec![
                "name", "at", "colour", "AND", "OR", "NOT", "-", "(", ")", "=", "!=", "<", ">=", ":", "\"", "'", "\\", "*", ",", "7",
                "Šib", " ", "\u{301}", "COLOUR_RED", "desc",
            ]),
            0..25,
        ),
    ) {
        for text in [filter, words.concat(), words.join(" ")] {
            for (filter, order_by) in [(text.as_str(), ""), ("", text.as_str())] {
                let page = request(filter, order_by, 0, "").unwrap();
                let Err(error) = fields().select(Entity::find(), &page) else { continue };
                let [violation] = error.violations() else { panic!("{error:?}") };
                let place = violation.description.strip_prefix("At character ").unwrap().split_once(": ").unwrap().0;
                prop_assert!((1..=text.chars().count() + 1).contains(&place.parse().unwrap()), "{}: {:?}", text, violation);
            }
        }
    }

    #[test]
    fn a_value_between_quotes_is_taken_letter_for_letter(text in "[\\PC*\"'\\\\]{0,40}") {
        let tree = parse::tree(&format!("name=\"{}\"", escaped(&text))).unwrap().unwrap();
        let mut tree = &tree;
        while let Tree::All(parts) | Tree::Any(parts) = tree {
            tree = &parts[0];
        }
        let Tree::Is(comparison) = tree else { panic!("{tree:?}") };
        prop_assert_eq!(&comparison.value.is, &Literal { text, has_star: false });
    }

    #[test]
    fn no_value_is_ever_a_part_of_a_statement(text in "[\\PC*\"'\\\\;]{1,40}") {
        let filter = |text: &str| {
            let text = escaped(text);
            format!("name = \"{text}\" OR name:\"{text}\" AND NOT note = \"{text}*\" OR note != \"{text}\"")
        };
        for backend in [DbBackend::Sqlite, DbBackend::Postgres] {
            let asked = statement(&filter(&text), "name desc", backend);
            prop_assert_eq!(asked.sql, statement(&filter("x"), "name desc", backend).sql);
            let values = asked.values.unwrap().0;
            prop_assert!(values.iter().any(|value| *value == Value::from(text.as_str())));
        }
    }
}
