//! Creates or invites the first coordinator of a country, from the command line.

use platform::{Bound, Ctx, Id, Result, Store, Violations, error::Shared, mail};
use proto::options::v1::Role;

use super::{inviting, mandating};
use crate::{
    account::{self, Account, Login, Person, context, refuse_nameless, refuse_weak},
    country::Country,
    mandate::{Giver, Post, invitation::Invitation},
    password::hasher::Hasher,
};

/// Data of somebody who joins the central team.
pub struct Coordinator {
    /// The address; it becomes the login.
    pub email: String,
    /// The password.
    pub password: String,
    /// Given name.
    pub given_name: String,
    /// Surname.
    pub surname: String,
}

/// Creates an account of the central team. The operator vouches for the address. Error: every violation at once, among them
/// `PASSWORD_WEAK` and an address that has an account already.
pub async fn create_coordinator(store: &Store, ctx: &Ctx, hasher: &Hasher, new: Coordinator) -> Result<Id<Account>> {
    let login = Login::of(&new.email);
    let person = Person { given_name: new.given_name, surname: new.surname, ..Person::default() };
    let mut violations = Violations::new();
    refuse_nameless(&mut violations, "given_name", Some(&person.given_name));
    refuse_nameless(&mut violations, "surname", Some(&person.surname));
    refuse_weak(&mut violations, ctx, "password", &new.password, &context(&login, &person))?;
    refuse_strange(&mut violations, &login);
    if account::store::by_login(&store.read(ctx).await?, &login).await?.is_some() {
        violations.add("email", Shared::FieldsInvalid, "There is an account with this address already.");
    }
    violations.done()?;
    let password = hasher.hash(&new.password).await?;
    let mut account = Account::of_person(ctx, login, person, password);
    let tx = store.change(ctx).await?;
    account::store::forget_registrations(&tx, account.login()).await?;
    mandating::found(&tx, &mut account, Role::Coordinator).await?;
    tx.note("create coordinator", format!("account {}", account.id()), "");
    tx.commit().await?;
    Ok(account.id())
}

/// Invites somebody to the central team, in the operator's name: the letter is sent by the process that serves. `locale` is the BCP 47
/// tag of its language; empty, it is the tenant's own. Error: a violation at `email`.
pub async fn invite_coordinator(store: &Store, ctx: &Ctx, email: &str, locale: String) -> Result<Id<Invitation>> {
    let login = Login::of(email);
    let mut violations = Violations::new();
    refuse_strange(&mut violations, &login);
    violations.done()?;
    let post = Post { role: Role::Coordinator, bound: Bound::default() };
    let lifetime = ctx.tenant().section::<Country>()?.credentials().invitation();
    let mut invitation = Invitation::create(ctx, &Giver::operator(), login, post, locale, lifetime)?;
    let tx = store.change(ctx).await?;
    inviting::send(&tx, &mut invitation, "invite").await?;
    tx.commit().await?;
    Ok(invitation.id())
}

/// Adds a violation where a login is no e-mail address.
fn refuse_strange(violations: &mut Violations, login: &Login) {
    if !mail::is_address(login.as_str()) {
        violations.add("email", Shared::FieldsInvalid, "Must be an e-mail address, such as name@school.example.");
    }
}

/// Whether the country's central team has an account.
pub async fn has_coordinator(store: &Store, ctx: &Ctx) -> Result<bool> {
    Ok(!mandating::able(&store.read(ctx).await?, Role::Coordinator).await?.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, testing::Ground};

    fn new(email: &str, password: &str) -> Coordinator {
        let (given_name, surname) = ("Ivo".to_owned(), "Kovač".to_owned());
        Coordinator { email: email.to_owned(), password: password.to_owned(), given_name, surname }
    }

    #[tokio::test]
    async fn the_operator_makes_the_first_account_of_a_country() {
        let ground = Ground::new();
        let (store, ctx) = (ground.store(), ground.anybody());
        let hasher = Hasher::new(&Settings::default().hashing).unwrap();
        assert!(!has_coordinator(store, &ctx).await.unwrap());
        let id =
            create_coordinator(store, &ctx, &hasher, new("Ivo@Centre.Example", "tre stelle nel bosco")).await.unwrap();
        assert!(has_coordinator(store, &ctx).await.unwrap());
        let account = account::store::get(&store.read(&ctx).await.unwrap(), id).await.unwrap();
        assert_eq!(account.login().as_str(), "ivo@centre.example");
        let again = create_coordinator(store, &ctx, &hasher, new("ivo@centre.example", "kovac")).await.unwrap_err();
        let mut fields: Vec<_> = again.violations().iter().map(|one| one.field.as_str()).collect();
        fields.dedup();
        assert_eq!(fields, ["password", "email"], "everything wrong is said at once");
    }
}
