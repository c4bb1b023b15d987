//! The methods on tenants and territories. Tenants come from their files, territories from the NUTS classification.

use platform::{Ctx, Open, PageRequest, Result, Tenant, Tenants, page::Sizes, tenant::Kind};
use proto::identity::v1::{
    self as pb, tenant_service_server::TenantService, territory_service_server::TerritoryService,
};
use tonic::{Request, Response, Status};

use crate::country::{
    Country,
    territory::{self, Territory},
};

/// The methods on tenants and territories.
#[derive(Clone)]
pub struct Countries {
    /// All tenants of this installation.
    pub tenants: Tenants,
}

const SIZES: Sizes = Sizes { usual: 100, most: 1_000 };

#[tonic::async_trait]
impl TenantService for Countries {
    async fn list_tenants(
        &self,
        _: Request<pb::ListTenantsRequest>,
    ) -> Result<Response<pb::ListTenantsResponse>, Status> {
        let tenants = self.tenants.all().iter().map(|tenant| message(tenant)).collect();
        Ok(Response::new(pb::ListTenantsResponse { tenants }))
    }

    async fn get_tenant(&self, request: Request<pb::GetTenantRequest>) -> Result<Response<pb::Tenant>, Status> {
        let (ctx, _) = request.open()?;
        Ok(Response::new(message(ctx.tenant())))
    }
}

#[tonic::async_trait]
impl TerritoryService for Countries {
    async fn list_territories(
        &self,
        request: Request<pb::ListTerritoriesRequest>,
    ) -> Result<Response<pb::ListTerritoriesResponse>, Status> {
        let (ctx, req) = request.open()?;
        let page = PageRequest::of(SIZES, &req)?;
        let found = find(&ctx, &req, page.after().map_or("", String::as_str))?;
        let rows = found.take(usize::try_from(page.limit()).unwrap_or(usize::MAX)).collect();
        let page = page.page(rows, |territory: &&Territory| territory.code.to_owned()).map(pb::Territory::from);
        Ok(Response::new(pb::ListTerritoriesResponse { territories: page.items, next_page_token: page.next }))
    }
}

fn find<'a>(
    ctx: &'a Ctx,
    req: &'a pb::ListTerritoriesRequest,
    after: &'a str,
) -> Result<impl Iterator<Item = &'static Territory> + 'a> {
    let country: &Country = ctx.tenant().section()?;
    let wanted = |territory: &&Territory| {
        territory.code.starts_with(&req.prefix) && (req.level == 0 || i32::from(territory.level) == req.level)
    };
    Ok(territory::after(country.nuts(), after).filter(wanted))
}

/// Converts a tenant to its message. (A function, because `From` cannot be implemented between two types of other crates.)
fn message(tenant: &Tenant) -> pb::Tenant {
    let kind = match tenant.kind() {
        Kind::Country => pb::TenantKind::Country,
        Kind::Programme => pb::TenantKind::Programme,
    };
    pb::Tenant {
        id: tenant.id().to_string(),
        kind: kind.into(),
        name: tenant.name().to_owned(),
        locales: tenant.locales().to_vec(),
        zone: tenant.zone().iana_name().unwrap_or_default().to_owned(),
        countries: tenant.countries().iter().map(ToString::to_string).collect(),
    }
}

impl From<&Territory> for pb::Territory {
    fn from(territory: &Territory) -> Self {
        Self {
            code: territory.code.to_owned(),
            level: territory.level.into(),
            name: territory.name.to_owned(),
            version: territory.version.to_owned(),
        }
    }
}
