//! Where the classes of a pair live, by the files of their countries: public rules, and no data of anybody.

use platform::{Result, Tenant, TenantId, Tenants};

use super::Home;
use crate::{
    twinning::{
        pair::{Pair, PairSide},
        side::Side,
    },
    year::template::Lessons,
};

/// The files of the countries.
#[derive(Clone)]
pub struct Homes {
    tenants: Tenants,
}

impl Homes {
    /// The files this process has.
    pub fn new(tenants: Tenants) -> Self {
        Self { tenants }
    }

    /// The language of a country, the first of its file. None for one whose file was taken away.
    pub(crate) fn language(&self, home: &TenantId) -> Option<String> {
        self.tenants.get(home.as_str()).ok()?.locales().first().cloned()
    }

    /// Where both classes of a pair live.
    pub(crate) fn of(&self, pair: &Pair) -> Result<Vec<Home>> {
        self.of_places(pair.sides().iter())
    }

    /// Where those live who are still there: who has left has no say in deadlines any more.
    pub(crate) fn of_present(&self, pair: &Pair) -> Result<Vec<Home>> {
        self.of_places(pair.sides().iter().filter(|place| !place.has_left()))
    }

    /// A country whose file was taken away has left every programme: it is passed over.
    fn of_places<'a>(&self, places: impl Iterator<Item = &'a PairSide>) -> Result<Vec<Home>> {
        let known = places.filter_map(|place| Some((&place.side, self.tenants.get(place.side.home.as_str()).ok()?)));
        known.map(|(side, country)| home(side, &country)).collect()
    }
}

fn home(side: &Side, country: &Tenant) -> Result<Home> {
    Ok(Home {
        id: side.home.clone(),
        zone: country.zone().clone(),
        territory: side.territory.clone(),
        holidays: country.section::<Lessons>()?.holidays().to_vec(),
    })
}
