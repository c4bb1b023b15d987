//! A reader of the pages for people, as a browser without script is one: it keeps cookies, sends forms, and follows where they lead.

use std::collections::BTreeMap;

use ::http::{Method, StatusCode, header};

use crate::{Answer, Http};

/// A reader with cookies and a language.
#[derive(Clone, Debug)]
pub struct Reader {
    http: Http,
    language: String,
    cookies: BTreeMap<String, String>,
    more: Vec<(String, String)>,
}

impl Reader {
    /// A reader who has been nowhere yet. `language` is what its browser sends as `accept-language`.
    pub fn new(http: &Http, language: &str) -> Self {
        Self { http: http.clone(), language: language.to_owned(), cookies: BTreeMap::new(), more: Vec::new() }
    }

    /// This reader with another header in every request. It replaces one that a browser sends.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.more.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The value of a cookie. None, where there is none.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    /// Opens a page, without following where it leads.
    pub async fn open(&mut self, path: &str) -> Answer {
        self.ask(Method::GET, path, "").await
    }

    /// Sends the form of a page, without following where it leads.
    pub async fn send(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let pairs: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        self.ask(Method::POST, path, &pairs.join("&")).await
    }

    /// Sends the form of a page, and opens the page that it leads to. Asserts that it leads to `next`.
    #[track_caller]
    pub fn fill<'a>(
        &'a mut self,
        path: &'a str,
        fields: &'a [(&'a str, &'a str)],
        next: &'a str,
    ) -> impl Future<Output = Answer> + 'a {
        let place = std::panic::Location::caller();
        async move {
            let answer = self.send(path, fields).await;
            let to = answer.headers.get(header::LOCATION).map(|to| to.to_str().expect("a path").to_owned());
            let to = to.unwrap_or_else(|| panic!("{place}: {path} leads nowhere: {}", answer.text()));
            assert_eq!((answer.status, to.as_str()), (StatusCode::SEE_OTHER, next), "{place}");
            self.open(&to).await
        }
    }

    async fn ask(&mut self, method: Method, path: &str, form: &str) -> Answer {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut headers = vec![("accept-language", self.language.as_str())];
        if !cookies.is_empty() {
            headers.push(("cookie", &cookies));
        }
        if method == Method::POST {
            headers.push(("content-type", "application/x-www-form-urlencoded"));
            headers.push(("origin", self.http.base()));
        }
        for (name, value) in &self.more {
            headers.retain(|(known, _)| known != name);
            headers.push((name, value));
        }
        let answer = self.http.send(method, path, &headers, form.to_owned()).await;
        self.keep(&answer);
        answer
    }

    fn keep(&mut self, answer: &Answer) {
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().expect("ASCII");
            let (name, value) =
                cookie.split(';').next().and_then(|pair| pair.split_once('=')).expect("a name and a value");
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

/// A text as a form sends it.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b' ' => "+".to_owned(),
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}
