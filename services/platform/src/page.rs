//! Lists come in pages. A page ends with an opaque token that says where the next one begins.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    Error, Result,
    error::{Reason, Shared},
};

/// What a list is asked for: how many, after which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest<K> {
    size: u64,
    after: Option<K>,
    filter: String,
}

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins. Empty on the last one.
    pub next: String,
}

/// The size of a list's pages: what is given when nothing is asked, and the most that is given.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// When nothing is asked.
    pub usual: u64,
    /// The most.
    pub most: u64,
}

#[derive(Serialize, Deserialize)]
struct Token<K> {
    #[serde(rename = "k")]
    after: K,
    #[serde(rename = "f")]
    filter: String,
}

impl<K: Serialize + DeserializeOwned> PageRequest<K> {
    /// Reads size and token as a request has them. `filter` is everything else the list was asked for: a token of another
    /// filter is refused. Error: `PAGE_TOKEN_INVALID`.
    pub fn new(sizes: Sizes, size: i32, token: &str, filter: impl std::fmt::Debug) -> Result<Self> {
        let size = match u64::try_from(size) {
            Ok(0) | Err(_) => sizes.usual,
            Ok(asked) => asked.min(sizes.most),
        };
        let filter = format!("{filter:?}");
        let after = if token.is_empty() { None } else { Some(read(token, &filter)?) };
        Ok(Self { size, after, filter })
    }

    /// The key the page comes after.
    pub fn after(&self) -> Option<&K> {
        self.after.as_ref()
    }

    /// How many rows to ask for: one more than the page holds, to see whether there is a next one.
    pub fn limit(&self) -> u64 {
        self.size + 1
    }

    /// Cuts the rows to a page. `key` gives the key of a row.
    pub fn page<T>(&self, mut rows: Vec<T>, key: impl Fn(&T) -> K) -> Page<T> {
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        let more = rows.len() > size;
        rows.truncate(size);
        let last = if more { rows.last() } else { None };
        let next = last.map_or(String::new(), |last| write(&Token { after: key(last), filter: self.filter.clone() }));
        Page { items: rows, next }
    }
}

fn read<K: DeserializeOwned>(token: &str, filter: &str) -> Result<K> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid())?;
    let token: Token<K> = serde_json::from_slice(&bytes).map_err(|_| invalid())?;
    if token.filter == filter { Ok(token.after) } else { Err(invalid()) }
}

fn write<K: Serialize>(token: &Token<K>) -> String {
    // keys are strings, numbers and ids: they always serialize
    BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(token).unwrap_or_default())
}

fn invalid() -> Error {
    Shared::PageTokenInvalid.error("This page token is not one this list gave for this filter. Start again without it.")
}

impl<T> Page<T> {
    /// The same page of something else.
    pub fn map<U>(self, into: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(into).collect(), next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SIZES: Sizes = Sizes { usual: 3, most: 5 };

    proptest! {
        #[test]
        fn pages_give_every_item_once_and_in_order(total in 0_u32..40, size in 0_i32..9) {
            let all: Vec<u32> = (0..total).collect();
            let (mut seen, mut token) = (Vec::new(), String::new());
            loop {
                let request = PageRequest::<u32>::new(SIZES, size, &token, "all").unwrap();
                let after = request.after().copied();
                let rows: Vec<u32> = all.iter().copied().filter(|row| after.is_none_or(|after| *row > after))
                    .take(request.limit() as usize).collect();
                let page = request.page(rows, |row| *row);
                prop_assert!(page.items.len() <= 5);
                seen.extend(page.items);
                token = page.next;
                if token.is_empty() { break }
            }
            prop_assert_eq!(seen, all);
        }
    }

    #[test]
    fn a_token_of_another_filter_or_of_nobody_is_refused() {
        let token = PageRequest::<u32>::new(SIZES, 1, "", "blue").unwrap().page(vec![1, 2], |row| *row).next;
        assert!(PageRequest::<u32>::new(SIZES, 1, &token, "blue").is_ok());
        for (token, filter) in [(token.as_str(), "red"), ("%%%", "blue"), ("e30", "blue")] {
            assert!(
                PageRequest::<u32>::new(SIZES, 1, token, filter).is_err_and(|error| error.is(Shared::PageTokenInvalid))
            );
        }
    }
}
