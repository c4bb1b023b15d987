//! Accounts, mandates, sessions, schools, applications, teams, files.

use sea_orm_migration::{MigrationTrait, MigratorTrait};

use crate::{PLATFORM, PLATFORM_2, PLATFORM_3, PLATFORM_4, PLATFORM_5, Sql, steps};

/// The schema of identity.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        steps([
            PLATFORM,
            Sql { name: "identity_0001", text: include_str!("../sql/identity/0001.sql") },
            PLATFORM_2,
            PLATFORM_3,
            PLATFORM_4,
            PLATFORM_5,
            Sql { name: "identity_0002", text: include_str!("../sql/identity/0002.sql") },
            Sql { name: "identity_0003", text: include_str!("../sql/identity/0003.sql") },
            Sql { name: "identity_0004", text: include_str!("../sql/identity/0004.sql") },
            Sql { name: "identity_0005", text: include_str!("../sql/identity/0005.sql") },
            Sql { name: "identity_0006", text: include_str!("../sql/identity/0006.sql") },
            Sql { name: "identity_0007", text: include_str!("../sql/identity/0007.sql") },
            Sql { name: "identity_0008", text: include_str!("../sql/identity/0008.sql") },
            Sql { name: "identity_0009", text: include_str!("../sql/identity/0009.sql") },
            Sql { name: "identity_0010", text: include_str!("../sql/identity/0010.sql") },
            Sql { name: "identity_0011", text: include_str!("../sql/identity/0011.sql") },
            Sql { name: "identity_0012", text: include_str!("../sql/identity/0012.sql") },
            Sql { name: "identity_0013", text: include_str!("../sql/identity/0013.sql") },
            Sql { name: "identity_0014", text: include_str!("../sql/identity/0014.sql") },
            Sql { name: "identity_0015", text: include_str!("../sql/identity/0015.sql") },
            Sql { name: "identity_0016", text: include_str!("../sql/identity/0016.sql") },
            Sql { name: "identity_0017", text: include_str!("../sql/identity/0017.sql") },
        ])
    }
}
