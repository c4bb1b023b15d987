//! Accounts as messages.

use platform::{Result, wire};
use proto::identity::v1 as pb;

use super::{Account, Change, Form, Login, Person};
use crate::team::wire::some_id;

/// What `UpdateAccount` can change.
const CHANGEABLE: [&str; 4] = ["given_name", "surname", "school_id", "subject_area"];

impl From<Account> for pb::Account {
    fn from(account: Account) -> Self {
        Self {
            id: account.id.to_string(),
            login: account.login.to_string(),
            roles: vec![account.role().into()],
            given_name: account.person.given_name,
            surname: account.person.surname,
            school_id: account.school.map(|school| school.to_string()).unwrap_or_default(),
            subject_area: account.person.subject_area,
            team_id: match account.kind {
                super::Kind::Team(team) => team.to_string(),
                _ => String::new(),
            },
            password_change_needed: account.password.is_none(),
            created_at: Some(wire::timestamp(account.created_at)),
            etag: wire::etag(account.version),
        }
    }
}

impl From<Account> for pb::Teacher {
    fn from(account: Account) -> Self {
        Self {
            id: account.id.to_string(),
            given_name: account.person.given_name,
            surname: account.person.surname,
            school_id: account.school.map(|school| school.to_string()).unwrap_or_default(),
        }
    }
}

impl From<pb::CreateAccountRequest> for Form {
    fn from(request: pb::CreateAccountRequest) -> Self {
        Self {
            login: Login::of(&request.email),
            password: request.password,
            person: Person {
                given_name: request.given_name.trim().to_owned(),
                surname: request.surname.trim().to_owned(),
                subject_area: request.subject_area.trim().to_owned(),
                locale: request.locale,
            },
        }
    }
}

impl TryFrom<pb::UpdateAccountRequest> for Change {
    type Error = platform::Error;

    fn try_from(request: pb::UpdateAccountRequest) -> Result<Self> {
        let account = request.account.unwrap_or_default();
        let value = |path: &str| match path {
            "given_name" => account.given_name.trim(),
            "surname" => account.surname.trim(),
            "school_id" => account.school_id.as_str(),
            _ => account.subject_area.trim(),
        };
        let mut change = Self::default();
        for path in wire::masked(request.update_mask.as_ref(), &CHANGEABLE, |path| !value(path).is_empty())? {
            match path {
                "given_name" => change.given_name = Some(value(path).to_owned()),
                "surname" => change.surname = Some(value(path).to_owned()),
                "school_id" => change.school = Some(some_id(value(path))?),
                _ => change.subject_area = Some(value(path).to_owned()),
            }
        }
        Ok(change)
    }
}

#[cfg(test)]
mod tests {
    use prost_types::FieldMask;

    use super::*;

    fn request(paths: &[&str]) -> pb::UpdateAccountRequest {
        let account =
            pb::Account { given_name: " Ana ".to_owned(), login: "other@x.hr".to_owned(), ..pb::Account::default() };
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        pb::UpdateAccountRequest { account: Some(account), update_mask: Some(FieldMask { paths }) }
    }

    #[test]
    fn a_mask_empties_what_it_names_and_the_message_leaves_empty() {
        let change = Change::try_from(request(&["school_id", "subject_area", "given_name"])).unwrap();
        assert_eq!(change.school, Some(None));
        assert_eq!(change.subject_area.as_deref(), Some(""));
        assert_eq!(change.given_name.as_deref(), Some("Ana"));
        assert_eq!(change.surname, None);
    }

    #[test]
    fn without_a_mask_what_is_written_changes() {
        let change = Change::try_from(request(&[])).unwrap();
        assert_eq!(change, Change { given_name: Some("Ana".to_owned()), ..Change::default() });
    }

    #[test]
    fn login_and_team_cannot_be_changed() {
        let error = Change::try_from(request(&["login", "team_id"])).unwrap_err();
        assert_eq!(error.violations().len(), 2);
    }
}
