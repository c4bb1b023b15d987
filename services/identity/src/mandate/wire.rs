//! Mandates as messages.

use platform::{Bound, Id, Result, wire};
use proto::{identity::v1 as pb, options::v1::Role};

use super::{Deed, Mandate, Post};
use crate::{account::Account, school::School};

impl From<Mandate> for pb::Mandate {
    fn from(mandate: Mandate) -> Self {
        let Mandate { id, version: _, account, role, bound, granted, revoked } = mandate;
        let by = |deed: Option<Deed>| deed.and_then(|deed| deed.by).map(|by| by.to_string()).unwrap_or_default();
        Self {
            id: id.to_string(),
            account_id: account.to_string(),
            role: role.into(),
            territory: bound.area,
            edition_id: bound.period.map(|edition| edition.to_string()).unwrap_or_default(),
            granted_at: Some(wire::timestamp(granted.at)),
            granted_by: by(Some(granted)),
            revoked_at: revoked.map(|revoked| wire::timestamp(revoked.at)),
            revoked_by: by(revoked),
            given_name: String::new(),
            surname: String::new(),
            // the answer says it, where it is a list
            unconfirmed: false,
        }
    }
}

/// A mandate with the name of who has it, where `accounts` has the account.
pub(super) fn named(mandate: Mandate, accounts: &[Account]) -> pb::Mandate {
    let person = accounts.iter().find(|account| account.id() == mandate.account).map(Account::person).cloned();
    let person = person.unwrap_or_default();
    pb::Mandate { given_name: person.given_name, surname: person.surname, ..mandate.into() }
}

/// [`named`], and marked where it is a teacher's who is among the `unconfirmed`.
pub(super) fn marked(
    mandate: Mandate,
    accounts: &[Account],
    unconfirmed: &[(Id<Account>, Option<Id<School>>)],
) -> pb::Mandate {
    let unconfirmed = mandate.is(Role::Teacher) && unconfirmed.contains(&(mandate.account, None));
    pb::Mandate { unconfirmed, ..named(mandate, accounts) }
}

impl TryFrom<&pb::CreateMandateRequest> for Post {
    type Error = platform::Error;

    fn try_from(req: &pb::CreateMandateRequest) -> Result<Self> {
        Ok(Self { role: req.role(), bound: bound(&req.territory, &req.edition_id)? })
    }
}

/// What bounds a role, as a request says it.
pub(super) fn bound(territory: &str, edition_id: &str) -> Result<Bound> {
    let edition = wire::optional::<Id<()>>(edition_id)?;
    Ok(Bound { area: territory.to_owned(), period: edition.map(Id::uuid) })
}
