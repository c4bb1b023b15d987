//! The letters that the system has written to its folder.

use std::{fs, path::PathBuf};

use mailparse::{MailHeaderMap, parse_mail};

/// The pattern of a verification code: on a line of its own.
pub const CODE: &str = r"(?m)^([A-Za-z0-9_-]{43})$";

/// The pattern of a team's provisional credential.
pub const CREDENTIAL: &str = r"([0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){4})";

/// The letters of one tenant.
#[derive(Clone, Debug)]
pub struct Mailbox {
    folder: PathBuf,
}

/// A letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The address of the recipient.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
}

impl Mailbox {
    /// The letters of a tenant, under the folder of `[mail]`.
    pub fn new(folder: impl Into<PathBuf>, tenant: &str) -> Self {
        Self { folder: folder.into().join(tenant) }
    }

    /// The letters to an address, oldest first.
    pub fn to(&self, address: &str) -> Vec<Letter> {
        let mut files: Vec<_> =
            fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        files.sort();
        let letters = files.iter().map(|file| letter(&fs::read(file).expect("a letter")));
        letters.filter(|letter| letter.to == address).collect()
    }

    /// The first group of `pattern` in the newest letter to an address in which it is found. None, where there is no such letter.
    pub fn find(&self, address: &str, pattern: &str) -> Option<String> {
        let pattern = regex::Regex::new(pattern).expect("a pattern");
        let letters = self.to(address);
        letters.iter().rev().find_map(|letter| Some(pattern.captures(&letter.text)?.get(1)?.as_str().to_owned()))
    }
}

fn letter(bytes: &[u8]) -> Letter {
    let mail = parse_mail(bytes).expect("a mail");
    let header = |name| mail.headers.get_first_value(name).unwrap_or_default();
    let plain = mail.parts().find(|part| part.ctype.mimetype == "text/plain").expect("a plain text");
    Letter {
        to: header("To").trim_matches(['<', '>']).to_owned(),
        subject: header("Subject"),
        text: plain.get_body().expect("a text").replace("\r\n", "\n"),
    }
}
