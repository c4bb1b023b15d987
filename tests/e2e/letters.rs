//! Letters as whoever reads them gets them: headed as automatic mail is, and in a language that a new country's file brings.

use std::fs;

use ::tests::{
    World,
    world::{data, tenant_files},
};
use mailparse::{MailHeaderMap, parse_mail};
use serde_json::json;

use crate::source::root;

/// The file of a country nobody has, which brings the Italian letters as its own, with its own subject for one; changed by `change`.
fn portugal(change: impl Fn(&mut toml::Table)) -> String {
    let mut file: toml::Table = String::from_utf8(data("pt.toml")).expect("UTF-8").parse().expect("TOML");
    let italian = fs::read_to_string(root().join("services/identity/letters/it.toml")).expect("letters");
    let mut letters: toml::Table = italian.parse().expect("TOML");
    letters["verify_email"]["subject"] = "Confirme o seu endereço – {programme}".into();
    change(&mut letters);
    let identity = file["identity"].as_table_mut().expect("a table");
    identity.insert("letters".to_owned(), toml::Table::from_iter([("pt".to_owned(), letters.into())]).into());
    toml::to_string(&file).expect("TOML")
}

#[tokio::test(crate = "::tests::limit")]
async fn a_new_country_writes_letters_in_a_language_that_its_file_brings() {
    let world = World::of(&["it"]).start().await;
    for (change, fault) in [
        (
            Box::new(|letters: &mut toml::Table| drop(letters.remove("team_credential")))
                as Box<dyn Fn(&mut toml::Table)>,
            "team_credential",
        ),
        (
            Box::new(|letters: &mut toml::Table| letters["verify_email"]["text"] = "{nome} {link}".into()),
            "identity.letters.pt.verify_email.text: has to have {code} {link} {programme} {registered} {until}, and no other",
        ),
    ] {
        let faults = world.write_tenant("pt", &portugal(change));
        assert!(faults.len() == 1 && faults[0].faults.iter().any(|said| said.contains(fault)), "{faults:#?}");
    }
    assert_eq!(world.write_tenant("pt", &portugal(|_| ())), []);
    let form = json!({ "email": "ana@escola.example", "password": "sete gatos no telhado", "givenName": "Ana", "surname": "K" });
    world.anybody("pt").post("/v1/accounts", form).await.ok();
    world.settle().await;
    let [letter] = &world.mailbox("pt").to("ana@escola.example")[..] else { panic!("one letter") };
    assert_eq!(letter.subject, "Confirme o seu endereço – Portugal");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_letter_is_headed_as_automatic_mail_and_answered_to_the_central_team() {
    let world = World::of(&["hr"]).start().await;
    world.teacher("hr", "Ana", "Kos").await;
    let folder =
        fs::read_dir(world.folder().join("data/mail/hr")).expect("letters").map(|file| file.expect("a file").path());
    let [file] = &folder.collect::<Vec<_>>()[..] else { panic!("one letter") };
    let bytes = fs::read(file).expect("a letter");
    let mail = parse_mail(&bytes).expect("a mail");
    let header = |name| mail.headers.get_all_values(name).join("|");
    let id = file.file_stem().expect("a name").to_str().expect("UTF-8");
    assert_eq!(header("Message-ID"), format!("<{id}@localhost.localdomain>"), "the same when it is sent again");
    assert_eq!((header("Auto-Submitted"), header("MIME-Version")), ("auto-generated".to_owned(), "1.0".to_owned()));
    assert_eq!(mailparse::dateparse(&header("Date")).ok(), Some(world.clock().now().as_second()));
    assert!(header("Reply-To").ends_with(" <central-team@hr.example>"), "{}", header("Reply-To"));
    assert_eq!((header("Content-Language"), mail.subparts.len()), ("hr".to_owned(), 2));
    world.end().await;
}

#[test]
fn every_tenant_names_who_reads_the_answers_to_its_letters() {
    for file in fs::read_dir(tenant_files()).expect("the tenants").map(|file| file.expect("a file").path()) {
        let table: toml::Table = fs::read_to_string(&file).expect("a tenant").parse().expect("TOML");
        let address = table.get("reply_to").and_then(toml::Value::as_str).unwrap_or_default();
        assert!(platform::mail::is_address(address), "{}", file.display());
    }
}
