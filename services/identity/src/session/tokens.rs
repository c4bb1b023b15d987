//! The tokens that a caller gets when signing in, refreshing, or visiting a programme.

use jiff::{SignedDuration, Timestamp};
use platform::{
    Bound, Ctx, Error, Lack, Result,
    secret::Keys,
    token::{Claims, Settings, Signer},
};

use proto::options::v1::Role;
use uuid::Uuid;

use super::{Entry, Lifetime, Opened, Refresh, Session};
use crate::{account::TeamId, mandate::Mandate};

/// The longest validity of a token for a programme. It is short, so that a leaked token is of little use; the visitor's home is
/// asked before every call anyway.
const VISIT: SignedDuration = SignedDuration::from_mins(5);

/// Makes tokens. Cheap to clone.
#[derive(Clone)]
pub struct Tokens {
    signer: Signer,
    keys: Keys,
    issuer: String,
    audience: String,
    access: SignedDuration,
    session: SignedDuration,
}

/// The tokens given for a session.
#[derive(Debug)]
pub struct Grant {
    /// The access token.
    pub access: String,
    /// The instant at which the access token expires.
    pub access_expires_at: Timestamp,
    /// The refresh token and the instant at which it expires. None while something is lacking, in a session that ends with its access token,
    /// and in a programme.
    pub refresh: Option<(String, Timestamp)>,
}

/// How somebody visits a programme: the role, and the team they act for.
#[derive(Clone, Copy, Debug)]
pub struct Guest {
    /// The role, one of the visitors' roles.
    pub role: Role,
    /// The team. None for a coordinator.
    pub team: Option<TeamId>,
}

impl Tokens {
    /// Uses the lifetimes of the settings.
    pub fn new(signer: Signer, keys: Keys, settings: &Settings) -> Self {
        Self {
            signer,
            keys,
            issuer: settings.issuer.clone(),
            audience: settings.audience().to_owned(),
            access: settings.access(),
            session: SignedDuration::from_hours(24 * i64::from(settings.refresh_days)),
        }
    }

    /// How long sessions can be refreshed. One that lacks something lasts as long as its only access token.
    pub(crate) fn lifetime(&self) -> Lifetime {
        Lifetime { family: self.session, lacking: self.access }
    }

    /// How long sessions last of who asks for one: no longer than an access token, where they keep that alone.
    pub(crate) fn lifetime_for(&self, access_token_alone: bool) -> Lifetime {
        if access_token_alone { self.lifetime().at_most(self.access) } else { self.lifetime() }
    }

    /// The tokens of the current generation of a session, for who is let in to act in its mandate.
    pub(crate) fn grant(&self, ctx: &Ctx, session: &Session, entry: Entry) -> Result<Opened> {
        let (mandate, lacks) = (entry.mandate(), entry.lacks());
        let claims = self.claims(ctx, session, mandate.role(), entry.team().map(platform::Id::uuid), self.access);
        let claims = Claims { mid: Some(mandate.id().uuid()), bound: mandate.bound().clone(), ..claims };
        let claims =
            Claims { provisional: lacks.is_some(), lacks: lacks.filter(|lack| *lack != Lack::Password), ..claims };
        let claims = Claims { is_half: entry.is_half(), ..claims };
        // nobody goes on with one who keeps an access token alone
        let goes_on = lacks.is_none() && session.whole() > self.access;
        let refresh = goes_on.then(|| (Refresh::of(session).write(ctx, &self.keys), session.expires_at));
        let grant = Grant { refresh, ..self.sign(&claims)? };
        Ok(Opened { grant, entry })
    }

    /// A token for a programme, for a caller with a session at home. It cannot be refreshed. Error: what the session lacks.
    pub(crate) fn exchange(
        &self,
        home: &Ctx,
        there: &Ctx,
        session: &Session,
        entry: &Entry,
        guest: Guest,
    ) -> Result<Grant> {
        entry.complete()?;
        let Guest { role, team } = guest;
        let claims = self.claims(there, session, role, team.map(platform::Id::uuid), self.access.min(VISIT));
        self.sign(&Claims { home: Some(home.tenant().id().clone()), is_half: entry.is_half(), ..claims })
    }

    /// A token for a machine, which acts in a mandate and has scopes. It cannot be refreshed.
    pub(crate) fn machine(
        &self,
        ctx: &Ctx,
        session: &Session,
        mandate: &Mandate,
        scopes: Vec<String>,
    ) -> Result<Grant> {
        let claims = self.claims(ctx, session, mandate.role(), None, self.access);
        self.sign(&Claims { mid: Some(mandate.id().uuid()), scopes: Some(scopes), ..claims })
    }

    /// The claims of a token. It expires after `life`, and not later than the session.
    fn claims(&self, ctx: &Ctx, session: &Session, role: Role, acts_for: Option<Uuid>, life: SignedDuration) -> Claims {
        // token times are whole seconds
        let issued = ctx.now().as_second();
        Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: session.account.uuid(),
            tenant: ctx.tenant().id().to_string(),
            sid: session.id.uuid(),
            roles: vec![role],
            mid: None,
            bound: Bound::default(),
            scopes: None,
            acts_for,
            home: None,
            provisional: false,
            lacks: None,
            is_half: false,
            iat: issued,
            nbf: issued,
            exp: issued.saturating_add(life.as_secs()).min(session.expires_at.as_second()),
            jti: ctx.new_id::<Grant>().uuid(),
        }
    }

    fn sign(&self, claims: &Claims) -> Result<Grant> {
        let access_expires_at = Timestamp::from_second(claims.exp).map_err(Error::internal)?;
        Ok(Grant { access: self.signer.sign(claims)?, access_expires_at, refresh: None })
    }

    /// The keys for refresh tokens and credentials.
    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// What signs the tokens.
    pub(super) fn signer(&self) -> &Signer {
        &self.signer
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    use platform::token::{KeySource, Verifier};

    use super::*;
    use crate::{
        account::{factor::Held, tests::account},
        mandate::Mandate,
        session::Proof,
        testing::{Ground, HOUR, entry},
    };

    async fn claims(ground: &Ground, team: Option<TeamId>, proof: Proof) -> (Claims, Grant) {
        let (ctx, signer) = (ground.anybody(), Signer::random().unwrap());
        let tokens = Tokens::new(signer.clone(), ground.keys.clone(), &Settings::default());
        let account = account(&ctx, "ana@school.example", team, None);
        let mandate = Mandate::first(&ctx, &account, if team.is_some() { Role::Team } else { Role::Teacher });
        let entry = Entry::decide(&ctx, &account, mandate.clone(), &Held::of(None), proof).unwrap();
        let session = Session::open(&ctx, &entry, tokens.lifetime());
        let Opened { grant, .. } = tokens.grant(&ctx, &session, entry).unwrap();
        let source = KeySource::fixed(vec![signer.public_jwk().clone()]);
        let claims =
            Verifier::new(&Settings::default(), ground.clock.clone(), source).verify(&grant.access).await.unwrap();
        assert_eq!((claims.sub, claims.sid, claims.tenant.as_str()), (account.id().uuid(), session.id.uuid(), "it"));
        assert_eq!((claims.mid, claims.bound.is_none()), (Some(mandate.id().uuid()), true));
        ((*claims).clone(), grant)
    }

    #[tokio::test]
    async fn a_team_is_given_what_it_may_be_and_whom_it_stands_for() {
        let ground = Ground::without_store();
        let team = ground.anybody().new_id();
        let (claims, grant) = claims(&ground, Some(team), Proof::Password).await;
        assert_eq!((claims.roles, claims.acts_for), (vec![proto::options::v1::Role::Team], Some(team.uuid())));
        assert_eq!(claims.exp - claims.iat, 600);
        assert_eq!(grant.access_expires_at.as_second(), claims.exp);
        let (_, until) = grant.refresh.unwrap();
        assert_eq!(until, ground.anybody().now() + SignedDuration::from_hours(30 * 24));
    }

    #[tokio::test]
    async fn who_must_change_the_password_first_cannot_refresh() {
        let ground = Ground::without_store();
        let (claims, grant) = claims(&ground, Some(ground.anybody().new_id()), Proof::Credential).await;
        assert!(claims.provisional && grant.refresh.is_none());
    }

    #[tokio::test]
    async fn a_visitor_is_somebody_elsewhere_for_five_minutes_and_not_longer_than_at_home() {
        let ground = Ground::without_store();
        ground.add_programme("it-hr", "ITF14");
        let (home, there) = (ground.anybody(), ground.ctx_in("it-hr", platform::Caller::Anonymous));
        let (signer, team) = (Signer::random().unwrap(), home.new_id());
        let tokens = Tokens::new(signer.clone(), ground.keys.clone(), &Settings::default());
        let entry = entry(&home);
        let mandate = entry.mandate();
        let session = Session::open(&home, &entry, HOUR);
        let guest = Guest { role: Role::TwinTeacher, team: Some(team) };
        let grant = tokens.exchange(&home, &there, &session, &entry, guest).unwrap();
        assert_eq!((grant.access_expires_at - home.now()).total(jiff::Unit::Minute).unwrap(), 5.0);
        assert!(grant.refresh.is_none());
        let source = KeySource::fixed(vec![signer.public_jwk().clone()]);
        let claims =
            Verifier::new(&Settings::default(), ground.clock.clone(), source).verify(&grant.access).await.unwrap();
        assert_eq!((claims.tenant.as_str(), claims.home.as_ref()), ("it-hr", Some(home.tenant().id())));
        assert_eq!((claims.sub, claims.sid, claims.mid), (mandate.account().uuid(), session.id.uuid(), None));
        assert_eq!((&claims.roles[..], claims.acts_for), (&[Role::TwinTeacher][..], Some(team.uuid())));

        let ending = Session::open(&home, &entry, HOUR.at_most(SignedDuration::from_secs(90)));
        let guest = Guest { role: Role::TwinCoordinator, team: None };
        let short = tokens.exchange(&home, &there, &ending, &entry, guest).unwrap();
        assert_eq!(short.access_expires_at, ending.expires_at);
    }

    #[test]
    fn no_access_token_outlives_its_session() {
        let ground = Ground::without_store();
        let ctx = ground.anybody();
        let tokens = Tokens::new(Signer::random().unwrap(), ground.keys.clone(), &Settings::default());
        let entry = entry(&ctx);
        let session = Session::open(&ctx, &entry, HOUR.at_most(SignedDuration::from_secs(90)));
        assert_eq!(tokens.grant(&ctx, &session, entry).unwrap().grant.access_expires_at, session.expires_at);
    }

    #[test]
    fn what_a_session_lacks_is_in_its_token_and_takes_it_nowhere() {
        let ground = Ground::without_store();
        ground.add_programme("it-hr", "ITF14");
        let (home, there) = (ground.anybody(), ground.ctx_in("it-hr", platform::Caller::Anonymous));
        let tokens = Tokens::new(Signer::random().unwrap(), ground.keys.clone(), &Settings::default());
        let account = account(&home, "ana@school.example", None, None);
        let held = Held::of(Some(home.new_id()));
        let mandate = Mandate::first(&home, &account, Role::Teacher);
        let entry = Entry::decide(&home, &account, mandate, &held, Proof::Password).unwrap();
        let session = Session::open(&home, &entry, tokens.lifetime());
        assert_eq!(session.expires_at, home.now() + SignedDuration::from_mins(10));
        let guest = Guest { role: Role::TwinTeacher, team: Some(home.new_id()) };
        let refused = tokens.exchange(&home, &there, &session, &entry, guest).unwrap_err();
        assert_eq!(refused.reason(), "SECOND_FACTOR_NEEDED");
        let Opened { grant, .. } = tokens.grant(&home, &session, entry).unwrap();
        assert!(grant.refresh.is_none());
        let payload = grant.access.split('.').nth(1).unwrap();
        let claims: Claims = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        assert_eq!((claims.lacks, claims.provisional), (Some(Lack::SecondFactor), true), "an older version refuses it");
    }
}
