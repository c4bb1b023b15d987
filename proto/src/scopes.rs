//! The scopes of machines: the words of the option `access` of methods, read here for the service that gives tokens to machines, for the
//! gateway that documents them, and for the laws that check them.

use std::{collections::BTreeSet, sync::LazyLock};

use crate::options::v1::Access;

static SCOPES: LazyLock<BTreeSet<String>> = LazyLock::new(read);

fn read() -> BTreeSet<String> {
    let pool = crate::descriptor();
    let Some(option) = pool.get_extension_by_name("koine.options.v1.access") else { return BTreeSet::new() };
    let methods = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    let said = methods.filter_map(|method| {
        let access = method.options().get_extension(&option).as_message()?.transcode_to::<Access>().ok()?;
        Some(access.scopes)
    });
    said.flatten().collect()
}

/// Every scope of the contract, in the order of the alphabet.
pub fn all() -> &'static BTreeSet<String> {
    &SCOPES
}
