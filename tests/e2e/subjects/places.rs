//! The law of what is known of people: each service tells it, and no table and no column of a schema is forgotten. What a service does
//! not tell is here, with the reason.

use platform::{
    Ctx,
    subject::{Holding, of_every_service},
};
use tests::{
    World,
    grpc::{access, address, method},
};

use crate::{
    schema::{Column, made},
    source::holds,
};

/// Tables and columns that are not told, and why. `*` is every service.
const NOT_TOLD: [(&str, &str, &str); 86] = [
    ("*", "answered.answer", "the bytes of an answer; what it is about is told where that is kept"),
    ("*", "answered.digest", "a digest of the request"),
    ("*", "audit.mac", "the digest of the chain"),
    ("*", "audit_entry", "goes into `audit` a moment later"),
    ("*", "audit_head", "where the log ends"),
    ("*", "audit_lane", "where entries wait"),
    ("*", "backlog", "facts hold ids alone"),
    ("*", "change", "ids of what changed"),
    ("*", "ended_session", "ids of sessions, which identity tells"),
    ("*", "inbox", "which facts were handled"),
    ("*", "operation.cancelling", "how an operation goes on"),
    ("*", "operation.done", "how an operation goes on"),
    ("*", "operation.lease_until", "how an operation goes on"),
    ("*", "operation.outcome", "what an operation gave; it is told where that is kept"),
    ("*", "operation.total", "how an operation goes on"),
    ("*", "outbox", "facts hold ids alone"),
    ("identity", "account.password", "a hash that nobody can read the password from"),
    ("identity", "account.team_id", "of accounts that a class shares"),
    ("identity", "account.version", "counts changes"),
    ("identity", "application.version", "counts changes"),
    ("identity", "confirmation.version", "counts changes"),
    ("identity", "credential", "of a class"),
    ("identity", "crossing", "counts of a class"),
    ("identity", "email_change.id", "the code in a letter is derived from it"),
    ("identity", "erasure", "of nobody any more"),
    ("identity", "erasure_receipt", "of nobody any more"),
    ("identity", "factor_miss", "digests of networks that none can be read from"),
    ("identity", "factor.codes_id", "recovery codes are derived from it"),
    ("identity", "factor.codes_used", "which recovery codes were used"),
    ("identity", "factor.id", "the secret of the app is derived from it"),
    ("identity", "factor.last_step", "which code was taken last"),
    ("identity", "factor.version", "counts changes"),
    ("identity", "file.place", "the digest and the id"),
    ("identity", "invitation.code_id", "the code in a letter is derived from it"),
    ("identity", "invitation.version", "counts changes"),
    ("identity", "machine_token", "of an outside system"),
    ("identity", "mandate.version", "counts changes"),
    ("identity", "membership", "of a class"),
    ("identity", "passkey.credential", "the public key that a device has made, which is of no use without the device"),
    ("identity", "passkey.key_name", "what a device calls the key"),
    ("identity", "passkey.last_ceremony", "which answer was taken last"),
    ("identity", "passkey.version", "counts changes"),
    ("identity", "provider_attempt.family", "a session, which is told"),
    ("identity", "provider_attempt.id", "what a provider is told is derived from it"),
    ("identity", "provider_link.id", "names the link in a session"),
    ("identity", "recovery.id", "the code in a letter is derived from it"),
    (
        "identity",
        "refused_teacher",
        "digests of addresses, by which one that is known is found again, so that a refusal outlasts its account",
    ),
    ("identity", "registration.given_name", "nobody has proven that who typed it owns the address"),
    ("identity", "registration.id", "the code in a letter is derived from it"),
    ("identity", "registration.locale", "nobody has proven that who typed it owns the address"),
    ("identity", "registration.password", "a hash that nobody can read the password from"),
    ("identity", "registration.subject_area", "nobody has proven that who typed it owns the address"),
    ("identity", "registration.surname", "nobody has proven that who typed it owns the address"),
    ("identity", "school", "a register"),
    ("identity", "school_letter.id", "the code in a letter is derived from it"),
    ("identity", "session.generation", "tokens are derived from it"),
    ("identity", "session.version", "counts changes"),
    ("identity", "team.*", "what is not told is of the class"),
    ("identity", "team_move", "of a class"),
    ("identity", "track_end", "of an edition"),
    ("identity", "webhook", "of an outside system"),
    ("identity", "webhook_delivery", "ids of what happened"),
    ("lessons", "calendar_item", "of an edition"),
    ("lessons", "consent", "of a class, which names nobody"),
    ("lessons", "credit", "of a class"),
    ("lessons", "edition", "of nobody"),
    ("lessons", "engagement", "of a class"),
    ("lessons", "extension", "of a class"),
    ("lessons", "file", "of a class"),
    ("lessons", "form", "of an edition"),
    ("lessons", "message", "of a class; who of it wrote is not kept"),
    ("lessons", "offer", "of a class"),
    ("lessons", "output", "of a pair"),
    ("lessons", "output_signature", "of a class"),
    ("lessons", "pair", "of two classes"),
    ("lessons", "pair_side", "of a class"),
    ("lessons", "project", "of nobody"),
    ("lessons", "project_place", "of nobody"),
    ("lessons", "reminder", "of a pair"),
    ("lessons", "reopening", "of a class"),
    ("lessons", "report", "of a class; who of it wrote is not kept"),
    ("lessons", "sighting", "of a class; who saw it is a role and a country"),
    ("lessons", "submission", "of a class"),
    ("lessons", "timeline", "of a pair"),
    ("lessons", "track", "of an edition"),
    ("lessons", "track_end_told", "of an edition"),
];

/// What a service has of people, besides what every service has.
fn own(service: &str, ctx: &Ctx) -> Vec<Holding> {
    let holdings = match service {
        "identity" => identity::holdings(ctx),
        "lessons" => lessons::holdings(ctx),
        other => panic!("say here where `{other}` declares what it has of people"),
    };
    holdings.expect("holdings")
}

/// Whether an entry of the list is about a column.
fn is_about((of, what, _): &(&str, &str, &str), service: &str, column: &Column) -> bool {
    let table = what.strip_suffix(".*").unwrap_or(what);
    let names = format!("{}.{}", column.table, column.name);
    (*of == "*" || *of == service) && (column.table == table || names == *what)
}

fn faults(service: &str, columns: &[Column], holdings: &[Holding]) -> Vec<String> {
    let told = |column: &Column| {
        holdings.iter().any(|one| one.table() == column.table && one.columns().any(|name| name == column.name))
    };
    let mut faults = Vec::new();
    for column in columns {
        let excused = NOT_TOLD.iter().find(|entry| is_about(entry, service, column));
        let place = format!("{service}.{}.{}", column.table, column.name);
        match (told(column), excused) {
            (false, None) => faults.push(format!("{place}: tell it in `holdings`, or say here why it is nobody's")),
            (true, Some((_, what, _))) if !what.ends_with(".*") => {
                faults.push(format!("{place}: it is told; strike it off the list here"));
            }
            _ => {}
        }
    }
    for holding in holdings {
        let is_there = |name: &str| columns.iter().any(|column| column.table == holding.table() && column.name == name);
        let gone = holding.columns().filter(|name| !is_there(name));
        faults.extend(gone.map(|name| format!("{service}.{}.{name}: there is no such column", holding.table())));
    }
    faults
}

#[tokio::test(crate = "::tests::limit")]
async fn no_column_of_a_schema_is_forgotten_where_people_ask_what_is_known_of_them() {
    let world = World::of(&["it"]).start().await;
    let ctx = world.process().operator("it").expect("a tenant");
    let mut all = Vec::new();
    for service in migrations::SERVICES {
        let columns = made(&world, "it", service).await;
        let mut holdings = own(service, &ctx);
        holdings.extend(of_every_service());
        holds("What is known of people:", &faults(service, &columns, &holdings));
        // the law of the law: a column that nobody tells any more, and one that is not there any more
        let of_account = |one: &Holding| one.table() == "audit";
        let rest: Vec<_> = holdings.iter().filter(|one| !of_account(one)).cloned().collect();
        assert_eq!(faults(service, &columns, &rest).len(), 6, "{service}");
        let rest: Vec<_> = columns.iter().filter(|one| one.table != "audit").cloned().collect();
        assert!(faults(service, &rest, &holdings).len() > 5, "{service}");
        all.extend(columns.into_iter().map(|column| (service, column)));
    }
    let idle = NOT_TOLD.iter().filter(|entry| !all.iter().any(|(service, column)| is_about(entry, service, column)));
    let idle: Vec<_> =
        idle.map(|(of, what, _)| format!("{of} {what}: there is no such thing; strike it off")).collect();
    holds("What is not told:", &idle);
    world.end().await;
}

#[test]
fn every_service_tells_people_what_it_has_of_them() {
    let export = access(&method("identity.v1.DataSubjectService.ExportOwnData"));
    for service in migrations::SERVICES {
        let method = method(&format!("{service}.v1.DataSubjectService.DescribeSubject"));
        assert_eq!(address(&method), format!("/v1/account/data/{service}"));
        assert_eq!(method.output().full_name(), "koine.subject.v1.SubjectHolding");
        assert!(method.is_server_streaming());
        assert_eq!(method.input().fields().count(), 0, "{service}: nobody can ask for somebody else");
        assert_eq!(access(&method), export, "{service}: who asks one asks all");
    }
}
