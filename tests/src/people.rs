//! How people come, act in several roles, and help themselves, over HTTP alone: by letters, by the pages that letters lead to, and by the
//! API. A story test walks it in a [`World`](crate::World); `scripts/demo accounts` walks it in a running system.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    Caller, Machine, Phone, Reader,
    path::{Path, text},
};

/// The first password of the people in the walk, and the one that replaces it.
const PASSWORDS: [&str; 2] = ["seven herons on the old weir", "a lantern above the ferry stairs"];

/// The walk in one tenant.
pub struct People<'a> {
    path: Path<'a>,
    coordinator: Caller,
    mark: String,
}

/// Who came in the walk.
pub struct Came {
    /// The second coordinator, whose role was taken away at the end.
    pub second: Caller,
    /// The juror.
    pub juror: Caller,
    /// The teacher who is a juror too. None in a twinning programme, whose people are the secretariat.
    pub teacher: Option<Caller>,
}

impl<'a> People<'a> {
    /// A walk in the tenant of its coordinator. `path` reads its letters; `mark` is a part of the addresses of this walk.
    pub fn new(path: Path<'a>, coordinator: Caller, mark: &str) -> Self {
        Self { path, coordinator, mark: mark.to_owned() }
    }

    /// Walks.
    pub async fn walk(self) -> Came {
        let tenant = self.coordinator.get("/v1/tenant").await.ok();
        let second = self.comes("ROLE_COORDINATOR", "Vesna", "Second").await;
        let juror = self.comes("ROLE_JUROR", "Jure", "Juror").await;
        let teacher = if tenant["countries"].as_array().is_some_and(|countries| !countries.is_empty()) {
            None
        } else {
            self.machine().await;
            let teacher = self.helps_herself().await;
            Some(self.acts_in_two(&second, &teacher).await)
        };
        self.goes(&second).await;
        Came { second, juror, teacher }
    }

    /// Somebody new is invited, and comes by the letter and the page it leads to.
    async fn comes(&self, role: &str, given_name: &str, surname: &str) -> Caller {
        let email = format!("{}.{}@people.example", surname.to_lowercase(), self.mark);
        self.invite(&self.coordinator, &email, role).await;
        let names = [("given-name", given_name), ("surname", surname)];
        self.accepts(&email, PASSWORDS[0], &names).await;
        let caller = self.anybody().sign_in(&email, PASSWORDS[0]).await;
        assert_eq!(caller.account().await["roles"], json!([role]));
        self.path.tell(&format!("{given_name} {surname} came by a letter and a page, as {role}"));
        caller
    }

    /// A technician comes by letter and page, and makes a token by which an outside system reads and does nothing else.
    async fn machine(&self) {
        let technician = self.comes("ROLE_INTEGRATOR", "Iva", "Technician").await;
        let scopes = ["editions.read", "teams.read"];
        let integrator = Machine::registered(&self.coordinator, &technician, "Open data portal", &scopes).await.ok();
        let machine = Machine { technician, integrator };
        let (token, secret) = machine.token(&["editions.read"]).await;
        let calling = machine.call(&secret).await;
        calling.get("/v1/editions").await.ok();
        calling.get("/v1/teams").await.refused("SCOPE_MISSING");
        machine.technician.post(&machine.token_path(&token, ":revoke"), json!({})).await.ok();
        calling.get("/v1/editions").await.refused("TOKEN_ENDED");
        self.path.tell("a machine of hers read editions, and nothing else, until its token was revoked");
    }

    async fn invite(&self, by: &Caller, email: &str, role: &str) {
        by.post("/v1/invitations", json!({ "email": email, "role": role })).await.ok();
    }

    async fn accepts(&self, email: &str, password: &str, names: &[(&str, &str)]) {
        let code = self.code(email, "accept-invitation").await;
        let form: Vec<_> = [("code", &*code), ("own-password", password)].into_iter().chain(names.to_owned()).collect();
        let path = self.page("accept-invitation");
        self.reader().fill(&path, &form, &self.page("sign-in?done=accept-invitation")).await;
    }

    /// A teacher forgets the password, and then changes the address: letters and pages are enough.
    async fn helps_herself(&self) -> Caller {
        let teacher = self.path.register("Zora", "Reka").await;
        let mut reader = self.reader();
        let page = self.page("recover-password");
        let next = self.page("reset-password?done=recover-password");
        reader.fill(&page, &[("email", teacher.login())], &next).await;
        let code = self.code(teacher.login(), "reset-password").await;
        let [old, new] = PASSWORDS;
        let form = [("code", &*code), ("new-password", new), ("new-password-again", new)];
        reader.fill(&self.page("reset-password"), &form, &self.page("sign-in?done=reset-password")).await;
        teacher.get("/v1/account").await.refused("TOKEN_ENDED");
        let teacher = self.anybody().sign_in(teacher.login(), new).await;
        self.path.tell("a teacher who forgot the password chose another one; whoever was signed in is signed out");

        let address = format!("zora.{}@elsewhere.example", self.mark);
        let wrong = json!({ "newEmail": address, "currentPassword": old });
        teacher.post("/v1/account:changeEmail", wrong).await.violations();
        teacher.post("/v1/account:changeEmail", json!({ "newEmail": address, "currentPassword": new })).await.ok();
        let code = self.code(&address, "confirm-email").await;
        let next = self.page("sign-in?done=confirm-email");
        let form = [("code", &*code), ("password", new)];
        reader.fill(&self.page("confirm-email"), &form, &next).await;
        let form = [("login", &*address), ("password", new)];
        reader.fill(&self.page("sign-in"), &form, &self.page("account")).await;
        self.path.tell("she changed her address: both were told, and the new one signs in");
        let teacher = self.anybody().sign_in(&address, new).await;
        self.loses_her_phone(&teacher).await
    }

    /// A teacher enrols an app on her phone, signs in with it, and comes in without it by a recovery code.
    async fn loses_her_phone(&self, teacher: &Caller) -> Caller {
        let [_, own] = PASSWORDS;
        let begun = teacher.post("/v1/account/factor:begin", json!({ "currentPassword": own })).await.ok();
        let phone = Phone::holding(&text(&begun["secret"]));
        let proof = json!({ "code": phone.shows(self.path.now()) });
        let enrolled = teacher.post("/v1/account/factor:confirm", proof).await.ok();
        // each code works once: the next one is that of the next half minute
        let shown = phone.shows(self.path.now() + SignedDuration::from_secs(30));
        self.signs_in_with(teacher, &shown).await;
        self.path.tell("she enrolled an app on her phone, and signed in with its code");
        self.signs_in_with(teacher, &text(&enrolled["recoveryCodes"][0])).await;
        self.path.tell("she lost the phone, and came in by a recovery code");
        let teacher = teacher.with_session(teacher.login(), own, &enrolled["session"]);
        let given_up = teacher.post("/v1/account/factor:giveUp", json!({ "currentPassword": own })).await.ok();
        self.path.tell("she gave the factor up, and asked nobody for it");
        teacher.with_session(teacher.login(), own, &given_up)
    }

    async fn signs_in_with(&self, teacher: &Caller, code: &str) {
        let mut reader = self.reader();
        let form = [("login", teacher.login()), ("password", PASSWORDS[1])];
        reader.fill(&self.page("sign-in"), &form, &self.page("confirm-factor")).await;
        let wrong = reader.send(&self.page("confirm-factor"), &[("app-code", "not a code")]).await;
        assert_eq!(wrong.status, 400, "{}", wrong.text());
        reader.fill(&self.page("confirm-factor"), &[("app-code", code)], &self.page("account")).await;
    }

    /// The second coordinator invites the teacher as a juror: one account, two roles, one at a time.
    async fn acts_in_two(&self, by: &Caller, teacher: &Caller) -> Caller {
        self.invite(by, teacher.login(), "ROLE_JUROR").await;
        self.accepts(teacher.login(), PASSWORDS[1], &[]).await;
        let teacher = teacher.again().await;
        let held = teacher.get("/v1/account/mandates").await.ok();
        let of = |role: &str| {
            let mandates = held["mandates"].as_array().into_iter().flatten();
            mandates.clone().find(|mandate| mandate["role"] == role).map(|mandate| text(&mandate["id"]))
        };
        let [first, other] = ["ROLE_TEACHER", "ROLE_JUROR"].map(|role| of(role).unwrap_or_else(|| panic!("{held}")));
        let juror = self.switch(&teacher, &other).await;
        teacher.get("/v1/account").await.refused("TOKEN_ENDED");
        let back = self.switch(&juror, &first).await;
        self.path
            .tell("the teacher is a juror too: her session went on in the other role, and back, without a password");
        back
    }

    async fn switch(&self, caller: &Caller, mandate: &str) -> Caller {
        let session: Value = caller.post("/v1/sessions:switch", json!({ "mandateId": mandate })).await.ok();
        caller.with_session(caller.login(), PASSWORDS[1], &session)
    }

    /// The role of the second coordinator is taken away: her next call is refused.
    async fn goes(&self, second: &Caller) {
        let held = second.get("/v1/account/mandates").await.ok();
        let path = format!("/v1/mandates/{}:revoke", text(&held["mandates"][0]["id"]));
        self.coordinator.post(&path, json!({})).await.ok();
        second.get("/v1/account").await.refused("TOKEN_ENDED");
        self.path.tell("the role of the second coordinator was taken away: her next call was refused");
    }

    /// The code of the letter to an address that leads to a page.
    async fn code(&self, email: &str, page: &str) -> String {
        self.path.letter(email, &format!("/{page}#([A-Za-z0-9_-]{{43}})")).await
    }

    fn anybody(&self) -> Caller {
        Caller::anybody(self.coordinator.http().clone(), self.coordinator.tenant())
    }

    fn reader(&self) -> Reader {
        Reader::new(self.coordinator.http(), "en")
    }

    fn page(&self, name: &str) -> String {
        format!("/{}/{name}", self.coordinator.tenant())
    }
}
