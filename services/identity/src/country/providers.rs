//! The identity providers that a country trusts: the tables `[[identity.providers]]` of its file. National systems that speak something
//! else than OpenID Connect stand behind a broker, which is then the provider.

use platform::{outbound::fetch::Fetch, secret::Secret};
use serde::Deserialize;

/// One identity provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    code: String,
    name: String,
    issuer: String,
    client_id: String,
    client_secret: Option<Secret>,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    second_factor: SecondFactor,
}

/// What in an answer proves that two factors were shown there. Nothing does, where nothing is named.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SecondFactor {
    /// Values of `acr`, which are also asked for.
    acr: Vec<String>,
    /// Values that `amr` contains one of.
    amr: Vec<String>,
}

/// The most characters of a code.
const CODE: usize = 32;

impl Provider {
    /// Its code, by which the API names it.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The issuer of its answers, exactly as it writes itself.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What it calls this installation.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The secret that it gave this installation. None for a public client, for which PKCE alone speaks.
    pub fn client_secret(&self) -> Option<&Secret> {
        self.client_secret.as_ref()
    }

    /// What is asked for beside `openid`.
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// The values of `acr` that are asked for.
    pub fn wanted_acr(&self) -> &[String] {
        &self.second_factor.acr
    }

    /// Whether it can prove two factors at all, in the eyes of the country.
    pub fn is_believed_of_two(&self) -> bool {
        !self.second_factor.acr.is_empty() || !self.second_factor.amr.is_empty()
    }

    /// Whether an answer proves that two factors were shown.
    pub fn proves_two_factors<'a>(&self, acr: Option<&str>, amr: impl IntoIterator<Item = &'a str>) -> bool {
        let SecondFactor { acr: levels, amr: ways } = &self.second_factor;
        let is_level = acr.is_some_and(|acr| levels.iter().any(|level| level == acr));
        is_level || amr.into_iter().any(|way| ways.iter().any(|known| known == way))
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut add = |key: &str, what: &str| faults.push(format!("identity.providers.{}.{key}: {what}", self.code));
        let is_sign = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.code.is_empty() || self.code.len() > CODE || !self.code.bytes().all(is_sign) {
            add("code", "at most 32 small letters, digits and hyphens, such as `school-login`");
        }
        if self.name.trim().is_empty() {
            add("name", "what people call it, such as `SPID`");
        }
        if self.client_id.trim().is_empty() {
            add("client_id", "what the provider calls this installation");
        }
        if !Fetch::takes(&self.issuer) || self.issuer.contains(['?', '#']) {
            add(
                "issuer",
                "an `https` URL without query, as the provider writes it; `http` only for this machine, such as `http://127.0.0.1:9000`",
            );
        }
        let SecondFactor { acr, amr } = &self.second_factor;
        for (key, words) in [("scopes", &self.scopes), ("second_factor.acr", acr), ("second_factor.amr", amr)] {
            if words.iter().any(|word| word.is_empty() || word.contains(char::is_whitespace)) {
                add(key, "a list of words without spaces");
            }
        }
        faults
    }
}

/// What is wrong with the providers of a file.
pub(super) fn faults(providers: &[Provider]) -> Vec<String> {
    let mut faults: Vec<_> = providers.iter().flat_map(Provider::faults).collect();
    for (at, provider) in providers.iter().enumerate() {
        let before = &providers[..at];
        if before.iter().any(|other| other.code == provider.code) {
            faults.push(format!("identity.providers.{}.code: two providers have this code", provider.code));
        }
        // whose subjects they are would not be known
        if before.iter().any(|other| other.issuer == provider.issuer) {
            faults.push(format!("identity.providers.{}.issuer: two providers have this issuer", provider.code));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPID: &str = "code = 'spid'\nname = 'SPID'\nissuer = 'https://login.example'\nclient_id = 'koine'\n";

    fn provider(more: &str) -> Provider {
        toml::from_str(&format!("{SPID}{more}")).unwrap()
    }

    #[test]
    fn what_proves_two_factors_is_named_and_nothing_else_does() {
        let silent = provider("");
        assert!(!silent.proves_two_factors(Some("level2"), ["mfa"]));
        let strict = provider("second_factor = { acr = ['level2'], amr = ['mfa', 'hwk'] }");
        for (acr, amr, expected) in [
            (Some("level2"), &[][..], true),
            (None, &["pwd", "hwk"], true),
            (Some("level1"), &["pwd"], false),
            (Some("mfa"), &["level2"], false),
            (None, &[], false),
        ] {
            assert_eq!(strict.proves_two_factors(acr, amr.iter().copied()), expected, "{acr:?} {amr:?}");
        }
    }

    #[test]
    fn what_cannot_work_is_a_fault_that_names_its_key() {
        assert_eq!(faults(&[provider("client_secret = 'hunter2'\nscopes = ['profile']")]), Vec::<String>::new());
        let of = |from: &str, to: &str| faults(&[toml::from_str(&SPID.replace(from, to)).unwrap()]);
        for (from, to, key) in [
            ("'spid'", "'SPID 2'", "code"),
            ("'SPID'", "' '", "name"),
            ("'koine'", "''", "client_id"),
            ("https://login.example", "http://login.example", "issuer"),
            ("https://login.example", "https://login.example?a=b", "issuer"),
            ("https://login.example", "login", "issuer"),
        ] {
            let found = of(from, to);
            assert!(found.len() == 1 && found[0].contains(&format!(".{key}: ")), "{to}: {found:?}");
        }
        assert!(of("https://login.example", "http://127.0.0.1:9000").is_empty());
        assert!(faults(&[provider("scopes = ['a b']")])[0].contains(".scopes: "));
        assert!(faults(&[provider("second_factor.amr = ['']")])[0].contains(".second_factor.amr: "));
        assert_eq!(faults(&[provider(""), provider("")]).len(), 2);
    }

    #[test]
    fn a_secret_is_not_printed_and_what_nobody_knows_is_refused() {
        let provider = provider("client_secret = 'hunter2'");
        assert!(!format!("{provider:?}").contains("hunter2"));
        assert!(toml::from_str::<Provider>(&format!("{SPID}colour = 'red'")).is_err());
    }
}
