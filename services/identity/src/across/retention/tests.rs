//! What the rules find, to the instant.

use jiff::SignedDuration;
use proto::options::v1::Role;

use super::*;
use crate::{
    account::{self, EmailChange, Login, Recovery, SchoolLetter, email_change, recovery, school_letter},
    mandate::{
        Giver, Post,
        invitation::{self, Invitation},
    },
    testing::Ground,
};

const DAY: SignedDuration = SignedDuration::from_hours(24);
const MICRO: SignedDuration = SignedDuration::from_micros(1);

fn rule(key: &str) -> &'static Rule {
    RULES.iter().find(|rule| rule.key == key).unwrap()
}

/// Does what is done every hour.
pub(crate) async fn strikes(ground: &Ground) {
    let subjects = platform::subject::Subjects::new(ground.store().clone(), crate::holdings);
    round::Round { store: ground.store().clone(), subjects }.strikes(ground.anybody()).await.unwrap();
}

/// What a rule finds some time from now, by table, and how many.
async fn found(ground: &Ground, key: &str, ahead: SignedDuration) -> Vec<(&'static str, usize)> {
    let ctx = ground.anybody();
    let db = ground.store().read(&ctx).await.unwrap();
    let found = store::find(&db, rule(key), ctx.now() + ahead).await.unwrap();
    found.due.into_iter().map(|(table, ids)| (table, ids.len())).collect()
}

#[tokio::test]
async fn what_waits_for_a_code_stays_thirty_days_to_the_instant() {
    let ground = Ground::new();
    let teacher = ground.teacher("ana@school.example").await;
    let school = ground.school("CHTD007011").await;
    let ctx = ground.anybody();
    let tx = ground.store().change(&ctx).await.unwrap();
    recovery::store::issue(&tx, &Recovery::new(&ctx, teacher.id(), DAY)).await.unwrap();
    let letter = SchoolLetter::new(&ctx, teacher.id(), school.id(), DAY);
    school_letter::store::issue(&tx, &letter).await.unwrap();
    let change = EmailChange::ask(&ctx, &teacher, Login::of("ana@b.example"), DAY).unwrap();
    email_change::store::ask(&tx, &change).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(found(&ground, "unverified_accounts", DAY * 30).await, []);
    let old = [("recovery", 1), ("school_letter", 1), ("email_change", 1)];
    assert_eq!(found(&ground, "unverified_accounts", DAY * 30 + MICRO).await, old);
    let tx = ground.store().change(&ctx).await.unwrap();
    let at = ctx.now() + DAY * 30 + MICRO;
    for place in store::find(&tx, rule("unverified_accounts"), at).await.unwrap().due {
        store::delete(&tx, rule("unverified_accounts"), &place, at).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(found(&ground, "unverified_accounts", DAY * 99).await, []);
}

#[tokio::test]
async fn a_change_of_address_stays_as_long_as_it_can_be_taken_back() {
    let ground = Ground::new();
    let teacher = ground.teacher("ana@school.example").await;
    let ctx = ground.anybody();
    let change = EmailChange::ask(&ctx, &teacher, Login::of("ana@b.example"), DAY).unwrap();
    let tx = ground.store().change(&ctx).await.unwrap();
    email_change::store::ask(&tx, &change).await.unwrap();
    tx.commit().await.unwrap();
    ground.clock.advance(DAY * 25);
    let tx = ground.store().change(&ground.anybody()).await.unwrap();
    assert!(email_change::store::redeem(&tx, change.account(), change.id()).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(found(&ground, "unverified_accounts", DAY * 7).await, [], "for a week");
    assert_eq!(found(&ground, "unverified_accounts", DAY * 7 + MICRO).await, [("email_change", 1)]);
}

#[tokio::test]
async fn the_address_of_an_invitation_stays_thirty_days_after_its_end_however_it_ended() {
    let ground = Ground::new();
    let ctx = ground.anybody();
    let saved = async |email: &str, is_revoked: bool| {
        let post = Post { role: Role::Juror, bound: platform::Bound::default() };
        let new = Invitation::create(&ctx, &Giver::operator(), Login::of(email), post, "it".to_owned(), DAY);
        let mut invitation = new.unwrap();
        let tx = ground.store().change(&ctx).await.unwrap();
        invitation::store::save(&tx, &mut invitation).await.unwrap();
        if is_revoked {
            invitation.revoke(&ctx, &Giver::operator()).unwrap();
            invitation::store::save(&tx, &mut invitation).await.unwrap();
        }
        tx.commit().await.unwrap();
        invitation.id()
    };
    saved("a@school.example", true).await;
    let expired = saved("b@school.example", false).await;
    assert_eq!(found(&ground, "ended_invitations", DAY * 30).await, []);
    assert_eq!(found(&ground, "ended_invitations", DAY * 30 + MICRO).await, [("invitation", 1)]);
    assert_eq!(found(&ground, "ended_invitations", DAY * 31 + MICRO).await, [("invitation", 2)]);
    let (tx, at) = (ground.store().change(&ctx).await.unwrap(), ctx.now() + DAY * 31 + MICRO);
    for place in store::find(&tx, rule("ended_invitations"), at).await.unwrap().due {
        store::delete(&tx, rule("ended_invitations"), &place, at).await.unwrap();
    }
    let invitation = invitation::store::get(&tx, expired).await.unwrap();
    assert!(
        invitation.open(ctx.now()).is_err_and(|error| error.is(crate::reason::Reason::CodeExpired)),
        "the rest of it is there"
    );
    tx.commit().await.unwrap();
    assert_eq!(found(&ground, "ended_invitations", DAY * 99).await, []);
}

const PATIENCE: Patience =
    Patience { kept: SignedDuration::from_hours(24 * 100), notice: SignedDuration::from_hours(24 * 10) };

fn idle(ground: &Ground, warned: Option<SignedDuration>) -> Idle {
    let ctx = ground.anybody();
    let account = account::tests::account(&ctx, "ana@school.example", None, None);
    Idle { account, since: ctx.now(), warned: warned.map(|after| ctx.now() + after), teams: Vec::new() }
}

#[test]
fn who_does_not_sign_in_is_told_once_and_ends_when_the_letter_says() {
    let ground = Ground::without_store();
    let since = ground.anybody().now();
    let judge = |idle: &Idle, after: SignedDuration| idle.judge(PATIENCE, since + after, since + after, &[]);
    let unwarned = idle(&ground, None);
    assert_eq!(judge(&unwarned, DAY * 90), Verdict::Waits);
    assert_eq!(judge(&unwarned, DAY * 90 + MICRO), Verdict::Warn);
    let warned = idle(&ground, Some(DAY * 90 + MICRO));
    assert_eq!(judge(&warned, DAY * 90 + MICRO), Verdict::Waits, "once");
    assert_eq!(judge(&warned, DAY * 100 + MICRO), Verdict::Waits);
    assert_eq!(warned.ends(PATIENCE, since), since + DAY * 100 + MICRO);
    assert_eq!(judge(&warned, DAY * 100 + MICRO * 2), Verdict::Ends);
    // who was told late, because nothing ran or the days became fewer, has the whole time of the letter
    assert_eq!(judge(&unwarned, DAY * 500), Verdict::Warn);
    let late = idle(&ground, Some(DAY * 500));
    assert_eq!(judge(&late, DAY * 510), Verdict::Waits);
    assert_eq!(judge(&late, DAY * 510 + MICRO), Verdict::Ends);
    // a letter from before the last sign-in is none
    let seen = Idle { since: since + DAY, ..idle(&ground, Some(DAY)) };
    assert_eq!(judge(&seen, DAY * 91 + MICRO), Verdict::Warn);
}

#[test]
fn a_look_ahead_gives_who_was_not_told_yet_the_time_of_the_letter() {
    let ground = Ground::without_store();
    let now = ground.anybody().now();
    let unwarned = Idle { since: now - DAY * 95, ..idle(&ground, None) };
    assert_eq!(unwarned.judge(PATIENCE, now, now + DAY * 10, &[]), Verdict::Warn);
    assert_eq!(unwarned.judge(PATIENCE, now, now + DAY * 10 + MICRO, &[]), Verdict::Ends);
}

#[test]
fn who_cannot_leave_is_kept_with_the_reason_and_is_not_told() {
    let ground = Ground::without_store();
    let ctx = ground.anybody();
    let judge = |idle: &Idle, days: i32, coordinators: &[Id<Account>]| {
        let at = idle.since + DAY * days;
        idle.judge(PATIENCE, at, at, coordinators)
    };
    let last = idle(&ground, None);
    assert_eq!(judge(&last, 95, &[last.account.id()]), Verdict::Waits);
    assert_eq!(judge(&last, 101, &[last.account.id()]), Verdict::Kept(Obstacle::LastCoordinator));
    assert_eq!(judge(&last, 101, &[last.account.id(), ctx.new_id()]), Verdict::Warn);
    let team = |ends| Idle { teams: vec![(ctx.new_id(), ends)], ..idle(&ground, None) };
    assert_eq!(judge(&team(None), 101, &[]), Verdict::Kept(Obstacle::TeamAtWork));
    assert_eq!(judge(&team(Some(ctx.now() + DAY * 101)), 101, &[]), Verdict::Kept(Obstacle::TeamAtWork));
    assert_eq!(judge(&team(Some(ctx.now() + DAY * 100)), 101, &[]), Verdict::Warn);
    let mut locked = idle(&ground, None);
    let central = ground.member(&account::tests::account(&ctx, "one@centre.example", None, None));
    locked.account.lock(&central, "why".to_owned(), &[]).unwrap();
    assert_eq!(judge(&locked, 101, &[]), Verdict::Kept(Obstacle::Locked));
    let mut left = idle(&ground, None);
    left.account.leave(&ctx, &[]).unwrap();
    assert_eq!(judge(&left, 100, &[]), Verdict::Waits);
    assert_eq!(judge(&left, 101, &[]), Verdict::Ends, "who has left has no address to be told at");
}
