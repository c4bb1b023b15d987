//! Who asks, in which tenant, at what instant, until when.

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
use uuid::Uuid;

use crate::{
    Clock, Error, Id, Ids, Result, Tenant, TenantId,
    border::Said,
    error::{Reason, Shared},
    store::Once,
};

/// The context of one call. It is made once, at the edge, from a verified token; nobody else can make one. Every function that
/// touches data takes it first.
#[derive(Clone, Debug)]
pub struct Ctx {
    tenant: Arc<Tenant>,
    caller: Caller,
    now: Timestamp,
    deadline: Option<Timestamp>,
    ids: Ids,
    call: Arc<Call>,
    handling: Option<Handling>,
    /// On the other side of a border: who crossed, as the audit log there writes it.
    behind: Option<Arc<str>>,
    /// What was said of a visitor when it was asked whether they may be here.
    said: Option<Said>,
}

/// What else is known of the call, for throttling and for forwarding; and what it has done so far, for the layer that answers it.
#[derive(Debug, Default)]
pub(crate) struct Call {
    pub(crate) token: Option<String>,
    pub(crate) address: Option<IpAddr>,
    /// What becomes of its request, where that may be repeated.
    pub(crate) once: Once,
    witnessed: Mutex<Vec<&'static str>>,
}

impl Call {
    pub(crate) fn new(token: Option<String>, address: Option<IpAddr>) -> Self {
        Self { token, address, ..Self::default() }
    }

    /// Whether a sighting of this kind was written down, as far as it was one.
    pub(crate) fn has_witnessed(&self, kind: &str) -> bool {
        self.witnessed.lock().unwrap_or_else(PoisonError::into_inner).contains(&kind)
    }
}

/// The event a job is handling and the handler's name: what makes it happen once.
#[derive(Clone, Debug)]
pub(crate) struct Handling {
    pub(crate) event: Uuid,
    pub(crate) handler: &'static str,
    recorded: Arc<AtomicBool>,
}

impl Handling {
    /// Whether this very handling has committed that it was done.
    pub(crate) fn is_recorded(&self) -> bool {
        self.recorded.load(Ordering::Acquire)
    }

    /// It has.
    pub(crate) fn recorded(&self) {
        self.recorded.store(true, Ordering::Release);
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Nobody signed in.
    Anonymous,
    /// A signed-in account.
    Member(Member),
    /// Background work, by its name.
    Job(&'static str),
}

/// A signed-in account, as its token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The account.
    pub account: Uuid,
    /// The session the token belongs to.
    pub session: Uuid,
    /// What the account may be in this tenant.
    pub roles: Vec<Role>,
    /// What a shared account stands for.
    pub acts_for: Option<Uuid>,
    /// Where it is at home, if that is another tenant: it is a visitor here, by exchange of a token of its home.
    pub home: Option<TenantId>,
    /// Whether it signed in with a credential that must be replaced first.
    pub provisional: bool,
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

    /// The same, for the handler of an event: its first commit also records that the event was handled.
    pub(crate) fn handling(mut self, event: Uuid, handler: &'static str) -> Self {
        self.handling = Some(Handling { event, handler, recorded: Arc::default() });
        self
    }

    /// A context in another tenant, for [`Border`](crate::Border) alone. It is the same call: the same instant, the same patience;
    /// a fact that is handled is recorded there too, by itself. The token stays behind, for it means nothing there.
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
            call: Arc::default(),
            handling,
            behind: Some(actor.into()),
            said: None,
        }
    }

    /// The same call later, while its answer streams: the instant is another one, and so is until when somebody waits.
    pub(crate) fn later(&self, clock: &Clock, patience: SignedDuration) -> Self {
        let now = clock.now();
        Self { now, deadline: now.checked_add(patience).ok(), ..self.clone() }
    }

    pub(crate) fn with_call(mut self, call: Call, deadline: Option<Duration>) -> Self {
        self.call = Arc::new(call);
        self.deadline = deadline.and_then(|left| self.now.checked_add(left).ok());
        self
    }

    /// The same call, of a visitor of whom this was said.
    pub(crate) fn told(self, said: Option<Said>) -> Self {
        Self { said, ..self }
    }

    /// Tells the layer that answers the call that it was written down who is shown what of this kind, as the method's option asks for.
    pub fn witnessed(&self, kind: &'static str) {
        self.call.witnessed.lock().unwrap_or_else(PoisonError::into_inner).push(kind);
    }

    pub(crate) fn call(&self) -> &Arc<Call> {
        &self.call
    }

    pub(crate) fn handled_event(&self) -> Option<&Handling> {
        self.handling.as_ref()
    }

    /// The tenant.
    pub fn tenant(&self) -> &Arc<Tenant> {
        &self.tenant
    }

    /// Who asks.
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

    /// Where the caller is at home, if they are a visitor here.
    pub fn home(&self) -> Option<&TenantId> {
        match &self.caller {
            Caller::Member(member) => member.home.as_ref(),
            Caller::Anonymous | Caller::Job(_) => None,
        }
    }

    /// What was said of a visitor when it was asked whether they may be here: before this call, so nobody needs to ask again.
    pub fn said<T: Any>(&self) -> Option<&T> {
        self.said.as_deref()?.downcast_ref()
    }

    /// The signed-in account. Error: `TOKEN_MISSING`.
    pub fn account<T>(&self) -> Result<Id<T>> {
        self.member().map(|member| member.account.into())
    }

    /// Whether the caller has a role.
    pub fn has(&self, role: Role) -> bool {
        matches!(&self.caller, Caller::Member(member) if member.roles.contains(&role))
    }

    /// Whether the caller acts for `id`: its shared account, or a visitor who came in its name. The role says which of them may.
    pub fn stands_for<T>(&self, id: Id<T>) -> bool {
        matches!(&self.caller, Caller::Member(member) if member.acts_for == Some(id.uuid()))
    }

    /// The instant of the call: the same for its whole length.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The instant of the call, local to the tenant.
    pub fn local(&self) -> Zoned {
        self.now.to_zoned(self.tenant.zone().clone())
    }

    /// Until when the caller waits, if it said so.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.deadline
    }

    /// A new identifier.
    pub fn new_id<T>(&self) -> Id<T> {
        self.ids.next()
    }

    /// The network address of the caller, for throttling only: it is not stored and not logged.
    pub fn address(&self) -> Option<IpAddr> {
        self.call.address
    }

    /// Who acts, as the audit log writes it: `account 0190…`, `account 0190… of it`, `job sweep`.
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

/// What a caller may not know of does not exist for it.
pub trait Visible<T> {
    /// The thing, or `NOT_FOUND` where it is missing or `seen` says that this caller may not see it.
    fn visible(self, kind: &'static str, seen: impl FnOnce(&T) -> bool) -> Result<T>;
}

impl<T> Visible<T> for Option<T> {
    fn visible(self, kind: &'static str, seen: impl FnOnce(&T) -> bool) -> Result<T> {
        self.filter(seen).ok_or_else(|| Error::not_found(kind))
    }
}
