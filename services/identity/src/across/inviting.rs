//! Inviting somebody, and accepting: the account that is new, or gains a role, and the invitation that is used up by it.

use platform::{Id, Reads, Result, Tx};
use proto::identity::v1 as pb;

use super::{mandating, sign_in::locked};
use crate::{
    account::{self, Account},
    mandate::{
        self, Mandate,
        invitation::{self, Code, Invitation},
    },
    reason::{Reason, Refuse},
};

/// An invitation, and the account of its address.
pub(crate) struct Invited {
    /// The invitation.
    pub(crate) invitation: Invitation,
    /// The account with its address, where there is one.
    pub(crate) account: Option<Account>,
}

impl Invited {
    /// Loads what a code invites to. Error: `CODE_INVALID`, where a newer code took its place; as of [`Invitation::open`].
    pub(crate) async fn load(db: &impl Reads, code: Id<Code>) -> Result<Self> {
        let invitation = invitation::store::by_code(db, code).await?.ok_or_else(invitation::invalid)?;
        let (login, _) = invitation.open(db.ctx().now())?;
        let account = account::store::by_login(db, login).await?;
        Ok(Self { invitation, account })
    }
}

/// Saves an invitation with a new code, and publishes that it must be mailed. `action` is how the audit log calls it, which holds no
/// address.
pub(crate) async fn send(tx: &Tx, invitation: &mut Invitation, action: &'static str) -> Result<()> {
    invitation::store::save(tx, invitation).await?;
    let role = mandate::roles::word(invitation.role());
    tx.note(action, format!("invitation {}", invitation.id()), role);
    tx.emit(&pb::InvitationIssued { code_id: invitation.code_id().to_string() });
    Ok(())
}

/// The account of the invited address, where its password was typed. Error: `SIGN_IN_FAILED`; `ACCOUNT_LOCKED`.
pub(crate) fn own(account: Account, fits: bool) -> Result<Account> {
    match account.is_locked() {
        _ if !fits => Err(Reason::SignInFailed.error("The password is not that of the account with this address.")),
        true => Err(locked()),
        false => Ok(account),
    }
}

/// Uses up an invitation, and gives its role to an account, which is saved where it is new. Error: `CODE_INVALID`, where it was used or
/// withdrawn, or another code took its place; `CODE_EXPIRED`; `MANDATE_HELD`; `ETAG_STALE`, where the account changed since it was read.
pub(crate) async fn accept(tx: &Tx, code: Id<Code>, mut account: Account) -> Result<Mandate> {
    let mut invitation = invitation::store::by_code(tx, code).await?.ok_or_else(invitation::invalid)?;
    let givers = match invitation.inviter() {
        // who was locked meanwhile gives nothing
        Some(inviter) if account::store::find(tx, inviter).await?.is_some_and(|account| account.is_living()) => {
            mandate::store::of_account(tx, inviter).await?
        }
        _ => Vec::new(),
    };
    for giver in &givers {
        // who loses the right at this instant waits, or gives nothing
        mandate::store::lock(tx, giver).await?;
    }
    let mut mandate = invitation.accept(tx.ctx(), &account, &givers)?;
    invitation::store::settle(tx, &mut invitation).await?;
    if account.is_new() {
        account::store::forget_registrations(tx, account.login()).await?;
        account::store::save(tx, &mut account).await?;
    } else {
        account::store::lock(tx, &account).await?;
    }
    tx.note("accept invitation", format!("invitation {}", invitation.id()), format!("account {}", account.id()));
    mandating::grant(tx, &mut mandate).await?;
    Ok(mandate)
}
