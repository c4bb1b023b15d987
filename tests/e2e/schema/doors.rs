//! Who gets into which database. Tried with what a service has in its hands: its role and its password.

use platform::Reads;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Statement};
use tests::{World, engine};

use super::connect;

const TENANTS: [&str; 2] = ["it", "hr"];

/// The database of one service in one tenant.
struct Place {
    tenant: &'static str,
    service: &'static str,
    role: String,
    database: String,
}

/// One row of two texts, asked through the door.
async fn ask(world: &World, tenant: &str, service: &str, sql: &str) -> Vec<(String, String)> {
    let ctx = world.process().operator(tenant).expect("a tenant");
    let db = world.process().store(service).expect("a service").read(&ctx).await.expect("a database");
    let rows = db
        .conn()
        .query_all_raw(Statement::from_string(db.conn().get_database_backend(), sql))
        .await
        .expect("an answer");
    rows.iter().map(|row| (row.try_get_by(0).expect("a text"), row.try_get_by(1).expect("a text"))).collect()
}

async fn places(world: &World) -> Vec<Place> {
    let mut places = Vec::new();
    for tenant in TENANTS {
        for service in migrations::SERVICES {
            let mut answer = ask(world, tenant, service, "SELECT current_user::text, current_database()::text").await;
            let (role, database) = answer.remove(0);
            places.push(Place { tenant, service, role, database });
        }
    }
    places
}

/// Connects with the role of one place to a database.
async fn enter(server: &str, place: &Place, database: &str) -> Result<DatabaseConnection, DbErr> {
    let (scheme, rest) = server.split_once("://").expect("a URL");
    let address = rest.split_once('@').expect("a URL").1.split('/').next().expect("a URL");
    // the password is the one `engine.rs` gives to every role
    let db = connect(&format!("{scheme}://{}:secret@{address}/{database}", place.role)).await?;
    db.execute_unprepared("SELECT 1").await?;
    Ok(db)
}

/// What a role may not do in its own database, beside a service it is not.
fn trespasses(own: &Place, other: &Place) -> Vec<String> {
    let Place { service, role, .. } = other;
    vec![
        format!("SELECT count(*) FROM {service}.outbox"),
        format!("INSERT INTO {service}.inbox VALUES ('00000000-0000-0000-0000-000000000000', 'x', 0)"),
        format!("CREATE TABLE {service}.mine (id uuid PRIMARY KEY)"),
        format!("GRANT ALL ON SCHEMA {service} TO {}", own.role),
        format!("SET ROLE {role}"),
        "CREATE TABLE public.mine (id uuid PRIMARY KEY)".to_owned(),
        "CREATE SCHEMA mine".to_owned(),
    ]
}

async fn held_by_roles(world: &World, server: &str) {
    let places = places(world).await;
    for own in &places {
        let db = enter(server, own, &own.database).await.expect("its own database");
        // what follows is refused to the role, and not to a wrong statement
        db.execute_unprepared(&format!("SELECT count(*) FROM {}.outbox", own.service)).await.expect("its own table");
        for other in places.iter().filter(|other| other.tenant == own.tenant && other.service != own.service) {
            for sql in trespasses(own, other) {
                let refused = db.execute_unprepared(&sql).await.expect_err(&format!("{}: {sql}", own.role)).to_string();
                assert!(refused.contains("permission denied"), "{}: {sql}: {refused}", own.role);
            }
        }
        for other in places.iter().filter(|other| other.tenant != own.tenant) {
            let refused = enter(server, own, &other.database)
                .await
                .err()
                .unwrap_or_else(|| panic!("{} is in {}", own.role, other.database));
            assert!(refused.to_string().contains("permission denied for database"), "{}: {refused}", own.role);
        }
    }
    let power = "SELECT rolname::text, ''::text FROM pg_roles WHERE rolname = current_user
                 AND (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)";
    for Place { tenant, service, .. } in &places {
        assert_eq!(
            ask(world, tenant, service, power).await,
            [],
            "{tenant} {service}: the role has powers it does not need"
        );
    }
}

async fn held_by_files(world: &World) {
    for tenant in TENANTS {
        for service in migrations::SERVICES {
            let open = ask(world, tenant, service, "SELECT name, file FROM pragma_database_list").await;
            let file = world.folder().join(format!("data/{tenant}/{service}.db")).canonicalize().expect("a file");
            assert_eq!(open, [("main".to_owned(), file.to_str().expect("UTF-8").to_owned())]);
        }
    }
}

#[tokio::test(crate = "::tests::limit")]
async fn a_service_gets_into_its_own_schema_of_the_callers_tenant_and_nowhere_else() {
    let world = World::of(&TENANTS).start().await;
    match engine::postgres() {
        Some(server) => held_by_roles(&world, &server).await,
        None => held_by_files(&world).await,
    }
    world.end().await;
}
