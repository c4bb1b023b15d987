//! The roles and their option `granting`, read here for the service that gives roles, and for the laws that check it.

use std::{collections::HashMap, sync::LazyLock};

use crate::options::v1::{Granting, Role};

static GRANTING: LazyLock<HashMap<Role, Granting>> = LazyLock::new(read);

fn read() -> HashMap<Role, Granting> {
    let pool = crate::descriptor();
    let option = pool.get_extension_by_name("koine.options.v1.granting");
    let Some((roles, option)) = pool.get_enum_by_name("koine.options.v1.Role").zip(option) else {
        return HashMap::new();
    };
    let said = roles.values().filter_map(|value| {
        let options = value.options();
        let said = options.has_extension(&option).then(|| options.get_extension(&option).into_owned())?;
        Some((Role::try_from(value.number()).ok()?, said.as_message()?.transcode_to().ok()?))
    });
    said.collect()
}

/// Every role of the contract, in the order of their numbers.
pub fn all() -> impl Iterator<Item = Role> {
    (1..).map_while(|number| Role::try_from(number).ok())
}

/// Who may give a role, and what may bound it. None, where nobody gives it.
pub fn granting(role: Role) -> Option<&'static Granting> {
    GRANTING.get(&role)
}

/// The word for a role in data and in tokens: `network_referent`.
pub fn word(role: Role) -> String {
    role.as_str_name().trim_start_matches("ROLE_").to_ascii_lowercase()
}

/// The role that a word means, if there is one.
pub fn of_word(word: &str) -> Option<Role> {
    Role::from_str_name(&format!("ROLE_{}", word.to_ascii_uppercase()))
}
