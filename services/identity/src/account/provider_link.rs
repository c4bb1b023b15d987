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
    is_factor: bool,
    has_shown_two: bool,
}

impl ProviderLink {
    /// A link of an account with a subject of a provider. It counts as the password, by which it is made.
    pub fn new(ctx: &Ctx, account: Id<Account>, provider: &Provider, subject: String) -> Self {
        let (provider, issuer) = (provider.code().to_owned(), provider.issuer().to_owned());
        let (is_factor, has_shown_two) = (false, false);
        Self { id: ctx.new_id(), account, provider, issuer, subject, linked_at: ctx.now(), is_factor, has_shown_two }
    }

    /// This, made by an answer that has shown two factors or not. `is_factor`: it counts as a second factor where they are shown.
    #[must_use]
    pub fn made(self, is_factor: bool, has_shown_two: bool) -> Self {
        Self { is_factor, has_shown_two, ..self }
    }

    /// Whether it counts as a second factor, where two were shown at its provider: it was made by who had shown one of the account, or is
    /// the first one of an account that needs one, and the country believes its provider of two factors now. Any other counts as the
    /// password, by which it was made.
    pub fn is_factor_in(&self, country: &Country) -> bool {
        self.is_factor && self.provider_of(country).is_some_and(Provider::is_believed_of_two)
    }

    /// Whether two factors were shown at its provider once.
    pub fn has_shown_two(&self) -> bool {
        self.has_shown_two
    }

    /// Whether it counts as the password alone, whatever the country believes.
    pub fn is_weak(&self) -> bool {
        !self.is_factor
    }

    /// When it was made.
    pub fn linked_at(&self) -> Timestamp {
        self.linked_at
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
