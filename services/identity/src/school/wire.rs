//! Schools as messages.

use proto::identity::v1 as pb;

use super::School;
use crate::country::Level;

impl From<School> for pb::School {
    fn from(school: School) -> Self {
        let record = school.record;
        Self {
            id: school.id.to_string(),
            code: record.code,
            institute_code: record.institute_code,
            name: record.name,
            institute_name: record.institute_name,
            level: pb::SchoolLevel::from(record.level).into(),
            kind: record.kind,
            municipality: record.municipality,
            territory: record.territory,
            address: record.address,
            email: record.email,
            open: school.is_open,
        }
    }
}

impl From<Level> for pb::SchoolLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::LowerSecondary => Self::LowerSecondary,
            Level::UpperSecondary => Self::UpperSecondary,
            Level::Other => Self::Other,
        }
    }
}
