//! Links of accounts with what identity providers know their owners as: an issuer, and a subject of that issuer. Nothing else links an
//! account, and no address does.

use jiff::Timestamp;
use platform::{Ctx, Error, Id};

use super::Account;
use crate::{
    country::{Country, Provider},
    reason::{Reason, Refuse},
};

pub(crate) mod store;
mod wire;

/// A link.
#[derive(Clone, Debug, PartialEq)]
pub struct ProviderLink {
    id: Id<ProviderLink>,
    account: Id<Account>,
    provider: String,
    issuer: String,
    subject: String,
    linked_at: Timestamp,
}

impl ProviderLink {
    /// A link of an account with a subject of a provider.
    pub fn new(ctx: &Ctx, account: Id<Account>, provider: &Provider, subject: String) -> Self {
        let (provider, issuer) = (provider.code().to_owned(), provider.issuer().to_owned());
        Self { id: ctx.new_id(), account, provider, issuer, subject, linked_at: ctx.now() }
    }

    /// The provider in the file of the country, where it still is there under this issuer.
    pub fn provider_of<'c>(&self, country: &'c Country) -> Option<&'c Provider> {
        country.providers().iter().find(|provider| provider.issuer() == self.issuer)
    }

    /// The code of the provider, as it was when the link was made.
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// Its id.
    pub fn id(&self) -> Id<Self> {
        self.id
    }

    /// The account.
    pub fn account(&self) -> Id<Account> {
        self.account
    }
}

/// The error where a link is in the way of another one.
pub(crate) fn linked() -> Error {
    let text = "This account is linked with this provider already, or who answered there is linked with an account. Remove that link first.";
    Reason::ProviderLinked.error(text)
}

/// The error where a right answer is linked with no account that opens.
pub(crate) fn not_linked() -> Error {
    let text = "Who answered there is linked with no account here. Sign in with the password, then link the account with the provider.";
    Reason::ProviderNotLinked.error(text)
}
