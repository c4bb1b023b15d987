//! What identity has of a person: where, why, and until when. What a service is to say of it is told in [`platform::subject`].

use platform::{Ctx, Result, subject::Holding};

use crate::country::Country;

pub mod api;

/// The places. What is of a class and of nobody alone is not among them.
pub fn holdings(ctx: &Ctx) -> Result<Vec<Holding>> {
    let country: &Country = ctx.tenant().section()?;
    let own = [people(country), protected(), providers(), roles(country), vouched(country)].concat();
    Ok([own, applications(country), classes()].concat())
}

/// The account, and the codes by which its owner comes in.
fn people(country: &Country) -> Vec<Holding> {
    let retention = country.retention();
    let account = format!(
        "the erasure of its owner, who leaves the id behind, at the latest {} days after the last sign-in",
        retention.inactive_accounts
    );
    let waits = format!("{} days, or until the code is used", retention.unverified_accounts);
    let mails = "so that the code that was mailed is known when it comes back";
    vec![
        Holding::new("account", "so that its owner can sign in, and others know whom they work with", account)
            .of_account("id")
            .ids(["id", "school_id"])
            .texts(["login", "given_name", "surname", "surname_folded", "subject_area", "locale"])
            .texts(["kind", "state", "facts"])
            .times(["created_at"]),
        // nobody has proven yet that who typed the rest is the owner of the address
        Holding::new("registration", mails, waits.clone())
            .of_login("login")
            .of_account("left_id")
            .goes()
            .times(["registered_at", "expires_at"])
            .texts(["login"]),
        Holding::new("recovery", mails, waits.clone())
            .of_account("account_id")
            .goes()
            .times(["issued_at", "expires_at"]),
        Holding::new("email_change", "so that both addresses are told of a change", waits)
            .of_account("account_id")
            .goes()
            .times(["asked_at", "expires_at", "redeemed_at"])
            .flags(["has_shown_factor", "is_final"])
            .texts(["former", "wanted"]),
    ]
}

/// What their account is protected by beside the password, and where they are signed in.
fn protected() -> Vec<Holding> {
    vec![
        Holding::new("factor", "so that nobody comes in with the password alone", "until it is given up or reset")
            .of_account("account_id")
            .goes()
            .times(["begun_at", "enrolled_at", "missed_at"])
            .counts(["misses"]),
        Holding::new(
            "passkey",
            "so that its owner signs in by a device",
            "until it is removed or reset, or the password is another one",
        )
        .of_account("account_id")
        .goes()
        .ids(["id"])
        .texts(["name"])
        .flags(["is_factor"])
        .times(["created_at", "last_used_at"]),
        Holding::new("inactivity_warning", "so that who does not sign in is told once", "as long as the account")
            .of_account("account_id")
            .goes()
            .times(["warned_at"]),
        Holding::new("session", "so that its owner stays signed in, and can end it", "the next sign-in after its end")
            .of_account("account_id")
            .goes()
            .ids(["id", "mandate_id", "family", "factor_id", "passkey_id", "provider_link_id"])
            .flags(["provider_two_factors"])
            .times(["created_at", "last_used_at", "expires_at", "family_until", "ended_at"]),
    ]
}

/// What identity providers know them as.
fn providers() -> Vec<Holding> {
    vec![
        Holding::new(
            "provider_link",
            "so that its owner can sign in at an identity provider",
            "until it is removed or reset, or the password is another one",
        )
        .of_account("account_id")
        .goes()
        .texts(["provider", "issuer", "subject"])
        .flags(["is_factor", "has_shown_two"])
        .times(["linked_at"]),
        Holding::new(
            "provider_attempt",
            "so that the answer of an identity provider is known",
            "until it is used, or an hour",
        )
        .of_account("account_id")
        .goes()
        .texts(["provider", "issuer"])
        .times(["begun_at", "expires_at"]),
    ]
}

/// What they may do here, and how that began.
fn roles(country: &Country) -> Vec<Holding> {
    let days = country.retention().ended_invitations;
    vec![
        Holding::new(
            "mandate",
            "so that it is known who could do what, and who gave it to them",
            "as long as the account",
        )
        .of_account("account_id")
        .ids(["id", "edition_id", "granted_by", "revoked_by"])
        .texts(["role", "territory"])
        .times(["granted_at", "revoked_at"]),
        Holding::new(
            "invitation",
            "so that somebody can come who was asked to",
            format!("the address for {days} days after the end of the invitation, the rest for the history of roles"),
        )
        .of_login("email")
        .of_account("account_id")
        .of_account("left_id")
        .emptied(["email"])
        .ids(["id", "edition_id", "invited_by", "revoked_by"])
        .texts(["email", "role", "territory", "locale"])
        .times(["invited_at", "expires_at", "accepted_at", "revoked_at"]),
    ]
}

/// Who vouched for them, and the outside systems they look after.
fn vouched(country: &Country) -> Vec<Holding> {
    const ACCOUNT: &str = "as long as the account";
    let waits = format!("{} days, or until the code is used", country.retention().unverified_accounts);
    vec![
        Holding::new("confirmation", "so that it is known who vouched for a teacher", ACCOUNT)
            .of_account("account_id")
            .goes()
            .ids(["school_id", "given_by", "ended_by"])
            .texts(["ground"])
            .times(["given_at", "ended_at"]),
        Holding::new("school_letter", "so that a school can say that a teacher is theirs", waits)
            .of_account("account_id")
            .goes()
            .ids(["school_id"])
            .times(["issued_at", "expires_at"]),
        Holding::new("integrator", "so that somebody answers for an outside system", "until it is removed")
            .of_account("account_id")
            .goes()
            .ids(["id", "mandate_id", "created_by"])
            .texts(["name", "purpose", "scopes"])
            .times(["created_at"]),
    ]
}

/// How long what belongs to a class is kept.
const HISTORY: &str = "as long as the class is kept; after the erasure of a person without them, but for the id";

/// What they apply with.
fn applications(country: &Country) -> Vec<Holding> {
    let (drafts, files) = (country.retention().abandoned_drafts, country.retention().authorisation_files);
    vec![
        Holding::new(
            "application",
            "so that the central team can decide on a class",
            format!("{HISTORY}; {drafts} days after its last change, where it was never submitted"),
        )
        .of_account("referent_id")
        .ids(["id", "edition_id", "track_id", "school_id"])
        .texts(["team_name", "team_type", "classes", "motivation", "integration_mode"])
        .texts(["file_ids", "state", "facts"])
        .counts(["team_size"])
        .times(["submitted_at", "created_at", "changed_at"]),
        Holding::new(
            "file",
            "so that an application has its documents, and a team its picture",
            format!("{files} days after the end of the edition; {drafts} days, where nothing names it"),
        )
        .of_account("owner_id")
        .ids(["id"])
        .texts(["purpose", "name", "media_type", "digest"])
        .numbers(["size_bytes"])
        .times(["created_at"]),
    ]
}

/// The classes that are theirs, or were.
fn classes() -> Vec<Holding> {
    let teams = "so that it is known who is responsible for a class";
    vec![
        Holding::new("team", teams, HISTORY)
            .of_account("referent_id")
            .ids(["id"])
            .texts(["code", "name", "email", "school_name"])
            .times(["admitted_at", "activated_at"]),
        Holding::new("team_support", teams, "until they are removed from the team, or leave")
            .of_account("account_id")
            .goes()
            .ids(["team_id"])
            .times(["added_at"]),
        Holding::new("team_handover", teams, HISTORY)
            .of_account("from_id")
            .of_account("to_id")
            .emptied(["reason"])
            .ids(["id", "team_id", "from_id", "to_id"])
            .texts(["reason"])
            .times(["handed_over_at"]),
    ]
}
