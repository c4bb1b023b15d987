//! Timelines as messages.

use platform::wire;
use proto::lessons::v1 as pb;

use super::{Closure, Home, Point, Timeline};

/// A timeline as a message, with its deadlines in the zones of these homes.
pub(crate) fn shown(timeline: Timeline, homes: &[Home]) -> pb::Timeline {
    pb::Timeline {
        pair_id: timeline.pair.to_string(),
        version: timeline.version,
        items: timeline.points.into_iter().map(|point| item(point, homes)).collect(),
        reason: timeline.reason,
        made_at: Some(wire::timestamp(timeline.made_at)),
    }
}

fn item(point: Point, homes: &[Home]) -> pb::TimelineItem {
    let at_home =
        |home: &Home| pb::HomeMoment { home: home.id.to_string(), moment: Some((&home.reads(&point.deadline)).into()) };
    pb::TimelineItem {
        lesson: point.lesson,
        at_home: homes.iter().map(at_home).collect(),
        deadline: Some((&point.deadline).into()),
        planned: Some((&point.planned).into()),
        moved_across: point.moved_across.into_iter().map(pb::Closure::from).collect(),
    }
}

impl From<Closure> for pb::Closure {
    fn from(closure: Closure) -> Self {
        Self {
            home: closure.home.to_string(),
            name: closure.name,
            from: Some(wire::date(closure.from)),
            until: Some(wire::date(closure.until)),
        }
    }
}
