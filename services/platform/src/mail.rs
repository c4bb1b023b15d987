//! Mail: by SMTP, or into a folder where none is configured.

use std::path::PathBuf;

use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
};
use serde::{Deserialize, Serialize};
use tokio::fs;
use uuid::Uuid;

use crate::{Ctx, Error, Result, secret::Secret};

/// The `[mail]` section.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The address mails come from.
    pub from: String,
    /// `smtps://user:password@host` or `smtp://host:port`. Absent: mails become files.
    pub smtp: Option<Secret>,
    /// Where mails become files: `<folder>/<tenant>/<id>.eml`.
    pub folder: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        Self { from: "koine@localhost.localdomain".into(), smtp: None, folder: "data/mail".into() }
    }
}

/// One mail.
#[derive(Clone, Debug)]
pub struct Mail {
    /// What makes it this mail: sent again under the same id, it is the same mail.
    pub id: Uuid,
    /// To whom.
    pub to: String,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
}

/// Sends mails. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    from: Mailbox,
    way: Way,
}

#[derive(Clone)]
enum Way {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Folder(PathBuf),
}

impl Mailer {
    /// A mailer as the settings say. Error: an address or URL that is none, named by its key.
    pub fn new(settings: &Settings) -> Result<Self> {
        let address: Address = settings.from.parse().map_err(|error| Error::internal(format!("mail.from: {error}")))?;
        let way = match &settings.smtp {
            Some(url) => Way::Smtp(smtp(&url.reveal()?)?),
            None => Way::Folder(settings.folder.clone()),
        };
        Ok(Self { from: Mailbox::new(None, address), way })
    }

    /// Sends a mail. It comes in the name of the caller's tenant. Error: unreachable, where the server cannot be reached or
    /// refuses; the address is in no log.
    pub async fn send(&self, ctx: &Ctx, mail: Mail) -> Result<()> {
        let id = mail.id;
        let message = self.message(ctx, mail)?;
        match &self.way {
            Way::Smtp(server) => {
                // the server's own words may repeat the address
                server
                    .send(message)
                    .await
                    .map(drop)
                    .map_err(|error| Error::unreachable(format!("mail {id} not taken (status {:?})", error.status())))
            }
            Way::Folder(folder) => {
                let folder = folder.join(ctx.tenant().id().as_str());
                fs::create_dir_all(&folder).await.map_err(Error::internal)?;
                fs::write(folder.join(format!("{id}.eml")), message.formatted()).await.map_err(Error::internal)
            }
        }
    }

    fn message(&self, ctx: &Ctx, mail: Mail) -> Result<Message> {
        // the parser's words repeat the address, so they are not kept
        let to: Address = mail.to.parse().map_err(|_| Error::internal(format!("mail {}: not an address", mail.id)))?;
        Message::builder()
            .from(Mailbox::new(Some(ctx.tenant().name().to_owned()), self.from.email.clone()))
            .to(Mailbox::new(None, to))
            .subject(mail.subject)
            .date(ctx.now().into())
            .message_id(Some(format!("<{}@{}>", mail.id, self.from.email.domain())))
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text)
            .map_err(Error::internal)
    }
}

fn smtp(url: &str) -> Result<AsyncSmtpTransport<Tokio1Executor>> {
    // the URL holds a password: the fault names the key only
    let broken = |_| Error::internal("mail.smtp: must be `smtp://host:port` or `smtps://user:password@host`");
    Ok(AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(broken)?.build())
}
