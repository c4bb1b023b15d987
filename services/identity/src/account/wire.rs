//! Accounts as messages.

use platform::{Result, wire};
use proto::identity::v1 as pb;

use super::{Account, Change, Form, Locale, Login, Person, State, confirmation::Confirmation};

impl From<&State> for pb::AccountState {
    fn from(state: &State) -> Self {
        match state {
            State::Living => Self::Living,
            State::Locked { .. } => Self::Locked,
            State::Left { .. } => Self::Left,
            State::Erased { .. } => Self::Erased,
        }
    }
}

impl From<Account> for pb::Account {
    fn from(account: Account) -> Self {
        let (locked_at, lock_reason) = match &account.state {
            State::Locked { at, reason, .. } => (Some(wire::timestamp(*at)), reason.clone()),
            State::Living | State::Left { .. } | State::Erased { .. } => (None, String::new()),
        };
        Self {
            id: account.id.to_string(),
            login: account.login.to_string(),
            // said by its mandates, which the answer adds
            roles: Vec::new(),
            given_name: account.person.given_name,
            surname: account.person.surname,
            school_id: account.school.map(|school| school.to_string()).unwrap_or_default(),
            subject_area: account.person.subject_area,
            team_id: account.team.map(|team| team.to_string()).unwrap_or_default(),
            password_change_needed: account.password.is_none(),
            created_at: Some(wire::timestamp(account.created_at)),
            etag: wire::etag(account.version),
            locale: account.person.locale,
            state: pb::AccountState::from(&account.state).into(),
            locked_at,
            lock_reason,
            // the answer adds it, too
            confirmation: None,
        }
    }
}

impl Account {
    /// A teacher as others are shown them, with what is `said` of them.
    pub(super) fn shown_to_others(self, said: Option<Confirmation>) -> pb::Teacher {
        pb::Teacher {
            id: self.id.to_string(),
            given_name: self.person.given_name,
            surname: self.person.surname,
            school_id: self.school.map(|school| school.to_string()).unwrap_or_default(),
            subject_area: self.person.subject_area,
            confirmation: said.and_then(Confirmation::shown_to_others),
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

impl Account {
    /// What a request asks to change of this account. `is_written` says whether there are letters in a language. Error:
    /// `ETAG_STALE`, and a violation for each path of the mask that cannot be changed.
    pub(super) fn asked(&self, request: pb::UpdateAccountRequest, is_written: impl Fn(&str) -> bool) -> Result<Change> {
        let changes = wire::changes(&request, &pb::Account::from(self.clone()))?;
        let account = request.account.unwrap_or_default();
        let value = |path: &str| match path {
            "given_name" => account.given_name.trim(),
            "surname" => account.surname.trim(),
            "school_id" => account.school_id.as_str(),
            "locale" => account.locale.as_str(),
            _ => account.subject_area.trim(),
        };
        let mut change = Change::default();
        for path in changes {
            let value = value(&path);
            match path.as_str() {
                "given_name" => change.given_name = Some(value.to_owned()),
                "surname" => change.surname = Some(value.to_owned()),
                "school_id" => change.school = Some(wire::optional(value)?),
                "locale" => {
                    let is_written = value.is_empty() || is_written(value);
                    change.locale = Some(Locale { tag: value.to_owned(), is_written });
                }
                _ => change.subject_area = Some(value.to_owned()),
            }
        }
        Ok(change)
    }
}

#[cfg(test)]
mod tests {
    use prost_types::FieldMask;

    use super::*;
    use crate::{account::tests::account, testing::Ground};

    fn asked(paths: &[&str]) -> Result<Change> {
        let ground = Ground::new();
        let mut before = account(&ground.anybody(), "ana@school.example", None, None);
        before.school = Some(ground.anybody().new_id());
        before.person.subject_area = "Latin".to_owned();
        let account =
            pb::Account { given_name: " Ana ".to_owned(), login: "other@x.hr".to_owned(), ..pb::Account::default() };
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        let request = pb::UpdateAccountRequest { account: Some(account), update_mask: Some(FieldMask { paths }) };
        before.asked(request, |tag| tag == "it")
    }

    #[test]
    fn a_mask_empties_what_it_names_and_the_message_leaves_empty() {
        let change = asked(&["school_id", "subject_area", "given_name"]).unwrap();
        assert_eq!(change.school, Some(None));
        assert_eq!(change.subject_area.as_deref(), Some(""));
        assert_eq!(change.given_name.as_deref(), Some("Ana"));
        assert_eq!(change.surname, None);
    }

    #[test]
    fn without_a_mask_what_is_written_changes() {
        let change = asked(&[]).unwrap();
        assert_eq!(change, Change { given_name: Some("Ana".to_owned()), ..Change::default() });
    }

    #[test]
    fn login_and_team_are_not_changed_by_who_names_them() {
        assert_eq!(asked(&["login", "team_id"]).unwrap(), Change::default());
    }
}
