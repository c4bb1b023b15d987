//! The app of a second factor: codes of six digits, each for a step of 30 seconds (TOTP, RFC 6238, with SHA-1, as every app has it).

use jiff::Timestamp;
use platform::{Ctx, Error, Id, Result, secret::Keys};
use totp_rs::{Builder, Totp};

use super::Factor;

/// What the secret of an app is derived for.
const PURPOSE: &str = "second factor";

/// The seconds of a step.
const STEP: i64 = 30;

/// How many steps the clock of a phone may be ahead or behind.
const SKEW: i64 = 1;

/// The length of a secret that RFC 4226 recommends.
const SECRET: usize = 20;

/// An app, as this installation knows it. It has no `Debug`, because it contains the secret.
pub(super) struct App(Totp);

impl App {
    /// The app of a factor. `name` is what it calls the account, where it is told of it.
    pub(super) fn of(ctx: &Ctx, keys: &Keys, id: Id<Factor>, name: &str) -> Result<Self> {
        let tenant = ctx.tenant().id().as_str().as_bytes();
        let whole = keys.derive(PURPOSE, &[tenant, id.uuid().as_bytes()]);
        Self::with_secret(&whole[..SECRET], ctx.tenant().name(), name)
    }

    fn with_secret(secret: &[u8], issuer: &str, name: &str) -> Result<Self> {
        // a colon ends the name of the issuer in the URI
        let plain = |text: &str| text.replace(':', " ");
        let builder = Builder::new().with_secret(secret).with_skew(0).with_issuer(Some(plain(issuer)));
        Ok(Self(builder.with_account_name(plain(name)).build().map_err(Error::internal)?))
    }

    /// The secret in base 32.
    pub(super) fn secret(&self) -> String {
        self.0.secret().to_base32()
    }

    /// What apps read from a QR code.
    pub(super) fn uri(&self) -> Result<String> {
        self.0.to_url().map_err(Error::internal)
    }

    /// The step whose code was typed, where it is near enough to our clock and later than `last`.
    pub(super) fn step(&self, now: Timestamp, last: i64, typed: &str) -> Option<i64> {
        let digits: String = typed.split_whitespace().collect();
        let present = now.as_second() / STEP;
        let mut near = (present - SKEW..=present + SKEW).filter(|step| *step > last);
        near.find(|step| self.0.check(&digits, second(*step)).is_some())
    }

    /// The code of a step.
    #[cfg(test)]
    pub(super) fn code(&self, step: i64) -> String {
        self.0.generate(second(step)).to_string()
    }
}

/// The first second of a step.
fn second(step: i64) -> u64 {
    u64::try_from(step.saturating_mul(STEP)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Ground;

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, the last six of eight digits
        let app = App::with_secret(b"12345678901234567890", "Test", "").unwrap();
        for (at, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            assert_eq!(app.code(at / STEP), code);
            let now = Timestamp::from_second(at).unwrap();
            assert_eq!(app.step(now, 0, &format!(" {} {}\n", &code[..3], &code[3..])), Some(at / STEP));
            assert_eq!(app.step(now, at / STEP + SKEW, code), None, "all near ones were taken");
        }
    }

    #[test]
    fn what_is_no_code_is_none() {
        let app = App::with_secret(b"12345678901234567890", "Test", "").unwrap();
        let now = Timestamp::from_second(59).unwrap();
        for typed in ["", "28708", "2870822", "28708x", "２８７０８２", "-87082"] {
            assert_eq!(app.step(now, 0, typed), None, "{typed}");
        }
    }

    #[test]
    fn an_app_is_told_its_secret_and_who_it_is_for_and_no_two_are_told_the_same() {
        let ground = Ground::without_store();
        let (ctx, keys) = (ground.anybody(), &ground.keys);
        let id = ctx.new_id();
        let app = App::of(&ctx, keys, id, "ana:kos@school.example").unwrap();
        assert_eq!(app.secret().len(), 32);
        let uri = app.uri().unwrap();
        assert!(uri.starts_with("otpauth://totp/Testlandia:ana%20kos%40school.example?"), "{uri}");
        assert!(uri.contains(&format!("secret={}", app.secret())) && uri.contains("issuer=Testlandia"), "{uri}");
        assert_eq!(App::of(&ctx, keys, id, "").unwrap().secret(), app.secret());
        assert_ne!(App::of(&ctx, keys, ctx.new_id(), "").unwrap().secret(), app.secret());
        assert_ne!(App::of(&ctx, &Keys::random().unwrap(), id, "").unwrap().secret(), app.secret());
    }
}
