//! Identifiers that are typed by what they identify, and their source.

use std::{
    fmt,
    hash::{Hash, Hasher},
    marker::PhantomData,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
};

use sea_orm::{
    ColIdx, DbErr, QueryResult, TryFromU64, TryGetError, TryGetable, Value,
    sea_query::{ArrayType, ColumnType, Nullable, ValueType, ValueTypeErr},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::{ContextV7, Timestamp, Uuid};

use crate::{
    Clock, Error,
    error::{Reason, Shared},
};

/// The identifier of a `T`: a UUIDv7, so ids sort by age. `Id<Team>` and `Id<School>` are different types.
pub struct Id<T>(Uuid, PhantomData<fn() -> T>);

impl<T> Id<T> {
    /// The id that nothing has. Keys use it for "none".
    pub const fn nil() -> Self {
        Self(Uuid::nil(), PhantomData)
    }

    /// The UUID, for a message or a log line.
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl<T> From<Uuid> for Id<T> {
    fn from(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }
}

impl<T> From<Id<T>> for Uuid {
    fn from(id: Id<T>) -> Self {
        id.0
    }
}

impl<T> FromStr for Id<T> {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Uuid::try_parse(text).map(Self::from).map_err(|_| Shared::FieldsInvalid.error(format!("`{text}` is not an id")))
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl<T> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
impl<'de, T> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Uuid::deserialize(deserializer).map(Self::from)
    }
}

// A row may hold an `Id<T>` as it is: both databases store the bare UUID.
impl<T> From<Id<T>> for Value {
    fn from(id: Id<T>) -> Self {
        id.0.into()
    }
}
impl<T> TryGetable for Id<T> {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        Uuid::try_get_by(row, index).map(Self::from)
    }
}
impl<T> ValueType for Id<T> {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        <Uuid as ValueType>::try_from(value).map(Self::from)
    }
    fn type_name() -> String {
        "Id".to_owned()
    }
    fn array_type() -> ArrayType {
        <Uuid as ValueType>::array_type()
    }
    fn column_type() -> ColumnType {
        <Uuid as ValueType>::column_type()
    }
}
impl<T> Nullable for Id<T> {
    fn null() -> Value {
        Uuid::null()
    }
}
impl<T> TryFromU64 for Id<T> {
    fn try_from_u64(_: u64) -> Result<Self, DbErr> {
        Err(DbErr::ConvertFromU64("Id"))
    }
}

/// The source of new identifiers. Their instants come from the process's clock.
#[derive(Clone, Debug)]
pub struct Ids {
    clock: Clock,
    counter: Arc<Mutex<ContextV7>>,
}

impl Ids {
    /// A source that uses `clock`.
    pub fn new(clock: Clock) -> Self {
        Self { clock, counter: Arc::new(Mutex::new(ContextV7::new())) }
    }

    /// A new identifier. It is greater than all earlier ones of this source.
    #[expect(clippy::disallowed_methods, reason = "the one place that makes identifiers")]
    pub fn next<T>(&self) -> Id<T> {
        let now = self.clock.now();
        let seconds = now.as_second().try_into().unwrap_or_default();
        let nanos = now.subsec_nanosecond().try_into().unwrap_or_default();
        let counter = self.counter.lock().unwrap_or_else(PoisonError::into_inner);
        Id::from(Uuid::new_v7(Timestamp::from_unix(&*counter, seconds, nanos)))
    }
}
