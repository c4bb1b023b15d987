//! Lessons: a school year of the programme. An edition is made from a template of the country's file and has tracks, a calendar and report
//! forms. Classes fill in the forms and deliver them by deadlines, which may become later. In a twinning programme two classes of two
//! countries do so together.

use platform::{Host, Result, Service, event::Handlers};
use proto::{
    lessons::v1::{
        audit_service_server::AuditServiceServer, calendar_service_server::CalendarServiceServer,
        consent_service_server::ConsentServiceServer, conversation_service_server::ConversationServiceServer,
        data_subject_service_server::DataSubjectServiceServer, edition_service_server::EditionServiceServer,
        entry_service_server::EntryServiceServer, export_service_server::ExportServiceServer,
        file_service_server::FileServiceServer, form_service_server::FormServiceServer,
        offer_service_server::OfferServiceServer, operation_service_server::OperationServiceServer,
        output_service_server::OutputServiceServer, pair_service_server::PairServiceServer,
        project_service_server::ProjectServiceServer, report_service_server::ReportServiceServer,
        sighting_service_server::SightingServiceServer, timeline_service_server::TimelineServiceServer,
    },
    options::v1::Role,
};
use tonic::service::Routes;

pub mod across;
pub mod reason;
pub mod space;
#[cfg(test)]
mod testing;
pub mod twinning;
pub mod work;
pub mod year;

pub use across::subject::holdings;

use across::{audit, classes::Classes, ending, erasing, moved, operation, reminder, subject};
use space::{
    consent, entry, export, message, output,
    timeline::{self, homes::Homes},
};
use twinning::{
    engagement::{self, home::Engagements},
    offer, pair, project,
    sighting::{self, witness::Witness},
};
use work::{credit, file, report};
use year::{calendar, edition, form, template};

/// The service. Its peer is `identity`, which keeps the teams.
pub fn service() -> Service {
    Service::new("lessons").tenants::<template::Lessons>().routes(routes).handlers(handlers)
}

fn routes(host: &Host) -> Result<Routes> {
    let Host { store, blobs, peers, tenants, .. } = host.clone();
    let homes = Homes::new(tenants);
    let classes = Classes::new(peers, store.clone());
    let witness = Witness::new(store.clone());
    let routes = Routes::new(EditionServiceServer::new(edition::api::Editions { store: store.clone() }))
        .add_service(FormServiceServer::new(form::api::Forms { store: store.clone() }))
        .add_service(CalendarServiceServer::new(calendar::api::Calendars {
            store: store.clone(),
            classes: classes.clone(),
            homes: homes.clone(),
        }))
        .add_service(FileServiceServer::new(file::api::Files {
            store: store.clone(),
            blobs,
            classes: classes.clone(),
            witness: witness.clone(),
        }))
        .add_service(ReportServiceServer::new(report::api::Reports {
            store,
            classes,
            watch: host.watch(),
            witness: witness.clone(),
        }));
    let routes = programme(routes, host, &homes, &witness);
    Ok(space(routes, host, homes, witness))
}

/// The services by which classes find twins.
fn programme(routes: Routes, host: &Host, homes: &Homes, witness: &Witness) -> Routes {
    let (store, homes, witness) = (host.store.clone(), homes.clone(), witness.clone());
    let operations = host.operations(Role::Coordinator);
    routes
        .add_service(OfferServiceServer::new(offer::api::Offers { store: store.clone(), witness }))
        .add_service(ProjectServiceServer::new(project::api::Projects {
            store: store.clone(),
            operations: operations.clone(),
        }))
        .add_service(OperationServiceServer::new(operation::api::OperationMethods { operations }))
        .add_service(AuditServiceServer::new(audit::api::Audits { log: host.audit_log() }))
        .add_service(DataSubjectServiceServer::new(subject::api::DataSubjects {
            subjects: host.subjects(subject::holdings),
        }))
        .add_service(SightingServiceServer::new(sighting::api::Sightings { store: store.clone() }))
        .add_service(EntryServiceServer::new(entry::api::Entries { store, homes }))
}

/// The services of pairs and of their spaces.
fn space(routes: Routes, host: &Host, homes: Homes, witness: Witness) -> Routes {
    let Host { store, blobs, border, .. } = host.clone();
    let engagements = Engagements::new(store.clone(), border);
    routes
        .add_service(PairServiceServer::new(pair::api::Pairs {
            store: store.clone(),
            homes: homes.clone(),
            engagements,
            witness: witness.clone(),
        }))
        .add_service(OutputServiceServer::new(output::api::Outputs { store: store.clone(), witness: witness.clone() }))
        .add_service(ExportServiceServer::new(export::api::Exports {
            store: store.clone(),
            blobs,
            homes: homes.clone(),
            witness: witness.clone(),
        }))
        .add_service(TimelineServiceServer::new(timeline::api::Timelines { store: store.clone(), homes }))
        .add_service(ConsentServiceServer::new(consent::api::Consents {
            store: store.clone(),
            witness: witness.clone(),
        }))
        .add_service(ConversationServiceServer::new(message::api::Conversations {
            store,
            watch: host.watch(),
            witness,
        }))
}

fn handlers(host: &Host) -> Result<Handlers> {
    let files = file::bytes::handlers(Handlers::new(), host.store.clone(), host.blobs.clone());
    let credits = credit::home::handlers(files, host.store.clone(), host.border.clone());
    let erasures = erasing::handlers(credits, host.store.clone(), host.subjects(subject::holdings));
    let reminders = reminder::round::handlers(erasures, host.store.clone());
    let reminders = ending::handlers(reminders, host.store.clone());
    let released = engagement::home::handlers(reminders, host.store.clone(), host.border.clone());
    Ok(moved::handlers(released, host.store.clone(), host.border.clone(), host.tenants.clone()))
}
