//! What the entities believe of their tables. They are private to their stores, so they are read where they stand.

use std::{collections::BTreeMap, sync::LazyLock};

use regex::Regex;

use super::{Column, columns, embedded};
use crate::source::{Source, block, holds, sources};

/// What a Rust type is in a column.
const KINDS: [(&str, &str); 9] = [
    ("At", "bigint"),
    ("Id", "uuid"),
    ("String", "text"),
    ("Uuid", "uuid"),
    ("Vec<u8>", "bytea"),
    ("bool", "boolean"),
    ("f64", "double precision"),
    ("i32", "integer"),
    ("i64", "bigint"),
];

/// An entity: where it stands, its table, and its fields with their types.
#[derive(Debug)]
struct Entity {
    package: String,
    place: String,
    table: String,
    fields: Vec<(String, String)>,
}

fn entities(sources: &[Source]) -> Vec<Entity> {
    static TABLE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"table_name\s*=\s*"(\w+)""#).expect("a pattern"));
    static FIELD: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"(?m)^\s*(?:#\[sea_orm\((.*)\)\]\s*)?(?:pub(?:\(\w+\))? )?(?:r#)?(\w+): ([^\n]+?),?$"#)
            .expect("a pattern")
    });
    static COLUMN: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"column_name\s*=\s*"(\w+)""#).expect("a pattern"));
    let mut entities = Vec::new();
    for source in sources {
        for (at, _) in source.code.match_indices("DeriveEntityModel") {
            let (Some(body), Some(table)) = (block(&source.code, at), TABLE.captures(&source.text[at..])) else {
                continue;
            };
            let fields = FIELD.captures_iter(&source.text[body]).map(|field| {
                let column = field
                    .get(1)
                    .and_then(|options| COLUMN.captures(options.as_str())?.get(1).map(|name| name.as_str()));
                (column.unwrap_or(&field[2]).to_owned(), field[3].to_owned())
            });
            entities.push(Entity {
                package: source.package.clone(),
                place: source.place(at),
                table: table[1].to_owned(),
                fields: fields.collect(),
            });
        }
    }
    entities
}

/// Whether the type of a field can be empty, and the word for it without paths and parameters.
fn kind(written: &str) -> (bool, Option<&'static str>) {
    let inner = written.strip_prefix("Option<").and_then(|rest| rest.strip_suffix('>'));
    let plain = inner.unwrap_or(written);
    let head = plain.split('<').next().unwrap_or(plain).rsplit("::").next().unwrap_or(plain);
    let word = if plain == "Vec<u8>" { plain } else { head };
    (inner.is_some(), KINDS.iter().find(|(rust, _)| *rust == word).map(|(_, kind)| *kind))
}

fn entity_faults(entity: &Entity, columns: &[Column]) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, written) in &entity.fields {
        let field = format!("{}: {}.{name}", entity.place, entity.table);
        let column = columns.iter().find(|column| column.table == entity.table && column.name == *name);
        match (column, kind(written)) {
            (None, _) => faults.push(format!("{field}: no migration makes this column")),
            (_, (_, None)) => {
                faults.push(format!("{field}: tell tests/e2e/schema/entities.rs what column `{written}` is kept in"))
            }
            (Some(column), (_, Some(kind))) if column.kind != kind => {
                faults.push(format!("{field}: `{written}` is a `{kind}`, and the column is a `{}`", column.kind));
            }
            (Some(column), (optional, _)) if column.nullable != optional => {
                let words = if optional {
                    "can be empty here and not in the table"
                } else {
                    "can be empty in the table and not here"
                };
                faults.push(format!("{field}: {words}"));
            }
            _ => {}
        }
    }
    faults
}

/// Columns of tables with an entity, which no entity has: nobody can fill them.
fn idle_faults(service: &str, entities: &[&Entity], columns: &[Column]) -> Vec<String> {
    let mut fields: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for entity in entities {
        fields.entry(&entity.table).or_default().extend(entity.fields.iter().map(|(name, _)| name.as_str()));
    }
    let idle = columns.iter().filter(|column| {
        fields.get(column.table.as_str()).is_some_and(|fields| !fields.contains(&column.name.as_str()))
    });
    idle.map(|column| format!("{service}.{}.{}: no entity has this column", column.table, column.name)).collect()
}

#[tokio::test]
async fn every_entity_is_what_its_table_is() {
    let all = entities(sources());
    assert!(
        all.len() > 10 && all.iter().all(|entity| !entity.fields.is_empty()),
        "the entities are not where they were: {all:#?}"
    );
    let mut faults = Vec::new();
    for service in migrations::SERVICES {
        let columns = columns(&embedded(service).await).await;
        // what platform keeps, it keeps in the database of each service
        let here: Vec<_> =
            all.iter().filter(|entity| entity.package == service || entity.package == "platform").collect();
        faults.extend(here.iter().flat_map(|entity| entity_faults(entity, &columns)));
        faults.extend(idle_faults(service, &here, &columns));
    }
    holds("Entities and tables say the same:", &faults);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(fields: &str) -> Entity {
        let text = format!(
            "#[derive(Clone, DeriveEntityModel)]\n#[sea_orm(table_name = \"team\")]\npub struct Model {{\n{fields}\n}}\n"
        );
        entities(&[Source::new("identity", "services/identity/src/team/store.rs", text)]).remove(0)
    }

    fn table() -> Vec<Column> {
        let column = |name: &str, kind: &str, nullable| Column {
            table: "team".to_owned(),
            name: name.to_owned(),
            kind: kind.to_owned(),
            nullable,
            key: name == "id",
        };
        vec![column("id", "uuid", false), column("name", "text", true), column("at", "bigint", false)]
    }

    #[test]
    fn an_entity_is_read_where_it_stands() {
        let entity = sample(
            "    #[sea_orm(primary_key, auto_increment = false)]\n    pub id: Id<team::Team>,\n\
             \x20   #[sea_orm(column_name = \"name\")]\n    pub called: Option<String>,\n    pub at: store::At,",
        );
        assert_eq!(entity.fields.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["id", "name", "at"]);
        assert!(entity_faults(&entity, &table()).is_empty(), "{:?}", entity_faults(&entity, &table()));
        assert!(idle_faults("identity", &[&entity], &table()).is_empty());
    }

    #[test]
    fn what_an_entity_gets_wrong_is_named() {
        for field in [
            "    pub motto: String,",
            "    pub id: i64,",
            "    pub name: String,",
            "    pub at: Option<At>,",
            "    pub at: Colour,",
        ] {
            let entity = sample(field);
            assert_eq!(entity_faults(&entity, &table()).len(), 1, "{field}");
        }
        assert_eq!(idle_faults("identity", &[&sample("    pub id: Uuid,")], &table()).len(), 2);
    }
}
