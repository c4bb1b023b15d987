//! Lists come in pages. A page ends with an opaque token that says where the next one begins.
//!
//! A token is bound to what the list was asked for: to the message type of the request and to every field of it but the size of the
//! page and the token. [`PageRequest::of`] sees to it, so that a new list cannot forget to. It also reads `filter` and `order_by`, for
//! [`listing::Fields`](crate::listing::Fields).

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use prost_reflect::ReflectMessage;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    Error, Result,
    error::{Reason, Shared},
    open,
};

/// The page that a caller asks for: its size, and the key that it follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest<K> {
    size: u64,
    after: Option<K>,
    asked: String,
    filter: String,
    order_by: String,
}

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The token of the next page. Empty on the last page.
    pub next: String,
}

/// The default and the maximum size of a list's pages.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// The size where the caller gives none.
    pub usual: u64,
    /// The largest size.
    pub most: u64,
}

#[derive(Serialize, Deserialize)]
struct Token<K> {
    #[serde(rename = "k")]
    after: K,
    #[serde(rename = "f")]
    asked: String,
}

impl<K: Serialize + DeserializeOwned> PageRequest<K> {
    /// Reads `page_size` and `page_token` of a request. Error: `PAGE_TOKEN_INVALID`, where the token is from another list, or from
    /// this list with other fields.
    pub fn of(sizes: Sizes, request: &impl ReflectMessage) -> Result<Self> {
        let mut rest = request.transcode_to_dynamic();
        let [filter, order_by] = ["filter", "order_by"].map(|name| {
            let text = rest.get_field_by_name(name);
            text.and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default()
        });
        let mut taken = |name: &str| {
            let field = rest.descriptor().get_field_by_name(name)?;
            let value = rest.get_field(&field).into_owned();
            rest.clear_field(&field);
            Some(value)
        };
        let size = taken("page_size").and_then(|size| size.as_i32()).unwrap_or_default();
        let token = taken("page_token").and_then(|token| token.as_str().map(str::to_owned)).unwrap_or_default();
        let size = match u64::try_from(size) {
            Ok(0) | Err(_) => sizes.usual,
            Ok(asked) => asked.min(sizes.most),
        };
        let digest = open::digest(&rest)?;
        let page = Self::read(size, &token, BASE64_URL_SAFE_NO_PAD.encode(&digest[..16]))?;
        Ok(Self { filter, order_by, ..page })
    }

    /// The request of code that reads a whole list page by page: `token` is the `next` of the page before, empty for the first
    /// page. Error: `PAGE_TOKEN_INVALID`.
    pub fn walk(size: u64, token: &str) -> Result<Self> {
        Self::read(size, token, String::new())
    }

    fn read(size: u64, token: &str, asked: String) -> Result<Self> {
        let after = if token.is_empty() { None } else { Some(read(token, &asked)?) };
        Ok(Self { size, after, asked, filter: String::new(), order_by: String::new() })
    }

    /// Which items are asked for. Empty: all.
    pub(crate) fn filter(&self) -> &str {
        &self.filter
    }

    /// In which order they are asked for. Empty: in that of the list.
    pub(crate) fn order_by(&self) -> &str {
        &self.order_by
    }

    /// The key that the page follows. None for the first page.
    pub fn after(&self) -> Option<&K> {
        self.after.as_ref()
    }

    /// The number of rows to load: one more than the page has, which shows whether there is a next page.
    pub fn limit(&self) -> u64 {
        self.size + 1
    }

    /// Makes a page of the rows loaded with [`PageRequest::limit`]. `key` gives the key of a row.
    pub fn page<T>(self, mut rows: Vec<T>, key: impl Fn(&T) -> K) -> Page<T> {
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        let more = rows.len() > size;
        rows.truncate(size);
        let last = if more { rows.last().map(key) } else { None };
        self.followed_by(last, rows)
    }

    /// Makes a page of the items of another list's page; `last` is the key that the next page follows, if there is one.
    pub fn followed_by<T>(self, last: Option<K>, items: Vec<T>) -> Page<T> {
        let next = last.map_or(String::new(), |after| write(&Token { after, asked: self.asked }));
        Page { items, next }
    }
}

fn read<K: DeserializeOwned>(token: &str, asked: &str) -> Result<K> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid())?;
    let token: Token<K> = serde_json::from_slice(&bytes).map_err(|_| invalid())?;
    if token.asked == asked { Ok(token.after) } else { Err(invalid()) }
}

fn write<K: Serialize>(token: &Token<K>) -> String {
    // keys are strings, numbers and ids, which can always be serialized
    BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(token).unwrap_or_default())
}

/// The error for a token that this list did not give for what it is asked for.
pub(crate) fn invalid() -> Error {
    Shared::PageTokenInvalid.error("This page token is not one this list gave for this filter. Start again without it.")
}

impl<T> Page<T> {
    /// Converts the items.
    pub fn map<U>(self, into: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(into).collect(), next: self.next }
    }

    /// The same page of something else. Error: that of the first item.
    pub fn try_map<U>(self, into: impl FnMut(T) -> Result<U>) -> Result<Page<U>> {
        Ok(Page { items: self.items.into_iter().map(into).collect::<Result<_>>()?, next: self.next })
    }
}

#[cfg(test)]
mod tests {
    use prop::collection::vec;
    use proptest::prelude::*;
    use proto::lessons::v1::{ListConsentsRequest, ListMessagesRequest};

    use super::*;

    const SIZES: Sizes = Sizes { usual: 3, most: 5 };

    fn of(pair: &str, size: i32, token: &str) -> Result<PageRequest<u32>> {
        let request = ListMessagesRequest { pair_id: pair.into(), page_size: size, page_token: token.into() };
        PageRequest::of(SIZES, &request)
    }

    fn is_refused(request: Result<PageRequest<u32>>) -> bool {
        request.is_err_and(|error| error.is(Shared::PageTokenInvalid))
    }

    proptest! {
        #[test]
        fn pages_give_every_item_once_and_in_order(total in 0_u32..40, sizes in vec(0_i32..9, 1..5)) {
            let all: Vec<u32> = (0..total).collect();
            let (mut seen, mut token) = (Vec::new(), String::new());
            // the size may differ from page to page
            for size in sizes.into_iter().cycle() {
                let request = of("a", size, &token).unwrap();
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
    fn a_token_is_valid_only_for_the_list_and_the_fields_it_was_given_for() {
        let token = of("a", 1, "").unwrap().page(vec![1, 2], |row| *row).next;
        assert!(of("a", 4, &token).is_ok());
        assert!(is_refused(of("b", 1, &token)), "of another pair");
        let other =
            ListConsentsRequest { pair_id: "a".into(), page_token: token.clone(), ..ListConsentsRequest::default() };
        assert!(is_refused(PageRequest::of(SIZES, &other)), "of another list with equal fields");
        assert!(is_refused(PageRequest::walk(3, &token)), "of a list that is read for oneself");
        let own = PageRequest::<u32>::walk(1, "").unwrap().page(vec![1, 2], |row| *row).next;
        assert!(is_refused(of("a", 1, &own)));
        for none in ["%%%", "e30", "eyJrIjoxfQ"] {
            assert!(is_refused(of("a", 1, none)), "{none}");
        }
    }
}
