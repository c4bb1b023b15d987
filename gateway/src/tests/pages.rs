//! Tests of the pages, for people and for browsers of other origins.

use super::*;

#[tokio::test]
async fn pages_of_known_origins_may_call_and_others_not() {
    let world = World::with(Settings { cors_origins: vec!["https://app.example.org".into()], ..Settings::default() });
    let preflight = |origin: &str| {
        let request = Request::builder().method(Method::OPTIONS).uri("/it/v1/teams/7").header("origin", origin);
        let request = request.header("access-control-request-method", "PATCH");
        request.header("access-control-request-headers", "authorization,content-type").body(Body::empty()).unwrap()
    };
    let known = world.send(preflight("https://app.example.org")).await;
    assert_eq!(known.headers()["access-control-allow-origin"], "https://app.example.org");
    assert!(known.headers()["access-control-allow-headers"].to_str().unwrap().contains("authorization"));
    let other = world.send(preflight("https://evil.example.org")).await;
    assert!(!other.headers().contains_key("access-control-allow-origin"));
    let call = Request::get("/it/v1/teams/7").header("origin", "https://app.example.org").body(Body::empty()).unwrap();
    let exposed = world.send(call).await.headers()["access-control-expose-headers"].clone();
    assert!(exposed.to_str().unwrap().contains("grpc-status-details-bin"));
}

#[tokio::test]
async fn every_problem_has_the_page_its_type_leads_to() {
    let world = World::new();
    let (_, problem) = read(world.get("/it/v1/teams").await).await;
    let page = world.get(problem["type"].as_str().unwrap()).await;
    assert!(page.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    assert!(String::from_utf8_lossy(&bytes(page).await).contains("The call of the edition has closed."));
    let list = bytes(world.get("/problems").await).await;
    assert!(String::from_utf8_lossy(&list).contains("/problems/error/TOKEN_EXPIRED"));
    assert_eq!(world.get("/problems/identity/NOTHING").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_page_and_the_document_of_the_api_are_here() {
    let world = World::new();
    let page = world.get("/").await;
    assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("script-src 'sha256-") && policy.contains("frame-ancestors 'none'"), "{policy}");
    let (_, document) = read(world.get("/openapi.json").await).await;
    assert_eq!(document["openapi"], "3.1.0");
}
