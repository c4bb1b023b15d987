//! From the text of an `order_by` to columns, and where a page of them begins.

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, IdenStatic, ModelTrait, Order, QueryFilter, QueryOrder, QuerySelect, Select,
    Value,
    sea_query::{ColumnType, ExprTrait, NullOrdering},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Fault, Fields};
use crate::{Id, PageRequest, Result, page};

/// How many fields an order may name.
const TERMS: usize = 4;

/// A column by which rows are ordered.
pub(super) struct Term<E: EntityTrait> {
    column: E::Column,
    order: Order,
}

/// Where a row stands in an order: its value in each column of the order, if it has one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key(Vec<Option<Point>>);

/// The place of a row in a list that comes in the order of its ids.
impl<T> From<Id<T>> for Key {
    fn from(id: Id<T>) -> Self {
        Self(vec![Some(Point::Text(id.to_string()))])
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Point {
    Flag(bool),
    Number(i64),
    Text(String),
}

/// The columns that an `order_by` names, and after them one whose values are unique. Where it is empty, the usual order of the list.
/// Error: the first place where it names none.
pub(super) fn terms<E: EntityTrait>(fields: &Fields<E>, order_by: &str) -> Result<Vec<Term<E>>, Fault> {
    let usual = || fields.usual.iter().map(|(column, order)| Term { column: *column, order: order.clone() });
    if order_by.trim().is_empty() {
        return Ok(usual().collect());
    }
    let mut terms: Vec<Term<E>> = Vec::new();
    let mut at = 1;
    for part in order_by.split(',') {
        let place = at + part.chars().take_while(|letter| letter.is_whitespace()).count();
        at += part.chars().count() + 1;
        let term = term(fields, part).map_err(|text| Fault::new(place, text))?;
        if terms.iter().any(|other| is_same::<E>(other.column, term.column)) {
            return Err(Fault::new(place, "This field is named twice."));
        }
        if terms.len() == TERMS {
            return Err(Fault::new(place, format!("An order has at most {TERMS} fields.")));
        }
        terms.push(term);
    }
    terms.extend(usual().last());
    // no two rows are equal in the unique column, so what follows it would never be looked at
    let unique = terms.last().map(|term| term.column);
    let first = terms.iter().position(|term| unique.is_some_and(|unique| is_same::<E>(term.column, unique)));
    terms.truncate(first.map_or(terms.len(), |first| first + 1));
    Ok(terms)
}

fn is_same<E: EntityTrait>(one: E::Column, other: E::Column) -> bool {
    one.as_str() == other.as_str()
}

fn term<E: EntityTrait>(fields: &Fields<E>, part: &str) -> Result<Term<E>, String> {
    let mut words = part.split_whitespace();
    let (name, order) = match (words.next().unwrap_or_default(), words.next(), words.next()) {
        (name, None | Some("asc"), None) => (name, Order::Asc),
        (name, Some("desc"), None) => (name, Order::Desc),
        _ => {
            return Err(
                "A field is needed here, and after it perhaps `desc`. Put a comma between two fields.".to_owned()
            );
        }
    };
    let known = fields.fields.iter().find(|field| field.name == name);
    let column = known.and_then(|field| field.sorted()).ok_or_else(|| {
        let names = fields.names(|field| field.sorted().is_some());
        format!("This list cannot be ordered by `{name}`. These are the fields: {names}.")
    })?;
    Ok(Term { column, order })
}

/// One page of the rows that a condition holds for, and one row more, which shows whether there is a next page.
/// Error: `PAGE_TOKEN_INVALID`.
pub(super) fn select<E: EntityTrait>(
    shown: Select<E>,
    condition: Condition,
    order: &[Term<E>],
    page: &PageRequest<Key>,
) -> Result<Select<E>> {
    let after = page.after().map(|key| after(order, key)).transpose()?;
    let mut select = shown.filter(Condition::all().add(condition).add_option(after));
    for Term { column, order } in order {
        // no word of this where every row has a value: the order of an index is one without it
        select = match column.def().is_null() {
            true => select.order_by_with_nulls(*column, order.clone(), NullOrdering::Last),
            false => select.order_by(*column, order.clone()),
        };
    }
    Ok(select.limit(page.limit()))
}

/// The place of a row.
pub(super) fn key<E: EntityTrait<Model: ModelTrait<Entity = E>>>(order: &[Term<E>], row: &E::Model) -> Key {
    Key(order.iter().map(|term| Point::of(row.get(term.column))).collect())
}

/// The condition for what comes after a place: in the first column, or where that is equal in the second, and so on.
fn after<E: EntityTrait>(order: &[Term<E>], Key(points): &Key) -> Result<Condition> {
    if points.len() != order.len() {
        return Err(page::invalid());
    }
    let mut any = Condition::any();
    let mut equal = Condition::all();
    for (Term { column, order }, point) in order.iter().zip(points) {
        let is_optional = column.def().is_null();
        let Some(point) = point else {
            if !is_optional {
                return Err(page::invalid());
            }
            // nothing comes after what has no value
            equal = equal.add(column.is_null());
            continue;
        };
        let value = point.value(column.def().get_column_type())?;
        let beyond = match order {
            Order::Desc => column.into_expr().lt(value.clone()),
            _ => column.into_expr().gt(value.clone()),
        };
        let without = is_optional.then(|| column.is_null());
        any = any.add(equal.clone().add(Condition::any().add(beyond).add_option(without)));
        equal = equal.add(column.eq(value));
    }
    Ok(any)
}

impl Point {
    /// What a row has in a column. None where it has no value.
    fn of(value: Value) -> Option<Self> {
        match value {
            Value::Bool(flag) => flag.map(Self::Flag),
            Value::Int(number) => number.map(|number| Self::Number(number.into())),
            Value::BigInt(number) => number.map(Self::Number),
            Value::String(text) => text.map(Self::Text),
            Value::Uuid(id) => id.map(|id| Self::Text(id.to_string())),
            _ => None,
        }
    }

    /// The value, as a column of this type can have it. A token is the word of a caller. Error: `PAGE_TOKEN_INVALID`.
    fn value(&self, of: &ColumnType) -> Result<Value> {
        let value = match (of, self) {
            (ColumnType::Boolean, Self::Flag(flag)) => Some((*flag).into()),
            (ColumnType::Integer, Self::Number(number)) => i32::try_from(*number).ok().map(Value::from),
            (ColumnType::BigInteger, Self::Number(number)) => Some((*number).into()),
            (ColumnType::Uuid, Self::Text(id)) => Uuid::try_parse(id).ok().map(Value::from),
            (ColumnType::String(_) | ColumnType::Text, Self::Text(text)) => {
                // PostgreSQL takes no NUL
                Some(text.as_str().into()).filter(|_| !text.contains('\0'))
            }
            _ => None,
        };
        value.ok_or_else(page::invalid)
    }
}
