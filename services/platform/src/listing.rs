//! `filter` and `order_by` of every list: a subset of AIP-160 and AIP-132, read against the fields that a list declares.
//!
//! ```text
//! state = TEAM_STATE_ACTIVE AND (size >= 20 OR name:"bridge") AND NOT territory = "ITF*"
//! ```
//!
//! - A comparison is a field, one of `= != < <= > >= :`, and a value: a word, or a text between quotes. A backslash takes the next
//!   letter as it is.
//! - `:` finds a text inside a text, letter for letter. `*` at the end of a text after `=` or `!=` stands for any rest. `field:*` finds
//!   what has a value.
//! - What has no value is equal to nothing, before nothing and after nothing; so `!=` finds it, and so does `NOT`.
//! - `AND`, `OR` and `NOT` (or `-`) are written in capitals. `OR` binds more tightly than `AND`, as AIP-160 says; parentheses change it.
//! - `order_by` is `name, size desc`. What has no value comes last, in both directions. Rows that are equal in all fields follow each
//!   other in the order of a column whose values are unique, so that every order is total.
//!
//! A list declares fields that each of its readers is shown, so that no filter tells more than the list does. Which rows a reader may see
//! is a condition of the list; the filter is another one beside it, and `OR` and `NOT` reach no further than the filter.

mod condition;
mod order;
mod parse;

use sea_orm::{ColumnTrait, Condition, EntityTrait, ModelTrait, Order, PaginatorTrait, QueryFilter, Select};

pub use order::Key;

use crate::{Page, PageRequest, Reads, Result, Violations, error::Shared};

/// What the values of a field are.
enum Kind {
    Text,
    Id,
    Number,
    Flag,
    /// An instant.
    Time,
    /// A day, stored as `2022-12-20`.
    Day,
    /// One of some words, each with the condition that its rows meet.
    Words(Vec<(String, Condition)>),
}

struct Field<E: EntityTrait> {
    name: &'static str,
    kind: Kind,
    /// None where words stand for conditions.
    column: Option<E::Column>,
}

impl<E: EntityTrait> Field<E> {
    /// Whether a row can be without a value.
    fn is_optional(&self) -> bool {
        self.column.is_some_and(|column| column.def().is_null())
    }

    /// The column whose order is the order of the field. None for words: what they mean has no order.
    fn sorted(&self) -> Option<E::Column> {
        self.column.filter(|_| !matches!(self.kind, Kind::Words(_)))
    }
}

/// The fields by which a list of `E` is filtered and ordered, named as in its messages.
pub struct Fields<E: EntityTrait> {
    fields: Vec<Field<E>>,
    /// The order where nothing else is asked. The values of the last column are unique.
    usual: Vec<(E::Column, Order)>,
}

impl<E: EntityTrait> Fields<E> {
    /// No fields yet. `unique` is a column without two equal values: rows come in its order where nothing else is asked, and where they
    /// are equal in everything that is asked.
    pub fn new(unique: E::Column, order: Order) -> Self {
        Self { fields: Vec::new(), usual: vec![(unique, order)] }
    }

    /// The same fields, in a list whose rows come in the order of `column` first where nothing else is asked.
    #[must_use]
    pub fn usually(mut self, column: E::Column, order: Order) -> Self {
        self.usual.insert(0, (column, order));
        self
    }

    /// With a text.
    #[must_use]
    pub fn text(self, name: &'static str, column: E::Column) -> Self {
        self.with(name, Kind::Text, Some(column))
    }

    /// With an identifier.
    #[must_use]
    pub fn id(self, name: &'static str, column: E::Column) -> Self {
        self.with(name, Kind::Id, Some(column))
    }

    /// With a whole number.
    #[must_use]
    pub fn number(self, name: &'static str, column: E::Column) -> Self {
        self.with(name, Kind::Number, Some(column))
    }

    /// With a value that is true or false.
    #[must_use]
    pub fn flag(self, name: &'static str, column: E::Column) -> Self {
        self.with(name, Kind::Flag, Some(column))
    }

    /// With an instant.
    #[must_use]
    pub fn time(self, name: &'static str, column: E::Column) -> Self {
        self.with(name, Kind::Time, Some(column))
    }

    /// With a day.
    #[must_use]
    pub fn day(self, name: &'static str, column: E::Column) -> Self {
        self.with(name, Kind::Day, Some(column))
    }

    /// With a value of an enum: what is `word` in a row is `PREFIX_WORD` in a message.
    #[must_use]
    pub fn words<W: AsRef<str>>(
        self,
        name: &'static str,
        column: E::Column,
        prefix: &str,
        words: impl IntoIterator<Item = W>,
    ) -> Self {
        let meant = |word: &str| (format!("{prefix}_{}", word.to_uppercase()), Condition::all().add(column.eq(word)));
        let words = words.into_iter().map(|word| meant(word.as_ref())).collect();
        self.with(name, Kind::Words(words), Some(column))
    }

    /// With a value of an enum that no column holds. Each word stands for a condition that is true or false for every row.
    #[must_use]
    pub fn cases<const N: usize>(self, name: &'static str, cases: [(&'static str, Condition); N]) -> Self {
        let cases = cases.into_iter().map(|(word, condition)| (word.to_owned(), condition));
        self.with(name, Kind::Words(cases.collect()), None)
    }

    fn with(mut self, name: &'static str, kind: Kind, column: Option<E::Column>) -> Self {
        self.fields.push(Field { name, kind, column });
        self
    }

    /// One page of the rows that are asked for. `shown` selects all rows that the caller may see, in no order. Error: `FIELDS_INVALID` at
    /// `filter` and `order_by`, with the place of the first fault in each; `PAGE_TOKEN_INVALID`.
    pub async fn page(self, db: &impl Reads, shown: Select<E>, page: PageRequest<Key>) -> Result<Page<E::Model>>
    where
        E::Model: ModelTrait<Entity = E>,
    {
        let Asked { condition, order } = self.asked(&page)?;
        let rows = order::select(shown, condition, &order, &page)?.all(db.conn()).await?;
        Ok(page.page(rows, |row| order::key(&order, row)))
    }

    /// [`Fields::page`], and the number of rows on all pages together. For lists of few rows: each page counts them all.
    pub async fn page_and_total(
        self,
        db: &impl Reads,
        shown: Select<E>,
        page: PageRequest<Key>,
    ) -> Result<(Page<E::Model>, i32)>
    where
        E::Model: ModelTrait<Entity = E> + Sync + 'static,
    {
        let all = shown.clone().filter(self.asked(&page)?.condition);
        let page = self.page(db, shown, page).await?;
        let total = all.count(db.conn()).await?;
        Ok((page, i32::try_from(total).unwrap_or(i32::MAX)))
    }

    /// The query of [`Fields::page`], for tests that ask a database how it would answer it.
    pub fn select(&self, shown: Select<E>, page: &PageRequest<Key>) -> Result<Select<E>> {
        let Asked { condition, order } = self.asked(page)?;
        order::select(shown, condition, &order, page)
    }

    fn asked(&self, page: &PageRequest<Key>) -> Result<Asked<E>> {
        let mut violations = Violations::new();
        let mut refuse = |field: &str, Fault { at, text }: Fault| {
            violations.add(field, Shared::FieldsInvalid, format!("At character {at}: {text}"));
        };
        let condition = condition::of(self, page.filter()).map_err(|fault| refuse("filter", fault)).ok();
        let order = order::terms(self, page.order_by()).map_err(|fault| refuse("order_by", fault)).ok();
        let asked = condition.zip(order).map(|(condition, order)| Asked { condition, order });
        violations.value(asked)
    }

    fn names(&self, which: impl Fn(&Field<E>) -> bool) -> String {
        let names: Vec<_> = self.fields.iter().filter(|field| which(field)).map(|field| field.name).collect();
        names.join(", ")
    }
}

/// What a `filter` and an `order_by` say.
struct Asked<E: EntityTrait> {
    condition: Condition,
    order: Vec<order::Term<E>>,
}

/// What is wrong with a text, and where: the number of its character, from 1.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    at: usize,
    text: String,
}

impl Fault {
    fn new(at: usize, text: impl Into<String>) -> Self {
        Self { at, text: text.into() }
    }
}

#[cfg(test)]
mod tests;
