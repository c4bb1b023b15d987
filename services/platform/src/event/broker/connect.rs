//! The addresses of the broker, and the credentials for it.

use async_nats::{ConnectOptions, ServerAddr};

use super::super::Settings;
use crate::{Error, Result, client::is_here, tls};

/// The servers of the setting `nats`. Error: internal, where one is no address, or would be reached over a network without TLS.
pub(super) fn servers(settings: &Settings) -> Result<Vec<ServerAddr>> {
    let fault = |text: String| Error::internal(format!("events.nats: {text}"));
    let servers = settings.nats.iter().flat_map(|servers| servers.split(',')).map(str::trim);
    let servers: Vec<ServerAddr> = servers
        .map(|server| {
            server.parse().map_err(|_| fault(format!("`{server}` is not like `tls://nats.example.org:4222`")))
        })
        .collect::<Result<_>>()?;
    if let Some(server) = servers.iter().find(|server| server.has_user_pass()) {
        return Err(fault(format!("`{}` is with a password: write it into `events.password`", server.host())));
    }
    if !servers.iter().all(ServerAddr::tls_required)
        && let Some(server) = servers.iter().find(|server| !is_here(server.host()))
    {
        return Err(fault(format!("`{}` is another machine: every server begins with `tls://` then", server.host())));
    }
    if servers.is_empty() { Err(fault("names no server".to_owned())) } else { Ok(servers) }
}

/// The options of a connection: credentials and certificates. Error: internal, with the setting that cannot be used.
pub(super) fn options(settings: &Settings, tls: Option<&tls::Settings>) -> Result<ConnectOptions> {
    // the library needs an installed provider: `run_with` installs one, but tests do not call it
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut options = credentials(settings)?;
    if servers(settings)?.iter().any(ServerAddr::tls_required) {
        let Some(authority) = settings.ca.as_ref().or(tls.map(|tls| &tls.ca)) else {
            return Err(Error::internal(
                "events.ca: is missing: the certificate of the authority the broker's certificate is from",
            ));
        };
        options = options.require_tls(true).add_root_certificates(authority.clone());
        if let Some(tls) = tls {
            options = options.add_client_certificate(tls.cert.clone(), tls.key.clone());
        }
    }
    Ok(options)
}

fn credentials(settings: &Settings) -> Result<ConnectOptions> {
    let Settings { user, password, token, nkey, credentials, .. } = settings;
    let options = ConnectOptions::new();
    match (user, password, token, nkey, credentials) {
        (None, None, None, None, None) => Ok(options),
        (Some(user), Some(password), None, None, None) => {
            Ok(options.user_and_password(user.clone(), password.reveal()?))
        }
        (None, None, Some(token), None, None) => Ok(options.token(token.reveal()?)),
        (None, None, None, Some(seed), None) => Ok(options.nkey(seed.reveal()?)),
        (None, None, None, None, Some(credentials)) => options
            .credentials(&credentials.reveal()?)
            .map_err(|_| Error::internal("events.credentials: is not what stands in a `.creds` file")),
        _ => Err(Error::internal(
            "events: the broker knows this process by one of these: `user` and `password`, `token`, `nkey`, `credentials`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::text_of;

    fn settings(nats: &str) -> Settings {
        Settings { nats: Some(nats.to_owned()), ..Settings::default() }
    }

    #[test]
    fn a_broker_on_another_machine_is_never_spoken_to_in_the_open() {
        for open in ["nats://nats.example.org:4222", "tls://a.example.org,nats://b.example.org", "nats.example.org"] {
            assert!(text_of(&servers(&settings(open)).unwrap_err()).contains("tls://"), "{open}");
        }
        for good in ["nats://127.0.0.1:4222", "tls://a.example.org:4222, tls://b.example.org", "localhost:4222"] {
            assert!(servers(&settings(good)).is_ok(), "{good}");
        }
        assert!(text_of(&servers(&settings("nats://a:hunter2@localhost")).unwrap_err()).contains("events.password"));
    }

    #[test]
    fn a_secure_broker_needs_an_authority_and_one_kind_of_credentials_is_enough() {
        let fault = |settings: &Settings| text_of(&options(settings, None).err().unwrap());
        assert!(fault(&settings("tls://a.example.org")).starts_with("events.ca: "));
        let local = settings("nats://localhost");
        let both = Settings { token: Some("a".into()), nkey: Some("b".into()), ..local.clone() };
        assert!(fault(&both).starts_with("events: "));
        assert!(fault(&Settings { user: Some("a".into()), ..local.clone() }).starts_with("events: "));
        let broken = Settings { credentials: Some("nothing".into()), ..local.clone() };
        assert!(fault(&broken).starts_with("events.credentials: "));
        assert!(options(&Settings { user: Some("a".into()), password: Some("b".into()), ..local }, None).is_ok());
    }
}
