//! The OpenAPI document as it was committed, so that integrators can read it, and its history, without running anything.

use std::fs;

use prost_reflect::{DynamicMessage, MethodDescriptor, ReflectMessage};
use serde_json::{Value, json};
use tests::{
    World,
    grpc::{message, method},
    path::text,
};

use super::{behavior::rules, messages::messages, surface::blessing};
use crate::source::{holds, root};

#[tokio::test(crate = "::tests::limit")]
async fn the_committed_openapi_document_is_the_one_the_gateway_gives() {
    let world = World::of(&["it"]).start().await;
    let given: Value = world.http().json(http::Method::GET, "/openapi.json", None, Value::Null).await.ok();
    let path = root().join("gateway/openapi.json");
    if blessing().is_some() {
        fs::write(&path, format!("{given:#}\n")).expect("a file");
    }
    let committed: Value = fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
    assert!(
        committed == given,
        "gateway/openapi.json is old. Make it anew:\n\n  KOINE_BLESS=1 cargo test --workspace --test e2e contract\n"
    );
    world.end().await;
}

/// A request as its examples in the document say it: path and query beside the body.
fn exampled(operation: &Value) -> DynamicMessage {
    let method = method(text(&operation["x-koine-grpc"]).replace('/', ".").trim_start_matches("koine."));
    let mut request = json!({});
    let body = &operation["requestBody"]["content"]["application/json"]["example"];
    match method.input().fields().find(|field| field.kind().as_message() == Some(&method.output())) {
        Some(resource) if is_update(&method) => request[resource.json_name()] = body.clone(),
        _ if body.is_object() => request = body.clone(),
        _ => {}
    }
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let given = parameter.get("example").filter(|_| parameter["$ref"].is_null());
        if let (Some(given), Some(name)) = (given, parameter["name"].as_str()) {
            let mut names = name.split('.').collect::<Vec<_>>();
            let last = names.pop().expect("a name");
            let holder = names.into_iter().fold(&mut request, |holder, name| &mut holder[name]);
            holder[last] = given.clone();
        }
    }
    message(&method, &request)
}

fn is_update(method: &MethodDescriptor) -> bool {
    method.input().get_field_by_name("update_mask").is_some()
}

#[test]
fn every_example_of_the_document_has_the_shape_the_service_asks_for() {
    let committed = fs::read(root().join("gateway/openapi.json")).expect("the document");
    let document: Value = serde_json::from_slice(&committed).expect("JSON");
    let mut faults = Vec::new();
    let mut count = 0;
    for operation in document["paths"]
        .as_object()
        .expect("paths")
        .values()
        .flat_map(|item| item.as_object().expect("an item").values())
    {
        let request = exampled(operation);
        count += usize::from(request != DynamicMessage::new(request.descriptor()));
        if let Err(fault) = platform::open::check(&request) {
            faults.push(format!("{}: {:?}", text(&operation["operationId"]), fault.violations()));
        }
    }
    assert!(count > 70, "only {count} methods have an example");
    holds("Examples:", &faults);
}

#[test]
fn a_pattern_has_an_example_that_it_fits() {
    let pool = proto::descriptor();
    let fields = messages(&pool).into_iter().flat_map(|message| message.fields().collect::<Vec<_>>());
    let unfit = fields.filter(|field| {
        let said = rules(field);
        let fits =
            || regex::Regex::new(&format!("^(?:{})$", said.pattern)).is_ok_and(|form| form.is_match(&said.example));
        !said.pattern.is_empty() && (said.example.is_empty() || !fits())
    });
    let faults: Vec<_> = unfit.map(|field| format!("{}: give its `rules` an `example`", field.full_name())).collect();
    holds("Examples:", &faults);
}
