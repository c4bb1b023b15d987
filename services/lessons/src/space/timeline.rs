//! Timelines: the deadlines of one pair. They are the deadlines of the programme's calendar, each moved to the first later day on which the
//! schools of both countries are open. A new version never has an earlier deadline (I7).

use std::collections::HashMap;

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Weekday},
    tz::TimeZone,
};
use platform::{Ctx, Error, Id, Result, TenantId};
use serde::{Deserialize, Serialize};

use crate::{
    twinning::pair::Pair,
    year::{
        calendar::{Deadline, Item, late_start},
        moment::Moment,
        template::Holiday,
    },
};

pub mod api;
pub(crate) mod homes;
pub(crate) mod store;
pub(crate) mod wire;

/// The deadlines of a pair, in one version.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    pair: Id<Pair>,
    version: i32,
    points: Vec<Point>,
    reason: String,
    made_at: Timestamp,
}

/// The deadline of one lesson.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    lesson: i32,
    deadline: Moment,
    planned: Moment,
    rule_version: i32,
    moved_across: Vec<Closure>,
}

/// Days on which a school of the pair is closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closure {
    /// The country.
    pub home: TenantId,
    /// The name of the holiday. Empty: a weekend.
    pub name: String,
    /// The first day.
    pub from: Date,
    /// The last day.
    pub until: Date,
}

/// The home of a class, which decides whether its school is open.
#[derive(Clone, Debug)]
pub struct Home {
    /// The country.
    pub id: TenantId,
    /// Its zone.
    pub zone: TimeZone,
    /// The territory of the school.
    pub territory: String,
    /// The country's holidays.
    pub holidays: Vec<Holiday>,
}

/// The most days in a row on which schools can be closed. More can only be a fault in a country's file.
const DAYS: i64 = 366;

impl Timeline {
    /// The first version, from the items of the programme's calendar. A pair that begins too late for the calendar gets as many days for
    /// each lesson as the calendar gives.
    pub fn plan(ctx: &Ctx, pair: Id<Pair>, items: &[Item], homes: &[Home]) -> Result<Self> {
        let points = points(items, &late_start(ctx, items)?, homes)?;
        Ok(Self { pair, version: 1, points, reason: String::new(), made_at: ctx.now() })
    }

    /// The next version, if a deadline becomes later by the current calendar and holidays. A deadline that would become earlier stays.
    pub fn replan(&self, ctx: &Ctx, items: &[Item], homes: &[Home], reason: String) -> Result<Option<Self>> {
        let mut points = points(items, &HashMap::new(), homes)?;
        for point in &mut points {
            let before = self.points.iter().find(|before| before.lesson == point.lesson);
            if let Some(before) = before.filter(|before| before.deadline >= point.deadline) {
                point.clone_from(before);
            }
        }
        let next = Self { pair: self.pair, version: self.version + 1, points, reason, made_at: ctx.now() };
        Ok((next.points != self.points).then_some(next))
    }

    /// The next version after the work has rested since an instant. A deadline after that instant moves by the days of the rest, and one
    /// that passed during the rest by at least one day.
    pub fn rested(&self, ctx: &Ctx, since: Timestamp, homes: &[Home], reason: String) -> Result<Option<Self>> {
        let days = ctx.now().duration_since(since).as_hours() / 24;
        let mut points = self.points.clone();
        for point in points.iter_mut().filter(|point| point.deadline.at() > since) {
            let days = days + i64::from(point.deadline.at() <= ctx.now());
            if days > 0 {
                point.planned = point.deadline.on(point.deadline.local().date().saturating_add(days.days()))?;
                (point.deadline, point.moved_across) = first_open(&point.planned, homes)?;
            }
        }
        let next = Self { pair: self.pair, version: self.version + 1, points, reason, made_at: ctx.now() };
        Ok((next.points != self.points).then_some(next))
    }

    /// The version, from 1.
    pub fn version(&self) -> i32 {
        self.version
    }

    /// The lessons whose deadlines this version has moved, with their deadlines.
    pub fn moved_since(&self, before: &Self) -> impl Iterator<Item = (i32, Deadline)> {
        let moved = self.points.iter().filter(|point| !before.points.contains(point));
        moved.map(|point| (point.lesson, point.deadline()))
    }
}

impl Point {
    fn deadline(&self) -> Deadline {
        Deadline { moment: self.deadline.clone(), rule_version: self.rule_version, extension: None }
    }
}

/// The points of these items. Lessons in `later` are due then instead.
fn points(items: &[Item], later: &HashMap<i32, Moment>, homes: &[Home]) -> Result<Vec<Point>> {
    let deadlines = items.iter().filter_map(|item| Some((item.deadline_of()?, item)));
    let point = |(lesson, item): (i32, &Item)| {
        let planned = later.get(&lesson).unwrap_or(item.starts());
        let (deadline, moved_across) = first_open(planned, homes)?;
        Ok(Point { lesson, deadline, planned: planned.clone(), rule_version: item.version(), moved_across })
    };
    let mut points = deadlines.map(point).collect::<Result<Vec<_>>>()?;
    points.sort_by_key(|point| point.lesson);
    Ok(points)
}

/// The planned moment, or the same local hour on the first later day on which every school is open, and the closures in between.
fn first_open(planned: &Moment, homes: &[Home]) -> Result<(Moment, Vec<Closure>)> {
    let mut across = Vec::new();
    for days in 0..DAYS {
        let moved = planned.local().checked_add(days.days()).map_err(Error::internal)?;
        let mut closed: Vec<_> = homes.iter().filter_map(|home| home.closure(moved.timestamp())).collect();
        if closed.is_empty() {
            return Ok((Moment::new(moved.timestamp(), planned.local().time_zone()), across));
        }
        if closed.iter().any(|closure| !closure.is_weekend()) {
            // do not name a weekend that lies within holidays
            closed.retain(|closure| !closure.is_weekend());
        }
        for closure in closed {
            if !across.contains(&closure) {
                across.push(closure);
            }
        }
    }
    Err(Error::internal(format!("no day after {planned} is a day of school in both countries for a year")))
}

impl Closure {
    fn is_weekend(&self) -> bool {
        self.name.is_empty()
    }
}

impl Home {
    /// The holiday or weekend that closes the school on the local day of an instant. None where it is open.
    fn closure(&self, at: Timestamp) -> Option<Closure> {
        let day = at.to_zoned(self.zone.clone()).date();
        let named = |name: &str, from: Date, until: Date| {
            Some(Closure { home: self.id.clone(), name: name.to_owned(), from, until })
        };
        if let Some(Holiday { name, from, until, .. }) =
            self.holidays.iter().find(|holiday| holiday.closes(&self.territory, day))
        {
            return named(name, *from, *until);
        }
        match day.weekday() {
            Weekday::Saturday => named("", day, day.saturating_add(1.day())),
            Weekday::Sunday => named("", day.saturating_sub(1.day()), day),
            _ => None,
        }
    }

    /// The moment in the zone of this home.
    pub fn reads(&self, moment: &Moment) -> Moment {
        Moment::new(moment.at(), &self.zone)
    }
}

#[cfg(test)]
mod tests;
