//! Editions, calendars, forms, reports, files.

use sea_orm_migration::{MigrationTrait, MigratorTrait};

use crate::{PLATFORM, PLATFORM_2, PLATFORM_3, PLATFORM_4, PLATFORM_5, Sql, steps};

/// The schema of lessons.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        steps([
            PLATFORM,
            Sql { name: "lessons_0001", text: include_str!("../sql/lessons/0001.sql") },
            PLATFORM_2,
            PLATFORM_3,
            Sql { name: "lessons_0002", text: include_str!("../sql/lessons/0002.sql") },
            PLATFORM_4,
            PLATFORM_5,
            Sql { name: "lessons_0003", text: include_str!("../sql/lessons/0003.sql") },
        ])
    }
}
