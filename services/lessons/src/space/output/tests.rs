//! Joint outputs, through their methods.

use platform::Reads;
use proto::{
    lessons::v1::{self as pb, output_service_server::OutputService},
    options::v1::Role,
};
use tonic::{Code, Status};

use super::{api::Outputs, *};
use crate::{
    across::{judging::judge_again, shelf},
    twinning::{
        pair::testing::{Space, call},
        sighting::witness::Witness,
    },
    work::file::{self, Upload},
    year::calendar,
};

impl Space {
    fn outputs(&self) -> Outputs {
        Outputs { store: self.store.clone(), witness: Witness::new(self.store.clone()) }
    }

    async fn read_output(&self, ctx: Ctx) -> Result<pb::Output, Status> {
        let request = pb::GetOutputRequest { pair_id: self.pair.to_string(), lesson: 1 };
        Ok(self.outputs().get_output(call(ctx, request)).await?.into_inner())
    }

    async fn write_output(&self, of: usize, read: &pb::Output, title: &str) -> Result<pb::Output, Status> {
        self.write_files(of, read, title, &[]).await
    }

    async fn write_files(
        &self,
        of: usize,
        read: &pb::Output,
        title: &str,
        files: &[Id<File>],
    ) -> Result<pb::Output, Status> {
        let request = pb::SaveOutputRequest {
            pair_id: self.pair.to_string(),
            lesson: 1,
            title: title.to_owned(),
            text: "<p>Two ports<script>x()</script></p>".to_owned(),
            language: "en".to_owned(),
            links: vec!["https://keep.eu/projects/1".to_owned()],
            file_ids: files.iter().map(ToString::to_string).collect(),
            cleared: if title.is_empty() { vec!["title".to_owned()] } else { Vec::new() },
            etag: read.etag.clone(),
            request_id: String::new(),
        };
        Ok(self.outputs().save_output(call(self.twin(Role::TwinTeam, of), request)).await?.into_inner())
    }

    async fn sign(&self, of: usize, read: &pb::Output) -> Result<pb::Output, Status> {
        let request = pb::SignOutputRequest {
            pair_id: self.pair.to_string(),
            lesson: 1,
            digest: read.digest.clone(),
            ..pb::SignOutputRequest::default()
        };
        Ok(self.outputs().sign_output(call(self.twin(Role::TwinTeacher, of), request)).await?.into_inner())
    }

    async fn upload(&self, of: usize, media_type: &'static str) -> Id<File> {
        let ctx = self.twin(Role::TwinTeam, of);
        let place = Upload { team: self.team(of), lesson: 1, field: "cover".to_owned(), name: "port.png".to_owned() };
        let blob = platform::blob::Blob { digest: "ab".repeat(32), size: 7, media_type };
        let file = File::new(&ctx, self.seat(of), place, media_type, blob);
        let tx = self.store.change(&ctx).await.unwrap();
        file::store::add(&tx, &file).await.unwrap();
        tx.commit().await.unwrap();
        file.id()
    }

    async fn begun(&self) -> pb::Output {
        let none = self.read_output(self.twin(Role::TwinTeam, 0)).await.unwrap();
        assert_eq!((none.state(), none.etag.as_str()), (pb::OutputState::NotStarted, ""));
        self.write_output(0, &none, "Two ports").await.unwrap()
    }
}

fn names(refused: &Status, reason: &str) -> bool {
    refused.details().windows(reason.len()).any(|bytes| bytes == reason.as_bytes())
}

#[tokio::test]
async fn a_joint_output_is_delivered_when_both_teachers_have_signed_the_same_contents() {
    let space = Space::new().await;
    let draft = space.begun().await;
    assert_eq!(draft.text, "<p>Two ports</p>", "cleaned as a report is");
    let half = space.sign(0, &draft).await.unwrap();
    assert_eq!((half.state(), half.signatures.len(), half.digest == draft.digest), (pb::OutputState::Draft, 1, true));
    let again = space.sign(0, &draft).await.unwrap();
    assert_eq!((again.state(), again.signatures.len()), (pb::OutputState::Draft, 1), "twice is once");
    space.ground.at("2022-12-20T22:59:59Z");
    let whole = space.sign(1, &draft).await.unwrap();
    assert_eq!((whole.state(), whole.single), (pb::OutputState::Delivered, false));
    let verdict = whole.verdict.unwrap();
    assert!(verdict.on_time && verdict.received_at.unwrap().seconds == 1_671_577_199, "the second signature counts");
    let refused = space.write_output(0, &half, "Three ports").await.unwrap_err();
    assert!(names(&refused, "OUTPUT_FINAL"));
    assert!(names(&space.sign(1, &draft).await.unwrap_err(), "OUTPUT_FINAL"));
}

#[tokio::test]
async fn a_late_joint_output_is_judged_again_when_its_deadline_moves() {
    let space = Space::new().await;
    let draft = space.begun().await;
    space.ground.at("2022-12-21T10:00:00Z");
    space.sign(0, &draft).await.unwrap();
    assert!(!space.sign(1, &draft).await.unwrap().verdict.unwrap().on_time);
    let track = space.plan.edition.tracks()[0].id();
    let is_due = |item: &&calendar::Item| item.deadline_of() == Some(1) && item.track() == track;
    let tx = space.store.change(&space.ground.by(Role::Coordinator)).await.unwrap();
    let item = space.plan.items.iter().find(is_due).unwrap().id();
    let item = calendar::store::get_to_change(&tx, item).await.unwrap();
    let starts = "2022-12-22T23:59:59".parse().unwrap();
    let revision = calendar::Revision { starts, ends: None, reason: "strike".to_owned() };
    let item = item.revise(tx.ctx(), revision).unwrap();
    calendar::store::add_version(&tx, &item).await.unwrap();
    judge_again(&tx, &item, None).await.unwrap();
    tx.commit().await.unwrap();
    let again = space.read_output(space.twin(Role::TwinTeam, 0)).await.unwrap().verdict.unwrap();
    assert_eq!((again.on_time, again.rule_version), (true, 2));
    assert_eq!(again.received_at.unwrap().seconds, 1_671_616_800);
}

#[tokio::test]
async fn an_edit_voids_both_signatures_and_what_was_read_before_it_cannot_be_signed() {
    let space = Space::new().await;
    let draft = space.begun().await;
    let signed = space.sign(0, &draft).await.unwrap();
    let edited = space.write_output(1, &signed, "Two small ports").await.unwrap();
    assert!(edited.signatures.is_empty() && edited.digest != draft.digest);
    let refused = space.sign(1, &draft).await.unwrap_err();
    assert!(refused.code() == Code::Aborted && names(&refused, "DIGEST_STALE"));
    space.sign(1, &edited).await.unwrap();
    assert_eq!(space.sign(0, &edited).await.unwrap().state(), pb::OutputState::Delivered);
}

#[tokio::test]
async fn an_edit_at_the_same_time_as_a_signature_delivers_nothing_unsigned() {
    for _ in 0..8 {
        let space = Space::new().await;
        let draft = space.begun().await;
        let signed = space.sign(0, &draft).await.unwrap();
        let (edit, sign) = tokio::join!(space.write_output(0, &signed, "Other"), space.sign(1, &draft));
        let last = space.read_output(space.twin(Role::TwinTeam, 0)).await.unwrap();
        match last.state() {
            pb::OutputState::Delivered => {
                assert!(edit.is_err() && sign.is_ok());
                assert_eq!((last.title.as_str(), &last.digest), ("Two ports", &draft.digest));
            }
            _ => assert!(edit.is_ok() && sign.is_err() && last.signatures.is_empty()),
        }
    }
}

#[tokio::test]
async fn two_who_save_the_same_draft_lose_nothing() {
    let space = Space::new().await;
    let draft = space.begun().await;
    space.write_output(1, &draft, "Ports").await.unwrap();
    let refused = space.write_output(0, &draft, "Harbours").await.unwrap_err();
    assert!(refused.code() == Code::Aborted && names(&refused, "ETAG_STALE"));
}

#[tokio::test]
async fn an_incomplete_output_is_not_signed_and_contact_data_is_not_kept() {
    let space = Space::new().await;
    let none = space.read_output(space.twin(Role::TwinTeam, 0)).await.unwrap();
    let empty = space.write_output(0, &none, "").await.unwrap();
    assert!(names(&space.sign(0, &empty).await.unwrap_err(), "FIELD_EMPTY"));
    let refused = space.write_output(0, &empty, "write to ana@example.org").await.unwrap_err();
    assert!(names(&refused, "CONTACT_DATA"));
    let refused = space.write_files(0, &empty, "Ports", &[crate::testing::nobody()]).await.unwrap_err();
    assert!(names(&refused, "FILE_UNKNOWN"));
}

#[tokio::test]
async fn a_class_that_goes_on_alone_keeps_the_text_and_delivers_it_alone() {
    let space = Space::new().await;
    let draft = space.begun().await;
    let files = [space.upload(0, "text/plain").await, space.upload(1, "text/plain").await];
    let stolen = space.write_files(1, &draft, "Two ports", &files).await.unwrap_err();
    assert!(names(&stolen, "FILE_UNKNOWN"), "a class shares what is its own");
    let draft = space.write_files(0, &draft, "Two ports", &files[..1]).await.unwrap();
    let draft = space.write_files(1, &draft, "Two ports", &files).await.unwrap();
    assert_eq!(draft.files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["port.png", "port.png"]);
    let signed = space.sign(0, &draft).await.unwrap();
    space.leave(0).await;
    assert_eq!(space.read_output(space.twin(Role::TwinTeam, 0)).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(space.sign(0, &signed).await.unwrap_err().code(), Code::NotFound);
    let left = space.read_output(space.twin(Role::TwinTeam, 1)).await.unwrap();
    assert_eq!((left.title.as_str(), left.signatures.len(), left.files.len()), ("Two ports", 0, 1));
    let alone = space.sign(1, &left).await.unwrap();
    assert!(alone.state() == pb::OutputState::Delivered && alone.single);
}

#[tokio::test]
async fn a_delivery_stays_when_a_class_leaves_with_a_gap_where_its_file_was() {
    let space = Space::new().await;
    let draft = space.begun().await;
    let file = space.upload(0, "text/plain").await;
    let draft = space.write_files(0, &draft, "Two ports", &[file]).await.unwrap();
    space.sign(0, &draft).await.unwrap();
    let whole = space.sign(1, &draft).await.unwrap();
    space.leave(0).await;
    let kept = space.read_output(space.twin(Role::TwinTeam, 1)).await.unwrap();
    assert_eq!((kept.state(), &kept.digest, kept.single), (pb::OutputState::Delivered, &whole.digest, false));
    assert_eq!((kept.files[0].file_id.as_str(), kept.files[0].digest.as_str()), (file.to_string().as_str(), ""));
}

#[tokio::test]
async fn a_file_is_shared_with_the_twin_while_it_is_in_what_both_make() {
    let space = Space::new().await;
    let draft = space.begun().await;
    let file = space.upload(0, "text/plain").await;
    let readable = async |ctx: Ctx| {
        let db = space.store.read(&ctx).await.unwrap();
        shelf::readable(&db, space.team(0), file).await.is_ok()
    };
    assert!(readable(space.twin(Role::TwinTeam, 0)).await && !readable(space.twin(Role::TwinTeam, 1)).await);
    space.write_files(0, &draft, "Two ports", &[file]).await.unwrap();
    assert!(readable(space.twin(Role::TwinTeam, 1)).await && readable(space.country(1)).await);
    let (_, strangers) = space.another().await;
    assert!(!readable(space.ground.twin(Role::TwinTeam, &strangers[0])).await);
}

#[tokio::test]
async fn a_picture_that_is_not_shown_has_no_name_and_no_digest() {
    let space = Space::new().await;
    let draft = space.begun().await;
    let file = space.upload(0, "image/png").await;
    space.write_files(0, &draft, "Two ports", &[file]).await.unwrap();
    let own = space.read_output(space.twin(Role::TwinTeam, 0)).await.unwrap();
    assert_eq!((own.files[0].name.as_str(), own.files[0].gap()), ("port.png", pb::FileGap::Unspecified));
    for ctx in [space.twin(Role::TwinTeam, 1), space.twin(Role::TwinTeacher, 1), space.country(1)] {
        let output = space.read_output(ctx).await.unwrap();
        assert_eq!(output.digest, own.digest, "what is signed is the same");
        let shown = &output.files[0];
        let missing: Vec<_> = shown.missing.iter().map(|one| one.home.as_str()).collect();
        assert_eq!((shown.gap(), missing), (pb::FileGap::Consent, vec!["hr", "it"]));
        assert_eq!([&shown.name, &shown.media_type, &shown.digest], ["", "", ""]);
    }
}

#[tokio::test]
async fn nothing_is_saved_or_signed_while_a_pair_rests_and_strangers_see_nothing() {
    let space = Space::new().await;
    let draft = space.begun().await;
    let (_, strangers) = space.another().await;
    let stranger = space.ground.twin(Role::TwinTeam, &strangers[1]);
    assert_eq!(space.read_output(stranger).await.unwrap_err().code(), Code::NotFound);
    space.suspend().await;
    assert!(names(&space.write_output(0, &draft, "Ports").await.unwrap_err(), "PAIR_STATE"));
    assert!(names(&space.sign(0, &draft).await.unwrap_err(), "PAIR_STATE"));
}

#[tokio::test]
async fn a_save_sets_what_is_sent_empties_what_it_clears_and_leaves_the_rest() {
    let space = Space::new().await;
    let draft = space.begun().await;
    let save = async |etag: &str, text: &str, cleared: &str| {
        let request = pb::SaveOutputRequest {
            pair_id: space.pair.to_string(),
            lesson: 1,
            text: text.to_owned(),
            cleared: vec![cleared.to_owned()],
            etag: etag.to_owned(),
            ..pb::SaveOutputRequest::default()
        };
        space.outputs().save_output(call(space.twin(Role::TwinTeam, 1), request)).await
    };
    let saved = save(&draft.etag, "<p>One sea</p>", "links").await.unwrap().into_inner();
    assert_eq!((saved.title.as_str(), saved.text.as_str(), saved.links.len()), ("Two ports", "<p>One sea</p>", 0));
    assert!(names(&save(&saved.etag, "", "everything").await.unwrap_err(), "FIELD_UNKNOWN"));
}

#[tokio::test]
async fn late_outputs_of_other_pairs_are_not_read_when_one_is_judged_again() {
    let space = Space::new().await;
    let (other, others) = space.another().await;
    let track = space.plan.edition.tracks()[0].id();
    let item = space.plan.items.iter().find(|item| item.deadline_of() == Some(1) && item.track() == track).unwrap();
    let now = space.ground.clock.now();
    let tx = space.store.change(&space.ground.by(Role::Coordinator)).await.unwrap();
    for (pair, sides) in [(space.pair, &space.sides), (other, &others)] {
        let signatures = sides.each_ref().map(|side| Signature { team: side.team, digest: "ab".to_owned(), at: now });
        let verdict = Verdict { received_at: now, deadline: calendar::Deadline::new(item, None), on_time: false };
        let delivered = Some(Delivered { digest: "ab".to_owned(), verdict, is_single: false });
        let signatures = signatures.to_vec();
        let mut late = Output { saved_at: Some(now), signatures, delivered, ..Output::none(pair, 1) };
        // a first save has no signatures yet
        store::save(&tx, &mut late).await.unwrap();
        store::save(&tx, &mut late).await.unwrap();
    }
    assert_eq!(store::late_spaces(&tx, 1, None).await.unwrap().len(), 2);
    assert_eq!(store::late_spaces(&tx, 2, None).await.unwrap(), []);
    let ours = store::late_spaces(&tx, 1, Some(space.pair.uuid().into())).await.unwrap();
    let late = store::late(&tx, ours.into_iter(), 1).await.unwrap();
    assert_eq!(late.iter().map(|output| output.pair).collect::<Vec<_>>(), [space.pair]);
    assert!(space.sides.iter().all(|side| late[0].signers().contains(&side.team)), "with their signatures");
}
