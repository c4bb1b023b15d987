//! Reminders as messages.

use platform::wire;
use proto::lessons::v1 as pb;

use super::Reminder;

impl From<&Reminder> for pb::ReminderDue {
    fn from(reminder: &Reminder) -> Self {
        Self {
            home: reminder.home.as_ref().map(ToString::to_string).unwrap_or_default(),
            team_id: reminder.team.map(|team| team.to_string()).unwrap_or_default(),
            pair_id: reminder.pair.to_string(),
            state: pb::PairState::from(reminder.state).into(),
            since: Some(wire::timestamp(reminder.since)),
        }
    }
}
