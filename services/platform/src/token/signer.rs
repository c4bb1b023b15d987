//! The key that signs tokens. Only the process of the service that signs people in has it.

use std::{path::Path, sync::Arc};

use aws_lc_rs::{
    digest,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use serde::{Deserialize, Serialize};

use super::{Claims, TYPE};
use crate::{
    Error, Result, blob,
    secret::{Secret, read_or_make},
};

/// A public key with the values of a JSON Web Key: `kty` is `OKP`, `crv` is `Ed25519`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKey {
    /// The key id in tokens.
    pub kid: String,
    /// The key, base64url.
    pub x: String,
}

/// Signs tokens. Cheap to clone.
#[derive(Clone)]
pub struct Signer(Arc<Inner>);

struct Inner {
    key: EncodingKey,
    header: Header,
    public: PublicKey,
}

impl Signer {
    /// Uses the key of the settings. Without one, uses a key in a file of `folder`, which is created the first time.
    pub fn load_or_create(folder: &Path, key: Option<&Secret>) -> Result<Self> {
        match key {
            Some(secret) => Self::from_pem(secret.reveal()?.as_bytes(), "tokens.signing_key"),
            None => {
                let path = folder.join("signing.pem");
                Self::from_pem(&read_or_make(&path, make_pem)?, &path.display().to_string())
            }
        }
    }

    /// Uses a new key that is not stored: for tests.
    pub fn random() -> Result<Self> {
        Self::from_pem(&make_pem()?, "a new key")
    }

    fn from_pem(pem: &[u8], place: &str) -> Result<Self> {
        let broken = || Error::internal(format!("{place}: is not an Ed25519 key as PKCS#8 in PEM"));
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| broken())?;
        let pair = Ed25519KeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| broken())?;
        let public = pair.public_key().as_ref();
        let kid = blob::hex(&digest::digest(&digest::SHA256, public).as_ref()[..8]);
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(kid.clone());
        header.typ = Some(TYPE.to_owned());
        Ok(Self(Arc::new(Inner {
            key: EncodingKey::from_ed_der(der.secret_pkcs8_der()),
            header,
            public: PublicKey { kid, x: BASE64_URL_SAFE_NO_PAD.encode(public) },
        })))
    }

    /// A token with these claims.
    pub fn sign(&self, claims: &Claims) -> Result<String> {
        jsonwebtoken::encode(&self.0.header, claims, &self.0.key).map_err(Error::internal)
    }

    /// The public key that verifies its tokens.
    pub fn public_jwk(&self) -> &PublicKey {
        &self.0.public
    }
}

pub(super) fn make_pem() -> Result<Vec<u8>> {
    let failed = |_| Error::internal("no Ed25519 key could be made");
    let der = Ed25519KeyPair::generate().and_then(|pair| pair.to_pkcs8v1()).map_err(failed)?;
    let text = BASE64_STANDARD.encode(der.as_ref());
    Ok(format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n").into_bytes())
}
