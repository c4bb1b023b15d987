//! Schools, as listed in a country's register. Each import reads the whole register; a school that is no longer listed is kept and
//! marked as closed, because teams refer to it.
//!
//! This room imports the room `country`. It does not know accounts or teams.

use std::collections::HashMap;

use platform::{Ctx, Id, text::fold};

use crate::{country::Level, school::register::SchoolRecord};

pub mod api;
pub mod register;
pub(crate) mod store;
mod wire;

/// One site of a school.
#[derive(Clone, Debug, PartialEq)]
pub struct School {
    pub(crate) id: Id<School>,
    pub(crate) record: SchoolRecord,
    pub(crate) is_open: bool,
}

/// The changes that an import makes.
#[derive(Debug, Default, PartialEq)]
pub struct Import {
    /// Schools that are new.
    pub created: Vec<School>,
    /// Schools whose data changed, or that are open again.
    pub updated: Vec<School>,
    /// Schools that are no longer in the register.
    pub closed: Vec<Id<School>>,
    /// The number of schools without a change.
    pub unchanged: usize,
}

impl Import {
    /// Compares a register with the schools stored so far.
    pub fn plan(ctx: &Ctx, known: Vec<School>, register: Vec<SchoolRecord>) -> Self {
        let mut known: HashMap<String, School> =
            known.into_iter().map(|school| (school.record.code.clone(), school)).collect();
        let mut import = Self::default();
        for record in register {
            match known.remove(&record.code) {
                None => import.created.push(School { id: ctx.new_id(), record, is_open: true }),
                Some(school) if school.is_open && school.record == record => import.unchanged += 1,
                Some(school) => import.updated.push(School { id: school.id, record, is_open: true }),
            }
        }
        import.closed = known.into_values().filter(|school| school.is_open).map(|school| school.id).collect();
        import.closed.sort();
        import
    }
}

impl School {
    /// Its id.
    pub fn id(&self) -> Id<School> {
        self.id
    }

    /// The level it teaches at.
    pub fn level(&self) -> Level {
        self.record.level
    }

    /// Whether the last import contained it.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// The text that a search looks in: code, name and municipality, without case and accents.
    pub(crate) fn words(&self) -> String {
        let SchoolRecord { code, institute_code, name, institute_name, municipality, .. } = &self.record;
        fold(&format!("{code} {institute_code} {name} {institute_name} {municipality}"))
    }
}
