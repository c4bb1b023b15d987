//! The OpenAPI document as it was committed, so that integrators can read it, and its history, without running anything.

use std::fs;

use serde_json::Value;
use tests::World;

use super::surface::blessing;
use crate::source::root;

#[tokio::test]
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
        "gateway/openapi.json is old. Make it anew:\n\n  KOINE_BLESS=1 cargo test -p tests --test e2e openapi\n"
    );
    world.end().await;
}
