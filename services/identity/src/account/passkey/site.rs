//! This installation, as the browsers of its people know it: a passkey is made for a domain, and a browser says at which address it was used.

use platform::{Ctx, Error, Id, Result};
use serde_json::json;
use webauthn_rs::prelude::{DiscoverableAuthentication, PasskeyRegistration, Url, Webauthn, WebauthnBuilder};

use super::{Account, Passkey};
use crate::reason::{Reason, Refuse};

/// The site. Cheap enough to clone for each service.
#[derive(Clone, Debug)]
pub struct Site(Option<Webauthn>);

impl Site {
    /// The site at the public address of the installation. Browsers know a developer's own machine as `localhost`, and no number.
    pub fn of(public_url: &str) -> Self {
        Self(Url::parse(public_url).ok().and_then(site))
    }

    /// What verifies. Error: `PASSKEY_NOT_POSSIBLE`, where the site is no domain, or is reached without HTTPS.
    pub(super) fn known(&self) -> Result<&Webauthn> {
        let text = "Passkeys need an installation that is reached by a domain and over HTTPS. Use the password.";
        self.0.as_ref().ok_or_else(|| Reason::PasskeyNotPossible.error(text))
    }

    /// The options by which a browser makes a passkey, and what is to be known when it answers. Devices that hold one of `others` make none.
    pub(super) fn begin_adding(
        &self,
        ctx: &Ctx,
        id: Id<Passkey>,
        account: &Account,
        others: &[Passkey],
    ) -> Result<(String, PasskeyRegistration)> {
        let (login, person) = (account.login().as_str(), account.person());
        let name = format!("{} {}", person.given_name, person.surname);
        let shown = if name.trim().is_empty() { login } else { name.trim() };
        // one person may have accounts in several tenants of one site
        let user = format!("{login} ({})", ctx.tenant().id());
        let begun = self.known()?.start_passkey_registration(id.uuid(), &user, shown, None).map_err(Error::internal)?;
        let mut options = serde_json::to_value(begun.0).map_err(Error::internal)?;
        let wanted = &mut options["publicKey"];
        wanted["rp"]["name"] = ctx.tenant().name().into();
        // the device is to find it by itself
        wanted["authenticatorSelection"]["residentKey"] = "required".into();
        wanted["authenticatorSelection"]["requireResidentKey"] = true.into();
        wanted["excludeCredentials"] =
            others.iter().map(|other| json!({ "type": "public-key", "id": other.key_name() })).collect();
        Ok((options.to_string(), begun.1))
    }

    /// The options by which a browser uses a passkey, and what is to be known when it answers.
    pub(super) fn begin_sign_in(&self) -> Result<(String, DiscoverableAuthentication)> {
        let (options, state) = self.known()?.start_discoverable_authentication().map_err(Error::internal)?;
        let mut options = serde_json::to_value(options).map_err(Error::internal)?;
        // asked for by a button, and not while somebody fills in a field
        if let Some(options) = options.as_object_mut() {
            options.remove("mediation");
        }
        Ok((options.to_string(), state))
    }
}

fn site(mut url: Url) -> Option<Webauthn> {
    if matches!(url.host_str(), Some("127.0.0.1" | "[::1]")) {
        url.set_host(Some("localhost")).ok()?;
    }
    let domain = url.domain()?.to_owned();
    if url.scheme() != "https" && domain != "localhost" {
        return None;
    }
    WebauthnBuilder::new(&domain, &url).and_then(WebauthnBuilder::build).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::{
        account::{passkey::tests::key, tests::account},
        testing::Ground,
    };

    #[test]
    fn passkeys_need_a_domain_that_browsers_trust() {
        for (url, rp_id) in [
            ("https://koine.example", Some("koine.example")),
            ("https://koine.example:8443/", Some("koine.example")),
            ("http://localhost:8080", Some("localhost")),
            ("http://127.0.0.1:8080", Some("localhost")),
            ("http://[::1]:8080", Some("localhost")),
            ("http://koine.example", None),
            ("https://192.0.2.1", None),
            ("no address", None),
        ] {
            let begun = Site::of(url).begin_sign_in();
            let seen = begun.as_ref().ok().map(|(options, _)| serde_json::from_str::<Value>(options).unwrap());
            assert_eq!(seen.map(|options| options["publicKey"]["rpId"].clone()), rp_id.map(Value::from), "{url}");
            assert!(begun.is_ok() || begun.is_err_and(|error| error.is(Reason::PasskeyNotPossible)), "{url}");
        }
    }

    #[test]
    fn a_device_is_asked_for_a_key_that_it_finds_and_looks_after_and_for_no_second_one() {
        let ground = Ground::without_store();
        let ctx = ground.anybody();
        let account = account(&ctx, "ana@school.example", None, None);
        let (other, id) = (key(&ctx, &account), ctx.new_id());
        let site = Site::of("https://koine.example");
        let (options, _) = site.begin_adding(&ctx, id, &account, std::slice::from_ref(&other)).unwrap();
        let options: Value = serde_json::from_str(&options).unwrap();
        let wanted = &options["publicKey"];
        assert_eq!(wanted["rp"], json!({ "id": "koine.example", "name": "Testlandia" }));
        assert_eq!(wanted["user"]["name"], "ana@school.example (it)");
        assert_eq!(wanted["attestation"], "none");
        assert_eq!(wanted["authenticatorSelection"]["residentKey"], "required");
        assert_eq!(wanted["authenticatorSelection"]["userVerification"], "required");
        assert_eq!(wanted["excludeCredentials"], json!([{ "type": "public-key", "id": other.key_name() }]));
    }
}
