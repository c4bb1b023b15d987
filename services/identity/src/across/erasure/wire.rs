//! Erasures as messages.

use platform::{subject, wire};
use proto::identity::v1 as pb;

use super::{Erasure, Receipt};

impl From<Erasure> for pb::Erasure {
    fn from(erasure: Erasure) -> Self {
        let services = subject::services();
        Self {
            account_id: erasure.account.to_string(),
            begun_at: Some(wire::timestamp(erasure.begun_at)),
            done_at: erasure.done_at(&services).map(wire::timestamp),
            waiting_for: erasure.waiting_for(&services),
            receipts: erasure.receipts.into_iter().map(pb::ErasureReceipt::from).collect(),
        }
    }
}

impl From<Receipt> for pb::ErasureReceipt {
    fn from(receipt: Receipt) -> Self {
        let Receipt { service, erased_at, erased } = receipt;
        Self { service, erased_at: Some(wire::timestamp(erased_at)), erased }
    }
}
