//! The erasure of a person, as far as it is: identity erases its part when it begins, every other service when it hears of that, and each
//! leaves a receipt. Of the person the id is left.

use std::collections::BTreeMap;

use jiff::Timestamp;
use platform::{Ctx, Id};

use crate::account::Account;

pub(crate) mod store;
mod wire;

/// An erasure.
#[derive(Clone, Debug, PartialEq)]
pub struct Erasure {
    account: Id<Account>,
    begun_at: Timestamp,
    receipts: Vec<Receipt>,
}

/// The proof that a service has erased its part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The service.
    pub service: String,
    /// When.
    pub erased_at: Timestamp,
    /// How many rows were removed or emptied, by table.
    pub erased: BTreeMap<String, i64>,
}

impl Erasure {
    /// The erasure of an account that begins now. No service has erased its part yet.
    pub fn new(ctx: &Ctx, account: Id<Account>) -> Self {
        Self { account, begun_at: ctx.now(), receipts: Vec::new() }
    }

    /// With the receipt of a service.
    #[must_use]
    pub fn proven(mut self, receipt: Receipt) -> Self {
        self.receipts.push(receipt);
        self
    }

    /// Those of some services that have left no receipt.
    pub fn waiting_for(&self, services: &[String]) -> Vec<String> {
        let has = |service: &String| self.receipts.iter().any(|receipt| receipt.service == *service);
        services.iter().filter(|service| !has(service)).cloned().collect()
    }

    /// When the last of some services had erased its part. None, while one has not.
    pub fn done_at(&self, services: &[String]) -> Option<Timestamp> {
        let last = self.receipts.iter().map(|receipt| receipt.erased_at).max();
        last.filter(|_| self.waiting_for(services).is_empty())
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::testing::Ground;

    #[test]
    fn an_erasure_is_done_when_the_last_service_has_left_its_receipt() {
        let ctx = Ground::without_store().anybody();
        let services = ["identity", "lessons"].map(str::to_owned);
        let receipt = |service: &str, seconds: i64| Receipt {
            service: service.to_owned(),
            erased_at: ctx.now() + SignedDuration::from_secs(seconds),
            erased: BTreeMap::new(),
        };
        let erasure = Erasure::new(&ctx, ctx.new_id());
        assert_eq!((erasure.done_at(&services), erasure.waiting_for(&services)), (None, services.to_vec()));
        let erasure = erasure.proven(receipt("identity", 0));
        assert_eq!((erasure.done_at(&services), erasure.waiting_for(&services)), (None, vec!["lessons".to_owned()]));
        let erasure = erasure.proven(receipt("lessons", 5));
        assert_eq!(erasure.done_at(&services), Some(ctx.now() + SignedDuration::from_secs(5)));
    }
}
