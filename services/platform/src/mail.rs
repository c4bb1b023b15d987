//! Sends mail by SMTP, or writes it to a folder where no server is configured. A mail is plain text and the same as HTML, and its
//! headers say that a program wrote it (RFC 3834).

use std::{path::PathBuf, time::Duration};

use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
    transport::smtp,
};
use serde::{Deserialize, Serialize};
use tokio::fs;
use uuid::Uuid;

use crate::{Ctx, Error, Result, secret::Secret};

mod html;

/// The section `[mail]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The sender's address.
    pub from: String,
    /// `smtps://user:password@host` or `smtp://host:port`. Without it, mails are written to files.
    pub smtp: Option<Secret>,
    /// The folder of these files: `<folder>/<tenant>/<id>.eml`.
    pub folder: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        Self { from: "koine@localhost.localdomain".into(), smtp: None, folder: "data/mail".into() }
    }
}

/// A mail.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The id of the mail. It is part of the message id, so that a mail that is sent again can be recognised.
    pub id: Uuid,
    /// The address of the recipient.
    pub to: String,
    /// The BCP 47 tag of the language that it is written in.
    pub language: String,
    /// The subject, one line.
    pub subject: String,
    /// The text, without markup.
    pub text: String,
}

/// Whether mail can be sent to an address. The host must have a dot, because nobody is reached at `name@localhost`. An address in another
/// spelling of the same mailbox, as `"ana"@school.example` or `ana@[192.0.2.1]`, is none.
pub fn is_address(text: &str) -> bool {
    let is_plain = |address: &Address| !address.user().contains('"') && !address.domain().starts_with('[');
    text.parse::<Address>().is_ok_and(|address| address.domain().contains('.') && is_plain(&address))
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
    /// A mailer with these settings. Error: an address or URL that cannot be used, with its key.
    pub fn new(settings: &Settings) -> Result<Self> {
        let address: Address = settings.from.parse().map_err(|error| Error::internal(format!("mail.from: {error}")))?;
        let way = match &settings.smtp {
            Some(url) => Way::Smtp(transport(&url.reveal()?)?),
            None => Way::Folder(settings.folder.clone()),
        };
        Ok(Self { from: Mailbox::new(None, address), way })
    }

    /// Sends a mail with the name of the caller's tenant as its sender. A mail that can never be delivered is logged and dropped.
    /// Error: unreachable, where the server cannot be reached or refuses for now. The address is never logged.
    pub async fn send(&self, ctx: &Ctx, mail: Mail) -> Result<()> {
        let id = mail.id;
        // the parser's error repeats the address and is dropped
        let Ok(to) = mail.to.parse() else {
            tracing::warn!(tenant = %ctx.tenant().id(), %id, "a mail has no usable address; it is not sent");
            return Ok(());
        };
        // nor does an address reach anybody with which no message can be made
        let Ok(message) = self.message(ctx, to, mail) else {
            tracing::warn!(tenant = %ctx.tenant().id(), %id, "no message can be made of a mail; it is not sent");
            return Ok(());
        };
        match &self.way {
            Way::Smtp(server) => match server.send(message).await {
                Ok(_) => Ok(()),
                Err(error) if is_final(&error) => {
                    let status = error.status().map(u16::from);
                    tracing::warn!(tenant = %ctx.tenant().id(), %id, status, "a mail was refused for good; it is not sent again");
                    Ok(())
                }
                // the server's message may repeat the address
                Err(error) => Err(Error::unreachable(format!(
                    "mail {id} not taken (status {:?}, timeout {})",
                    error.status().map(u16::from),
                    error.is_timeout()
                ))),
            },
            Way::Folder(folder) => {
                let folder = folder.join(ctx.tenant().id().as_str());
                fs::create_dir_all(&folder).await.map_err(Error::internal)?;
                fs::write(folder.join(format!("{id}.eml")), message.formatted()).await.map_err(Error::internal)
            }
        }
    }

    fn message(&self, ctx: &Ctx, to: Address, mail: Mail) -> Result<Message> {
        let tenant = ctx.tenant();
        let by_name = |address| Mailbox::new(Some(tenant.name().to_owned()), address);
        let header = |name, value: &str| HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned());
        let mut message = Message::builder()
            .from(by_name(self.from.email.clone()))
            .to(Mailbox::new(None, to))
            .date(ctx.now().into())
            .message_id(Some(format!("<{}@{}>", mail.id, self.from.email.domain())))
            .raw_header(header("Auto-Submitted", "auto-generated"))
            .raw_header(header("Content-Language", &mail.language));
        if let Some(reader) = tenant.reply_to() {
            message = message.reply_to(by_name(reader.parse().map_err(Error::internal)?));
        }
        let html = html::page(&mail);
        // the boundary is that of the mail, so that a mail that is sent again has the same bytes
        let parts = MultiPart::alternative().boundary(format!("koine-{}", mail.id.simple()));
        let parts = parts.singlepart(SinglePart::plain(mail.text)).singlepart(SinglePart::html(html));
        message.subject(mail.subject).multipart(parts).map_err(Error::internal)
    }
}

/// Whether a mail was refused for ever. A refusal of this system, such as for a wrong password (53x), is not final, because the
/// mail can be sent when it is corrected.
fn is_final(error: &smtp::Error) -> bool {
    error.is_permanent() && error.status().is_some_and(|status| (550..560).contains(&u16::from(status)))
}

/// How long a server may be silent. Later facts wait for a mail.
const PATIENCE: Duration = Duration::from_secs(10);

fn transport(url: &str) -> Result<AsyncSmtpTransport<Tokio1Executor>> {
    // the URL contains a password, so the error names only the key
    let broken = |_| Error::internal("mail.smtp: must be `smtp://host:port` or `smtps://user:password@host`");
    Ok(AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(broken)?.timeout(Some(PATIENCE)).build())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::{
        io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
        net::TcpListener,
    };

    use super::*;
    use crate::{Caller, Clock, Ids, error::Shared, tenant};

    fn ctx() -> Ctx {
        let head = "kind = 'country'\nname = 'Italia'\nlocales = ['it']\nzone = 'Europe/Rome'\nreply_to = 'info@school.example'\n";
        let tenant = Arc::new(tenant::parse(&"it".parse().unwrap(), head, &[]).unwrap());
        let clock = Clock::held("2022-10-10T09:00:00Z".parse().unwrap());
        crate::testing::ctx(&tenant, Caller::Anonymous, &clock, &Ids::new(clock.clone()))
    }

    fn mail(to: &str) -> Mail {
        let [to, language, subject, text] = [to, "it", "Ciao", "Una riga"].map(str::to_owned);
        Mail { id: Uuid::nil(), to, language, subject, text }
    }

    fn into(folder: &tempfile::TempDir) -> Mailer {
        Mailer::new(&Settings { folder: folder.path().join("mail"), ..Settings::default() }).unwrap()
    }

    /// A mail server that answers this to every recipient.
    async fn server(listener: TcpListener, said: &str) {
        let mut connection = BufReader::new(listener.accept().await.unwrap().0);
        connection.write_all(b"220 here\r\n").await.unwrap();
        let mut line = String::new();
        while connection.read_line(&mut line).await.unwrap() > 0 {
            let answer = if line.starts_with("RCPT") { said } else { "250 fine" };
            connection.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
            line.clear();
        }
        std::future::pending().await
    }

    async fn sent_where(said: &str) -> Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let mailer = Mailer::new(&Settings { smtp: Some(url.into()), ..Settings::default() }).unwrap();
        let ctx = ctx();
        tokio::select! {
            sent = mailer.send(&ctx, mail("ada@example.org")) => sent,
            () = server(listener, said) => unreachable!("it waits for ever"),
        }
    }

    #[test]
    fn an_address_has_a_name_and_a_host_with_a_dot() {
        for good in ["info@comune.chieti.it", "ana.horvat+asoc@skole.hr", "σχολείο@παράδειγμα.gr"] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "\"ana\"@school.example",
            "\"a 1\"@b.example",
            "ana@[192.0.2.1]",
            "info",
            "info@",
            "@comune.it",
            "in fo@comune.it",
            "info@comune",
            "a@b@c.it",
            "info@comune..it",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_mail_in_a_folder_has_its_id_for_a_name_and_is_there_once() {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            into(&folder).send(&ctx(), mail("ada@example.org")).await.unwrap();
        }
        let files: Vec<_> = std::fs::read_dir(folder.path().join("mail/it")).unwrap().map(Result::unwrap).collect();
        assert_eq!(files.len(), 1);
        assert_eq!(files[0].file_name(), "00000000-0000-0000-0000-000000000000.eml");
        let text = std::fs::read_to_string(files[0].path()).unwrap();
        for header in [
            "To: ada@example.org",
            "From: Italia <koine@localhost.localdomain>",
            "Reply-To: Italia <info@school.example>",
            "Message-ID: <00000000-0000-0000-0000-000000000000@localhost.localdomain>",
            "Date: Mon, 10 Oct 2022 09:00:00 +0000",
            "MIME-Version: 1.0",
            "Auto-Submitted: auto-generated",
            "Content-Language: it",
        ] {
            assert!(text.contains(&format!("{header}\r\n")), "{header}: {text}");
        }
    }

    #[tokio::test]
    async fn a_mail_without_a_usable_address_is_done_with() {
        let folder = tempfile::tempdir().unwrap();
        into(&folder).send(&ctx(), mail("nobody at all")).await.unwrap();
        assert!(!folder.path().join("mail").exists());
    }

    #[tokio::test]
    async fn a_mail_refused_for_good_is_done_with_and_any_other_is_tried_again() {
        sent_where("550 no such mailbox ada@example.org").await.unwrap();
        for said in ["450 not now, ada@example.org", "535 who are you, ada@example.org"] {
            let error = sent_where(said).await.unwrap_err();
            assert!(error.is(Shared::Unreachable), "{error:?}");
            assert!(format!("{error:?}").contains(&said[..3]) && !format!("{error:?}").contains("ada"), "{error:?}");
        }
    }
}
