//! Several things by their ids in one call (AIP-231): all of them in the order in which they were asked for, or none. How many may be asked
//! for is said in the `.proto`, as `max_items` of the ids.

use crate::{
    Id, Result,
    error::{Reason, Shared},
};

/// Reads the ids of a request. Error: `FIELDS_INVALID`.
pub fn ids<T>(texts: &[String]) -> Result<Vec<Id<T>>> {
    texts.iter().map(|text| text.parse()).collect()
}

/// The things with these ids, in this order. `found` is what there is of them and the caller may see, in any order. Error: not found, with
/// the ids of all that are missing.
pub fn all<T: Clone, I>(kind: &'static str, ids: &[Id<I>], found: &[T], id: impl Fn(&T) -> Id<I>) -> Result<Vec<T>> {
    let of = |wanted: &Id<I>| found.iter().find(|one| id(one) == *wanted).cloned();
    let missing: Vec<_> = ids.iter().filter(|wanted| of(wanted).is_none()).map(Id::to_string).collect();
    if missing.is_empty() {
        return Ok(ids.iter().filter_map(of).collect());
    }
    let missing = missing.join(", ");
    // not in the message too, which travels twice: a hundred ids have to fit into the trailers that every client takes
    let text = format!("There is no such {kind}, for the ids in `ids`.");
    Err(Shared::NotFound.error(text).with("kind", kind).with("ids", missing))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn things_come_in_the_order_they_are_asked_for_or_all_that_are_missing_are_named() {
        let id = |number: u128| Id::<()>::from(Uuid::from_u128(number));
        let found = [1, 2, 3].map(id);
        let asked = |numbers: &[u128]| {
            let ids: Vec<_> = numbers.iter().map(|number| id(*number)).collect();
            all("thing", &ids, &found, |one| *one)
        };
        assert_eq!(asked(&[3, 1, 3]).unwrap(), [3, 1, 3].map(id));
        let refused = asked(&[9, 2, 8]).unwrap_err();
        assert!(refused.is(Shared::NotFound));
        let status = tonic::Status::from(refused);
        let details = tonic_types::StatusExt::get_error_details(&status);
        assert_eq!(details.error_info().unwrap().metadata["ids"], format!("{}, {}", id(9), id(8)));
        let many: Vec<_> = (100..200).collect();
        let largest = tonic::Status::from(asked(&many).unwrap_err());
        assert!(largest.details().len() + largest.message().len() < 6 << 10, "{}", largest.details().len());
        let texts = [id(1).to_string(), id(2).to_string()];
        assert_eq!(ids::<()>(&texts).unwrap(), [id(1), id(2)]);
        assert!(ids::<()>(&["one".to_owned()]).is_err());
    }
}
