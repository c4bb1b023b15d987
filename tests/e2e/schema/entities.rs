//! What the entities believe of their tables. They are private to their stores, so they are read where they stand.

use std::collections::BTreeMap;

use syn::{Attribute, ItemStruct, LitStr, Token, Type, punctuated::Punctuated, spanned::Spanned, visit::Visit};

use super::{Column, columns, embedded};
use crate::source::{Source, holds, parsed, sources, text};

/// What a Rust type is in a column.
const KINDS: [(&str, &str); 10] = [
    ("At", "bigint"),
    ("Id", "uuid"),
    ("String", "text"),
    ("TeamId", "uuid"),
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
    fields: Vec<(String, Type)>,
}

fn entities(sources: &[Source]) -> Vec<Entity> {
    let with = sources.iter().filter(|source| source.words.iter().any(|word| word.text == "DeriveEntityModel"));
    with.flat_map(|source| {
        let mut found = Entities { source, found: Vec::new() };
        found.visit_file(&parsed(&source.text));
        found.found
    })
    .collect()
}

struct Entities<'a> {
    source: &'a Source,
    found: Vec<Entity>,
}

impl<'ast> Visit<'ast> for Entities<'_> {
    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        let is_entity = item.attrs.iter().any(|attribute| {
            let derived = attribute.parse_args_with(Punctuated::<syn::Path, Token![,]>::parse_terminated);
            let is_model =
                |path: &syn::Path| path.segments.last().is_some_and(|last| last.ident == "DeriveEntityModel");
            attribute.path().is_ident("derive") && derived.is_ok_and(|derived| derived.iter().any(is_model))
        });
        let Some(table) = option(&item.attrs, "table_name").filter(|_| is_entity) else { return };
        let fields = item.fields.iter().filter_map(|field| {
            let name = field.ident.as_ref()?.to_string().trim_start_matches("r#").to_owned();
            Some((option(&field.attrs, "column_name").unwrap_or(name), field.ty.clone()))
        });
        self.found.push(Entity {
            package: self.source.package.clone(),
            place: self.source.place(item.span().byte_range().start),
            table,
            fields: fields.collect(),
        });
    }
}

/// The text that an option of sea-orm has: `name = "team"` of `#[sea_orm(name = "team")]`.
fn option(attributes: &[Attribute], name: &str) -> Option<String> {
    let mut found = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("sea_orm")) {
        let read = attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident(name) {
                found = Some(meta.value()?.parse::<LitStr>()?.value());
            } else if meta.input.peek(Token![=]) {
                meta.value()?.parse::<syn::Expr>()?;
            }
            Ok(())
        });
        read.expect("options of sea-orm");
    }
    found
}

/// Whether a field of this type can be empty, and the word for what it is kept in.
fn kind(written: &Type) -> (bool, Option<&'static str>) {
    let inner = argument(written, "Option");
    let plain = inner.unwrap_or(written);
    let word = if argument(plain, "Vec").is_some() {
        text(plain)
    } else {
        last(plain).map(|last| last.ident.to_string()).unwrap_or_default()
    };
    (inner.is_some(), KINDS.iter().find(|(rust, _)| *rust == word).map(|(_, kind)| *kind))
}

/// The last part of a path, where the type is one.
fn last(written: &Type) -> Option<&syn::PathSegment> {
    match written {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

/// The type `X` of `name<X>`, wherever `name` is imported from.
fn argument<'a>(written: &'a Type, name: &str) -> Option<&'a Type> {
    let syn::PathArguments::AngleBracketed(arguments) = &last(written).filter(|last| last.ident == name)?.arguments
    else {
        return None;
    };
    match arguments.args.first()? {
        syn::GenericArgument::Type(argument) => Some(argument),
        _ => None,
    }
}

fn entity_faults(entity: &Entity, columns: &[Column]) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, written) in &entity.fields {
        let field = format!("{}: {}.{name}", entity.place, entity.table);
        let column = columns.iter().find(|column| column.table == entity.table && column.name == *name);
        match (column, kind(written)) {
            (None, _) => faults.push(format!("{field}: no migration makes this column")),
            (_, (_, None)) => faults
                .push(format!("{field}: tell tests/e2e/schema/entities.rs what column `{}` is kept in", text(written))),
            (Some(column), (_, Some(kind))) if column.kind != kind => {
                faults.push(format!(
                    "{field}: `{}` is a `{kind}`, and the column is a `{}`",
                    text(written),
                    column.kind
                ));
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

#[tokio::test(crate = "::tests::limit")]
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
            "    pub at: std::option::Option<store::At>,",
            "    #[sea_orm(column_name = \"motto\", indexed)]\n    pub name: Option<String>,",
        ] {
            let entity = sample(field);
            assert_eq!(entity_faults(&entity, &table()).len(), 1, "{field}");
        }
        assert_eq!(idle_faults("identity", &[&sample("    pub id: Uuid,")], &table()).len(), 2);
    }
}
