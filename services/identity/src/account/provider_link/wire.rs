//! Links as messages.

use platform::wire;
use proto::identity::v1 as pb;

use super::ProviderLink;
use crate::country::Country;

impl ProviderLink {
    /// The link as its owner sees it.
    pub(crate) fn shown(self, country: &Country) -> pb::ProviderLink {
        let is_second_factor = self.is_factor_in(country);
        pb::ProviderLink {
            name: country.provider_name(&self.provider).to_owned(),
            provider: self.provider,
            linked_at: Some(wire::timestamp(self.linked_at)),
            is_second_factor,
        }
    }
}
