//! A device that keeps passkeys, with the browser before it. It is written from the specification (WebAuthn Level 3), without the library that
//! the system uses, and does what honest devices do not where a test says so.

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// A device, which keeps the passkey that it made last.
#[derive(Debug)]
pub struct Device {
    /// The address that the browser is at.
    pub origin: String,
    /// The domain that the device signs for, where it is not the one that it is asked for.
    pub domain: Option<String>,
    /// Whether the device looks who uses it.
    pub looks: bool,
    /// How often the device says to have signed. Those that keep their keys in several places say 0.
    pub counter: u32,
    key: EcdsaKeyPair,
    id: Vec<u8>,
    handle: Vec<u8>,
}

impl Default for Device {
    fn default() -> Self {
        Self::new()
    }
}

impl Device {
    /// An honest device, with a browser at the address of a world.
    pub fn new() -> Self {
        Self {
            origin: "http://localhost:8080".to_owned(),
            domain: None,
            looks: true,
            counter: 0,
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key"),
            id: uuid::Uuid::now_v7().as_bytes().to_vec(),
            handle: Vec::new(),
        }
    }

    /// Makes a passkey. Returns the answer of the browser to `navigator.credentials.create()` with these options.
    pub fn makes(&mut self, options: &Value) -> String {
        let wanted = wanted(options);
        self.handle = bytes(&wanted["user"]["id"]);
        let seen = self.client("webauthn.create", &wanted["challenge"]);
        let mut signed = self.authenticator(&wanted["rp"]["id"], 0x40);
        signed.extend([0; 16]);
        signed.extend(u16::try_from(self.id.len()).expect("a short id").to_be_bytes());
        signed.extend(&self.id);
        signed.extend(self.public_key());
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        object.push(u8::try_from(signed.len()).expect("a short text"));
        object.extend(signed);
        self.answer(json!({ "clientDataJSON": text(&seen), "attestationObject": text(&object) }))
    }

    /// Uses the passkey. Returns the answer of the browser to `navigator.credentials.get()` with these options.
    pub fn signs(&self, options: &Value) -> String {
        let wanted = wanted(options);
        let seen = self.client("webauthn.get", &wanted["challenge"]);
        let mut signed = self.authenticator(&wanted["rpId"], 0);
        let says = text(&signed);
        signed.extend(digest(&SHA256, &seen).as_ref());
        let signature = self.key.sign(&SystemRandom::new(), &signed).expect("a signature");
        self.answer(json!({
            "clientDataJSON": text(&seen),
            "authenticatorData": says,
            "signature": text(signature.as_ref()),
            "userHandle": text(&self.handle),
        }))
    }

    /// What the browser says that it has seen.
    fn client(&self, kind: &str, challenge: &Value) -> Vec<u8> {
        let seen = json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false });
        seen.to_string().into_bytes()
    }

    /// What the device says: for whom, whether somebody is there and was looked at, and its counter.
    fn authenticator(&self, domain: &Value, flags: u8) -> Vec<u8> {
        let domain = self.domain.as_deref().unwrap_or_else(|| domain.as_str().expect("a domain"));
        let looked = if self.looks { 0x04 } else { 0 };
        let mut says = digest(&SHA256, domain.as_bytes()).as_ref().to_vec();
        says.push(flags | looked | 0x01);
        says.extend(self.counter.to_be_bytes());
        says
    }

    /// The public key as COSE writes it: ES256, on the curve P-256.
    fn public_key(&self) -> Vec<u8> {
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        [b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20", x, b"\x22\x58\x20", y].concat()
    }

    fn answer(&self, response: Value) -> String {
        let id = text(&self.id);
        json!({ "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {}, "response": response })
            .to_string()
    }
}

/// What is wanted, in the options as the API tells them.
fn wanted(begun: &Value) -> Value {
    let options = begun["options"].as_str().expect("options");
    serde_json::from_str::<Value>(options).expect("JSON")["publicKey"].clone()
}

fn text(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn bytes(value: &Value) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(value.as_str().expect("a text")).expect("base 64")
}
