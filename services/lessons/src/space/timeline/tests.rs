//! The rules of timelines.

use jiff::civil::date;
use proptest::prelude::*;
use proto::options::v1::Role;

use super::*;
use crate::{testing::Ground, year::calendar::Revision};

fn home(id: &str, zone: &str, holidays: &[(&str, Date, Date)]) -> Home {
    let holiday = |(name, from, until): &(&str, Date, Date)| Holiday {
        name: (*name).to_owned(),
        from: *from,
        until: *until,
        territories: Vec::new(),
    };
    Home {
        id: id.parse().unwrap(),
        zone: TimeZone::get(zone).unwrap(),
        territory: "HR033".to_owned(),
        holidays: holidays.iter().map(holiday).collect(),
    }
}

fn homes(croatian: &[(&str, Date, Date)], italian: &[(&str, Date, Date)]) -> [Home; 2] {
    [home("hr", "Europe/Zagreb", croatian), home("it", "Europe/Rome", italian)]
}

fn moment(text: &str) -> Moment {
    let zoned: jiff::Zoned = text.parse().unwrap();
    Moment::new(zoned.timestamp(), zoned.time_zone())
}

/// Where a deadline goes, and the names of what it is moved across.
fn moved(planned: &str, homes: &[Home]) -> (String, Vec<String>) {
    let (deadline, across) = first_open(&moment(planned), homes).unwrap();
    let names = across.iter().map(|closure| format!("{} {}", closure.home, closure.name).trim().to_owned());
    (deadline.to_string(), names.collect())
}

#[test]
fn a_deadline_goes_to_the_first_day_on_which_both_schools_are_open() {
    let winter = ("winter", date(2022, 12, 20), date(2022, 12, 22));
    let christmas = ("natale", date(2022, 12, 23), date(2023, 1, 7));
    let homes = homes(&[winter], &[christmas]);
    let (deadline, across) = moved("2022-12-20T23:59:59+01:00[Europe/Rome]", &homes);
    assert_eq!(deadline, "2023-01-09T23:59:59+01:00[Europe/Rome]", "the Monday after");
    assert_eq!(across, ["hr winter", "it natale", "hr", "it"], "and the last Sunday");
    let (deadline, across) = moved("2022-12-19T23:59:59+01:00[Europe/Rome]", &homes);
    assert_eq!((deadline.as_str(), across.len()), ("2022-12-19T23:59:59+01:00[Europe/Rome]", 0), "the day before");
}

#[test]
fn deadlines_move_by_the_days_of_a_rest_and_those_during_it_by_at_least_one() {
    let ground = Ground::programme();
    let plan = ground.plan();
    let items: Vec<_> =
        plan.items.iter().filter(|item| item.track() == plan.edition.tracks()[0].id()).cloned().collect();
    let homes = homes(&[], &[]);
    let timeline = Timeline::plan(&ground.by(Role::Coordinator), ground.ids.next(), &items, &homes).unwrap();
    let due = |timeline: &Timeline| -> Vec<String> {
        timeline.points.iter().map(|point| point.deadline.local().date().to_string()).collect()
    };
    assert_eq!(due(&timeline), ["2022-12-20", "2023-02-07", "2023-03-21", "2023-04-27"]);
    let rested = |since: &str, until: &str| {
        let ctx = ground.at(until).by(Role::Coordinator);
        timeline.rested(&ctx, since.parse().unwrap(), &homes, "storm".to_owned()).unwrap()
    };
    assert_eq!(rested("2022-12-05T08:00:00Z", "2022-12-05T20:00:00Z"), None, "half a day, and nothing was due");
    let across = rested("2022-12-20T20:00:00Z", "2022-12-21T06:00:00Z").unwrap();
    assert_eq!(due(&across), ["2022-12-21", "2023-02-07", "2023-03-21", "2023-04-27"]);
    assert_eq!((across.version, across.reason.as_str()), (2, "storm"));
    let week = rested("2023-02-01T08:00:00Z", "2023-02-08T08:00:00Z").unwrap();
    assert_eq!(due(&week), ["2022-12-20", "2023-02-15", "2023-03-28", "2023-05-04"]);
}

#[test]
fn the_local_hour_stays_though_clocks_change() {
    let homes = homes(&[("break", date(2023, 3, 21), date(2023, 3, 25))], &[]);
    let (deadline, _) = moved("2023-03-21T18:00:00+01:00[Europe/Rome]", &homes);
    assert_eq!(deadline, "2023-03-27T18:00:00+02:00[Europe/Rome]");
}

#[test]
fn a_school_is_closed_by_the_local_date_of_its_country() {
    // the last second in Rome is the first hour of the next day in Athens
    let greek = home("gr", "Europe/Athens", &[("argia", date(2022, 12, 21), date(2022, 12, 21))]);
    let (deadline, across) = moved("2022-12-20T23:59:59+01:00[Europe/Rome]", std::slice::from_ref(&greek));
    assert_eq!((deadline.as_str(), across), ("2022-12-21T23:59:59+01:00[Europe/Rome]", vec!["gr argia".to_owned()]));
    assert_eq!(greek.reads(&moment(&deadline)).to_string(), "2022-12-22T00:59:59+02:00[Europe/Athens]");
}

#[test]
fn a_holiday_of_another_territory_moves_nothing() {
    let mut homes = homes(&[("island", date(2022, 12, 20), date(2022, 12, 20))], &[]);
    homes[0].holidays[0].territories = vec!["HR037".to_owned()];
    assert!(moved("2022-12-20T23:59:59+01:00[Europe/Rome]", &homes).1.is_empty());
    homes[0].holidays[0].territories.push("HR03".to_owned());
    assert_eq!(moved("2022-12-20T23:59:59+01:00[Europe/Rome]", &homes).1, ["hr island"]);
}

#[test]
fn a_new_version_gives_more_time_and_never_less() {
    let ground = Ground::programme();
    let ctx = ground.by(Role::Coordinator);
    let mut items = ground.plan().items;
    let track = items[0].track();
    items.retain(|item| item.track() == track);
    let closed = homes(&[("winter", date(2022, 12, 20), date(2022, 12, 21))], &[]);
    let first = Timeline::plan(&ctx, ground.ids.next(), &items, &closed).unwrap();
    let lessons: Vec<_> = first.points.iter().map(|point| point.lesson).collect();
    assert_eq!((first.version, lessons), (1, vec![1, 2, 3, 4]));
    assert_eq!(
        first.replan(&ctx, &items, &homes(&[], &[]), String::new()).unwrap(),
        None,
        "a holiday less takes nothing"
    );

    let revise = |item: &Item, starts: &str| {
        let revision = Revision { starts: starts.parse().unwrap(), ends: None, reason: "x".to_owned() };
        item.revise(&ctx, revision).unwrap()
    };
    for item in &mut items {
        match item.deadline_of() {
            Some(1) => *item = revise(item, "2022-12-12T23:59:59"),
            Some(2) => *item = revise(item, "2023-02-10T23:59:59"),
            _ => {}
        }
    }
    let next = first.replan(&ctx, &items, &closed, "snow".to_owned()).unwrap().unwrap();
    assert_eq!((next.version, next.reason.as_str(), &next.points[0]), (2, "snow", &first.points[0]));
    let moved: Vec<_> =
        next.moved_since(&first).map(|(lesson, due)| (lesson, due.moment.to_string(), due.rule_version)).collect();
    assert_eq!(moved, [(2, "2023-02-10T23:59:59+01:00[Europe/Rome]".to_owned(), 2)]);
}

proptest! {
    #[test]
    fn a_deadline_is_never_earlier_never_on_a_closed_day_and_keeps_its_hour(
        start in 0_i64..300,
        hour in 0_i8..24,
        breaks in proptest::collection::vec((0_i64..330, 0_i64..30, any::<bool>()), 0..12),
    ) {
        let day = |days: i64| date(2022, 9, 1).checked_add(days.days()).unwrap();
        let of = |first: bool| -> Vec<_> {
            let own = breaks.iter().filter(|(.., is_first)| *is_first == first);
            own.map(|(from, length, _)| ("break", day(*from), day(from + length))).collect()
        };
        let homes = [home("gr", "Europe/Athens", &of(true)), home("it", "Europe/Rome", &of(false))];
        let local = day(start).at(hour, 30, 0, 0).to_zoned(TimeZone::get("Europe/Rome").unwrap()).unwrap();
        let planned = Moment::new(local.timestamp(), local.time_zone());
        let (deadline, across) = first_open(&planned, &homes).unwrap();
        prop_assert!(deadline >= planned);
        prop_assert!(homes.iter().all(|home| home.closure(deadline.at()).is_none()));
        prop_assert_eq!(across.is_empty(), deadline == planned);
        // but for the one hour a year that clocks jump over
        prop_assert!(deadline.local().time() == planned.local().time() || hour == 2 || planned.local().hour() == 3);
    }
}
