//! From a filter to a condition of a query. Columns come from the list, and values go as parameters: no text of a caller becomes SQL.
//!
//! Every condition is true or false for every row, never unknown as comparisons with NULL are in SQL. So `NOT` finds exactly the rows that
//! are not found without it.

use jiff::{Timestamp, civil::Date};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, Value,
    sea_query::{Expr, ExprTrait, Func},
};
use uuid::Uuid;

use super::{
    Fault, Field, Fields, Kind,
    parse::{self, Comparison, Literal, OPERATORS, Operator, Part, Tree},
};

/// The condition that a filter means; of an empty one, that of every row. Error: the first place where it means none.
pub(super) fn of<E: EntityTrait>(fields: &Fields<E>, filter: &str) -> Result<Condition, Fault> {
    parse::tree(filter)?.map_or_else(|| Ok(Condition::all()), |tree| meant(fields, &tree))
}

fn meant<E: EntityTrait>(fields: &Fields<E>, tree: &Tree) -> Result<Condition, Fault> {
    let add = |to: Condition, part: &Tree| Ok(to.add(meant(fields, part)?));
    match tree {
        Tree::All(parts) => parts.iter().try_fold(Condition::all(), add),
        Tree::Any(parts) => parts.iter().try_fold(Condition::any(), add),
        Tree::Not(part) => Ok(meant(fields, part)?.not()),
        Tree::Is(comparison) => compared(fields, comparison),
    }
}

fn compared<E: EntityTrait>(fields: &Fields<E>, comparison: &Comparison) -> Result<Condition, Fault> {
    let Comparison { field, operator, value } = comparison;
    let field = named(fields, field)?;
    if !field.operators().any(|known| known == operator.is) {
        let known = OPERATORS.iter().filter(|(_, known)| field.operators().any(|one| one == *known));
        let known: Vec<_> = known.map(|(text, _)| *text).collect();
        return Err(Fault::new(operator.at, format!("`{}` is compared by one of {}", field.name, known.join(" "))));
    }
    field.condition(operator.is, &value.is).map_err(|text| Fault::new(value.at, text))
}

fn named<'f, E: EntityTrait>(fields: &'f Fields<E>, name: &Part<String>) -> Result<&'f Field<E>, Fault> {
    let known = fields.fields.iter().find(|field| field.name == name.is);
    known.ok_or_else(|| {
        let text = match name.is.as_str() {
            "" => "A field is needed here.".to_owned(),
            unknown => format!("This list cannot be filtered by `{unknown}`."),
        };
        Fault::new(name.at, format!("{text} These are the fields: {}.", fields.names(|_| true)))
    })
}

impl<E: EntityTrait> Field<E> {
    fn operators(&self) -> impl Iterator<Item = Operator> {
        use Operator::{AtLeast, AtMost, Equal, Greater, Has, Less, NotEqual};
        let by_size: &[_] = match self.kind {
            Kind::Number | Kind::Time | Kind::Day => &[Less, AtMost, Greater, AtLeast],
            Kind::Text | Kind::Id | Kind::Flag | Kind::Words(_) => &[],
        };
        let has = (matches!(self.kind, Kind::Text) || self.is_optional()).then_some(Has);
        [Equal, NotEqual].into_iter().chain(by_size.iter().copied()).chain(has)
    }

    /// Error: what the value should be.
    fn condition(&self, operator: Operator, value: &Literal) -> Result<Condition, String> {
        if operator == Operator::NotEqual {
            return Ok(self.condition(Operator::Equal, value)?.not());
        }
        let condition = match (&self.kind, self.column) {
            (_, Some(column)) if operator == Operator::Has => Condition::all().add(self.holds(column, value)?),
            (Kind::Words(words), _) => meaning(words, value)?,
            (_, Some(column)) => Condition::all().add(self.compares(column.into_expr(), operator, value)?),
            (_, None) => meaning(&[], value)?,
        };
        let there = self.column.filter(|_| self.is_optional()).map(|column| column.is_not_null());
        Ok(Condition::all().add_option(there).add(condition))
    }

    /// What `:` means: the text is inside the column, or the column has a value.
    fn holds(&self, column: E::Column, value: &Literal) -> Result<Expr, String> {
        let is_text = matches!(self.kind, Kind::Text);
        match (value.text.as_str(), value.has_star) {
            ("", true) if is_text => Ok(column.into_expr().ne("")),
            ("", true) => Ok(column.is_not_null()),
            (text, false) if is_text && !text.is_empty() => Ok(contains(column.into_expr(), text)),
            _ if is_text => Err("After `:` comes a text to look for, or `*` alone for any value.".to_owned()),
            _ => Err("After `:` comes `*` here, for any value.".to_owned()),
        }
    }

    fn compares(&self, column: Expr, operator: Operator, value: &Literal) -> Result<Expr, String> {
        if value.has_star && matches!(self.kind, Kind::Text) {
            return Ok(starts_with(column, &value.text));
        }
        let value = self.kind.value(value)?;
        Ok(match operator {
            Operator::Less => column.lt(value),
            Operator::AtMost => column.lte(value),
            Operator::Greater => column.gt(value),
            Operator::AtLeast => column.gte(value),
            Operator::Equal | Operator::NotEqual | Operator::Has => column.eq(value),
        })
    }
}

fn meaning(words: &[(String, Condition)], value: &Literal) -> Result<Condition, String> {
    let known = words.iter().find(|(word, _)| *word == value.text && !value.has_star);
    known.map(|(_, condition)| condition.clone()).ok_or_else(|| {
        let names: Vec<_> = words.iter().map(|(word, _)| word.as_str()).collect();
        format!("`{value}` is none of {}.", names.join(", "))
    })
}

/// Whether a text is inside another, letter for letter in both databases. `LIKE` looks at the case in one of them only.
fn contains(column: Expr, text: &str) -> Expr {
    Expr::from(Func::cust("replace").arg(column.clone()).arg(text).arg("")).ne(column)
}

fn starts_with(column: Expr, start: &str) -> Expr {
    let length = i32::try_from(start.chars().count()).unwrap_or(i32::MAX);
    Expr::from(Func::cust("substr").arg(column).arg(1).arg(length)).eq(start)
}

impl Kind {
    /// A value as a row has it. Error: what it should be.
    fn value(&self, value: &Literal) -> Result<Value, String> {
        let text = value.to_string();
        let read: Option<Value> = match self {
            Self::Text | Self::Words(_) => Some(value.text.as_str().into()),
            Self::Id => Uuid::try_parse(&text).ok().map(Value::from),
            Self::Number => text.parse::<i64>().ok().map(Value::from),
            Self::Flag => text.parse::<bool>().ok().map(Value::from),
            Self::Time => text.parse::<Timestamp>().ok().map(|at| at.as_microsecond().into()),
            Self::Day => text.parse::<Date>().ok().map(|day| day.to_string().into()),
        };
        let wanted = match self {
            Self::Text | Self::Words(_) => "a text",
            Self::Id => "an id as this system gives them, a UUID",
            Self::Number => "a whole number",
            Self::Flag => "`true` or `false`",
            Self::Time => "an instant such as \"2022-12-20T23:59:59Z\"",
            Self::Day => "a day such as 2022-12-20",
        };
        read.ok_or_else(|| format!("`{text}` is not {wanted}."))
    }
}

impl std::fmt::Display for Literal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.text, if self.has_star { "*" } else { "" })
    }
}
