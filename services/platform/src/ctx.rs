//! The context of a call: the caller, the tenant, the instant, and the deadline.

use std::{
    any::Any,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp, Zoned};
use proto::options::v1::Role;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Clock, Error, Id, Ids, Result, Tenant, TenantId,
    border::Said,
    error::{Reason, Shared},
    store::Once,
};

/// The context of one call. Only the layers make one, from a verified token; services cannot. Every function that touches data
/// takes it first.
#[derive(Clone, Debug)]
pub struct Ctx {
    tenant: Arc<Tenant>,
    caller: Caller,
    now: Timestamp,
    deadline: Option<Timestamp>,
    ids: Ids,
    call: Arc<Call>,
    handling: Option<Handling>,
    /// In a context made by [`Border`](crate::Border): the actor that crossed, as the audit log of this tenant shows it.
    behind: Option<Arc<str>>,
    /// The value that the check of a visitor returned.
    said: Option<Said>,
}

/// Further data of the call, for throttling and for forwarding, and what it has done so far, for the layer that answers it.
#[derive(Debug, Default)]
pub(crate) struct Call {
    pub(crate) token: Option<String>,
    pub(crate) address: Option<IpAddr>,
    /// The state of a request that may be repeated.
    pub(crate) once: Once,
    validates_only: AtomicBool,
    witnessed: Mutex<Vec<&'static str>>,
}

impl Call {
    pub(crate) fn new(token: Option<String>, address: Option<IpAddr>) -> Self {
        Self { token, address, ..Self::default() }
    }

    /// From here on nothing that the call writes is kept.
    pub(crate) fn validate_only(&self) {
        self.validates_only.store(true, Ordering::Release);
    }

    /// What is known of it where it goes on: in another tenant, or after its answer.
    fn continued(&self) -> Self {
        Self { validates_only: AtomicBool::new(self.validates_only.load(Ordering::Acquire)), ..Self::default() }
    }

    /// Whether a sighting of this kind was written down, as far as it was one.
    pub(crate) fn has_witnessed(&self, kind: &str) -> bool {
        self.witnessed.lock().unwrap_or_else(PoisonError::into_inner).contains(&kind)
    }
}

/// The event that a job handles and the name of the handler: with both, a handler handles an event once.
#[derive(Clone, Debug)]
pub(crate) struct Handling {
    pub(crate) event: Uuid,
    pub(crate) handler: &'static str,
    /// Whether it was recorded in this tenant.
    recorded: Arc<AtomicBool>,
    /// Whether it was recorded in the tenant of the event.
    over: Arc<AtomicBool>,
}

impl Handling {
    /// The handling of an event in its own tenant.
    fn new(event: Uuid, handler: &'static str) -> Self {
        let recorded = Arc::<AtomicBool>::default();
        Self { event, handler, over: recorded.clone(), recorded }
    }

    /// Whether this very handling has committed in this tenant that it was done.
    pub(crate) fn is_recorded(&self) -> bool {
        self.recorded.load(Ordering::Acquire)
    }

    /// Whether it has committed so in the tenant of the event, so that it does not begin again.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// It has.
    pub(crate) fn recorded(&self) {
        self.recorded.store(true, Ordering::Release);
    }
}

/// The caller of a method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A caller who is not signed in.
    Anonymous,
    /// A signed-in account.
    Member(Member),
    /// Background work, with its name.
    Job(&'static str),
}

/// What bounds a role: it is for one area, for one period, or for both. What areas and periods are, the services say. The default
/// bounds nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// The code of the area, which begins with the codes of the areas around it. Empty: everywhere.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub area: String,
    /// The id of the period. None: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Uuid>,
}

/// The bound that bounds nothing.
static UNBOUNDED: Bound = Bound { area: String::new(), period: None };

impl Bound {
    /// Whether it bounds nothing.
    pub fn is_none(&self) -> bool {
        *self == UNBOUNDED
    }

    /// Whether an area lies inside. The empty one, which stands for everywhere, lies inside of a bound without an area.
    pub fn has_area(&self, area: &str) -> bool {
        area.starts_with(&self.area)
    }

    /// Whether a period lies inside. None, which stands for always, lies inside of a bound without a period.
    pub fn has_period(&self, period: Option<Uuid>) -> bool {
        self.period.is_none() || self.period == period
    }
}

/// A signed-in account, with the claims of its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The account.
    pub account: Uuid,
    /// The session of the token.
    pub session: Uuid,
    /// The role of the mandate that the session acts in.
    pub roles: Vec<Role>,
    /// The mandate that the session acts in. None for a visitor, whose mandate is at home.
    pub mandate: Option<Uuid>,
    /// What bounds the mandate.
    pub bound: Bound,
    /// What a machine may do, in the words of the contract. None: the caller is a person, or a class.
    pub scopes: Option<Vec<String>>,
    /// What a shared account acts for.
    pub acts_for: Option<Uuid>,
    /// The home of a visitor, where it is another tenant: the token was exchanged for one of that tenant.
    pub home: Option<TenantId>,
    /// What the session lacks. Until it has it, only the methods that say so can be called.
    pub lacks: Option<Lack>,
    /// Whether the account has a second factor that the session has not shown, whether its role needs one or not.
    pub is_half: bool,
}

/// What a session can lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lack {
    /// A password: the caller signed in with a provisional credential, which must be replaced first.
    Password,
    /// The second factor of the account: its owner has it and has not shown it yet.
    SecondFactor,
    /// A second factor: the caller must have one here, and has none.
    Enrolment,
}

impl Lack {
    /// The error for a call that needs what the session lacks.
    pub fn refusal(self) -> Error {
        match self {
            Self::Password => Shared::PasswordChangeNeeded.error("Change the password first, then sign in again."),
            Self::SecondFactor => Shared::SecondFactorNeeded
                .error("Show the second factor of this account first: a code of its app, a passkey, or the identity provider it is linked with."),
            Self::Enrolment => Shared::EnrolmentNeeded.error("Your role needs a second factor here. Enrol one first."),
        }
    }
}

impl Ctx {
    pub(crate) fn new(tenant: Arc<Tenant>, caller: Caller, clock: &Clock, ids: Ids) -> Self {
        let now = clock.now();
        Self {
            tenant,
            caller,
            now,
            deadline: None,
            ids,
            call: Arc::default(),
            handling: None,
            behind: None,
            said: None,
        }
    }

    /// A context for background work in one tenant.
    pub(crate) fn for_job(tenant: Arc<Tenant>, job: &'static str, clock: &Clock, ids: Ids) -> Self {
        Self::new(tenant, Caller::Job(job), clock, ids)
    }

    /// The same, for the handler of an event: its commit also records that the event was handled.
    pub(crate) fn handling(mut self, event: Uuid, handler: &'static str) -> Self {
        self.handling = Some(Handling::new(event, handler));
        self
    }

    /// A context in another tenant, for [`Border`](crate::Border) alone. It is the same call: the same instant, the same patience;
    /// a fact that is handled is recorded there too, by itself; what only validates changes nothing there either. The token stays behind, for it means nothing there.
    pub(crate) fn across(&self, tenant: Arc<Tenant>) -> Self {
        let actor = match self.member() {
            Ok(member) if member.home.is_some() => format!("account {} through {}", member.account, self.tenant.id()),
            _ => format!("{} of {}", self.actor(), self.tenant.id()),
        };
        let handling = self.handling.as_ref().map(|handling| Handling { recorded: Arc::default(), ..handling.clone() });
        Self {
            tenant,
            caller: Caller::Job("border"),
            now: self.now,
            deadline: self.deadline,
            ids: self.ids.clone(),
            call: Arc::new(self.call.continued()),
            handling,
            behind: Some(actor.into()),
            said: None,
        }
    }

    /// The same caller at the same instant, for work that outlives the call: nobody waits for it, and the token stays behind.
    pub(crate) fn on_its_own(&self) -> Self {
        Self { deadline: None, call: Arc::new(self.call.continued()), ..self.clone() }
    }

    /// The context of this call at a later instant, while its answer streams, with a deadline after `patience`.
    pub(crate) fn later(&self, clock: &Clock, patience: SignedDuration) -> Self {
        let now = clock.now();
        Self { now, deadline: now.checked_add(patience).ok(), ..self.clone() }
    }

    pub(crate) fn with_call(mut self, call: Call, deadline: Option<Duration>) -> Self {
        self.call = Arc::new(call);
        self.deadline = deadline.and_then(|left| self.now.checked_add(left).ok());
        self
    }

    /// This context with the value that the check of a visitor returned.
    pub(crate) fn told(self, said: Option<Said>) -> Self {
        Self { said, ..self }
    }

    /// Notes that the method has recorded who is shown data of this kind, as its option `sighting` requires. The layer that answers
    /// the call checks it.
    pub fn witnessed(&self, kind: &'static str) {
        self.call.witnessed.lock().unwrap_or_else(PoisonError::into_inner).push(kind);
    }

    pub(crate) fn call(&self) -> &Arc<Call> {
        &self.call
    }

    /// Whether the caller asked with `validate_only` what the call would do: then nothing it writes is kept.
    pub(crate) fn validates_only(&self) -> bool {
        self.call.validates_only.load(Ordering::Acquire)
    }

    pub(crate) fn handled_event(&self) -> Option<&Handling> {
        self.handling.as_ref()
    }

    /// The tenant.
    pub fn tenant(&self) -> &Arc<Tenant> {
        &self.tenant
    }

    /// The caller.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The signed-in caller. Error: `TOKEN_MISSING`.
    pub fn member(&self) -> Result<&Member> {
        match &self.caller {
            Caller::Member(member) => Ok(member),
            Caller::Anonymous | Caller::Job(_) => Err(Shared::TokenMissing.error("Sign in first.")),
        }
    }

    /// The home of a visitor. None, where the caller is no visitor.
    pub fn home(&self) -> Option<&TenantId> {
        match &self.caller {
            Caller::Member(member) => member.home.as_ref(),
            Caller::Anonymous | Caller::Job(_) => None,
        }
    }

    /// The value that the check of a visitor returned before this call, so that nobody has to ask again. None, where it is not a
    /// `T`.
    pub fn said<T: Any>(&self) -> Option<&T> {
        self.said.as_deref()?.downcast_ref()
    }

    /// The id of the signed-in account. Error: `TOKEN_MISSING`.
    pub fn account<T>(&self) -> Result<Id<T>> {
        self.member().map(|member| member.account.into())
    }

    /// Whether the caller has a role.
    pub fn has(&self, role: Role) -> bool {
        matches!(&self.caller, Caller::Member(member) if member.roles.contains(&role))
    }

    /// What bounds the mandate that the caller acts in. It bounds nothing, where the caller is not signed in here.
    pub fn bound(&self) -> &Bound {
        match &self.caller {
            Caller::Member(member) => &member.bound,
            Caller::Anonymous | Caller::Job(_) => &UNBOUNDED,
        }
    }

    /// Whether the caller acts for `id`: through a shared account, or as a visitor. The caller's role says which of the two.
    pub fn stands_for<T>(&self, id: Id<T>) -> bool {
        matches!(&self.caller, Caller::Member(member) if member.acts_for == Some(id.uuid()))
    }

    /// The instant at which the call began. It does not change during the call.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The instant of the call in the tenant's time zone.
    pub fn local(&self) -> Zoned {
        self.now.to_zoned(self.tenant.zone().clone())
    }

    /// The instant until which the caller waits. None, where the caller gave no time.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.deadline
    }

    /// A new identifier.
    pub fn new_id<T>(&self) -> Id<T> {
        self.ids.next()
    }

    /// The network address of the caller, for throttling only: it is neither stored nor logged.
    pub fn address(&self) -> Option<IpAddr> {
        self.call.address
    }

    /// The caller as the audit log shows it: `account 0190…`, `account 0190… of it`, `job sweep`.
    pub fn actor(&self) -> String {
        match (&self.behind, &self.caller) {
            (Some(behind), _) => behind.to_string(),
            (None, Caller::Anonymous) => "anonymous".to_owned(),
            (None, Caller::Member(Member { account, home: Some(home), .. })) => format!("account {account} of {home}"),
            (None, Caller::Member(Member { account, .. })) => format!("account {account}"),
            (None, Caller::Job(job)) => format!("job {job}"),
        }
    }
}

/// Hides what a caller may not see.
pub trait Visible<T> {
    /// The value. Error: `NOT_FOUND`, both where there is none and where `seen` says that the caller may not see it.
    fn visible(self, kind: &'static str, seen: impl FnOnce(&T) -> bool) -> Result<T>;
}

impl<T> Visible<T> for Option<T> {
    fn visible(self, kind: &'static str, seen: impl FnOnce(&T) -> bool) -> Result<T> {
        self.filter(seen).ok_or_else(|| Error::not_found(kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_has_what_lies_inside_of_it_and_not_what_is_wider() {
        let period = Some(Uuid::from_u128(7));
        let bound = Bound { area: "ITF".to_owned(), period };
        assert!(["ITF", "ITF1", "ITF14"].iter().all(|area| bound.has_area(area)));
        assert!(["", "IT", "ITG1"].iter().all(|area| !bound.has_area(area)));
        assert!(bound.has_period(period) && !bound.has_period(None) && !bound.has_period(Some(Uuid::from_u128(8))));
        let none = Bound::default();
        assert!(none.is_none() && !bound.is_none());
        assert!(none.has_area("") && none.has_area("ITF1") && none.has_period(None) && none.has_period(period));
    }
}
