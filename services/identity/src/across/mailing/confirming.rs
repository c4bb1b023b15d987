//! The mails about who vouches for a teacher.

use platform::{Ctx, Id, Result};
use proto::identity::v1 as pb;

use super::{Mails, Post, post, tongue};
use crate::{
    account::{
        self,
        confirmation::{self, Confirmation},
        school_letter,
    },
    post::letters::Kind,
    school,
};

impl Mails {
    /// Mails to a teacher who has vouched for them, where they are still confirmed.
    pub(super) async fn confirmed(self, ctx: Ctx, event: pb::TeacherConfirmed) -> Result<()> {
        let db = self.store.read(&ctx).await?;
        let account = account::store::get(&db, event.account_id.parse()?).await?;
        let said = confirmation::store::find(&db, account.id()).await?;
        drop(db);
        let id: Id<pb::TeacherConfirmed> = event.letter_id.parse()?;
        let post = post(&ctx, id.uuid(), &account, Kind::TeacherConfirmed)?;
        let (living, language) = (said.filter(Confirmation::is_living), post.language);
        let Some(ground) = living.and_then(|said| language.ground(said.ground().word())) else { return Ok(()) };
        let (name, link) = (account.person().given_name.as_str(), self.page(&ctx, "sign-in"));
        self.send(&ctx, post, &[("name", name), ("ground", ground), ("link", &link)]).await
    }

    /// Mails to a teacher that they are not confirmed any more, where they are not.
    pub(super) async fn confirmation_ended(self, ctx: Ctx, event: pb::ConfirmationEnded) -> Result<()> {
        let db = self.store.read(&ctx).await?;
        let account = account::store::get(&db, event.account_id.parse()?).await?;
        let said = confirmation::store::find(&db, account.id()).await?;
        drop(db);
        if !account.is_living() || said.is_some_and(|said| said.is_living()) {
            return Ok(());
        }
        let id: Id<pb::ConfirmationEnded> = event.letter_id.parse()?;
        let post = post(&ctx, id.uuid(), &account, Kind::ConfirmationEnded)?;
        let (name, link) = (account.person().given_name.as_str(), self.page(&ctx, "sign-in"));
        self.send(&ctx, post, &[("name", name), ("link", &link)]).await
    }

    /// Asks a school whether a teacher is theirs, where the code still says something.
    pub(super) async fn school_asked(self, ctx: Ctx, event: pb::SchoolAsked) -> Result<()> {
        let db = self.store.read(&ctx).await?;
        let Some(letter) = school_letter::store::find(&db, event.letter_id.parse()?).await? else { return Ok(()) };
        let account = account::store::get(&db, letter.account()).await?;
        let school = school::store::get(&db, letter.school()).await?;
        drop(db);
        if letter.redeemable(ctx.now(), &account).is_err() {
            return Ok(());
        }
        let language = tongue(&ctx, "")?;
        let (person, code) = (account.person(), letter.code(&ctx, &self.keys));
        let values = [
            ("teacher", &*format!("{} {}", person.given_name, person.surname)),
            ("address", account.login().as_str()),
            ("school", &school.record.name),
            ("until", &language.moment(ctx.tenant(), letter.expires_at())),
            // browsers do not send the part after the hash, so it is in no server's log
            ("link", &format!("{}#{code}", self.page(&ctx, "confirm-teacher"))),
            ("code", &code),
        ];
        let to = school.record.email.as_str();
        self.send(&ctx, Post { id: letter.id().uuid(), to, language, kind: Kind::SchoolAsked }, &values).await
    }
}
