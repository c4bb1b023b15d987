//! How pairs come about, live and end.

use futures::future::join;
use serde_json::{Value, json};
use tests::{Twins, World, path::text};

use super::mirror::report;

fn state(pair: &Value) -> &str {
    pair["state"].as_str().unwrap_or_default().trim_start_matches("PAIR_STATE_")
}

/// What `scripts/demo twinning` tells, with the dates of 2022-23, in programmes that share every country: not a line of code is for one.
#[tokio::test(crate = "::tests::limit")]
async fn classes_of_every_programme_meet_work_deliver_and_part() {
    let countries = ["it", "hr", "es", "gr", "si"];
    let programmes =
        [("it-hr", ["hr", "it"]), ("gr-it", ["gr", "it"]), ("it-si", ["it", "si"]), ("euro-med", ["es", "gr"])];
    let all: Vec<_> = countries.into_iter().chain(programmes.iter().map(|(programme, _)| *programme)).collect();
    let world = World::of(&all).start().await;
    for (programme, homes) in programmes {
        Twins::crossed(&world, programme, homes).await.walk().await;
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_is_not_of_a_pair_does_not_know_of_it() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let mut twins = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    twins.pair_up().await;
    let others = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    let stranger = &others.classes[0];
    let hidden = stranger.tutor.get(&twins.path("")).await;
    let missing = stranger.tutor.get("/v1/pairs/0190b2c4-0000-7000-8000-000000000000").await;
    assert_eq!(hidden.refused("NOT_FOUND"), missing.refused("NOT_FOUND"));
    assert_eq!(stranger.tutor.get("/v1/pairs").await.ok(), json!({}));
    assert_eq!(twins.classes[0].class.get("/v1/pairs").await.ok()["pairs"][0]["id"], twins.pair["id"]);
    let central = &others.classes[1].central;
    assert_eq!(central.get(&twins.path("")).await.ok()["id"], twins.pair["id"], "the country answers for its class");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn of_two_proposals_accepted_at_once_one_wins() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let (one, other) =
        (Twins::crossed(&world, "it-hr", ["hr", "it"]).await, Twins::crossed(&world, "it-hr", ["hr", "it"]).await);
    let track = text(&one.edition["tracks"][0]["id"]);
    let publish = async |tutor: &tests::Caller| tutor.post("/v1/offers", tests::twins::offer(&track)).await.ok();
    let wanted = &one.classes[1].tutor;
    let offer = publish(wanted).await;
    let mut pairs = Vec::new();
    for suitor in [&one.classes[0].tutor, &other.classes[0].tutor] {
        let own = publish(suitor).await;
        let proposal = json!({ "offerIds": [own["id"], offer["id"]] });
        pairs.push(text(&suitor.post("/v1/pairs", proposal).await.ok()["id"]));
    }
    let accept = |pair: &String| {
        let path = format!("/v1/pairs/{pair}:accept");
        async move { wanted.post(&path, json!({})).await }
    };
    let (first, second) = join(accept(&pairs[0]), accept(&pairs[1])).await;
    let accepted = [&first, &second].iter().filter(|answer| answer.status.is_success()).count();
    assert_eq!(accepted, 1, "{first:?} {second:?}");
    let pairs = wanted.get("/v1/pairs").await.ok();
    let mut states: Vec<_> = pairs["pairs"].as_array().expect("pairs").iter().map(state).collect();
    states.sort_unstable();
    assert_eq!(states, ["ACCEPTED", "LAPSED"], "what else was proposed has come to nothing");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_loses_a_twin_goes_on_and_finds_another() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let [leaver, survivor] = &twins.classes;
    let rest = json!({ "reason": "a strike", "requestId": "rest" });
    leaver.tutor.post(&twins.path(":suspend"), rest.clone()).await.ok();
    let leave = json!({ "reason": "no teacher any more", "requestId": "leave" });
    leaver.tutor.post(&twins.path(":leave"), leave.clone()).await.ok();
    leaver.tutor.get(&twins.path("")).await.refused("NOT_FOUND");
    for (again, body) in [(":suspend", rest), (":leave", leave)] {
        leaver.tutor.post(&twins.path(again), body).await.refused("NOT_FOUND");
    }
    leaver.class.get(&twins.path("")).await.refused("NOT_FOUND");
    let left = survivor.tutor.get(&twins.path("")).await.ok();
    assert_eq!((state(&left), &left["sides"][0]["side"]["teamName"]), ("ONE_SIDED", &Value::Null), "{left}");
    assert_eq!(left["sides"][0]["side"]["home"], "hr", "the gap stays");

    let mut orphans = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    let track = text(&twins.edition["tracks"][0]["id"]);
    let newcomer = &mut orphans.classes[0];
    newcomer.offer = newcomer.tutor.post("/v1/offers", tests::twins::offer(&track)).await.ok();
    let shortlist = newcomer.tutor.get(&format!("/v1/offers/{}/matches", text(&newcomer.offer["id"]))).await.ok();
    let found = &shortlist["matches"][0];
    assert_eq!(found["offer"]["id"], survivor.offer["id"]);
    assert!(found["reasons"].as_array().expect("reasons").contains(&json!("MATCH_REASON_LOST_TWIN")));
    let proposal = json!({ "offerIds": [newcomer.offer["id"], survivor.offer["id"]] });
    let pair = newcomer.tutor.post("/v1/pairs", proposal).await.ok();
    assert_eq!(pair["previousPairId"], twins.pair["id"]);
    survivor.tutor.post(&format!("/v1/pairs/{}:accept", text(&pair["id"])), json!({})).await.ok();
    let old = survivor.tutor.get(&twins.path("")).await.ok();
    assert_eq!(state(&old), "ONE_SIDED", "the old work goes on until the new begins");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_has_a_new_twin_begins_anew_and_keeps_what_it_wrote_with_the_one_of_before() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    twins.mirror().await;
    let (before, lost) = (twins.path("/lessons/1/reports:compare"), text(&twins.pair["id"]));
    let [leaver, survivor] = twins.classes;
    leaver.tutor.post(&format!("/v1/pairs/{lost}:leave"), json!({ "reason": "no teacher any more" })).await.ok();
    let mut anew = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    anew.classes[1] = survivor;
    let [newcomer, survivor] = &mut anew.classes;
    newcomer.offer =
        newcomer.tutor.post("/v1/offers", tests::twins::offer(&text(&anew.edition["tracks"][0]["id"]))).await.ok();
    let proposal = json!({ "offerIds": [newcomer.offer["id"], survivor.offer["id"]] });
    anew.pair = newcomer.tutor.post("/v1/pairs", proposal).await.ok();
    anew.accept().await;
    anew.begin_work().await;

    let [newcomer, survivor] = &anew.classes;
    let (own, then) = (report(survivor, ""), report(survivor, &format!("?pairId={lost}")));
    assert_eq!(survivor.class.get(&own).await.ok()["state"], "REPORT_STATE_NOT_STARTED");
    assert_eq!(survivor.class.get(&then).await.ok()["state"], "REPORT_STATE_SUBMITTED");
    newcomer.class.get(&then).await.refused("NOT_FOUND");
    newcomer.class.get(&before).await.refused("NOT_FOUND");
    leaver.class.get(&report(&leaver, &format!("?pairId={lost}"))).await.refused("NOT_FOUND");
    survivor.team.get(&then).await.refused("NOT_FOUND");
    let gaps = newcomer.class.get(&anew.path("/lessons/1/reports:compare")).await.ok();
    for mirror in gaps["mirrors"].as_array().expect("mirrors") {
        assert_eq!(mirror["gap"], "MIRROR_GAP_NOT_SUBMITTED", "what was written for another project is no answer here");
    }
    anew.mirror().await;
    assert_eq!(anew.credits(survivor, 1).await.len(), 1, "a lesson delivered twice counts once");
    survivor.tutor.post(&anew.path(":leave"), json!({ "reason": "no teacher any more" })).await.ok();
    survivor.class.get(&report(survivor, &format!("?pairId={}", text(&anew.pair["id"])))).await.refused("NOT_FOUND");
    let kept = survivor.class.get(&before).await.ok();
    assert!(kept["mirrors"][1]["digest"].is_string(), "what it wrote with the first twin is still its own: {kept}");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_declined_pair_leaves_both_free() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let mut twins = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    twins.pair_up().await;
    let [one, other] = &twins.classes;
    let taken = json!({ "offerIds": [one.offer["id"], other.offer["id"]] });
    twins.secretariat.post("/v1/pairs", taken.clone()).await.refused("OFFER_CLOSED");
    one.tutor
        .post("/v1/offers", tests::twins::offer(&text(&twins.edition["tracks"][0]["id"])))
        .await
        .refused("OFFER_EXISTS");
    one.central.post(&twins.path(":decline"), json!({})).await.ok();
    other.tutor.post(&twins.path(":approve"), json!({})).await.refused("ROLE_MISSING");
    other.central.post(&twins.path(":approve"), json!({})).await.refused("PAIR_STATE");
    let again = twins.secretariat.post("/v1/pairs", taken).await.ok();
    assert_eq!((state(&again), &again["proposedBy"]), ("PROPOSED", &json!("PROPOSED_BY_SECRETARIAT")));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn an_offer_is_changed_and_taken_back_by_its_class_alone() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    let [one, other] = &twins.classes;
    let mut wrong = tests::twins::offer(&text(&twins.edition["tracks"][0]["id"]));
    wrong["note"] = json!("Write to us at class3a@school.example");
    wrong["availableUntil"] = json!({ "year": 2022, "month": 1, "day": 1 });
    let refused = one.tutor.post("/v1/offers", wrong.clone()).await;
    let reasons: Vec<_> = refused.violations().into_iter().map(|(_, reason)| reason).collect();
    assert_eq!(reasons, ["DATES_REVERSED", "CONTACT_DATA"]);
    let offer = one.tutor.post("/v1/offers", tests::twins::offer(&text(&twins.edition["tracks"][0]["id"]))).await.ok();
    let path = format!("/v1/offers/{}", text(&offer["id"]));
    let changed = one.tutor.patch(&path, json!({ "classSize": 18, "etag": offer["etag"] })).await.ok();
    assert_eq!((&changed["classSize"], &changed["note"]), (&json!(18), &offer["note"]));
    one.tutor.patch(&path, json!({ "classSize": 19, "etag": offer["etag"] })).await.refused("ETAG_STALE");
    other.tutor.patch(&path, json!({ "classSize": 19 })).await.refused("NOT_FOUND");
    assert_eq!(other.class.get("/v1/offers?home=hr").await.ok()["offers"][0]["id"], offer["id"]);
    let own = other.tutor.post("/v1/offers", tests::twins::offer(&text(&twins.edition["tracks"][0]["id"]))).await.ok();
    let pair = other.tutor.post("/v1/pairs", json!({ "offerIds": [offer["id"], own["id"]] })).await.ok();
    one.tutor.post(&format!("{path}:withdraw"), json!({})).await.ok();
    let pair = other.tutor.get(&format!("/v1/pairs/{}", text(&pair["id"]))).await.ok();
    assert_eq!(state(&pair), "LAPSED", "what was proposed to it has come to nothing");
    other.tutor.get(&path).await.refused("NOT_FOUND");
    one.tutor.post(&format!("{path}:withdraw"), json!({})).await.refused("OFFER_CLOSED");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_pair_rests_goes_on_and_is_dissolved() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    twins.mirror().await;
    let [one, other] = &twins.classes;
    let draft = json!({ "title": "Two ports", "requestId": "one draft" });
    one.class.patch(&twins.path("/lessons/1/output"), draft.clone()).await.ok();
    let hello = json!({ "text": "Which port is yours?", "language": "en" });
    let told = other.tutor.post(&twins.path("/messages"), hello).await.ok();
    let why = json!({ "reason": "schools are closed by the storm" });
    let rests = one.central.post(&twins.path(":suspend"), why.clone()).await.ok();
    assert_eq!((state(&rests), &rests["reason"]), ("SUSPENDED", &why["reason"]));
    assert_eq!(
        rests["waitingFor"],
        json!([{ "home": "hr", "role": "ROLE_TWIN_COORDINATOR", "since": rests["stateSince"] }])
    );
    other.tutor.post(&twins.path(":suspend"), why.clone()).await.refused("PAIR_STATE");
    other.tutor.post(&twins.path(":resume"), json!({})).await.refused("PAIR_STATE");
    assert_eq!(state(&one.central.post(&twins.path(":resume"), json!({})).await.ok()), "ACTIVE");
    twins.secretariat.post(&twins.path(":complete"), json!({})).await.refused("PAIR_STATE");
    one.tutor.post(&twins.path(":dissolve"), why.clone()).await.refused("ROLE_MISSING");
    let end = twins.secretariat.post(&twins.path(":dissolve"), why).await.ok();
    assert_eq!((state(&end), &end["waitingFor"]), ("DISSOLVED", &Value::Null));
    let open = one.tutor.get("/v1/offers").await.ok();
    assert_eq!(open["offers"].as_array().map(Vec::len), Some(2), "both look for a twin again");
    one.class.patch(&twins.path("/lessons/1/output"), draft).await.refused("PAIR_STATE");
    for mark in ["hold", "hide"] {
        let mark = twins.path(&format!("/messages/{}:{mark}", text(&told["id"])));
        one.tutor.post(&mark, json!({})).await.refused("PAIR_STATE");
    }
    let reopen = json!({ "reason": "a wrong figure" });
    // nobody could submit it again
    twins.secretariat.post(&report(one, ":reopen"), reopen).await.refused("PAIR_STATE");
    for space in ["/messages", "/messages:watch", "/lessons/1/output", "/lessons/1/reports:compare", "/consents"] {
        one.tutor.get(&twins.path(space)).await.refused("PAIR_STATE");
    }
    one.tutor.post(&twins.path(":leave"), json!({ "reason": "we take it along" })).await.ok();
    one.tutor.get(&twins.path("")).await.refused("NOT_FOUND");
    assert_eq!(state(&other.tutor.get(&twins.path("")).await.ok()), "DISSOLVED");
    let open = other.tutor.get("/v1/offers").await.ok();
    assert_eq!(
        open["offers"].as_array().map(Vec::len),
        Some(2),
        "who leaves a pair that is over looks for a twin all the same"
    );
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_survivor_with_a_fresh_offer_is_in_the_old_pair_until_the_new_one_begins() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let mut twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let old = twins.path("");
    twins.classes[0].tutor.post(&twins.path(":leave"), json!({ "reason": "no teacher any more" })).await.ok();
    let track = text(&twins.edition["tracks"][0]["id"]);
    let again = format!("/v1/offers/{}:withdraw", text(&twins.classes[1].offer["id"]));
    twins.classes[1].tutor.post(&again, json!({})).await.ok();
    let fresh = twins.classes[1].tutor.post("/v1/offers", tests::twins::offer(&track)).await.ok();

    let mut next = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    let other = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    let mut pairs = Vec::new();
    for suitor in [&next.classes[0].tutor, &other.classes[0].tutor] {
        let own = suitor.post("/v1/offers", tests::twins::offer(&track)).await.ok();
        let pair = suitor.post("/v1/pairs", json!({ "offerIds": [own["id"], fresh["id"]] })).await.ok();
        assert_eq!(pair["previousPairId"], twins.pair["id"], "a fresh offer tells of the twin that was lost");
        pairs.push(pair);
    }
    std::mem::swap(&mut twins.classes[1], &mut next.classes[1]);
    next.pair = pairs.swap_remove(0);
    let survivor = &next.classes[1].tutor;
    survivor.post(&next.path(":accept"), json!({})).await.ok();
    let second = format!("/v1/pairs/{}:accept", text(&pairs[0]["id"]));
    survivor.post(&second, json!({})).await.refused("PAIR_STATE");
    let listed = survivor.get("/v1/pairs").await.ok();
    let mut states: Vec<_> = listed["pairs"].as_array().expect("pairs").iter().map(state).collect();
    states.sort_unstable();
    assert_eq!(states, ["ACCEPTED", "LAPSED", "ONE_SIDED"], "in the old pair still, and in the new one");
    for class in &next.classes {
        class.central.post(&next.path(":approve"), json!({})).await.ok();
    }
    assert_eq!(state(&survivor.get(&old).await.ok()), "ONE_SIDED");
    next.begin_work().await;
    assert_eq!(state(&next.pair), "ACTIVE");
    assert_eq!(state(&next.classes[1].tutor.get(&old).await.ok()), "REPAIRED");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn offers_come_in_pages_and_a_token_is_good_for_its_own_list_alone() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    let others = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    let track = text(&twins.edition["tracks"][0]["id"]);
    let mut published = Vec::new();
    for class in twins.classes.iter().chain(&others.classes) {
        published.push(class.tutor.post("/v1/offers", tests::twins::offer(&track)).await.ok()["id"].clone());
    }
    let reader = &twins.classes[0].tutor;
    let (mut listed, mut token, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = reader.get(&format!("/v1/offers?pageSize=3&pageToken={token}")).await.ok();
        listed.extend(page["offers"].as_array().expect("offers").iter().map(|offer| offer["id"].clone()));
        pages += 1;
        token = text(&page["nextPageToken"]);
        if token.is_empty() {
            break;
        }
        assert_eq!(pages, 1);
        reader.get(&format!("/v1/offers?pageSize=3&home=it&pageToken={token}")).await.refused("PAGE_TOKEN_INVALID");
        reader.get(&format!("/v1/pairs?pageToken={token}")).await.refused("PAGE_TOKEN_INVALID");
    }
    assert_eq!((pages, listed), (2, published), "each once, oldest first");
    reader.get("/v1/offers?pageToken=nonsense").await.refused("PAGE_TOKEN_INVALID");
    let ours = reader.get("/v1/offers?home=it&pageSize=1").await.ok();
    let rest = format!("/v1/offers?home=it&pageSize=1&pageToken={}", text(&ours["nextPageToken"]));
    let rest = reader.get(&rest).await.ok();
    assert_eq!((&rest["offers"][0]["side"]["home"], &rest["nextPageToken"]), (&json!("it"), &Value::Null));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_reason_the_other_class_reads_holds_no_way_out() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let teacher = &twins.classes[0].tutor;
    for way in ["call me at +385 91 234 5678", "write to ana@school.example", "find us @green_ports"] {
        for (caller, deed) in [(teacher, ":suspend"), (teacher, ":leave"), (&twins.secretariat, ":dissolve")] {
            let refused = caller.post(&twins.path(deed), json!({ "reason": way })).await.violations();
            assert_eq!(refused, [("reason".to_owned(), "CONTACT_DATA".to_owned())], "{deed} {way}");
        }
    }
    let pair = teacher.get(&twins.path("")).await.ok();
    assert_eq!((state(&pair), &pair["reason"]), ("ACTIVE", &Value::Null), "nothing was done");
    world.end().await;
}
