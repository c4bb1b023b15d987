//! A real OpenID Provider for one test, on a free port of this machine: `oidc-provider` of npm, by `tests/oidc/provider.mjs`. And a person
//! with a browser, who goes to a provider and comes back.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Once,
};

use ::http::{Method, header};

use crate::{Answer, Http, World, world::tenant_files};

/// The provider. Dropping it ends it.
pub struct OpenIdProvider {
    child: Child,
    issuer: String,
}

/// The secret that it gave us.
const SECRET: &str = "a-secret-of-the-provider";

impl OpenIdProvider {
    /// Starts a provider that leads back to the pages of a tenant, and waits until it is ready.
    pub fn start(tenant: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/oidc");
        let is_there = folder.join("node_modules/oidc-provider").exists();
        assert!(is_there, "there is no OpenID Provider for tests here: `scripts/oidc` brings one");
        // modules are looked for beside the program
        static COPY: Once = Once::new();
        let program = folder.join("provider.mjs");
        COPY.call_once(|| {
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("oidc/provider.mjs");
            fs::copy(source, &program).expect("a copy of the program");
        });
        let mut node = Command::new("node");
        node.arg(&program).arg(SECRET).arg(format!("http://127.0.0.1:8080/{tenant}"));
        node.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = node.spawn().unwrap_or_else(|error| panic!("node: {error}"));
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let said = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("issuer ").map(str::to_owned));
        Self { child, issuer: said.expect("a provider that is ready") }
    }

    /// What the file of a tenant says of it, under a code, with more keys.
    pub fn table(&self, code: &str, more: &str) -> String {
        table(code, &self.issuer, SECRET, more)
    }

    /// Its issuer.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }
}

impl Drop for OpenIdProvider {
    fn drop(&mut self) {
        self.child.kill().expect("a running provider");
        self.child.wait().expect("an end");
    }
}

impl World {
    /// Adds tables to the file of a tenant as it comes with the system, and reloads the tenants. Panics, where the file has faults.
    pub fn add_to_tenant(&self, name: &str, tables: &str) {
        let text = fs::read_to_string(tenant_files().join(format!("{name}.toml"))).expect("a file");
        let faults = self.write_tenant(name, &format!("{text}\n{tables}"));
        assert!(faults.is_empty(), "{faults:?}");
    }
}

/// What the file of a tenant says of a provider.
pub fn table(code: &str, issuer: &str, secret: &str, more: &str) -> String {
    format!(
        "[[identity.providers]]\ncode = {code:?}\nname = \"The {code} login\"\nissuer = {issuer:?}\nclient_id = \"koine\"\n\
         client_secret = {secret:?}\n{more}\n"
    )
}

/// A person with a browser, at the pages of a provider.
pub struct Person {
    headers: Vec<(&'static str, String)>,
    cookies: BTreeMap<String, String>,
}

impl Person {
    /// Somebody whom the provider knows by a name.
    pub fn called(name: &str) -> Self {
        Self { headers: vec![("x-person", name.to_owned())], cookies: BTreeMap::new() }
    }

    /// Who signs in at a level (`acr`), by a way (`amr`).
    #[must_use]
    pub fn at_level(mut self, acr: &str, amr: &str) -> Self {
        self.headers.extend([("x-acr", acr.to_owned()), ("x-amr", amr.to_owned())]);
        self
    }

    /// Goes to a URL, and where it leads, until it leads away from the server. Returns the URL that it leads to.
    pub async fn go(&mut self, url: &str) -> String {
        let (base, mut next) = parts(url);
        for _ in 0..10 {
            let answer = self.ask(&base, Method::GET, &next, "").await;
            let to = answer.headers.get(header::LOCATION).unwrap_or_else(|| panic!("{}: {}", answer.of, answer.text()));
            let to = to.to_str().expect("a URL").to_owned();
            match to.strip_prefix(&base) {
                Some(path) => next = path.to_owned(),
                None if to.starts_with('/') => next = to,
                None => return to,
            }
        }
        panic!("{url} leads in circles");
    }

    /// Asks a server for a page, or sends it a form.
    pub async fn ask(&mut self, base: &str, method: Method, path: &str, form: &str) -> Answer {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut headers: Vec<_> = self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        headers.push(("cookie", &cookies));
        if method == Method::POST {
            headers.push(("content-type", "application/x-www-form-urlencoded"));
        }
        let answer = Http::to(base).send(method, path, &headers, form.to_owned()).await;
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().expect("ASCII").split(';').next().and_then(|pair| pair.split_once('='));
            let (name, value) = pair.expect("a name and a value");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }
}

/// The server of a URL, and the path at it.
pub fn parts(url: &str) -> (String, String) {
    let at = url.find("://").and_then(|at| Some(at + 3 + url[at + 3..].find('/')?)).expect("a URL with a path");
    (url[..at].to_owned(), url[at..].to_owned())
}

/// The parameters in the query of a URL.
pub fn query(url: &str) -> BTreeMap<String, String> {
    let pairs = url.split_once('?').map_or("", |(_, query)| query).split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), decoded(value))).collect()
}

/// A text without the escapes of a URL.
pub fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.bytes());
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let pair = [rest.next(), rest.next()].map(|byte| byte.expect("an escape"));
                u8::from_str_radix(std::str::from_utf8(&pair).expect("ASCII"), 16).expect("an escape")
            }
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).expect("UTF-8")
}
