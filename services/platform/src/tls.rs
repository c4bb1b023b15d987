//! TLS between the machines of an installation. Both sides must show a certificate of the installation's authority. Renewed
//! certificates are used without a restart.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    server::WebPkiClientVerifier,
    version::TLS13,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use crate::{Error, Result, Tasks};

/// The section `[tls]`. All three are paths of PEM files.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The certificate of the installation's authority.
    pub ca: PathBuf,
    /// The certificate of this process, with those between it and the authority.
    pub cert: PathBuf,
    /// The key of the certificate.
    pub key: PathBuf,
}

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How often the files are checked.
const LOOK: Duration = Duration::from_secs(1);

/// The current certificates. Cheap to clone; all clones see a renewal.
#[derive(Clone)]
pub struct Tls(Arc<Inner>);

struct Inner {
    settings: Settings,
    sides: ArcSwap<Sides>,
    seen: ArcSwap<Stamps>,
}

struct Sides {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

type Stamps = [Option<(SystemTime, u64)>; 3];

impl Tls {
    /// Reads the certificates. Error: internal, with the setting and the file.
    pub fn load(settings: &Settings) -> Result<Self> {
        let seen = stamps(settings);
        let sides = Sides::read(settings)?;
        let settings = settings.clone();
        Ok(Self(Arc::new(Inner { settings, sides: ArcSwap::from_pointee(sides), seen: ArcSwap::from_pointee(seen) })))
    }

    /// Checks the files every second and uses new ones.
    pub fn watch(&self, tasks: &Tasks) {
        let tls = self.clone();
        tasks.spawn_every("certificates", LOOK, move || match tls.reload_if_changed() {
            Ok(true) => tracing::info!("certificates renewed"),
            Ok(false) => {}
            Err(error) => tracing::error!(?error, "new certificates cannot be used; the old ones stay"),
        });
    }

    /// Reads the files again, where they have changed. New connections use the new certificates; files that cannot be read leave
    /// the old ones in use. Returns whether there are new ones.
    pub fn reload_if_changed(&self) -> Result<bool> {
        let now = stamps(&self.0.settings);
        if now == **self.0.seen.load() {
            return Ok(false);
        }
        // also where they cannot be read, so that the log has one line per change and not one per second
        self.0.seen.store(Arc::new(now));
        self.0.sides.store(Arc::new(Sides::read(&self.0.settings)?));
        Ok(true)
    }

    /// Lets the other side in, if it shows a certificate of our authority in this time.
    pub(crate) async fn accept<S>(&self, stream: S, patience: Duration) -> io::Result<server::TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let acceptor = TlsAcceptor::from(self.0.sides.load().server.clone());
        tokio::time::timeout(patience, acceptor.accept(stream)).await?
    }

    /// Connects to `host`, where it shows a certificate of the installation's authority for this name.
    pub(crate) async fn connect(&self, host: String, stream: TcpStream) -> io::Result<client::TlsStream<TcpStream>> {
        let name = ServerName::try_from(host).map_err(io::Error::other)?;
        let connector = TlsConnector::from(self.0.sides.load().client.clone());
        tokio::time::timeout(HANDSHAKE, connector.connect(name, stream)).await?
    }
}

impl Sides {
    fn read(settings: &Settings) -> Result<Self> {
        let Settings { ca, cert, key } = settings;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        for authority in certificates(ca).map_err(fault("tls.ca", ca))? {
            roots.add(authority).map_err(fault("tls.ca", ca))?;
        }
        let roots = Arc::new(roots);
        let chain = certificates(cert).map_err(fault("tls.cert", cert))?;
        let private = || PrivateKeyDer::from_pem_file(key).map_err(fault("tls.key", key));
        Ok(Self {
            server: Arc::new(
                server_side(&provider, &roots, chain.clone(), private()?).map_err(fault("tls.cert", cert))?,
            ),
            client: Arc::new(client_side(&provider, &roots, chain, private()?).map_err(fault("tls.cert", cert))?),
        })
    }
}

type Chain = Vec<CertificateDer<'static>>;
type AnyError = Box<dyn std::error::Error + Send + Sync>;

fn certificates(file: &Path) -> Result<Chain, AnyError> {
    let found: Chain = CertificateDer::pem_file_iter(file)?.collect::<Result<_, _>>()?;
    if found.is_empty() { Err("there is no certificate in it".into()) } else { Ok(found) }
}

fn server_side(
    provider: &Arc<CryptoProvider>,
    roots: &Arc<RootCertStore>,
    chain: Chain,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, AnyError> {
    let shown = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone()).build()?;
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(&[&TLS13])?;
    let mut config = builder.with_client_cert_verifier(shown).with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

fn client_side(
    provider: &Arc<CryptoProvider>,
    roots: &Arc<RootCertStore>,
    chain: Chain,
    key: PrivateKeyDer<'static>,
) -> Result<ClientConfig, AnyError> {
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_protocol_versions(&[&TLS13])?;
    let mut config = builder.with_root_certificates(roots.clone()).with_client_auth_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// Adds the setting and the file to an error.
fn fault<E: Into<AnyError>>(key: &'static str, file: &Path) -> impl Fn(E) -> Error {
    move |error| Error::internal(format!("{key}: {}: {}", file.display(), error.into()))
}

fn stamps(settings: &Settings) -> Stamps {
    [&settings.ca, &settings.cert, &settings.key].map(|file| {
        let about = fs::metadata(file).ok()?;
        Some((about.modified().ok()?, about.len()))
    })
}

#[cfg(test)]
pub(crate) mod testing;

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::{testing::Authority, *};

    /// Whether a client with one set of certificates gets through to a server with another.
    async fn meets(client: &Tls, server: &Tls, name: &str) -> (bool, bool) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = async {
            let Ok(mut stream) = server.accept(listener.accept().await.unwrap().0, HANDSHAKE).await else {
                return false;
            };
            stream.write_all(b"!").await.is_ok()
        };
        let connecting = async {
            let stream = TcpStream::connect(address).await.unwrap();
            let Ok(mut stream) = client.connect(name.to_owned(), stream).await else { return false };
            // the server's refusal of a client's certificate comes after the client is done: it shows at the first read
            stream.read_exact(&mut [0]).await.is_ok()
        };
        tokio::join!(accepting, connecting)
    }

    #[tokio::test]
    async fn both_sides_show_a_certificate_of_the_authority() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
        let server = Tls::load(&ours.issue(&folder.path().join("server"), "localhost")).unwrap();
        let client = Tls::load(&ours.issue(&folder.path().join("client"), "client")).unwrap();
        assert_eq!(meets(&client, &server, "localhost").await, (true, true));
        let stranger = Tls::load(&theirs.issue(&folder.path().join("stranger"), "client")).unwrap();
        assert_eq!(meets(&stranger, &server, "localhost").await, (false, false));
    }

    #[tokio::test]
    async fn a_server_is_believed_only_in_its_own_name() {
        let folder = tempfile::tempdir().unwrap();
        let ours = Authority::new("ours");
        let server = Tls::load(&ours.issue(&folder.path().join("server"), "identity")).unwrap();
        assert_eq!(meets(&server, &server, "localhost").await, (false, false));
    }

    #[tokio::test]
    async fn a_client_without_a_certificate_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Authority::new("ours").issue(folder.path(), "localhost");
        let server = Tls::load(&settings).unwrap();
        let bare = Tls::load(&settings).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certificates(&settings.ca).unwrap().remove(0)).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let config =
            builder.with_protocol_versions(&[&TLS13]).unwrap().with_root_certificates(roots).with_no_client_auth();
        let nothing = Sides { server: bare.0.sides.load().server.clone(), client: Arc::new(config) };
        bare.0.sides.store(Arc::new(nothing));
        assert_eq!(meets(&bare, &server, "localhost").await, (false, false));
    }

    #[tokio::test]
    async fn renewed_certificates_are_taken_up_and_broken_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (Authority::new("old"), Authority::new("renewed"));
        let settings = old.issue(&folder.path().join("server"), "localhost");
        let server = Tls::load(&settings).unwrap();
        let client_of = |authority: &Authority, name: &str| {
            Tls::load(&authority.issue(&folder.path().join(name), "client")).unwrap()
        };
        let (old_client, new_client) = (client_of(&old, "old"), client_of(&new, "new"));
        assert!(!server.reload_if_changed().unwrap(), "nothing changed");

        fs::write(&settings.cert, "broken").unwrap();
        let error = server.reload_if_changed().unwrap_err();
        assert!(format!("{error:?}").contains("tls.cert"), "{error:?}");
        assert!(!server.reload_if_changed().unwrap(), "one error per change");
        assert_eq!(meets(&old_client, &server, "localhost").await, (true, true));

        new.issue(&folder.path().join("server"), "localhost");
        assert!(server.reload_if_changed().unwrap());
        assert_eq!(meets(&new_client, &server, "localhost").await, (true, true));
        assert_eq!(meets(&old_client, &server, "localhost").await, (false, false));
    }

    #[test]
    fn a_missing_file_is_named_with_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Authority::new("ours").issue(folder.path(), "localhost");
        let error = Tls::load(&Settings { key: "/nowhere/key.pem".into(), ..settings }).err().unwrap();
        assert!(format!("{error:?}").contains("tls.key: /nowhere/key.pem"), "{error:?}");
    }
}
