//! The pages that links in letters lead to: a reader without script confirms an address, signs in, redeems a credential, changes a
//! password, and is told what is wrong in their language.

use http::{Method, StatusCode, header};
use serde_json::json;
use tests::{Answer, Reader, Scene, World, mailbox::CODE, scene::PASSWORD};

mod own;

const NEXT: &str = "quattro lune sul lago di notte";

/// What stands beside a field: the sentence of the element that describes it.
#[track_caller]
fn beside<'a>(page: &'a str, field: &str) -> &'a str {
    let id = format!("{field}-fault");
    let (_, rest) =
        page.split_once(&format!("id=\"{id}\">")).unwrap_or_else(|| panic!("nothing beside {field}: {page}"));
    let (_, input) = page.split_once(&format!("id=\"{field}\" name=")).expect("the field");
    let input = input.split('>').next().expect("an element");
    assert!(input.contains(&id) && input.contains("aria-invalid=\"true\""), "{input}");
    rest.split("</p>").next().expect("a text")
}

/// The form of a first sign-in.
fn redemption<'a>(code: &'a str, credential: &'a str, password: &'a str, again: &'a str) -> [(&'a str, &'a str); 4] {
    [("team-code", code), ("credential", credential), ("new-password", password), ("new-password-again", again)]
}

#[track_caller]
fn says(page: &Answer, words: &str) {
    assert!(page.text().contains(words), "{}: `{words}` is not in {}", page.of, page.text());
}

/// Registers a teacher by the API, and returns the path that the link of the letter leads to, and the code in it.
async fn registered(world: &World, tenant: &str, email: &str) -> (String, String) {
    let form = json!({ "email": email, "password": PASSWORD, "givenName": "Ana", "surname": "Kos" });
    world.anybody(tenant).post("/v1/accounts", form).await.ok();
    world.settle().await;
    let mailbox = world.mailbox(tenant);
    let path = mailbox.find(email, r"https?://[^/]+(/[a-z-]+/[a-z-]+)#").expect("a link");
    (path, mailbox.find(email, CODE).expect("a code"))
}

#[tokio::test(crate = "::tests::limit")]
async fn a_teacher_comes_from_the_letter_to_a_session_by_pages_alone() {
    let world = World::of(&["hr"]).start().await;
    let (path, code) = registered(&world, "hr", "ana@skole.example").await;
    assert_eq!(path, "/hr/verify-email");
    let mut ana = Reader::new(world.http(), "hr");
    says(&ana.open(&path).await, "Potvrdite svoju adresu");
    let page = ana
        .fill(&path, &[("code", &format!(" {code}\n")), ("password", PASSWORD)], "/hr/sign-in?done=verify-email")
        .await;
    says(&page, "Vaša je adresa potvrđena.");

    let page = ana.fill("/hr/sign-in", &[("login", "Ana@skole.example"), ("password", PASSWORD)], "/hr/account").await;
    says(&page, "Ana Kos");
    says(&page, "ana@skole.example");
    let first = ana.cookie("session").expect("a session").to_owned();
    let twice = [("current-password", PASSWORD), ("new-password", NEXT), ("new-password-again", NEXT)];
    says(
        &ana.fill("/hr/change-password", &twice, "/hr/account?done=change-password").await,
        "Vaša je lozinka promijenjena.",
    );
    let second = ana.cookie("session").expect("a session").to_owned();
    assert_ne!(first, second);

    says(&ana.fill("/hr/sign-out", &[], "/hr/sign-in?done=sign-out").await, "Odjavljeni ste.");
    assert_eq!(ana.cookie("session"), None);
    let away = ana.open("/hr/account").await;
    assert_eq!(
        (away.status, &away.headers[header::LOCATION]),
        (StatusCode::SEE_OTHER, &"/hr/sign-in".parse().unwrap())
    );
    for secret in [&*code, PASSWORD, NEXT, &first, &second, "ana@skole.example"] {
        assert_eq!(world.log().find(secret), [""; 0], "the log says {secret}");
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_class_redeems_its_credential_by_a_page_alone() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.invited("Bianchi").await;
    let letter = world.mailbox("it").find(class.referent.login(), r"https?://[^/]+(/it/[a-z-]+)\n").expect("a link");
    assert_eq!(letter, "/it/redeem");
    let mut pupil = Reader::new(world.http(), "it-IT,en;q=0.5");
    let form = |credential, password, again| redemption(&class.code, credential, password, again);
    // what is wrong is said beside its field, and what is secret is not shown again
    let page = pupil.send(&letter, &form(&*class.credential, NEXT, "tre stelle")).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(beside(&page.text(), "new-password-again").starts_with("Non è uguale alla nuova password"));
    assert!(page.text().contains(&class.code) && !page.text().contains(NEXT) && !page.text().contains("tre stelle"));
    let page = pupil.send(&letter, &form(&*class.credential, "asoc", "asoc")).await.text();
    assert!(beside(&page, "new-password").starts_with("Questa password è facile da indovinare."), "{page}");
    says(
        &pupil.send(&letter, &form("0000-0000-0000-0000-0000", NEXT, NEXT)).await,
        "Il nome o la password non sono corretti, oppure il tuo indirizzo non è ancora confermato.",
    );

    let page = pupil.fill(&letter, &form(&*class.credential, NEXT, NEXT), "/it/account?done=redeem").await;
    says(&page, &class.code);
    says(
        &pupil.send(&letter, &form(&*class.credential, NEXT, NEXT)).await,
        "Questa password provvisoria non è più valida.",
    );
    assert_eq!(class.team.sign_in(&class.code, NEXT).await.account().await["teamId"], class.id.as_str());
    for secret in [&*class.credential, NEXT, pupil.cookie("session").expect("a session")] {
        assert_eq!(world.log().find(secret), [""; 0], "the log says {secret}");
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_signs_in_with_a_provisional_credential_has_to_choose_a_password() {
    let world = World::of(&["it"]).start().await;
    let class = Scene::open(&world, "it").await.invited("Bianchi").await;
    let mut pupil = Reader::new(world.http(), "es");
    let form = [("login", &*class.code), ("password", &*class.credential)];
    says(&pupil.fill("/it/sign-in", &form, "/it/change-password").await, "Elige una contraseña nueva");
    assert_eq!(pupil.open("/it/account").await.headers[header::LOCATION], "/it/change-password");
    let form = [("current-password", &*class.credential), ("new-password", NEXT), ("new-password-again", NEXT)];
    says(&pupil.fill("/it/change-password", &form, "/it/account?done=change-password").await, &class.code);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_wrong_or_old_code_says_what_to_do_in_the_readers_language() {
    let world = World::of(&["gr", "hr"]).start().await;
    let (path, code) = registered(&world, "gr", "ana@sch.example").await;
    let mut greek = Reader::new(world.http(), "el");
    let mut croat = Reader::new(world.http(), "hr-HR");
    let page = croat.send("/gr/verify-email", &[("code", "not a code"), ("password", PASSWORD)]).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(
        beside(&page.text(), "code").starts_with("Ovaj kôd nije valjan. Upotrijebite onaj iz naše najnovije poruke")
    );
    says(&page, "<title>Treba ispraviti: Potvrdite svoju adresu");
    says(&page, "value=\"not a code\"");
    let page = greek.send("/hr/verify-email", &[("code", &code), ("password", PASSWORD)]).await.text();
    assert!(beside(&page, "code").starts_with("Αυτός ο κωδικός δεν ισχύει."), "a code of another country is none");
    let page = greek.send(&path, &[]).await.text();
    assert!(beside(&page, "code").starts_with("Αυτό το πεδίο είναι κενό."), "{page}");

    world.passes_by(jiff::SignedDuration::from_hours(49)).await;
    let page = greek.send(&path, &[("code", &code), ("password", PASSWORD)]).await.text();
    assert!(beside(&page, "code").contains("Ζητήστε νέο"), "{page}");
    assert!(page.contains("href=\"/gr/resend-verification\""), "and the page leads to where");
    let page = greek.fill(
        "/gr/resend-verification",
        &[("email", "ana@sch.example")],
        "/gr/verify-email?done=resend-verification",
    );
    says(&page.await, "θα λάβετε νέο κωδικό");
    world.settle().await;
    let code = world.mailbox("gr").find("ana@sch.example", CODE).expect("another code");
    greek.fill(&path, &[("code", &code), ("password", PASSWORD)], "/gr/sign-in?done=verify-email").await;
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_forgot_the_password_or_changed_the_address_is_helped_by_pages_alone() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let mut ana = Reader::new(world.http(), "hr");
    let page = ana
        .fill("/it/recover-password", &[("email", teacher.login())], "/it/reset-password?done=recover-password")
        .await;
    says(&page, "Ako adresa ima račun, na nju stiže poruka s kôdom.");
    world.settle().await;
    let code = world.mailbox("it").find(teacher.login(), CODE).expect("a code");
    let wrong = [("code", "not a code"), ("new-password", NEXT), ("new-password-again", NEXT)];
    let page = ana.send("/it/reset-password", &wrong).await;
    assert!(beside(&page.text(), "code").starts_with("Ovaj kôd nije valjan."));
    let right = [("code", &*code), ("new-password", NEXT), ("new-password-again", NEXT)];
    says(&ana.fill("/it/reset-password", &right, "/it/sign-in?done=reset-password").await, "Prijavite se novom.");

    let teacher = world.anybody("it").sign_in(teacher.login(), NEXT).await;
    let wanted = json!({ "newEmail": "ana.new@school.example", "currentPassword": NEXT });
    teacher.post("/v1/account:changeEmail", wanted).await.ok();
    world.settle().await;
    let code = world.mailbox("it").find("ana.new@school.example", CODE).expect("a code");
    let wrong = ana.send("/it/confirm-email", &[("code", &code), ("password", "not it")]).await.text();
    assert!(!beside(&wrong, "password").is_empty());
    let form = [("code", &*code), ("password", NEXT)];
    ana.fill("/it/confirm-email", &form, "/it/sign-in?done=confirm-email").await;
    world.settle().await;
    let back = world.mailbox("it").find(teacher.login(), CODE).expect("a code");
    let page = ana.fill("/it/restore-email", &[("code", &back)], "/it/reset-password?done=restore-email").await;
    says(&page, "Adresa je opet Vaša.");
    for secret in [NEXT, &code, &back, teacher.login(), "ana.new@school.example"] {
        assert_eq!(world.log().find(secret), [""; 0], "the log says {secret}");
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_is_invited_comes_from_the_letter_to_a_session_by_pages_alone() {
    let world = World::of(&["it"]).start().await;
    let (coordinator, teacher) = (world.coordinator("it").await, world.teacher("it", "Ana", "Kos").await);
    let invite = async |email: &str, role: &str| {
        coordinator.post("/v1/invitations", json!({ "email": email, "role": role, "locale": "el" })).await.ok();
        world.settle().await;
        let path = world.mailbox("it").find(email, r"https?://[^/]+(/it/accept-invitation)#").expect("a link");
        (path, world.mailbox("it").find(email, CODE).expect("a code"))
    };
    let mut eva = Reader::new(world.http(), "el");
    let (path, code) = invite("eva@jury.example", "ROLE_JUROR").await;
    // names and a password are missing: each is said beside its field
    let page = eva.send(&path, &[("code", &code), ("own-password", "asoc")]).await.text();
    assert!(beside(&page, "given-name").starts_with("Αυτό το πεδίο είναι κενό."), "{page}");
    assert!(!beside(&page, "surname").is_empty() && !beside(&page, "own-password").is_empty());
    let form = [("code", &*code), ("given-name", "Eva"), ("surname", "Novak"), ("own-password", NEXT)];
    let page = eva.fill(&path, &form, "/it/sign-in?done=accept-invitation").await;
    says(&page, "Αποδεχτήκατε την πρόσκληση.");
    says(
        &eva.fill("/it/sign-in", &[("login", "eva@jury.example"), ("password", NEXT)], "/it/account").await,
        "Eva Novak",
    );
    let again = eva.send(&path, &form).await.text();
    assert!(beside(&again, "code").starts_with("Αυτός ο κωδικός δεν ισχύει."), "{again}");

    // a teacher of past years gains a second role by the password alone
    let (path, code) = invite(teacher.login(), "ROLE_JUROR").await;
    let own = "a sentence nobody else would choose";
    let mut ana = Reader::new(world.http(), "hr");
    says(
        &ana.fill(&path, &[("code", &code), ("own-password", own)], "/it/sign-in?done=accept-invitation").await,
        "Prihvatili ste poziv.",
    );
    assert_eq!(teacher.again().await.account().await["roles"], json!(["ROLE_TEACHER", "ROLE_JUROR"]));
    for secret in [NEXT, own, &code, "eva@jury.example"] {
        assert_eq!(world.log().find(secret), [""; 0], "the log says {secret}");
    }
    world.end().await;
}

/// A value of an element that begins so, as the browser reads it.
fn value(page: &str, begins: &str) -> String {
    let (_, rest) = page.split_once(begins).unwrap_or_else(|| panic!("no {begins} in {page}"));
    rest.split('"').next().expect("a value").replace("&quot;", "\"").replace("&lt;", "<").replace("&amp;", "&")
}

/// What a page of a passkey has begun: the options, and what is sent back.
fn begun(page: &str) -> (serde_json::Value, String) {
    let options = json!({ "options": value(page, "data-options=\"") });
    (options, value(page, "name=\"ceremony\" value=\""))
}

#[track_caller]
fn runs_one_script(page: &Answer) {
    let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none';") && policy.ends_with("; script-src 'self'"), "{policy}");
    assert_eq!(page.text().matches("<script").count(), 1, "{}", page.text());
    assert!(page.text().contains("<script src=\"/passkey.js\" defer></script>") && page.text().contains("<noscript>"));
}

#[tokio::test(crate = "::tests::limit")]
async fn a_passkey_is_added_used_and_removed_by_pages() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let own = "a sentence nobody else would choose";
    let mut ana = Reader::new(world.http(), "hr");
    assert_eq!(ana.open("/it/passkeys").await.headers[header::LOCATION], "/it/sign-in");
    let page = ana.fill("/it/sign-in", &[("login", teacher.login()), ("password", own)], "/it/account").await;
    says(&page, "href=\"/it/passkeys\"");
    let page = ana.send("/it/passkeys", &[("passkey-name", " "), ("current-password", own)]).await.text();
    assert!(beside(&page, "passkey-name").starts_with("Ovo polje je prazno."), "{page}");
    let page = ana.send("/it/passkeys", &[("passkey-name", "a phone"), ("current-password", "not it")]).await.text();
    assert!(!beside(&page, "current-password").is_empty() && page.contains("value=\"a phone\""));
    assert_eq!(ana.open("/it/add-passkey").await.headers[header::LOCATION], "/it/passkeys");

    let mut device = tests::Device::new();
    let page = ana.send("/it/passkeys", &[("passkey-name", "\"Anin\" telefon"), ("current-password", own)]).await;
    runs_one_script(&page);
    let (options, ceremony) = begun(&page.text());
    let name = value(&page.text(), "name=\"passkey-name\" value=\"");
    let made = device.makes(&options);
    let form = [("ceremony", &*ceremony), ("credential", &made), ("passkey-name", &name)];
    let page = ana.fill("/it/add-passkey", &form, "/it/passkeys?done=add-passkey").await;
    says(&page, "Pristupni ključ je dodan.");
    says(&page, "Ukloni &quot;Anin&quot; telefon");
    let remove = value(&page.text(), "href=\"/it/remove-passkey?passkey=");
    // what is over is said, and the page leads to where one begins anew
    let page = ana.send("/it/add-passkey", &form).await;
    says(&page, "Počnite ispočetka.");
    assert!(page.text().contains("href=\"/it/passkeys\"") && !page.text().contains("data-options"));
    ana.fill("/it/sign-out", &[], "/it/sign-in?done=sign-out").await;

    let page = ana.open("/it/sign-in-passkey").await;
    runs_one_script(&page);
    let (options, ceremony) = begun(&page.text());
    let page = ana.send("/it/sign-in-passkey", &[("ceremony", &*ceremony), ("credential", "{}")]).await;
    says(&page, "Ovaj pristupni ključ ovdje ne radi.");
    assert_ne!(begun(&page.text()).1, ceremony, "another one was begun");
    let form = [("ceremony", &*ceremony), ("credential", &device.signs(&options))];
    says(&ana.fill("/it/sign-in-passkey", &form, "/it/account").await, "Ana Kos");

    let page = ana.open(&format!("/it/remove-passkey?passkey={remove}")).await;
    assert_eq!(value(&page.text(), "name=\"passkey\" value=\""), remove);
    let form = [("passkey", &*remove), ("current-password", own)];
    says(
        &ana.fill("/it/remove-passkey", &form, "/it/passkeys?done=remove-passkey").await,
        "Pristupni ključ je uklonjen.",
    );
    let script = world.http().send(Method::GET, "/passkey.js", &[], "").await;
    assert_eq!(script.headers[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
    for secret in [&*made, &ceremony, own] {
        assert_eq!(world.log().find(secret), [""; 0], "the log says {secret}");
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_needs_a_passkey_is_led_to_where_it_is_used_or_made() {
    let world = World::of(&["it"]).start().await;
    let coordinator = world.coordinator("it").await;
    let text = std::fs::read_to_string(tests::world::tenant_files().join("it.toml")).expect("a file");
    let needed = "[identity]\nsecond_factor = { required_for = [\"coordinator\"] }\n";
    assert_eq!(world.write_tenant("it", &text.replacen("[identity]\n", needed, 1)), []);
    let own = "a lantern above the harbour wall";
    let mut eva = Reader::new(world.http(), "en");
    let form = [("login", coordinator.login()), ("password", own)];
    let page = eva.fill("/it/sign-in", &form, "/it/begin-factor").await;
    assert!(page.text().contains("href=\"/it/passkeys\""), "an app is not the only way");
    let (mut device, name) = (tests::Device::new(), ("passkey-name", "a key"));
    let page = eva.send("/it/passkeys", &[name, ("current-password", own)]).await;
    let (options, ceremony) = begun(&page.text());
    let made = device.makes(&options);
    let added = [("ceremony", &*ceremony), ("credential", &made), name];
    eva.fill("/it/add-passkey", &added, "/it/passkeys?done=add-passkey").await;
    eva.fill("/it/sign-out", &[], "/it/sign-in?done=sign-out").await;
    let page = eva.fill("/it/sign-in", &form, "/it/sign-in-passkey?done=passkey-needed").await;
    says(&page, "Your role needs a passkey besides");
    assert_eq!(eva.cookie("session"), None);
    let (options, ceremony) = begun(&page.text());
    let used = [("ceremony", &*ceremony), ("credential", &device.signs(&options))];
    eva.fill("/it/sign-in-passkey", &used, "/it/account").await;
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn no_other_site_sends_a_form_in_the_name_of_a_reader() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let mut ana = Reader::new(world.http(), "sl");
    let form = [("login", teacher.login()), ("password", "a sentence nobody else would choose")];
    for (name, value) in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        let page = ana.clone().with(name, value).send("/it/sign-in", &form).await;
        assert_eq!(
            (page.status, page.headers.get(header::SET_COOKIE)),
            (StatusCode::FORBIDDEN, None),
            "{name} {value}"
        );
        says(&page, "Ta obrazec ni bil poslan s strani tega spletnega mesta.");
    }
    let cookie = ana.send("/it/sign-in", &form).await.headers[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert!(cookie.ends_with("; Path=/it; HttpOnly; SameSite=Strict"), "{cookie}");
    let by_https = ana.clone().with("origin", "https://koine.example").with("host", "koine.example");
    let cookie =
        by_https.clone().send("/it/sign-in", &form).await.headers[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert!(cookie.ends_with("; HttpOnly; SameSite=Strict; Secure"), "{cookie}");
    // a session that has ended is no session
    ana.clone().fill("/it/sign-out", &[], "/it/sign-in?done=sign-out").await;
    let twice = [("current-password", "x"), ("new-password", NEXT), ("new-password-again", NEXT)];
    says(&ana.fill("/it/change-password", &twice, "/it/sign-in?done=session-over").await, "Vaša prijava je potekla.");
    assert_eq!(ana.cookie("session"), None);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_session_of_the_pages_ends_with_the_token_that_they_hold() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let form = [("login", teacher.login()), ("password", "a sentence nobody else would choose")];
    Reader::new(world.http(), "en").fill("/it/sign-in", &form, "/it/account").await;
    let sessions = teacher.get("/v1/account/sessions").await.ok();
    let end = (world.clock().now() + jiff::SignedDuration::from_mins(10)).to_string();
    let sessions = sessions["sessions"].as_array().cloned().expect("sessions");
    let short = sessions.iter().filter(|session| session["expiresAt"] == end.as_str()).count();
    assert_eq!((sessions.len(), short), (2, 1), "{sessions:#?}");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn guesses_are_counted_by_the_address_of_the_reader() {
    let settings = "[gateway]\ntrusted_proxies = [\"127.0.0.0/8\"]\n\
                    [identity.throttle.address]\nburst = 3\nevery_ms = 60000\n";
    let world = World::of(&["it"]).settings(settings).start().await;
    let guess = async |address: &str, at: usize| {
        let mut stranger = Reader::new(world.http(), "en").with("x-forwarded-for", address);
        let login = format!("nobody{at}@school.example");
        stranger.send("/it/sign-in", &[("login", &login), ("password", "not the password")]).await.status
    };
    for at in 0..3 {
        assert_eq!(guess("192.0.2.1", at).await, StatusCode::BAD_REQUEST);
    }
    assert_eq!(guess("192.0.2.1", 3).await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(guess("192.0.2.2", 4).await, StatusCode::BAD_REQUEST, "the portal is nobody's address");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn every_page_speaks_seven_languages_without_script_and_keeps_the_one_that_was_chosen() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let pages = [
        "verify-email",
        "resend-verification",
        "sign-in",
        "redeem",
        "recover-password",
        "reset-password",
        "confirm-email",
        "restore-email",
        "accept-invitation",
        "confirm-teacher",
    ]
    .map(|page| format!("/it/{page}"));
    let pair = format!("/it-hr/pairs/{}", uuid::Uuid::now_v7());
    for language in ["ca", "el", "en", "es", "hr", "it", "sl"] {
        let mut reader = Reader::new(world.http(), "de,pt;q=0.5");
        assert!(reader.open("/it/sign-in").await.text().contains("<html lang=\"it\">"), "the tenant's own");
        for path in pages.iter().chain([&pair]) {
            let page = reader.open(&format!("{path}?language={language}")).await;
            assert_eq!(page.status, StatusCode::OK, "{path}");
            says(&page, &format!("<html lang=\"{language}\">"));
            assert_eq!(page.text().matches("aria-current=\"true\"").count(), 1);
            assert!(!page.text().contains("<script") && !page.text().contains(" style="), "{path}");
            for (name, value) in [
                (header::CACHE_CONTROL, "no-store"),
                (header::REFERRER_POLICY, "same-origin"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (header::CONTENT_LANGUAGE, language),
            ] {
                assert_eq!(page.headers[name], value, "{path}");
            }
            let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.starts_with("default-src 'none'; style-src 'self'; form-action 'self'"), "{policy}");
        }
        says(&reader.open("/it/verify-email").await, &format!("<html lang=\"{language}\">"));
    }
    says(&world.http().send(Method::GET, &pair, &[("accept-language", "en")], "").await, "href=\"/hr/sign-in\"");
    let style = world.http().send(Method::GET, "/portal.css", &[], "").await;
    assert_eq!(
        (style.status, &style.headers[header::CONTENT_TYPE]),
        (StatusCode::OK, &"text/css; charset=utf-8".parse().unwrap())
    );
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn what_is_not_there_is_said_on_a_page_too() {
    let world = World::of(&["it"]).start().await;
    let mut reader = Reader::new(world.http(), "hr");
    for path in ["/atlantis/sign-in", "/v1/sign-in", "/it/pairs/1"] {
        let page = reader.open(path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        says(&page, "<html lang=\"hr\">");
    }
    let large = format!("code={}", "x".repeat(20_000));
    let page = world.http().send(Method::POST, "/it/verify-email", &[("origin", world.http().base())], large).await;
    assert_eq!(page.status, StatusCode::PAYLOAD_TOO_LARGE);
    says(&page, "What was sent is too large.");
    // the API is where it was
    world.http().send(Method::GET, "/v1/tenants", &[], "").await.ok();
    world.http().send(Method::GET, "/it/v1/tenant", &[], "").await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn every_link_in_a_letter_leads_to_a_page() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.invited("Bianchi").await;
    let again = json!({ "email": class.referent.login(), "password": PASSWORD, "givenName": "A", "surname": "B" });
    world.anybody("it").post("/v1/accounts", again).await.ok();
    let invited = json!({ "email": class.referent.login(), "role": "ROLE_JUROR" });
    scene.coordinator.post("/v1/invitations", invited).await.ok();
    world.settle().await;
    let link = regex::Regex::new(r"https?://[^/\s]+(/[^\s#]*)").unwrap();
    let mut paths = std::collections::BTreeSet::new();
    for letter in world.mailbox("it").to(class.referent.login()) {
        paths.extend(link.captures_iter(&letter.text).map(|found| found[1].to_owned()));
    }
    assert_eq!(
        paths.iter().map(String::as_str).collect::<Vec<_>>(),
        ["/it/accept-invitation", "/it/recover-password", "/it/redeem", "/it/sign-in", "/it/verify-email"]
    );
    for path in paths {
        let page = Reader::new(world.http(), "en").open(&path).await;
        assert_eq!(
            (page.status, &page.headers[header::CONTENT_TYPE]),
            (StatusCode::OK, &"text/html; charset=utf-8".parse().unwrap())
        );
    }
    world.end().await;
}
