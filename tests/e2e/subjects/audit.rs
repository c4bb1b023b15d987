//! The audit log as its central team lists, verifies and exports it, and as others check what was exported.

use aws_lc_rs::{
    digest::{self, SHA256},
    signature::{ED25519, UnparsedPublicKey},
};
use http::Method;
use serde_json::{Value, json};
use tests::{
    Caller, Scene, Twins, World,
    grpc::{access, address, method},
    path::text,
};

/// The entries that a filter finds, all pages of them.
async fn found(caller: &Caller, service: &str, filter: &str) -> Vec<Value> {
    let filter: String = filter.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let (mut entries, mut token) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/audit/{service}/entries?pageSize=3&pageToken={token}&filter={filter}");
        let page = caller.get(&path).await.ok();
        entries.extend(page["entries"].as_array().cloned().unwrap_or_default());
        token = text(&page["nextPageToken"]);
        if token.is_empty() {
            return entries;
        }
    }
}

fn number(entry: &Value) -> i64 {
    entry["number"].as_str().expect("a number").parse().expect("a number")
}

#[tokio::test(crate = "::tests::limit")]
async fn the_central_team_finds_who_did_what_to_what_and_when() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    world.passes("2022-10-11T09:00:00[Europe/Rome]").await;
    let (central, referent) = (scene.coordinator.again().await, class.referent.again().await);
    class.team.again().await.patch(&class.path(""), json!({ "name": "Blue Bridges" })).await.ok();
    world.chain().await;

    let all = found(&central, "identity", "").await;
    let numbers: Vec<_> = all.iter().map(number).collect();
    assert_eq!(numbers, (1..=numbers.len() as i64).rev().collect::<Vec<_>>(), "the newest first, and none is missing");
    let actions = world.actions("it", "identity").await;
    assert_eq!(all.iter().rev().map(|entry| text(&entry["action"])).collect::<Vec<_>>(), actions);

    let of_team = found(&central, "identity", &format!("subject = \"team {}\"", class.id)).await;
    assert!(!of_team.is_empty() && of_team.iter().all(|entry| entry["subject"] == format!("team {}", class.id)));
    let by_referent = format!("actor = \"account {}\"", text(&referent.account().await["id"]));
    let submitted = found(&central, "identity", &format!("{by_referent} AND action = \"submit application\"")).await;
    assert_eq!(submitted.len(), 1);
    assert_eq!(submitted[0]["subject"], format!("application {}", text(&class.application["id"])));
    let late = found(&central, "identity", "at >= \"2022-10-11T00:00:00Z\"").await;
    assert_eq!(late.iter().map(|entry| text(&entry["action"])).collect::<Vec<_>>(), ["change team"]);
    // the other service has a log of its own
    let opened = found(&central, "lessons", "action = \"open call\"").await;
    assert_eq!(opened[0]["subject"], format!("edition {}", scene.edition_id()));
    // no entry says that the list was read
    assert_eq!(found(&central, "identity", "").await, all);
    referent.get("/v1/audit/identity/entries").await.refused("ROLE_MISSING");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn the_secretariat_sees_the_log_of_its_programme_and_a_visiting_central_team_does_not() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let mut twins = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    twins.pair_up().await;
    world.chain().await;
    let entries = found(&twins.secretariat, "lessons", "action = \"propose pair\"").await;
    let [entry] = &entries[..] else { panic!("one pair was proposed: {entries:?}") };
    assert!(text(&entry["actor"]).ends_with(" of hr") || text(&entry["actor"]).ends_with(" of it"), "{entry}");
    twins.classes[0].central.get("/v1/audit/lessons/entries").await.refused("ROLE_MISSING");
    world.end().await;
}

async fn verified(caller: &Caller, part: &str) -> Value {
    caller.get(&format!("/v1/audit/identity:verify{part}")).await.ok()
}

#[tokio::test(crate = "::tests::limit")]
async fn a_log_is_verified_whole_and_in_parts_and_says_where_it_is_broken() {
    let world = World::of(&["it"]).start().await;
    let central = Scene::open(&world, "it").await.coordinator;
    world.coordinator("it").await;
    world.chain().await;
    let whole = verified(&central, "").await;
    let last = whole["last"].as_str().expect("a number").parse::<i64>().expect("a number");
    assert!(last > 3);
    assert_eq!((&whole["state"], &whole["entries"]), (&json!("AUDIT_STATE_WHOLE"), &json!(last.to_string())));
    let part = verified(&central, "?first=2&last=3").await;
    assert_eq!(
        (&part["state"], &part["entries"], &part["last"]),
        (&json!("AUDIT_STATE_WHOLE"), &json!("2"), &json!("3"))
    );
    assert_ne!(part["mac"], whole["mac"]);
    assert_eq!(verified(&central, &format!("?first={last}")).await["mac"], whole["mac"]);

    let field = |answer: tests::Answer| answer.violations()[0].0.clone();
    let beyond = central.get(&format!("/v1/audit/identity:verify?last={}", last + 1)).await;
    assert_eq!(field(beyond), "last");
    for part in [format!("first={}", last + 1), "first=3&last=2".to_owned(), "first=-1".to_owned()] {
        assert_eq!(field(central.get(&format!("/v1/audit/identity:verify?{part}")).await), "first", "{part}");
        assert_eq!(field(central.get(&format!("/v1/audit/identity:export?{part}")).await), "first", "{part}");
    }

    world.tamper("it", "identity", "UPDATE audit SET subject = 'nobody' WHERE seq = 3").await;
    let broken = verified(&central, "").await;
    assert_eq!((&broken["state"], &broken["brokenAt"]), (&json!("AUDIT_STATE_BROKEN"), &json!("3")));
    assert_eq!((&broken["entries"], &broken["last"]), (&json!("2"), &json!("2")), "two are as they were written");
    assert_eq!(verified(&central, "?last=2").await["state"], "AUDIT_STATE_WHOLE");
    assert_eq!(verified(&central, "?first=4").await["state"], "AUDIT_STATE_WHOLE", "the one before is taken as it is");
    world.tamper("it", "identity", "DELETE FROM audit WHERE seq = 2").await;
    assert_eq!(verified(&central, "?first=3&last=3").await["brokenAt"], "2", "the one before is missing");
    world.tamper("it", "identity", "DELETE FROM audit_head").await;
    world.tamper("it", "identity", "DELETE FROM audit WHERE seq > 1").await;
    assert_eq!(verified(&central, "").await["state"], "AUDIT_STATE_END_MISSING");
    world.end().await;
}

/// What an export says, for who trusts the key and nothing else. Written from the comment of `ExportAudit`, and from nothing of the
/// system. Error: what is wrong.
fn checked(export: &[u8], key: &Value) -> Result<Vec<Value>, String> {
    let bytes = |digits: &[u8]| -> Option<Vec<u8>> {
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        digits.chunks(2).map(|pair| Some((digit(pair.first()?)? * 16 + digit(pair.get(1)?)?) as u8)).collect()
    };
    let mut lines: Vec<_> = export.strip_suffix(b"\n").ok_or("it breaks off")?.split(|byte| *byte == b'\n').collect();
    let signature = lines.pop().and_then(|line| line.strip_prefix(b"signature ")).ok_or("no signature")?;
    let (mut digest, mut objects) = (vec![0; 32], Vec::<Value>::new());
    for line in lines {
        let (digits, object) = line.split_at_checked(64).ok_or("a short line")?;
        let object = object.strip_prefix(b" ").ok_or("no space")?;
        digest.extend(object);
        digest = digest::digest(&SHA256, &digest).as_ref().to_vec();
        (bytes(digits).as_ref() == Some(&digest)).then_some(()).ok_or("a digest")?;
        objects.push(serde_json::from_slice(object).map_err(|error| error.to_string())?);
    }
    let key = bytes(text(&key["key"]).as_bytes()).ok_or("no key")?;
    let signed = UnparsedPublicKey::new(&ED25519, key).verify(&digest, &bytes(signature).ok_or("no signature")?);
    signed.map_err(|_| "the signature")?;
    let [heading, entries @ .., ending] = &objects[..] else { return Err("no heading".to_owned()) };
    let first = heading["first"].as_i64().ok_or("no first number")?;
    let in_order = entries.iter().zip(first..).all(|(entry, number)| entry["number"] == number);
    let last = entries.last().map_or(&heading["before"], |entry| &entry["mac"]);
    let is_whole = ending["state"] == "WHOLE" && ending["last"] == first - 1 + entries.len() as i64;
    (in_order && is_whole && ending["mac"] == *last).then_some(()).ok_or_else(|| format!("the ending: {ending}"))?;
    Ok(objects)
}

async fn export(caller: &Caller, part: &str) -> Vec<u8> {
    let answer = caller.get(&format!("/v1/audit/identity:export{part}")).await;
    assert!(answer.status.is_success(), "{answer:?}");
    assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
    answer.body.to_vec()
}

#[tokio::test(crate = "::tests::limit")]
async fn an_export_is_checked_by_others_without_this_system() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let central = scene.coordinator.clone();
    scene.submitted(&scene.teacher("Kos").await).await;
    world.chain().await;
    let key = world.http().json(Method::GET, "/v1/audit/identity/key", None, Value::Null).await.ok();
    assert_eq!(key["algorithm"], "Ed25519");
    let exported = export(&central, "").await;
    let objects = checked(&exported, &key).expect("an export of a whole log");
    let [heading, entries @ .., ending] = &objects[..] else { panic!("{objects:?}") };
    assert_eq!(
        (&heading["tenant"], &heading["service"], &heading["before"]),
        (&json!("it"), &json!("identity"), &json!(""))
    );
    let listed = found(&central, "identity", "").await;
    for (entry, shown) in entries.iter().zip(listed.iter().rev()) {
        for field in ["actor", "action", "subject", "at"] {
            assert_eq!(entry[field], shown[field], "{entry}");
        }
        assert_eq!(entry["detail"], text(&shown["detail"]), "{entry}");
    }

    // that it was exported is an entry, which the next export has; what was in the first one has the same digests
    world.chain().await;
    let said = found(&central, "identity", "action = \"export audit log\"").await;
    assert_eq!(said.len(), 1);
    assert_eq!(
        (&said[0]["subject"], &said[0]["detail"]),
        (&json!("audit identity"), &json!(format!("entries 1 to {}", entries.len())))
    );
    let again = checked(&export(&central, "?first=3").await, &key).expect("an export of a part");
    assert_eq!(again[0]["before"], entries[1]["mac"]);
    assert_eq!(again[1..again.len() - 2], entries[2..], "and one more");
    assert_eq!(verified(&central, &format!("?last={}", entries.len())).await["mac"], ending["mac"]);

    // nobody makes another one of it: neither who changes a letter, nor who leaves a line out, nor who signs with a key of their own
    let altered =
        String::from_utf8(exported.clone()).expect("a text").replacen("submit application", "admit application", 1);
    assert!(
        altered.as_bytes() != exported && checked(altered.as_bytes(), &key).is_err_and(|error| error == "a digest")
    );
    let lines: Vec<_> = exported.split_inclusive(|byte| *byte == b'\n').collect();
    for left_out in 0..lines.len() {
        let rest = [&lines[..left_out], &lines[left_out + 1..]].concat().concat();
        assert!(checked(&rest, &key).is_err(), "without line {left_out}");
    }
    let other = json!({ "key": "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a" });
    assert_eq!(checked(&exported, &other), Err("the signature".to_owned()));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn an_export_of_a_log_that_was_touched_says_so() {
    let world = World::of(&["it"]).start().await;
    let central = Scene::open(&world, "it").await.coordinator;
    world.chain().await;
    let key = world.http().json(Method::GET, "/v1/audit/lessons/key", None, Value::Null).await.ok();
    let before = checked(&export(&central, "").await, &key).expect("an export of a whole log");
    world.chain().await;
    world.tamper("it", "identity", "UPDATE audit SET actor = 'nobody' WHERE seq = 3").await;
    let touched = export(&central, "").await;
    let told = checked(&touched, &key).expect_err("it is not whole");
    let expected =
        format!("the ending: {}", json!({ "state": "BROKEN", "last": 2, "mac": before[2]["mac"], "broken_at": 3 }));
    assert_eq!(told, expected);
    assert!(!String::from_utf8_lossy(&touched).contains("nobody"), "nothing that is forged is in it");
    world.end().await;
}

#[test]
fn every_service_keeps_a_log_that_can_be_listed_verified_and_exported() {
    for service in migrations::SERVICES {
        for (name, rest) in [("ListAuditEntries", "/entries"), ("VerifyAudit", ":verify"), ("ExportAudit", ":export")] {
            let method = method(&format!("{service}.v1.AuditService.{name}"));
            assert_eq!(address(&method), format!("/v1/audit/{service}{rest}"));
            let roles: Vec<_> = access(&method).roles().collect();
            assert_eq!(roles, [proto::options::v1::Role::Coordinator], "{name} of {service}");
        }
        assert!(access(&method(&format!("{service}.v1.AuditService.GetAuditKey"))).anonymous);
    }
}
