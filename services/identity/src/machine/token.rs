//! Machine tokens: by the secret of one a machine is known, with the scopes that it has and until it expires.

use jiff::{SignedDuration, Timestamp};
use platform::{Ctx, Error, Id, Result, Violations, error::Shared, secret::Keys};

use super::{Integrator, Scopes, secret};
use crate::{
    country::Country,
    mandate::Mandate,
    reason::{Reason, Refuse},
    session::Session,
};

pub(crate) mod store;
mod wire;

/// The most machine tokens of one integrator that work at once. (While one is rotated, both count.)
pub(crate) const MOST: u64 = 20;

/// A token of an integrator.
#[derive(Clone, Debug, PartialEq)]
pub struct MachineToken {
    id: Id<MachineToken>,
    integrator: Id<Integrator>,
    /// What stands for a session in the access tokens that are given.
    session: Id<Session>,
    label: String,
    scopes: Scopes,
    created_at: Timestamp,
    expires_at: Timestamp,
    last_used_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
}

/// What a technician wants a token to be.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Where it is used.
    pub label: String,
    /// What it may do, in the words of the caller.
    pub scopes: Vec<String>,
    /// For how many days it works.
    pub days: i32,
}

impl MachineToken {
    /// A new token of an integrator, of which `others` work already. Error: every violation at once: at `scopes`, where the integrator lacks
    /// one; at `valid_days`, where the country allows fewer; at `integrator_id`, where there are enough.
    pub fn create(ctx: &Ctx, integrator: &Integrator, others: u64, wish: Wish) -> Result<Self> {
        let mut violations = Violations::new();
        refuse_more(others, &mut violations);
        let scopes = integrator.scopes().of(wish.scopes, &mut violations);
        let expires_at = until(ctx, wish.days, &mut violations)?;
        violations.done()?;
        Ok(Self::new(ctx, integrator.id(), wish.label, scopes, expires_at))
    }

    /// Lets another token take the place of this one, which works for `overlap` yet, and not longer than it would have; `others` of its
    /// integrator work beside it. Error: violations at `valid_days`, `integrator_id`.
    pub fn rotate(&mut self, ctx: &Ctx, others: u64, overlap: SignedDuration, days: i32) -> Result<Self> {
        let mut violations = Violations::new();
        refuse_more(others, &mut violations);
        let expires_at = until(ctx, days, &mut violations)?;
        violations.done()?;
        self.expires_at = self.expires_at.min(ctx.now() + overlap);
        Ok(Self::new(ctx, self.integrator, self.label.clone(), self.scopes.clone(), expires_at))
    }

    fn new(ctx: &Ctx, integrator: Id<Integrator>, label: String, scopes: Scopes, expires_at: Timestamp) -> Self {
        Self {
            id: ctx.new_id(),
            integrator,
            session: ctx.new_id(),
            label,
            scopes,
            created_at: ctx.now(),
            expires_at,
            last_used_at: None,
            revoked_at: None,
        }
    }

    /// Revokes it. Returns false where it was revoked before.
    pub fn revoke(&mut self, now: Timestamp) -> bool {
        let is_first = self.revoked_at.is_none();
        self.revoked_at.get_or_insert(now);
        is_first
    }

    /// Whether it works now. Error: `MACHINE_TOKEN_INVALID`, where it was revoked; `MACHINE_TOKEN_EXPIRED`.
    pub fn works(&self, now: Timestamp) -> Result<()> {
        match self.revoked_at {
            Some(_) => Err(invalid()),
            None if now >= self.expires_at => {
                Err(Reason::MachineTokenExpired
                    .error("This machine token has expired. Its technician makes another one."))
            }
            None => Ok(()),
        }
    }

    /// Uses it. Returns whether that is to be written: it is once in an hour, so that a use costs no more than a look.
    pub fn use_now(&mut self, now: Timestamp) -> bool {
        let second = now.as_second();
        let hour = Timestamp::from_second(second - second.rem_euclid(3600)).unwrap_or(now);
        self.last_used_at.replace(hour) != Some(hour)
    }

    /// The text by which a machine is known.
    pub fn secret(&self, ctx: &Ctx, keys: &Keys) -> String {
        secret::write(ctx, keys, self.id)
    }

    /// The id of the token with a secret. Error: `MACHINE_TOKEN_INVALID`, where it is none that was given in this tenant.
    pub fn read_secret(ctx: &Ctx, keys: &Keys, text: &str) -> Result<Id<Self>> {
        secret::read(ctx, keys, text)
    }

    /// The session, so to speak, of the access tokens that are given for it: nothing is kept of it, and it ends with the token.
    pub(super) fn begun(&self, ctx: &Ctx, mandate: &Mandate) -> Session {
        Session::of_machine(ctx, mandate, self.session, self.expires_at)
    }

    /// What the audit log calls it.
    pub(crate) fn subject(&self) -> String {
        format!("machine token {}", self.id)
    }

    /// When it was made.
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// Its id.
    pub fn id(&self) -> Id<Self> {
        self.id
    }

    /// The integrator that it is of.
    pub fn integrator(&self) -> Id<Integrator> {
        self.integrator
    }

    /// What stands for a session in its access tokens.
    pub fn session(&self) -> Id<Session> {
        self.session
    }

    /// What it may do.
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }
}

/// Adds a violation, where an integrator has so many tokens already.
fn refuse_more(others: u64, violations: &mut Violations) {
    if others >= MOST {
        let text = format!("An integrator has at most {MOST} machine tokens that work. Revoke one that is not needed.");
        violations.add("integrator_id", Shared::FieldsInvalid, text);
    }
}

/// The end of a token that works for some days from now on.
fn until(ctx: &Ctx, days: i32, violations: &mut Violations) -> Result<Timestamp> {
    let most = ctx.tenant().section::<Country>()?.credentials().machine_token_days();
    if days > most {
        violations.add("valid_days", Shared::FieldsInvalid, format!("A machine token works for at most {most} days."));
    }
    Ok(ctx.now() + SignedDuration::from_hours(24 * i64::from(days.min(most))))
}

/// The error for a secret by which no machine is known here. It is the same whatever the reason is.
pub(crate) fn invalid() -> Error {
    let text =
        "No machine is known here by this secret: it is of another place, was revoked, or its system was removed.";
    Reason::MachineTokenInvalid.error(text)
}

#[cfg(test)]
mod tests {
    use proto::options::v1::Role;

    use super::*;
    use crate::{
        machine::integrator::tests::{acting, holder, registration},
        testing::Ground,
    };

    fn integrator(ground: &Ground) -> Integrator {
        let (coordinator, technician) = (holder(ground, Role::Coordinator), holder(ground, Role::Integrator));
        let scopes = registration(&["teams.read", "schools.read"]);
        Integrator::register(&acting(ground, &coordinator), scopes, vec![technician]).unwrap()
    }

    fn wish(scopes: &[&str], days: i32) -> Wish {
        Wish { label: String::new(), scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(), days }
    }

    #[test]
    fn a_token_has_no_scope_its_integrator_lacks_and_lives_no_longer_than_the_country_allows() {
        let ground = Ground::without_store();
        let (ctx, of) = (ground.anybody(), integrator(&ground));
        let refused = MachineToken::create(&ctx, &of, MOST, wish(&["editions.read", "teams.read"], 401)).unwrap_err();
        let fields: Vec<_> = refused.violations().iter().map(|one| one.field.as_str()).collect();
        assert_eq!(fields, ["integrator_id", "scopes", "valid_days"]);
        let token = MachineToken::create(&ctx, &of, MOST - 1, wish(&["teams.read"], 400)).unwrap();
        assert_eq!(token.expires_at, ctx.now() + SignedDuration::from_hours(400 * 24));
        let last = token.expires_at - SignedDuration::from_micros(1);
        assert!(token.works(last).is_ok());
        assert!(token.works(token.expires_at).is_err_and(|error| error.is(Reason::MachineTokenExpired)));
    }

    #[test]
    fn the_former_token_works_for_the_overlap_and_never_longer_than_it_would_have() {
        let ground = Ground::without_store();
        let (ctx, of) = (ground.anybody(), integrator(&ground));
        let mut former = MachineToken::create(&ctx, &of, 0, wish(&["teams.read"], 2)).unwrap();
        let (end, long) = (former.expires_at, SignedDuration::from_hours(72));
        let next = former.rotate(&ctx, MOST - 1, long, 30).unwrap();
        assert_eq!((former.expires_at, &next.scopes, next.session == former.session), (end, &former.scopes, false));
        former.rotate(&ctx, 0, SignedDuration::from_hours(1), 30).unwrap();
        assert_eq!(former.expires_at, ctx.now() + SignedDuration::from_hours(1));
        former.rotate(&ctx, 0, SignedDuration::ZERO, 30).unwrap();
        assert!(former.works(ctx.now()).is_err_and(|error| error.is(Reason::MachineTokenExpired)));
        assert!(former.rotate(&ctx, 0, long, 401).is_err() && former.rotate(&ctx, MOST, long, 30).is_err());
    }

    #[test]
    fn a_use_is_written_once_in_an_hour_and_what_was_revoked_stays_so() {
        let ground = Ground::without_store();
        let ctx = ground.anybody();
        let mut token = MachineToken::create(&ctx, &integrator(&ground), 0, wish(&["teams.read"], 2)).unwrap();
        let start: Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
        let minutes = |minutes| start + SignedDuration::from_mins(minutes);
        assert!(token.use_now(minutes(7)) && !token.use_now(minutes(59)) && token.use_now(minutes(60)));
        assert_eq!(token.last_used_at, Some(minutes(60)));
        assert!(token.revoke(start) && !token.revoke(minutes(1)));
        assert_eq!(token.revoked_at, Some(start));
        assert!(token.works(start).is_err_and(|error| error.is(Reason::MachineTokenInvalid)));
    }
}
