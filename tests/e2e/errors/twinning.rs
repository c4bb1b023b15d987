//! The reasons of twinning, which lessons keeps.

use serde_json::json;
use tests::{Caller, Twins, World, path::text, twins, world};

use super::Seen;

pub(super) async fn give(seen: &mut Seen) {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let mut pair = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    of_offers(seen, &world, &pair).await;
    of_proposals(seen, &world, &pair).await;
    pair.pair_up().await;
    of_projects(seen, &world, &pair).await;
    pair.begin_work().await;
    of_pairs(seen, &world, &pair).await;
    of_outputs(seen, &world, &pair).await;
    world.end().await;
}

async fn of_offers(seen: &mut Seen, world: &World, twins: &Twins<'_>) {
    let mut refused = async |reason, answer| seen.refused(world, "lessons", reason, answer).await;
    let (tutor, track) = (&twins.classes[0].tutor, text(&twins.edition["tracks"][0]["id"]));
    let mut offer = twins::offer(&track);
    let published = tutor.post("/v1/offers", offer.clone()).await.ok();
    refused("OFFER_EXISTS", tutor.post("/v1/offers", offer.clone()).await).await;
    let same = json!({ "offerIds": [published["id"], published["id"]] });
    refused("TWINS_MISMATCHED", tutor.post("/v1/pairs", same).await).await;
    let withdraw = format!("/v1/offers/{}:withdraw", text(&published["id"]));
    tutor.post(&withdraw, json!({})).await.ok();
    refused("OFFER_CLOSED", tutor.post(&withdraw, json!({})).await).await;
    let unknown = json!({ "projectIds": ["0190b2c4-0000-7000-8000-000000000000"] });
    let mut wanting = offer.clone();
    wanting["projectIds"] = unknown["projectIds"].clone();
    refused("PROJECT_UNKNOWN", tutor.post("/v1/offers", wanting).await).await;
    offer["note"] = json!("Call +385 91 234 5678");
    refused("CONTACT_DATA", tutor.post("/v1/offers", offer).await).await;
}

async fn of_proposals(seen: &mut Seen, world: &World, twins: &Twins<'_>) {
    let mut refused = async |reason, answer| seen.refused(world, "lessons", reason, answer).await;
    let offer = twins::offer(&text(&twins.edition["tracks"][0]["id"]));
    let [one, other] = &twins.classes;
    let own = one.tutor.post("/v1/offers", offer.clone()).await.ok();
    let mut wanted = vec![other.tutor.clone()];
    for _ in 0..5 {
        wanted.push(Twins::crossed(world, "it-hr", ["hr", "it"]).await.classes[1].tutor.clone());
    }
    let mut proposals = Vec::new();
    for tutor in &wanted {
        let theirs = tutor.post("/v1/offers", offer.clone()).await.ok();
        proposals.push(json!({ "offerIds": [own["id"], theirs["id"]] }));
    }
    let one_more = proposals.pop();
    for proposal in &proposals {
        one.tutor.post("/v1/pairs", proposal.clone()).await.ok();
    }
    let turned = json!({ "offerIds": [proposals[0]["offerIds"][1], proposals[0]["offerIds"][0]] });
    refused("PAIR_EXISTS", other.tutor.post("/v1/pairs", turned).await).await;
    refused("PROPOSALS_MANY", one.tutor.post("/v1/pairs", one_more.expect("a sixth")).await).await;
    for (tutor, id) in [(&one.tutor, &own["id"]), (&other.tutor, &proposals[0]["offerIds"][1])] {
        tutor.post(&format!("/v1/offers/{}:withdraw", text(id)), json!({})).await.ok();
    }
}

async fn of_projects(seen: &mut Seen, world: &World, twins: &Twins<'_>) {
    let mut refused = async |reason, answer| seen.refused(world, "lessons", reason, answer).await;
    let [one, other] = &twins.classes;
    let import = async |who: &Caller, file: Vec<u8>| who.upload("/v1/projects:import", "text/csv", file).await;
    let file = world::data("projects/it-hr.csv");
    refused("PROGRAMME_ONLY", import(&one.coordinator, file.clone()).await).await;
    let foreign = String::from_utf8(file).expect("text").replace("2014TC16RFCB042", "2014TC16RFCB036");
    let wrong = foreign.replace("2014TC16RFCB036", "2014TC16RFCB042").replace(",ITH57,", ",Ravenna,");
    refused("PROJECT_FOREIGN", import(&twins.secretariat, foreign.into_bytes()).await).await;
    refused("LINE_INVALID", import(&twins.secretariat, wrong.into_bytes()).await).await;
    refused("COLUMN_MISSING", import(&twins.secretariat, b"keep_id\n1\n".to_vec()).await).await;
    twins.import_projects().await;
    let projects = one.tutor.get("/v1/projects").await.ok();
    let view = |team: &str| json!({ "teamId": team, "partnerId": "none" });
    let wanted =
        json!({ "projectId": projects["projects"][0]["id"], "viewpoints": [view(&one.team_id), view(&other.team_id)] });
    refused("PARTNER_MISPLACED", one.tutor.post(&twins.path(":proposeProject"), wanted).await).await;
}

async fn of_pairs(seen: &mut Seen, world: &World, twins: &Twins<'_>) {
    let mut refused = async |reason, answer| seen.refused(world, "lessons", reason, answer).await;
    refused("PAIR_STATE", twins.classes[0].tutor.post(&twins.path(":accept"), json!({})).await).await;
}

async fn of_outputs(seen: &mut Seen, world: &World, twins: &Twins<'_>) {
    let mut refused = async |reason, answer| seen.refused(world, "lessons", reason, answer).await;
    let [one, other] = &twins.classes;
    let path = twins.path("/lessons/1/output");
    let draft = json!({ "title": "Two ports", "text": "<p>One sea.</p>", "language": "en" });
    let read = one.class.patch(&path, draft).await.ok();
    let sign = async |who: &Caller, digest: &str| who.post(&format!("{path}:sign"), json!({ "digest": digest })).await;
    refused("DIGEST_STALE", sign(&one.tutor, &"0".repeat(64)).await).await;
    for tutor in [&one.tutor, &other.tutor] {
        sign(tutor, &text(&read["digest"])).await.ok();
    }
    refused("OUTPUT_FINAL", sign(&one.tutor, &text(&read["digest"])).await).await;
}
