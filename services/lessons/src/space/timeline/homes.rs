//! The homes of a pair's classes, from the files of their countries. These files are public rules and hold no personal data.

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

    /// The language of a country, the first of its file. None for a country whose file was removed.
    pub(crate) fn language(&self, home: &TenantId) -> Option<String> {
        self.tenants.get(home.as_str()).ok()?.locales().first().cloned()
    }

    /// The homes of both classes of a pair.
    pub(crate) fn of(&self, pair: &Pair) -> Result<Vec<Home>> {
        self.of_places(pair.sides().iter())
    }

    /// The homes of the classes that have not left. A class that has left does not count for deadlines.
    pub(crate) fn of_present(&self, pair: &Pair) -> Result<Vec<Home>> {
        self.of_places(pair.sides().iter().filter(|place| !place.has_left()))
    }

    /// A country whose file was removed has left every programme, and is left out.
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
