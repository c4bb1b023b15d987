//! The OpenAPI 3.1 document of all methods, with their comments, roles and rules.

mod example;
mod operation;
mod schema;

use prost_reflect::DescriptorPool;
use serde_json::{Map, Value, json};

use crate::{
    Error,
    comments::Comments,
    rpc::{Rpc, service_name},
};
use operation::operation;
use schema::Schemas;

const ABOUT: &str = "Every method is here as JSON over HTTP, and under its gRPC name as gRPC and gRPC-Web on the same port.\n\n\
    The first segment of a path is the tenant: a country (`it`) or a twinning programme (`it-hr`).\n\nErrors are `application/problem+json` (RFC 9457); the `type` of each is the address of a page that explains it, \
    and `/problems` lists all. Where a call names a language by `Accept-Language`, what people read of an error is in it, and `message` \
    is the text for developers.\n\nA text field takes at most 1,000 characters and a list at most 1,000 elements, where nothing \
    else is said. 64-bit integers are strings. Fields that are empty or zero are left out of answers.";

/// Writes the document. Error: an option that the descriptor does not declare.
pub(crate) fn document(pool: &DescriptorPool, rpcs: &[Rpc]) -> Result<Vec<u8>, Error> {
    let comments = Comments::of(pool);
    let mut schemas = Schemas::new(pool, rpcs, &comments)?;
    let mut paths: Map<String, Value> = Map::new();
    for rpc in rpcs {
        for (index, binding) in rpc.bindings.iter().enumerate() {
            let tenant = if rpc.access.tenantless { "" } else { "/{tenant}" };
            let item = paths.entry(format!("{tenant}{}", binding.template.plain())).or_insert_with(|| json!({}));
            item[binding.method.as_str().to_lowercase()] = operation(&mut schemas, &comments, rpc, binding, index);
        }
    }
    let document = json!({
        "openapi": "3.1.0",
        "info": {"title": "Koine", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT},
        "servers": [{"url": "/"}],
        "tags": tags(&comments, pool),
        "paths": paths,
        "components": {
            "schemas": schemas.finish(),
            "parameters": {"tenant": tenant(), "idempotencyKey": idempotency_key()},
            "responses": {"Problem": {
                "description": "What went wrong, where, and what to do about it.",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }},
            "securitySchemes": {"token": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "The access token of a session. It lives for minutes.",
            }},
        },
    });
    Ok(document.to_string().into_bytes())
}

/// The name of a service in the document: `identity.TeamService`. It has the package, because two packages may have a
/// `FileService`.
fn tag(package: &str, service: &str) -> String {
    format!("{}.{service}", service_name(package))
}

fn tags(comments: &Comments, pool: &DescriptorPool) -> Vec<Value> {
    let tag = |service: prost_reflect::ServiceDescriptor| {
        json!({
            "name": tag(service.package_name(), service.name()),
            "description": comments.at(&service.parent_file(), service.path()),
        })
    };
    pool.services().map(tag).collect()
}

fn tenant() -> Value {
    json!({
        "name": "tenant",
        "in": "path",
        "required": true,
        "description": "A country or a twinning programme.",
        "schema": {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "maxLength": 63},
        "example": "it",
    })
}

fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "required": false,
        "description": "The `requestId` of the call, where HTTP clients look for it: the same key gives the same answer for 24 hours. \
                        Where both are given they must be equal.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 64},
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc;

    fn written() -> Value {
        let pool = proto::descriptor();
        serde_json::from_slice(&document(&pool, &rpc::all(&pool).unwrap()).unwrap()).unwrap()
    }

    #[test]
    fn every_http_rule_is_an_operation_with_words() {
        let document = written();
        let operations: Vec<_> = document["paths"]
            .as_object()
            .unwrap()
            .values()
            .flat_map(|item| item.as_object().unwrap().values())
            .collect();
        let rules: usize = rpc::all(&proto::descriptor()).unwrap().iter().map(|rpc| rpc.bindings.len()).sum();
        assert_eq!(operations.len(), rules);
        assert!(operations.iter().all(|operation| !operation["summary"].as_str().unwrap().is_empty()));
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
            match value {
                Value::Object(entries) => {
                    found.extend(entries.get("$ref").and_then(Value::as_str));
                    entries.values().for_each(|value| references(value, found));
                }
                Value::Array(items) => items.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let document = written();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 100);
        for reference in found {
            assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
        }
    }

    #[test]
    fn roles_rules_and_streams_are_told() {
        let document = written();
        let watch = &document["paths"]["/{tenant}/v1/editions/{edition_id}/deliveries:watch"]["get"];
        assert_eq!(watch["x-koine-roles"], json!(["coordinator"]));
        assert!(watch["responses"]["200"]["content"]["text/event-stream"].is_object());
        assert_eq!(watch["parameters"][1]["schema"]["format"], "uuid");
        let sign_in = &document["components"]["schemas"]["koine.identity.v1.SignInRequest"];
        assert_eq!(sign_in["required"], json!(["login", "password"]));
        assert_eq!(sign_in["properties"]["login"]["maxLength"], 254);
        let import = &document["paths"]["/{tenant}/v1/schools:import"]["post"];
        assert_eq!(import["requestBody"]["content"]["*/*"]["schema"]["format"], "binary");
        assert_eq!(document["paths"]["/v1/tenants"]["get"]["security"], json!([]));
    }

    #[test]
    fn a_field_of_the_path_is_not_asked_for_again_in_the_body() {
        let document = written();
        let hand_over = &document["paths"]["/{tenant}/v1/teams/{team_id}:handOver"]["post"];
        let body = &hand_over["requestBody"]["content"]["application/json"]["schema"];
        assert!(body["properties"]["teacherId"].is_object());
        assert!(body["properties"].get("teamId").is_none());
        assert_eq!(body["required"], json!(["teacherId", "reason"]));
    }

    #[test]
    fn a_request_is_closed_and_an_answer_is_open() {
        let document = written();
        let schema = |name: &str| document["components"]["schemas"][name].clone();
        assert_eq!(schema("koine.identity.v1.SignInRequest")["additionalProperties"], false);
        assert_eq!(schema("koine.identity.v1.Application.Input")["additionalProperties"], false);
        assert_eq!(schema("koine.identity.v1.Reservation.Input")["required"], json!(["documents", "dueOn"]));
        let mut open = Vec::new();
        for item in document["paths"].as_object().unwrap().values() {
            for operation in item.as_object().unwrap().values() {
                references(&operation["responses"]["200"], &document, &mut open);
            }
        }
        assert!(open.len() > 80, "{}", open.len());
        open.iter().for_each(|name| assert_ne!(schema(name)["additionalProperties"], false, "{name}"));
    }

    /// The names of all schemas that a value refers to, directly or through others.
    fn references(value: &Value, document: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(entries) => {
                let name = entries.get("$ref").and_then(Value::as_str).and_then(|name| name.rsplit('/').next());
                if let Some(name) = name.filter(|name| !found.iter().any(|known| known == name)) {
                    found.push(name.to_owned());
                    references(&document["components"]["schemas"][name], document, found);
                }
                entries.values().for_each(|value| references(value, document, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, document, found)),
            _ => {}
        }
    }

    #[test]
    fn output_only_fields_are_read_only_and_an_update_requires_no_field() {
        let document = written();
        let patch = &document["paths"]["/{tenant}/v1/applications/{application.id}"]["patch"];
        let body = &patch["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(body.get("required"), None);
        assert_eq!(body["properties"]["state"]["readOnly"], true);
        assert_eq!(body["properties"]["motivation"].get("readOnly"), None);
        let made = &document["components"]["schemas"]["koine.identity.v1.Application.Input"];
        assert_eq!(made["required"], json!(["trackId"]));
        let register = &document["components"]["schemas"]["koine.identity.v1.CreateAccountRequest"]["properties"];
        assert_eq!(register["password"]["minLength"], 15);
    }
}
