//! Facts that come twice. A process can die between handling a fact and saying so, and a broker delivers again when it is in doubt:
//! what a fact does is done once all the same, in every service and every tenant, whatever the fact.

use std::collections::BTreeMap;

use tests::{Twins, World, engine};

use crate::{border::values, schema::made};

/// From here on facts of a tenant stay to be read, in the table `told`, after they were handled.
pub async fn keep_facts(world: &World, tenant: &str) {
    let table = "CREATE TABLE told (id uuid NOT NULL PRIMARY KEY, name text NOT NULL, body bytea NOT NULL, trace text, at bigint NOT NULL,
                 attempts integer NOT NULL, due_at bigint NOT NULL)";
    // a fact that is told again by this test is kept already
    let copy = "INSERT INTO told SELECT * FROM outbox WHERE id = OLD.id AND id NOT IN (SELECT id FROM told)";
    let trigger = if engine::postgres().is_some() {
        format!(
            "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {copy}; RETURN OLD; END $$;
             CREATE TRIGGER keep BEFORE DELETE ON outbox FOR EACH ROW EXECUTE FUNCTION keep()"
        )
    } else {
        format!("CREATE TRIGGER keep BEFORE DELETE ON outbox BEGIN {copy}; END")
    };
    for service in migrations::SERVICES {
        // the database is made when it is opened first
        made(world, tenant, service).await;
        world.tamper(tenant, service, table).await;
        world.tamper(tenant, service, &trigger).await;
    }
}

/// Tells every fact again that was handled. Gives how many there are.
async fn tell_again(world: &World, tenant: &str) -> u64 {
    let mut told = 0;
    for service in migrations::SERVICES {
        let again = "INSERT INTO outbox SELECT id, name, body, trace, at, 0, 0 FROM told";
        told += world.tamper(tenant, service, again).await;
    }
    world.settle().await;
    told
}

/// Every value of every table but the books about facts themselves, and how many letters were sent.
async fn state(world: &World, tenants: &[&str]) -> (BTreeMap<String, Vec<String>>, usize) {
    let mut all = BTreeMap::<String, Vec<String>>::new();
    for tenant in tenants {
        for service in migrations::SERVICES {
            for (place, value) in values(world, tenant, service).await {
                if !["told", "inbox", "outbox"].iter().any(|book| place.contains(&format!(".{book}."))) {
                    all.entry(place).or_default().push(value);
                }
            }
        }
    }
    all.values_mut().for_each(|values| values.sort());
    let folder = |tenant: &&str| std::fs::read_dir(world.folder().join("data/mail").join(tenant));
    let letters = tenants.iter().filter_map(|tenant| folder(tenant).ok()).flatten().count();
    (all, letters)
}

#[tokio::test(crate = "::tests::limit")]
async fn a_fact_that_comes_twice_changes_nothing_and_sends_no_second_letter() {
    const TENANTS: [&str; 3] = ["it", "hr", "it-hr"];
    let world = World::of(&TENANTS).start().await;
    for tenant in TENANTS {
        keep_facts(&world, tenant).await;
    }
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    twins.talk().await;
    twins.mirror().await;
    twins.output().await;
    twins.see_at_home().await;
    world.hour_strikes().await;
    let before = state(&world, &TENANTS).await;
    assert!(before.1 > 3, "letters were sent: {}", before.1);
    for tenant in TENANTS {
        let told = tell_again(&world, tenant).await;
        assert!(told > 1, "{tenant}: {told} facts were told");
    }
    let after = state(&world, &TENANTS).await;
    assert_eq!(after.1, before.1, "letters");
    for (place, values) in &before.0 {
        assert_eq!(after.0.get(place), Some(values), "{place}");
    }
    assert_eq!(after.0.len(), before.0.len());
    world.end().await;
}
