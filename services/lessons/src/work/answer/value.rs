//! The values of a report.

use std::collections::{BTreeMap, btree_map};

use jiff::civil::{Date, Time};
use platform::Id;
use serde::{Deserialize, Serialize};

use crate::work::file::File;

/// One value of a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Of a line, a rich text, a link, an address, one choice.
    Text(String),
    /// Of a yes or no.
    Boolean(bool),
    /// Of a date.
    Date(Date),
    /// Of a time of day.
    Time(Time),
    /// Of some choices.
    Choices(Vec<String>),
    /// Of files, pictures and videos.
    Files(Vec<Id<File>>),
    /// Of a place.
    Point(Point),
}

/// A place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// What people call it.
    pub address: String,
}

impl Point {
    /// A place, rounded to the centimetre, so that it is equal after it was written and read again.
    pub fn new(latitude: f64, longitude: f64, address: String) -> Self {
        let round = |degrees: f64| (degrees * 1e7).round() / 1e7;
        Self { latitude: round(latitude), longitude: round(longitude), address }
    }

    /// Whether the coordinates are valid.
    pub fn is_on_earth(&self) -> bool {
        (-90.0..=90.0).contains(&self.latitude) && (-180.0..=180.0).contains(&self.longitude)
    }
}

/// The values of a report by the keys of its form. The keys are sorted, so that equal values are equal bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Values(BTreeMap<String, Value>);

impl Values {
    /// The value of a field.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// Sets the values that `other` has, and keeps all others.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Empties a field.
    pub fn remove(&mut self, key: &str) {
        self.0.remove(key);
    }

    /// Every value.
    pub fn iter(&self) -> btree_map::Iter<'_, String, Value> {
        self.0.iter()
    }

    /// The keys that have a value.
    pub fn keys(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }
}

impl FromIterator<(String, Value)> for Values {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl IntoIterator for Values {
    type Item = (String, Value);
    type IntoIter = btree_map::IntoIter<String, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Values {
    type Item = (&'a String, &'a Value);
    type IntoIter = btree_map::Iter<'a, String, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
