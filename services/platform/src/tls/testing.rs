//! An authority for tests: X.509 certificates with Ed25519 keys, encoded here (RFC 5280), so that tests need no tool.

use std::{fs, path::Path};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, prelude::BASE64_STANDARD};

use super::Settings;

pub(crate) struct Authority {
    name: &'static str,
    key: Ed25519KeyPair,
    certificate: Vec<u8>,
}

impl Authority {
    pub(crate) fn new(name: &'static str) -> Self {
        let key = Ed25519KeyPair::generate().unwrap();
        // basicConstraints, critical: this is an authority
        let constraints = sequence(&[
            &tlv(0x06, &[0x55, 0x1d, 0x13]),
            &tlv(0x01, &[0xff]),
            &tlv(0x04, &sequence(&[&tlv(0x01, &[0xff])])),
        ]);
        let certificate = certificate(name, name, &key, &key, &constraints);
        Self { name, key, certificate }
    }

    /// Writes the three files of a section `[tls]` into a folder, with a certificate for a host.
    pub(crate) fn issue(&self, folder: &Path, host: &str) -> Settings {
        fs::create_dir_all(folder).unwrap();
        let key = Ed25519KeyPair::generate().unwrap();
        // subjectAltName: a DNS name
        let names = sequence(&[&tlv(0x06, &[0x55, 0x1d, 0x11]), &tlv(0x04, &sequence(&[&tlv(0x82, host.as_bytes())]))]);
        let chain = certificate(self.name, host, &self.key, &key, &names);
        let settings =
            Settings { ca: folder.join("ca.pem"), cert: folder.join("cert.pem"), key: folder.join("key.pem") };
        fs::write(&settings.ca, pem("CERTIFICATE", &self.certificate)).unwrap();
        fs::write(&settings.cert, pem("CERTIFICATE", &chain)).unwrap();
        fs::write(&settings.key, pem("PRIVATE KEY", key.to_pkcs8v1().unwrap().as_ref())).unwrap();
        settings
    }
}

fn certificate(
    issuer: &str,
    subject: &str,
    signing: &Ed25519KeyPair,
    key: &Ed25519KeyPair,
    extension: &[u8],
) -> Vec<u8> {
    let algorithm = sequence(&[&tlv(0x06, &[0x2b, 0x65, 0x70])]);
    let always = sequence(&[&tlv(0x17, b"250101000000Z"), &tlv(0x18, b"99991231235959Z")]);
    let public = sequence(&[&algorithm, &bits(key.public_key().as_ref())]);
    let version = tlv(0xa0, &tlv(0x02, &[2]));
    let extensions = tlv(0xa3, &sequence(&[extension]));
    let body = sequence(&[
        &version,
        &tlv(0x02, &[1]),
        &algorithm,
        &name(issuer),
        &always,
        &name(subject),
        &public,
        &extensions,
    ]);
    sequence(&[&body, &algorithm, &bits(signing.sign(&body).as_ref())])
}

fn name(common: &str) -> Vec<u8> {
    let common = sequence(&[&tlv(0x06, &[0x55, 0x04, 0x03]), &tlv(0x0c, common.as_bytes())]);
    sequence(&[&tlv(0x31, &common)])
}

fn bits(content: &[u8]) -> Vec<u8> {
    tlv(0x03, &[&[0], content].concat())
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// An element of DER: tag, length, value.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = match content.len() {
        short @ ..128 => vec![short as u8],
        middle @ 128..256 => vec![0x81, middle as u8],
        long => vec![0x82, (long >> 8) as u8, long as u8],
    };
    [&[tag], length.as_slice(), content].concat()
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64_STANDARD.encode(der))
}
