//! The command line.

use std::fs;

use prost::{Message, Name};
use proto::identity::v1::TeamMoved;
use sea_orm::{ConnectionTrait, Statement};
use tests::world;

use super::Machine;

#[tokio::test(crate = "::tests::limit")]
async fn a_tenants_file_is_checked_before_it_is_used() {
    let machine = Machine::new();
    let good = world::tenant_files().join("it.toml");
    let (code, said, _) = machine.koine(&["tenant", "check", good.to_str().unwrap()]).await;
    assert_eq!(code, Some(0));
    assert!(said.contains("good") && said.contains("OpenCoesione"), "{said}");

    let broken = machine.folder.path().join("fr.toml");
    let text = fs::read_to_string(&good)
        .unwrap()
        .replace("Europe/Rome", "Europe/Roma")
        .replace("nuts = [\"IT\"]", "nuts = [\"XX\"]");
    fs::write(&broken, text).unwrap();
    let (code, _, complained) = machine.koine(&["tenant", "check", broken.to_str().unwrap()]).await;
    assert_eq!(code, Some(1));
    for words in ["fr.toml", "zone", "Europe/Roma", "identity.nuts", "XX"] {
        assert!(complained.contains(words), "{words}: {complained}");
    }
}

#[tokio::test(crate = "::tests::limit")]
async fn the_settings_in_force_are_printed_without_their_secrets() {
    let machine = Machine::new();
    let (code, said, _) = machine.koine(&["config"]).await;
    assert_eq!(code, Some(0));
    assert!(!said.contains("a secret of forty") && said.contains("***"), "{said}");
    let tree: toml::Table = said.parse().expect("TOML");
    assert_eq!(tree["process"]["drain_seconds"].as_integer(), Some(20));
    fs::write(machine.settings("koine"), "[process]\ncolour = \"red\"\n").unwrap();
    let (code, _, complained) = machine.koine(&["config"]).await;
    assert_eq!(code, Some(1));
    assert!(complained.contains("koine.toml") && complained.contains("process.colour"), "{complained}");
}

#[tokio::test(crate = "::tests::limit")]
async fn an_audit_log_is_verified_from_the_command_line() {
    let machine = Machine::new();
    let (code, said, complained) = machine.koine(&["migrate"]).await;
    assert_eq!(code, Some(0), "{complained}");
    assert!(said.contains("1 tenant"), "{said}");
    let account = [
        "account",
        "create",
        "--tenant",
        "it",
        "--email",
        "ada@it.example",
        "--given-name",
        "Ada",
        "--surname",
        "Verdi",
    ];
    let (code, said, complained) = machine.koine(&account).await;
    assert_eq!(code, Some(0), "{complained}");
    assert!(said.contains("ada@it.example") && said.contains("password"), "{said}");
    let (code, _, complained) = machine.koine(&account).await;
    assert_eq!(code, Some(1));
    assert!(complained.contains("email"), "{complained}");

    let invite = ["account", "invite", "--tenant", "it", "--email"];
    let (code, said, complained) = machine.koine(&[&invite[..], &["eva@it.example"]].concat()).await;
    assert!(code == Some(0) && said.starts_with("invitation"), "{said}{complained}");
    let (code, _, complained) = machine.koine(&[&invite[..], &["nobody"]].concat()).await;
    assert!(code == Some(1) && complained.contains("email"), "{complained}");

    let reset = ["account", "reset-factor", "--tenant", "it", "--email"];
    for (email, why) in [("nobody@it.example", "email: Nobody here"), ("ada@it.example", "no second factor")] {
        let (code, said, complained) = machine.koine(&[&reset[..], &[email]].concat()).await;
        assert!(code == Some(1) && said.is_empty() && complained.contains(why), "{said}{complained}");
    }

    let (code, said, _) = machine.koine(&["audit", "verify"]).await;
    assert_eq!(code, Some(0));
    assert!(said.contains("it identity: whole, 3 entries"), "the account, its role, an invitation: {said}");
    let database = machine.engine.connect("it", "identity").await;
    sea_orm::ConnectionTrait::execute_unprepared(&database, "UPDATE audit SET actor = 'nobody'").await.unwrap();
    database.close().await.unwrap();
    let database = machine.engine.connect("it", "lessons").await;
    sea_orm::ConnectionTrait::execute_unprepared(&database, "UPDATE audit_head SET seal = mac, seq = 7").await.unwrap();
    database.close().await.unwrap();
    let (code, said, _) = machine.koine(&["audit", "verify", "--tenant", "it"]).await;
    assert_eq!(code, Some(1));
    assert!(said.contains("it lessons: BROKEN after entry 0: the record of where it ends is not one"), "{said}");
    assert!(said.contains("it identity: BROKEN at entry 1"), "{said}");
}

#[tokio::test(crate = "::tests::limit")]
async fn everything_in_one_process_ends_when_it_is_told_to_and_starts_again() {
    let mut machine = Machine::new();
    for signal in ["-INT", "-TERM"] {
        machine.start("koine", &["serve", "--demo"]).await;
        machine.signal("koine", signal);
        assert_eq!(machine.ended("koine").await, Some(0), "{signal}");
    }
    let kept = fs::read_to_string(machine.folder.path().join("data/demo-coordinators.txt")).unwrap();
    assert_eq!(kept.lines().count(), 1, "the demo coordinator is made once");
}

#[tokio::test(crate = "::tests::limit")]
async fn a_parked_fact_is_shown_and_released_from_the_command_line() {
    let machine = Machine::new();
    let (code, _, complained) = machine.koine(&["migrate"]).await;
    assert_eq!(code, Some(0), "{complained}");
    let (code, said, _) = machine.koine(&["facts", "list"]).await;
    assert_eq!((code, said.trim()), (Some(0), "every fact was handled"));

    let (id, team) = (uuid::Uuid::now_v7(), uuid::Uuid::now_v7());
    let database = machine.engine.connect("it", "lessons").await;
    let name = TeamMoved::full_name();
    let body = TeamMoved { team_id: team.to_string() }.encode_to_vec();
    let sql =
        "INSERT INTO backlog (handler, event, name, body, at, attempts, due_at) VALUES ($1, $2, $3, $4, 0, 10, $5)";
    let never = 253_370_764_800_000_000_i64;
    let values: [sea_orm::Value; 5] = ["part moved class".into(), id.into(), name.into(), body.into(), never.into()];
    let row = Statement::from_sql_and_values(database.get_database_backend(), sql, values);
    database.execute_raw(row).await.expect("a row");
    database.close().await.expect("an open database");

    let (code, said, _) = machine.koine(&["facts", "list", "--tenant", "it"]).await;
    assert_eq!(code, Some(0), "{said}");
    for words in
        ["it lessons: ", &id.to_string(), "koine.identity.v1.TeamMoved", "`part moved class`", "10 failures, PARKED"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    let other = uuid::Uuid::now_v7().to_string();
    let (_, said, _) = machine.koine(&["facts", "retry", &other]).await;
    assert_eq!(said.trim(), "no such fact is parked");
    let (code, said, _) = machine.koine(&["facts", "retry", &id.to_string()]).await;
    assert_eq!((code, said.trim()), (Some(0), "released: 1"));
    let (_, said, _) = machine.koine(&["facts", "list"]).await;
    assert_eq!(said.trim(), "every fact was handled");
}
