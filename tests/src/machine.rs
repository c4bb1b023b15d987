//! Machines: an integrator whose technician came by a letter, and what the tokens of it are worth.

use serde_json::{Value, json};

use crate::{Answer, Caller, World, mailbox::CODE, path::text, scene::PASSWORD};

/// A system of somebody else, which a coordinator has registered.
pub struct Machine {
    /// Its technician, who is signed in.
    pub technician: Caller,
    /// The integrator.
    pub integrator: Value,
}

impl Machine {
    /// A technician comes by invitation, and a coordinator registers a system of theirs with these scopes.
    pub async fn register(world: &World, coordinator: &Caller, name: &str, scopes: &[&str]) -> Self {
        let technician = Self::technician(world, coordinator).await;
        let integrator = Self::registered(coordinator, &technician, name, scopes).await.ok();
        Self { technician, integrator }
    }

    /// Somebody who came by a letter to the role of an integrator.
    pub async fn technician(world: &World, coordinator: &Caller) -> Caller {
        let email = format!("iva-{}@portal.example", uuid::Uuid::now_v7().simple());
        let invited = json!({ "email": email, "role": "ROLE_INTEGRATOR" });
        coordinator.post("/v1/invitations", invited).await.ok();
        world.settle().await;
        let code = world.mailbox(coordinator.tenant()).find(&email, CODE).expect("a code in a letter");
        let anybody = world.anybody(coordinator.tenant());
        let form = json!({ "code": code, "password": PASSWORD, "givenName": "Iva", "surname": "Novak" });
        anybody.post("/v1/invitations:accept", form).await.ok();
        anybody.sign_in(&email, PASSWORD).await
    }

    /// A coordinator registers a system of a technician.
    pub async fn registered(coordinator: &Caller, technician: &Caller, name: &str, scopes: &[&str]) -> Answer {
        let account = technician.account().await["id"].clone();
        let purpose = "Shows on a map how many classes take part.";
        let form = json!({ "accountId": account, "name": name, "purpose": purpose, "scopes": scopes });
        coordinator.post("/v1/integrators", form).await
    }

    /// A path of the integrator: `/v1/integrators/{id}/tokens`.
    pub fn path(&self, rest: &str) -> String {
        format!("/v1/integrators/{}{rest}", text(&self.integrator["id"]))
    }

    /// A path of one of its tokens: `:revoke`.
    pub fn token_path(&self, token: &Value, verb: &str) -> String {
        self.path(&format!("/tokens/{}{verb}", text(&token["id"])))
    }

    /// A new machine token that works for a month, with its secret.
    pub async fn token(&self, scopes: &[&str]) -> (Value, String) {
        let wish = json!({ "scopes": scopes, "label": "nightly", "validDays": 30 });
        let made = self.technician.post(&self.path("/tokens"), wish).await.ok();
        (made["token"].clone(), text(&made["secret"]))
    }

    /// The access token that a secret is exchanged for, or why it is not.
    pub async fn exchange(&self, secret: &str) -> Answer {
        exchange(&self.technician, secret).await
    }

    /// The machine, with an access token.
    pub async fn call(&self, secret: &str) -> Caller {
        let given = self.exchange(secret).await.ok();
        self.technician.with_token(text(&given["access_token"]))
    }
}

/// Exchanges a secret in the tenant of somebody.
pub async fn exchange(of: &Caller, secret: &str) -> Answer {
    let anybody = Caller::anybody(of.http().clone(), of.tenant());
    anybody.post("/v1/integrators:token", json!({ "secret": secret })).await
}
