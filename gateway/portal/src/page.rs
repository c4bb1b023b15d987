//! The forms: where they stand, what they ask for, and what of it people are shown again.

use std::collections::BTreeMap;

use crate::deed::Deed;

/// A page with one form.
#[derive(Debug)]
pub(crate) struct Form {
    /// The last part of its address, and the name of its words: `form-<path>`.
    pub(crate) path: &'static str,
    /// What it asks for.
    pub(crate) fields: &'static [Field],
    /// What happens with it.
    pub(crate) deed: Deed,
    /// Whether only a reader who is signed in can use it.
    pub(crate) needs_session: bool,
    /// The paths of the pages it names as a way out.
    pub(crate) ways_out: &'static [&'static str],
    /// What the browser is asked for by the one script there is, before the form is sent. None: the page runs nothing.
    pub(crate) passkey: Option<Passkey>,
}

/// What a browser does with a passkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passkey {
    /// It makes one.
    Create,
    /// It uses one.
    Get,
}

impl Passkey {
    /// The method of `navigator.credentials`.
    pub(crate) fn method(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Get => "get",
        }
    }
}

/// The paths of the forms that name the identity providers of the tenant.
const NAMING_PROVIDERS: [&str; 3] = ["sign-in", "provider-sign-in", LINK_PROVIDER];

/// The path of the page that leads nowhere in a tenant without identity providers.
pub(crate) const LINK_PROVIDER: &str = "link-provider";

/// A field of a form.
#[derive(Debug)]
pub(crate) struct Field {
    /// Its name in the form, and of its words: `field-<name>`.
    pub(crate) name: &'static str,
    /// The names of the same thing in requests of the API, which violations use.
    pub(crate) in_api: &'static [&'static str],
    /// The type of its input. `radio`: the reader chooses among what `choices` finds.
    pub(crate) kind: &'static str,
    /// What browsers and managers of passwords fill in (WCAG 2.2, 1.3.5).
    pub(crate) autocomplete: &'static str,
    /// The field that must hold the same.
    pub(crate) repeats: Option<&'static str>,
    /// Whether it may be left empty.
    pub(crate) is_optional: bool,
}

const CODE: Field = text("code", &["code"], "one-time-code");
const LOGIN: Field = text("login", &["login"], "username");
const TEAM_CODE: Field = text("team-code", &["login"], "username");
const EMAIL: Field = Field { kind: "email", ..text("email", &["email"], "email") };
const PASSWORD: Field = secret("password", &["password"], "current-password");
const CREDENTIAL: Field = text("credential", &["password", "current_password"], "off");
const CURRENT: Field = secret("current-password", &["current_password"], "current-password");
const NEW: Field = secret("new-password", &["new_password"], "new-password");
/// The password of an account, where nobody is signed in.
const KNOWN: Field = secret("password", &["current_password"], "current-password");
/// The password of an account, or the first one of an account to come.
const OWN: Field = secret("own-password", &["password"], "current-password");
/// What an app shows, or a recovery code.
const APP_CODE: Field = text("app-code", &["code"], "one-time-code");
/// Which identity provider: each has a button of its own.
const PROVIDER: Field = Field { kind: "submit", ..text("provider", &["provider"], "") };
const GIVEN_NAME: Field = Field { is_optional: true, ..text("given-name", &["given_name"], "given-name") };
const SURNAME: Field = Field { is_optional: true, ..text("surname", &["surname"], "family-name") };
/// What was begun, and goes back as it came.
const CEREMONY: Field = hidden("ceremony");
/// What the browser answers.
const CREDENTIAL_ANSWER: Field = hidden("credential");
/// Which passkey is meant.
const PASSKEY: Field = hidden("passkey");
const PASSKEY_NAME: Field = text("passkey-name", &["name"], "on");
/// The name of a passkey that is being made.
const CHOSEN_NAME: Field = Field { kind: "hidden", ..PASSKEY_NAME };
const AGAIN: Field = Field { repeats: Some("new-password"), ..secret("new-password-again", &[], "new-password") };
const NEW_EMAIL: Field = Field { kind: "email", ..text("new-email", &["new_email"], "email") };
/// What an app shows that is about to be enrolled.
const SHOWN: Field = text("shown-code", &["code"], "one-time-code");
const MANDATE: Field = choice("mandate", &["mandate_id"]);
const SESSION: Field = choice("session", &["session_id"]);
const INTEGRATOR: Field = choice("integrator", &["integrator_id"]);
const LABEL: Field = Field { is_optional: true, ..text("label", &["label"], "on") };
const DAYS: Field = Field { kind: "number", ..text("valid-days", &["valid_days"], "on") };

/// Every form.
pub(crate) static FORMS: [Form; 27] = [
    Form {
        path: "verify-email",
        fields: &[CODE, PASSWORD],
        deed: Deed::VerifyEmail,
        needs_session: false,
        ways_out: &["resend-verification", "sign-in"],
        passkey: None,
    },
    Form {
        path: "resend-verification",
        fields: &[EMAIL],
        deed: Deed::ResendVerification,
        needs_session: false,
        ways_out: &["verify-email"],
        passkey: None,
    },
    Form {
        path: "sign-in",
        fields: &[LOGIN, PASSWORD],
        deed: Deed::SignIn,
        needs_session: false,
        ways_out: &["sign-in-passkey", "recover-password", "redeem", "verify-email"],
        passkey: None,
    },
    Form {
        path: "provider-sign-in",
        fields: &[PROVIDER],
        deed: Deed::GoSignIn,
        needs_session: false,
        ways_out: &["sign-in"],
        passkey: None,
    },
    Form {
        path: LINK_PROVIDER,
        fields: &[CURRENT, PROVIDER],
        deed: Deed::GoLink,
        needs_session: true,
        ways_out: &["account"],
        passkey: None,
    },
    Form {
        path: "recover-password",
        fields: &[EMAIL],
        deed: Deed::RecoverPassword,
        needs_session: false,
        ways_out: &["reset-password", "sign-in"],
        passkey: None,
    },
    Form {
        path: "reset-password",
        fields: &[CODE, NEW, AGAIN],
        deed: Deed::ResetPassword,
        needs_session: false,
        ways_out: &["recover-password"],
        passkey: None,
    },
    Form {
        path: "confirm-email",
        fields: &[CODE, KNOWN],
        deed: Deed::ConfirmEmail,
        needs_session: false,
        ways_out: &["sign-in"],
        passkey: None,
    },
    Form {
        path: "restore-email",
        fields: &[CODE],
        deed: Deed::RestoreEmail,
        needs_session: false,
        ways_out: &["recover-password"],
        passkey: None,
    },
    Form {
        path: "redeem",
        fields: &[TEAM_CODE, CREDENTIAL, NEW, AGAIN],
        deed: Deed::Redeem,
        needs_session: false,
        ways_out: &["sign-in"],
        passkey: None,
    },
    Form {
        path: "accept-invitation",
        fields: &[CODE, GIVEN_NAME, SURNAME, OWN],
        deed: Deed::AcceptInvitation,
        needs_session: false,
        ways_out: &["sign-in", "recover-password"],
        passkey: None,
    },
    Form {
        path: "confirm-factor",
        fields: &[APP_CODE],
        deed: Deed::ConfirmFactor,
        needs_session: true,
        ways_out: &["sign-in-passkey", "sign-in"],
        passkey: None,
    },
    Form {
        path: "confirm-teacher",
        fields: &[CODE],
        deed: Deed::ConfirmTeacher,
        needs_session: false,
        ways_out: &[],
        passkey: None,
    },
    Form {
        path: "change-password",
        fields: &[CURRENT, NEW, AGAIN],
        deed: Deed::ChangePassword,
        needs_session: true,
        ways_out: &["sign-out"],
        passkey: None,
    },
    Form {
        path: "sign-out",
        fields: &[],
        deed: Deed::SignOut,
        needs_session: true,
        ways_out: &["account"],
        passkey: None,
    },
    Form {
        path: "sign-in-passkey",
        fields: &[CEREMONY, CREDENTIAL_ANSWER],
        deed: Deed::SignInByPasskey,
        needs_session: false,
        ways_out: &["sign-in"],
        passkey: Some(Passkey::Get),
    },
    Form {
        path: "passkeys",
        fields: &[PASSKEY_NAME, CURRENT],
        deed: Deed::BeginPasskey,
        needs_session: true,
        ways_out: &["account"],
        passkey: None,
    },
    Form {
        path: "add-passkey",
        fields: &[CEREMONY, CREDENTIAL_ANSWER, CHOSEN_NAME],
        deed: Deed::AddPasskey,
        needs_session: true,
        ways_out: &["passkeys"],
        passkey: Some(Passkey::Create),
    },
    Form {
        path: "remove-passkey",
        fields: &[PASSKEY, CURRENT],
        deed: Deed::RemovePasskey,
        needs_session: true,
        ways_out: &["passkeys"],
        passkey: None,
    },
    own("change-email", &[NEW_EMAIL, KNOWN], Deed::ChangeEmail),
    Form { ways_out: &["passkeys", LINK_PROVIDER, "account"], ..own("begin-factor", &[KNOWN], Deed::BeginFactor) },
    Form { ways_out: &["begin-factor", "account"], ..own("enrol-factor", &[SHOWN], Deed::EnrolFactor) },
    own("give-up-factor", &[KNOWN], Deed::GiveUpFactor),
    own("replace-codes", &[KNOWN], Deed::ReplaceCodes),
    own("switch-role", &[MANDATE], Deed::SwitchMandate),
    own("end-sessions", &[SESSION], Deed::EndSessions),
    own("make-token", &[INTEGRATOR, LABEL, DAYS], Deed::MakeToken),
];

/// A form with which readers do something for themselves who are signed in.
const fn own(path: &'static str, fields: &'static [Field], deed: Deed) -> Form {
    Form { path, fields, deed, needs_session: true, ways_out: &["account"], passkey: None }
}

/// What pages say when something was done: `done-<name>`.
pub(crate) const DONE: [&str; 21] = [
    "verify-email",
    "resend-verification",
    "recover-password",
    "reset-password",
    "confirm-email",
    "restore-email",
    "redeem",
    "accept-invitation",
    "confirm-teacher",
    LINK_PROVIDER,
    "change-password",
    "sign-out",
    "session-over",
    "change-email",
    "give-up-factor",
    "switch-role",
    "end-sessions",
    "add-passkey",
    "remove-passkey",
    "passkey-needed",
    "provider-needed",
];

const fn text(name: &'static str, in_api: &'static [&'static str], autocomplete: &'static str) -> Field {
    Field { name, in_api, kind: "text", autocomplete, repeats: None, is_optional: false }
}

/// A field that people do not see. What is wrong with it is said of the form as a whole.
const fn hidden(name: &'static str) -> Field {
    Field { kind: "hidden", ..text(name, &[], "off") }
}

const fn secret(name: &'static str, in_api: &'static [&'static str], autocomplete: &'static str) -> Field {
    Field { kind: "password", ..text(name, in_api, autocomplete) }
}

const fn choice(name: &'static str, in_api: &'static [&'static str]) -> Field {
    Field { kind: "radio", ..text(name, in_api, "on") }
}

impl Field {
    /// Whether it is no input, but the button by which the form is sent.
    pub(crate) fn is_button(&self) -> bool {
        self.kind == "submit"
    }

    /// Whether what was typed is never shown again.
    pub(crate) fn is_secret(&self) -> bool {
        // what a browser must not keep is not shown either
        self.kind == "password" || self.autocomplete == "off"
    }

    /// Whether people do not see it.
    pub(crate) fn is_hidden(&self) -> bool {
        self.kind == "hidden"
    }
}

impl Form {
    /// Whether it names the identity providers of the tenant.
    pub(crate) fn names_providers(&self) -> bool {
        NAMING_PROVIDERS.contains(&self.path)
    }

    /// Whether a way out leads to the identity providers of the tenant, where there are any.
    pub(crate) fn leads_to_providers(&self) -> bool {
        self.ways_out.contains(&LINK_PROVIDER)
    }

    /// Whether it is sent by the button of a provider, of which each has one.
    pub(crate) fn is_sent_by_provider(&self) -> bool {
        self.fields.iter().any(Field::is_button)
    }

    /// The field that a violation of the API is about.
    pub(crate) fn field(&self, in_api: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.in_api.contains(&in_api))
    }

    /// A field that does not hold the same as the one it repeats.
    pub(crate) fn unlike(&self, given: &Given) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.repeats.is_some_and(|other| given.get(other) != given.get(field.name)))
    }
}

/// What the fields of a sent form hold. It has no `Debug`, because some of it is secret.
#[derive(Default)]
pub(crate) struct Given(BTreeMap<&'static str, String>);

impl Given {
    /// Reads the fields of a form from its body, `application/x-www-form-urlencoded`. What is no field of the form is passed over.
    pub(crate) fn read(form: &Form, body: &[u8]) -> Self {
        let named = |name: &str| form.fields.iter().find(|field| field.name == name);
        let pairs = form_urlencoded::parse(body);
        Self(pairs.filter_map(|(name, value)| Some((named(&name)?.name, value.into_owned()))).collect())
    }

    /// Reads what the page is opened for from its query: the hidden fields, and nothing that people type.
    pub(crate) fn opened_for(form: &Form, query: &str) -> Self {
        let mut given = Self::read(form, query.as_bytes());
        given.0.retain(|name, _| form.fields.iter().any(|field| field.name == *name && field.is_hidden()));
        given
    }

    /// With what a hidden field holds.
    pub(crate) fn with(mut self, field: &'static str, value: String) -> Self {
        self.0.insert(field, value);
        self
    }

    /// What a field holds, as it was typed. Empty, where the field was not sent.
    pub(crate) fn get(&self, field: &str) -> &str {
        self.0.get(field).map_or("", String::as_str)
    }

    /// What a field holds that is copied from a letter, without the spaces that a copy brings.
    pub(crate) fn copied(&self, field: &str) -> String {
        self.get(field).trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(path: &str) -> &'static Form {
        FORMS.iter().find(|form| form.path == path).unwrap()
    }

    #[test]
    fn a_form_holds_its_own_fields_and_no_other() {
        let given = Given::read(form("sign-in"), b"login=%CE%91na+K&password=a%26b&tenant=hr&login2=x");
        assert_eq!((given.get("login"), given.get("password"), given.get("tenant")), ("Αna K", "a&b", ""));
    }

    #[test]
    fn what_must_be_typed_twice_is_compared() {
        let form = form("change-password");
        let unlike = |body: &[u8]| form.unlike(&Given::read(form, body)).map(|field| field.name);
        assert_eq!(unlike(b"new-password=a&new-password-again=a"), None);
        assert_eq!(unlike(b"new-password=a&new-password-again=b"), Some("new-password-again"));
        assert_eq!(unlike(b"new-password=a"), Some("new-password-again"));
    }

    #[test]
    fn every_way_out_leads_to_a_page() {
        for form in &FORMS {
            for way in form.ways_out {
                assert!(*way == "account" || FORMS.iter().any(|form| form.path == *way), "{way}");
            }
        }
    }
}
