//! The law of `filter` and `order_by`, for every list that has them: they take what the contract says, they find what the items show, in
//! every order page by page, and whoever asks is shown no item that the list does not show them without. A list that says how many there
//! are says how many are found.

use std::{cmp::Ordering, collections::BTreeSet};

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MethodDescriptor, ReflectMessage, Value};
use tests::{
    World,
    grpc::{call, methods},
};
use tonic::{Status, transport::Channel};
use tonic_types::StatusExt;

use crate::{
    contract::comments,
    pages::{Place, places, request, with_token},
};

/// How many values of a field are looked for, of those that are shown.
const VALUES: usize = 4;

/// Every list that can be filtered.
fn lists() -> Vec<MethodDescriptor> {
    methods().into_iter().filter(|method| method.input().get_field_by_name("filter").is_some()).collect()
}

/// The field of an answer that holds the items.
fn items(method: &MethodDescriptor) -> FieldDescriptor {
    method.output().fields().find(|field| field.is_list() && field.kind().as_message().is_some()).expect("the items")
}

/// The fields that the comment of a `filter` names.
fn promised(method: &MethodDescriptor) -> BTreeSet<String> {
    let filter = method.input().get_field_by_name("filter").expect("a filter");
    let comments = comments(&filter.parent_file());
    let comment = comments.get(filter.path()).map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    let (_, names) = comment.as_deref().and_then(|text| text.split_once("The fields are ")).expect("the fields");
    names.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// A list as somebody sees it.
struct Seen<'a> {
    channel: &'a Channel,
    method: MethodDescriptor,
    place: &'a Place,
    request: DynamicMessage,
    /// What it shows when nothing is asked.
    all: Vec<DynamicMessage>,
}

/// A field by which a list is filtered, as its items show it.
struct Shown {
    name: String,
    field: FieldDescriptor,
}

impl Shown {
    /// Error: no such field is in the items.
    fn new(method: &MethodDescriptor, name: &str) -> Self {
        let mut kind = items(method).kind();
        let mut found = None;
        for part in name.split('.') {
            let message = kind.as_message().cloned().unwrap_or_else(|| panic!("{}: `{name}`", method.full_name()));
            let field = message.get_field_by_name(part).unwrap_or_else(|| panic!("{}: `{name}`", message.full_name()));
            kind = field.kind();
            found = Some(field);
        }
        Self { name: name.to_owned(), field: found.expect("a field") }
    }

    fn is_enum(&self) -> bool {
        matches!(self.field.kind(), Kind::Enum(_))
    }

    fn is_text(&self) -> bool {
        matches!(self.field.kind(), Kind::String) && self.name != "id" && !self.name.ends_with("_id")
            || self.name == "keep_id"
    }

    /// What an item shows, so that it compares as the list orders it. None where it has no value.
    fn of(&self, item: &DynamicMessage) -> Option<Point> {
        let mut value = Value::Message(item.clone());
        for part in self.name.split('.') {
            let message = value.as_message().expect("a message");
            let field = message.descriptor().get_field_by_name(part).expect("a field");
            if field.supports_presence() && !message.has_field(&field) {
                return None;
            }
            value = message.get_field(&field).into_owned();
        }
        let number = |name: &str, of: &DynamicMessage| {
            let value = of.get_field_by_name(name).expect("a number");
            value.as_i64().or_else(|| value.as_i32().map(i64::from)).expect("a number")
        };
        Some(match value {
            Value::EnumNumber(0) => return None,
            Value::EnumNumber(word) => Point::Number(word.into()),
            Value::String(text) if text.is_empty() && !self.is_text() => return None,
            Value::String(text) => Point::Text(text),
            Value::I32(number) => Point::Number(number.into()),
            Value::Bool(flag) => Point::Number(flag.into()),
            Value::Message(time) if time.descriptor().full_name() == "google.protobuf.Timestamp" => {
                Point::Number(number("seconds", &time) * 1_000_000 + number("nanos", &time) / 1_000)
            }
            Value::Message(date) if date.descriptor().full_name() == "google.type.Date" => {
                let [year, month, day] = ["year", "month", "day"].map(|name| number(name, &date));
                Point::Text(format!("{year:04}-{month:02}-{day:02}"))
            }
            other => panic!("{}: say here what {other:?} is in a filter", self.name),
        })
    }

    /// How a filter writes a value.
    fn literal(&self, point: &Point) -> String {
        match (self.field.kind(), point) {
            (Kind::Enum(words), Point::Number(word)) => {
                let word = i32::try_from(*word).ok().and_then(|word| words.get_value(word));
                word.expect("a word").name().to_owned()
            }
            (Kind::Bool, Point::Number(flag)) => (*flag == 1).to_string(),
            (Kind::Message(_), Point::Number(at)) => {
                format!("\"{}\"", jiff::Timestamp::from_microsecond(*at).expect("an instant"))
            }
            (_, Point::Number(number)) => number.to_string(),
            (_, Point::Text(text)) => {
                let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('*', "\\*");
                format!("\"{text}\"")
            }
        }
    }

    /// A value that no field of this type takes, and what is said of it.
    fn wrong(&self) -> Option<(&'static str, String)> {
        Some(match self.field.kind() {
            Kind::Enum(words) => {
                let names: Vec<_> =
                    words.values().filter(|word| word.number() != 0).map(|word| word.name().to_owned()).collect();
                ("UNKNOWN", format!("`UNKNOWN` is none of {}.", names.join(", ")))
            }
            Kind::Int32 => ("1.5", "`1.5` is not a whole number.".to_owned()),
            Kind::Bool => ("yes", "`yes` is not `true` or `false`.".to_owned()),
            Kind::Message(time) if time.name() == "Timestamp" => {
                ("soon", "`soon` is not an instant such as".to_owned())
            }
            Kind::Message(_) => ("soon", "`soon` is not a day such as".to_owned()),
            _ if self.is_text() => return None,
            _ => ("7", "`7` is not an id".to_owned()),
        })
    }
}

/// A value of an item, as it compares.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Point {
    Number(i64),
    Text(String),
}

impl<'a> Seen<'a> {
    /// None where this is no list for them.
    async fn by(channel: &'a Channel, method: &MethodDescriptor, place: &'a Place) -> Option<Self> {
        let request = request(method, place)?;
        let mut seen = Self { channel, method: method.clone(), place, request, all: Vec::new() };
        seen.all = seen.asked("", "", 100).await.ok()?;
        Some(seen)
    }

    /// Everything that is found, page by page.
    async fn asked(&self, filter: &str, order_by: &str, size: i32) -> Result<Vec<DynamicMessage>, Status> {
        let mut request = self.request.clone();
        request.set_field_by_name("filter", Value::String(filter.to_owned()));
        request.set_field_by_name("order_by", Value::String(order_by.to_owned()));
        request.set_field_by_name("page_size", Value::I32(size));
        let (mut found, mut token, mut totals) = (Vec::new(), String::new(), BTreeSet::new());
        loop {
            let answer = call(self.channel, &self.place.caller, &self.method, with_token(&request, &token)).await?;
            let page = answer.get_field(&items(&self.method)).into_owned();
            found.extend(page.as_list().expect("items").iter().filter_map(Value::as_message).cloned());
            token = answer.get_field_by_name("next_page_token").expect("a token").as_str().expect("a text").to_owned();
            totals.extend(answer.get_field_by_name("total_size").and_then(|total| total.as_i32()));
            if token.is_empty() {
                let wrong = totals.iter().find(|total| usize::try_from(**total) != Ok(found.len()));
                assert_eq!(wrong, None, "{}: {} are found by {filter}", self.method.name(), found.len());
                return Ok(found);
            }
        }
    }

    async fn found(&self, filter: &str) -> Vec<DynamicMessage> {
        let found = self.asked(filter, "", 100).await;
        found.unwrap_or_else(|status| panic!("{}: {filter}: {status:?}", self.method.name()))
    }

    /// What is said of a filter or an order that is refused.
    async fn refused(&self, filter: &str, order_by: &str) -> String {
        let status = self.asked(filter, order_by, 100).await.err();
        let status = status.unwrap_or_else(|| panic!("{}: {filter}{order_by} is taken", self.method.name()));
        assert_eq!(status.code(), tonic::Code::InvalidArgument, "{}: {status:?}", self.method.name());
        let told = status.get_details_bad_request().expect("violations").field_violations;
        let field = if filter.is_empty() { "order_by" } else { "filter" };
        assert_eq!(told.iter().map(|one| one.field.as_str()).collect::<Vec<_>>(), [field]);
        told[0].description.clone()
    }

    /// What a filter and an order take is what the contract says.
    async fn takes_what_is_promised(&self, fields: &[Shown]) {
        let named = |said: &str| {
            let (_, names) = said.split_once("These are the fields: ").expect("the fields");
            names.trim_end_matches('.').split(", ").map(str::to_owned).collect::<BTreeSet<_>>()
        };
        let name = self.method.name();
        let unknown = self.refused("NOT unknown = x AND other = x", "").await;
        assert!(unknown.starts_with("At character 5: This list cannot be filtered by `unknown`."), "{name}: {unknown}");
        assert_eq!(named(&unknown), promised(&self.method), "{name}");
        let unknown = self.refused("", " unknown").await;
        assert!(unknown.starts_with("At character 2: This list cannot be ordered by `unknown`."), "{name}: {unknown}");
        let ordered = fields.iter().filter(|field| !field.is_enum()).map(|field| field.name.clone());
        assert_eq!(named(&unknown), ordered.collect(), "{name}");
        for field in fields {
            let Some((value, expected)) = field.wrong() else { continue };
            let said = self.refused(&format!("{} = {value}", field.name), "").await;
            let place = format!("At character {}: ", field.name.len() + 4);
            assert!(said.starts_with(&place) && said.contains(&expected), "{name}: {said} instead of {expected}");
        }
        assert_eq!(self.found("  ").await, self.all, "{name}: an empty filter is none");
    }

    /// For values that are shown: the items that show it are equal to it, and no others; and what is put together shows no more.
    async fn finds_what_is_shown(&self, field: &Shown) {
        let shown: BTreeSet<_> = self.all.iter().map(|item| field.of(item)).collect();
        for value in shown.into_iter().take(VALUES) {
            let Some(value) = value else {
                let without: Vec<_> = self.all.iter().filter(|item| field.of(item).is_none()).cloned().collect();
                let filter = format!("NOT {}:*", field.name);
                assert_eq!(self.found(&filter).await, without, "{}: {filter}", self.method.name());
                continue;
            };
            let (equal, other): (Vec<_>, Vec<_>) =
                self.all.iter().cloned().partition(|item| field.of(item).as_ref() == Some(&value));
            let (name, literal) = (&field.name, field.literal(&value));
            for (filter, expected) in [
                (format!("{name} = {literal}"), &equal),
                (format!("{name} != {literal}"), &other),
                (format!("NOT {name} = {literal}"), &other),
                (format!("{name} = {literal} AND NOT {name} = {literal}"), &Vec::new()),
                (format!("{name} = {literal} OR NOT {name} = {literal}"), &self.all),
            ] {
                assert_eq!(&self.found(&filter).await, expected, "{}: {filter}", self.method.name());
            }
        }
    }

    /// Pages, large ones and small ones, are the whole list, in the order that was asked for.
    async fn comes_in_order(&self, field: &Shown) {
        for (order, is_desc) in [("", false), (" desc", true)] {
            let order_by = format!("{}{order}", field.name);
            let whole = self.asked("", &order_by, 100).await;
            let whole = whole.unwrap_or_else(|status| panic!("{}: {order_by}: {status:?}", self.method.name()));
            let few = i32::try_from(self.all.len() / 3 + 1).expect("a size");
            for size in [few.min(few / 5 + 1), few] {
                let paged = self.asked("", &order_by, size).await.expect("pages");
                assert_eq!(paged, whole, "{}: {order_by}, {size} a page", self.method.name());
            }
            let is_there = |item: &DynamicMessage| whole.iter().filter(|other| *other == item).count();
            assert!(self.all.len() == whole.len() && self.all.iter().all(|item| is_there(item) == 1), "{order_by}");
            let points: Vec<_> = whole.iter().map(|item| field.of(item)).collect();
            let follows = |pair: &[Option<Point>]| match (&pair[0], &pair[1]) {
                (Some(one), Some(other)) if is_desc => one.cmp(other) != Ordering::Less,
                (Some(one), Some(other)) => one.cmp(other) != Ordering::Greater,
                (one, other) => one.is_some() || other.is_none(),
            };
            assert!(points.windows(2).all(follows), "{}: {order_by}: {points:?}", self.method.name());
        }
    }
}

#[tokio::test(crate = "::tests::limit")]
async fn every_list_finds_by_filter_and_order_what_its_items_show_and_shows_nobody_more() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let channel = world.channel();
    let places = places(&world).await;
    assert!(lists().len() >= 11, "the lists are not where they were");
    let counted = |method: &MethodDescriptor| method.output().get_field_by_name("total_size").is_some();
    assert!(
        lists().iter().filter(|method| counted(method)).count() >= 2,
        "those that are counted are not where they were"
    );
    let mut less = 0;
    for method in lists() {
        // some lists leave entries, and the list of these stays as it is only where none of them waits
        world.chain().await;
        let fields: Vec<_> = promised(&method).iter().map(|name| Shown::new(&method, name)).collect();
        let mut shown: Vec<Vec<DynamicMessage>> = Vec::new();
        for place in &places {
            let Some(seen) = Seen::by(&channel, &method, place).await else { continue };
            seen.takes_what_is_promised(&fields).await;
            if shown.contains(&seen.all) {
                continue;
            }
            shown.push(seen.all.clone());
            for field in &fields {
                seen.finds_what_is_shown(field).await;
                if !field.is_enum() {
                    seen.comes_in_order(field).await;
                }
            }
        }
        let most = shown.iter().map(Vec::len).max().unwrap_or_default();
        assert!(most > 1, "{}: put two things into this list", method.full_name());
        less += shown.len() - 1;
    }
    assert!(less > 4, "those who see less of a list are not where they were: {less}");
    world.end().await;
}
