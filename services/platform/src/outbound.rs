//! Calls to servers of others, at addresses that somebody has typed. Whoever types one must not reach what only this machine can reach: the
//! name is resolved here, each address that it stands for is judged, and the connection goes to an address that was judged, never to the
//! name again. No redirect is followed, no more is read of an answer than its head, and all of it takes [`PATIENCE`] at most.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Uri, header};
use http_body_util::Full;
use hyper::client::conn::http1::Builder;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
};
use tokio_rustls::TlsConnector;

use crate::{Error, Result};

pub mod fetch;

/// How long a call may take, from the question for the address to the head of the answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// The most bytes of the head of an answer.
const HEAD: usize = 32 << 10;

/// Calls servers of others. Cheap to clone.
#[derive(Clone)]
pub struct Outbound {
    tls: Arc<ClientConfig>,
    to_this_machine: bool,
}

/// Why there is no answer. It says nothing of what is at the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The name stands for no address that anybody could reach.
    Refused,
    /// Nobody answers there, or not in the way of HTTP.
    Unanswered,
    /// It took too long.
    Slow,
    /// The answer is larger than what is read of one.
    Large,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "the address is none that may be called",
            Self::Unanswered => "nobody answers there",
            Self::Slow => "it took too long",
            Self::Large => "the answer is too large",
        })
    }
}

impl std::error::Error for Failure {}

/// Where a URL leads.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    is_secure: bool,
    host: String,
    port: u16,
    path: String,
}

impl Outbound {
    /// Calls with `https` alone, to addresses that are everybody's. For a developer, `to_this_machine` also lets it call `http` at this
    /// machine's own addresses, and nowhere else.
    pub fn new(to_this_machine: bool) -> Result<Self> {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        Self::trusting(roots, to_this_machine)
    }

    fn trusting(roots: RootCertStore, to_this_machine: bool) -> Result<Self> {
        Ok(Self { tls: tls(roots)?, to_this_machine })
    }

    /// Whether it would call a URL, as far as the URL alone tells.
    pub fn takes(&self, url: &str) -> bool {
        self.target(url).is_some()
    }

    /// Posts a body of JSON with some more headers. Returns the number of the status in the answer.
    pub async fn post(&self, url: &str, headers: &[(&'static str, String)], body: String) -> Result<u16, Failure> {
        let target = self.target(url).ok_or(Failure::Refused)?;
        let mut request = Request::post(&target.path).header(header::HOST, target.authority());
        for (name, value) in [("content-type", "application/json"), ("user-agent", "koine")] {
            request = request.header(name, value);
        }
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::new(Bytes::from(body))).map_err(|_| Failure::Refused)?;
        let called = tokio::time::timeout(PATIENCE, self.call(&target, request)).await;
        called.unwrap_or(Err(Failure::Slow))
    }

    async fn call(&self, target: &Target, request: Request<Full<Bytes>>) -> Result<u16, Failure> {
        let stream = TcpStream::connect(self.address(target).await?).await.map_err(|_| Failure::Unanswered)?;
        if !target.is_secure {
            return exchange(stream, request).await;
        }
        exchange(target.secured(&self.tls, stream).await?, request).await
    }

    /// The first address of a name that may be called.
    async fn address(&self, target: &Target) -> Result<SocketAddr, Failure> {
        let found = lookup_host((target.host.as_str(), target.port)).await.map_err(|_| Failure::Unanswered)?;
        let mut may = found.filter(|address| match target.is_secure {
            true => is_everybodys(address.ip()) || (self.to_this_machine && address.ip().is_loopback()),
            false => self.to_this_machine && address.ip().is_loopback(),
        });
        may.next().ok_or(Failure::Refused)
    }

    fn target(&self, url: &str) -> Option<Target> {
        Target::of(&url.parse().ok()?).filter(|target| target.is_secure || self.to_this_machine)
    }
}

/// What calls with TLS begin with.
fn tls(roots: RootCertStore) -> Result<Arc<ClientConfig>> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(Arc::new(tls.map_err(Error::internal)?.with_root_certificates(roots).with_no_client_auth()))
}

impl Target {
    fn of(uri: &Uri) -> Option<Self> {
        let is_secure = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Some(Self { is_secure, host, port, path }).filter(|target| !target.host.is_empty())
    }

    /// A connection to it, with TLS.
    async fn secured(
        &self,
        tls: &Arc<ClientConfig>,
        stream: TcpStream,
    ) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Failure> {
        let name = ServerName::try_from(self.host.clone()).map_err(|_| Failure::Refused)?;
        TlsConnector::from(tls.clone()).connect(name, stream).await.map_err(|_| Failure::Unanswered)
    }

    fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let usual = if self.is_secure { 443 } else { 80 };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }
}

/// Sends a request, and reads the head of the answer.
async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<u16, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let begun = Builder::new().max_buf_size(HEAD).handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = begun.map_err(|_| Failure::Unanswered)?;
    let answer = sender.send_request(request);
    tokio::pin!(answer, connection);
    let answer = tokio::select! {
        biased;
        answer = &mut answer => answer,
        // it may have been read to its end with the answer
        _ = &mut connection => answer.await,
    };
    answer.map(|answer| answer.status().as_u16()).map_err(|_| Failure::Unanswered)
}

/// Whether an address is one of the internet, which everybody can call, and not of this machine or of a network of somebody's own.
fn is_everybodys(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_everybodys_v4(ip),
        IpAddr::V6(ip) => is_everybodys_v6(ip),
    }
}

fn is_everybodys_v4(ip: Ipv4Addr) -> bool {
    let [first, second, third, _] = ip.octets();
    let is_special = ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        // this network, 0.0.0.0 among it
        || first == 0
        // shared by customers of a provider
        || (first == 100 && second & 0xc0 == 64)
        // of protocols, of what leads to tunnels, and of measurements
        || (first == 192 && second == 0 && third == 0)
        || (first == 192 && second == 88 && third == 99)
        || (first == 198 && second & 0xfe == 18)
        // of groups, and reserved, the address of all among them
        || first >= 224;
    !is_special
}

/// What the registry of special addresses (IANA, RFC 6890) keeps from everybody is refused whole: what is given to anybody is a part of
/// 2000::/3, and the addresses of other forms, in which one of IPv4 stands, lead somewhere that nobody here can know. The one exception is
/// the well-known prefix of translators, by which a machine without IPv4 reaches everybody else's: the address in it is judged.
fn is_everybodys_v6(ip: Ipv6Addr) -> bool {
    let [first, second, third, fourth, fifth, sixth, seventh, eighth] = ip.segments();
    match (first, second) {
        // 64:ff9b::/96 alone: in 64:ff9b:1::/48 (RFC 8215) a network translates as it likes, and its own addresses too
        (0x64, 0xff9b) if [third, fourth, fifth, sixth] == [0; 4] => {
            is_everybodys_v4(Ipv4Addr::from((u32::from(seventh) << 16) | u32::from(eighth)))
        }
        // of protocols: tunnels through a third machine (Teredo), measurements, and names that are no places
        (0x2001, 0..=0x1ff) => false,
        // documentation, as 3fff::/20 is
        (0x2001, 0xdb8) | (0x3fff, 0..=0xfff) => false,
        // behind a tunnel to an address of IPv4 (6to4), which has been given up
        (0x2002, _) => false,
        // inside any network, behind a tunnel to an address of IPv4 (ISATAP)
        _ if fifth & !0x200 == 0 && sixth == 0x5efe => false,
        _ => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use rustls::ServerConfig;
    use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };
    use tokio_rustls::TlsAcceptor;

    use super::*;
    use crate::tls::testing::Authority;

    const FINE: &str = "HTTP/1.1 204 No Content\r\n\r\n";

    async fn listener() -> (TcpListener, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        (listener, port)
    }

    /// Reads one request, and answers with a text. Returns the request.
    async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, text: &str) -> String {
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            let mut part = [0; 1024];
            let count = stream.read(&mut part).await.unwrap();
            request.extend_from_slice(&part[..count]);
            if count == 0 {
                break;
            }
        }
        stream.write_all(text.as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap()
    }

    async fn posted(outbound: &Outbound, url: &str) -> Result<u16, Failure> {
        outbound.post(url, &[("webhook-id", "msg_1".to_owned())], "{}".to_owned()).await
    }

    /// What is said of a server that answers with a text, and what it was sent.
    async fn answered(text: &str) -> (Result<u16, Failure>, String) {
        let (listener, port) = listener().await;
        let serve = async { answer(listener.accept().await.unwrap().0, text).await };
        let (outbound, url) = (Outbound::new(true).unwrap(), format!("http://127.0.0.1:{port}/a?b=c"));
        tokio::join!(posted(&outbound, &url), serve)
    }

    #[tokio::test]
    async fn what_is_posted_arrives_and_the_status_is_all_that_is_read() {
        let (status, request) = answered(FINE).await;
        assert_eq!(status, Ok(204));
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /a?b=c HTTP/1.1\r\n") && body == "{}", "{request}");
        for header in ["host: 127.0.0.1:", "content-type: application/json", "webhook-id: msg_1"] {
            assert!(head.contains(header), "{head}");
        }
        // a body without an end is not waited for, and nobody goes where a server sends us
        assert_eq!(answered("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").await.0, Ok(200));
        let elsewhere = answered("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n");
        assert_eq!(elsewhere.await.0, Ok(302));
        assert_eq!(answered("what nobody calls HTTP\r\n\r\n").await.0, Err(Failure::Unanswered));
        let long = format!("HTTP/1.1 200 OK\r\nlong: {}\r\n\r\n", "x".repeat(2 * HEAD));
        assert_eq!(answered(&long).await.0, Err(Failure::Unanswered));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_silent_is_not_waited_for() {
        let (listener, port) = listener().await;
        let outbound = Outbound::new(true).unwrap();
        let url = format!("http://127.0.0.1:{port}/");
        let (status, _held) = tokio::join!(posted(&outbound, &url), async { listener.accept().await.unwrap() });
        assert_eq!(status, Err(Failure::Slow));
    }

    #[tokio::test]
    async fn a_server_shows_a_certificate_for_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let files = Authority::new("web").issue(folder.path(), "localhost");
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&files.ca).unwrap()).unwrap();
        let chain = vec![CertificateDer::from_pem_file(&files.cert).unwrap()];
        let key = PrivateKeyDer::from_pem_file(&files.key).unwrap();
        let server = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let server = server.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let acceptor = TlsAcceptor::from(Arc::new(server.with_single_cert(chain, key).unwrap()));
        let (listener, port) = listener().await;
        let trusting = Outbound::trusting(roots, true).unwrap();
        for (outbound, host, expected) in [
            (&trusting, "localhost", Ok(204)),
            (&trusting, "127.0.0.1", Err(Failure::Unanswered)),
            (&Outbound::new(true).unwrap(), "localhost", Err(Failure::Unanswered)),
        ] {
            let serve = async {
                let accepted = acceptor.accept(listener.accept().await.unwrap().0).await;
                if let Ok(stream) = accepted {
                    answer(stream, FINE).await;
                }
            };
            let url = format!("https://{host}:{port}/");
            let (status, ()) = tokio::join!(posted(outbound, &url), serve);
            assert_eq!(status, expected, "{host}");
        }
    }

    #[tokio::test]
    async fn an_address_is_judged_when_it_is_called_whatever_its_name() {
        let (_listener, port) = listener().await;
        let everybodys = Outbound::new(false).unwrap();
        for host in
            ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0.0.0.0", "10.0.0.1"]
        {
            let refused = posted(&everybodys, &format!("https://{host}:{port}/")).await;
            assert!(matches!(refused, Err(Failure::Refused | Failure::Unanswered)), "{host}: {refused:?}");
        }
        let developers = Outbound::new(true).unwrap();
        assert_eq!(posted(&developers, "http://10.0.0.1/").await, Err(Failure::Refused));
    }

    #[test]
    fn only_urls_of_the_web_are_taken_and_for_a_developer_also_plain_ones() {
        let (everybodys, developers) = (Outbound::new(false).unwrap(), Outbound::new(true).unwrap());
        assert!(everybodys.takes("https://hooks.portal.example/a?b=c") && everybodys.takes("https://[2a00::1]:8443/"));
        for url in
            ["http://hooks.portal.example/", "ftp://a/", "https://ana:pass@a/", "https:///a", "/a", "https://", ""]
        {
            assert!(!everybodys.takes(url), "{url}");
        }
        assert!(developers.takes("http://127.0.0.1:80/") && !developers.takes("http://ana@127.0.0.1/"));
    }

    const EVERYBODYS: &str = "1.1.1.1 100.128.0.1 172.32.0.1 192.0.1.1 192.88.98.1 198.20.0.1 223.255.255.255 \
        2a00:1450::1 2000::1 2001:200::1 2001:4860:4860::8888 2003::1 2620:4f:8000::1 3ffe::1 3fff:1000::1 \
        64:ff9b::1.1.1.1 64:ff9b::101:101";
    const OWN: &str = "0.0.0.0 0.1.2.3 10.1.2.3 100.64.0.1 127.0.0.1 127.255.0.1 169.254.169.254 172.16.0.1 172.31.255.255 \
        192.0.0.8 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 240.0.0.1 \
        255.255.255.255";

    #[test]
    fn what_is_of_this_machine_or_of_somebodys_own_network_is_not_everybodys() {
        let is = |ip: &str| is_everybodys(ip.parse().unwrap());
        for ip in EVERYBODYS.split_whitespace() {
            assert!(is(ip), "{ip}");
        }
        for ip in OWN.split_whitespace() {
            assert!(!is(ip), "{ip}");
        }
        for (what, ips) in [
            ("nothing, and this machine", ":: ::1"),
            ("IPv4, mapped and compatible", "::ffff:8.8.8.8 ::ffff:10.0.0.1 ::ffff:0:8.8.8.8 ::8.8.8.8 ::7f00:1"),
            ("translated, but of somebody's own", "64:ff9b::10.0.0.1 64:ff9b::127.0.0.1 64:ff9b::169.254.169.254"),
            (
                "translated as a network likes (RFC 8215), and beside the prefix",
                "64:ff9b:1::1.1.1.1 64:ff9b:1:ffff::8.8.8.8 64:ff9b:1:2:3:4:101:101 64:ff9b:2::1.1.1.1 \
                 64:ff9b:0:1::1.1.1.1 64:ff9b::1:101:101 64:ff9c::1.1.1.1",
            ),
            ("discarded", "100::1 100:0:0:1::1"),
            (
                "of protocols: Teredo, measurements, ORCHID",
                "2001::1 2001:0:4136:e378::1 2001:2::1 2001:10::1 2001:20::1 2001:1ff::1",
            ),
            ("documentation", "2001:db8::1 2001:db8:ffff::1 3fff::1 3fff:fff:ffff::1"),
            ("6to4", "2002:a00:1::1 2002:7f00:1::1 2002:101:101::1 2002:c058:6301::1"),
            ("ISATAP", "2a00:1450:1:2:0:5efe:10.0.0.1 2a00:1450:1:2:200:5efe:8.8.8.8 fe80::5efe:10.0.0.1"),
            ("segment routing", "5f00::1 5f00:ffff::1"),
            ("of one link, and of a site", "fe80::1 febf::1 fec0::1 feff::1"),
            ("of somebody's own", "fc00::1 fd12::1 fdff:ffff::1"),
            ("of groups", "ff00::1 ff02::1 ff0e::1"),
            ("given to nobody", "200::1 1000::1 4000::1 8000::1 f000::1"),
        ] {
            for ip in ips.split_whitespace() {
                assert!(!is(ip), "{what}: {ip}");
            }
        }
    }
}
