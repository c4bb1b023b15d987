//! A phone with an app that shows codes by the clock. It is written from RFC 4226, RFC 4648 and RFC 6238, without the library that the
//! system uses.

use aws_lc_rs::hmac;
use jiff::Timestamp;

/// An app that was told a secret.
#[derive(Clone, Debug)]
pub struct Phone(Vec<u8>);

impl Phone {
    /// An app that was told a secret in base 32.
    pub fn holding(secret: &str) -> Self {
        let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0);
        for letter in secret.bytes() {
            let value = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|known| *known == letter);
            held = held << 5 | u32::try_from(value.expect("base 32")).expect("five bits");
            bits += 5;
            if bits >= 8 {
                bits -= 8;
                bytes.push((held >> bits & 0xff) as u8);
            }
        }
        Self(bytes)
    }

    /// What it shows, where this is the time on the phone.
    pub fn shows(&self, at: Timestamp) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let step = u64::try_from(at.as_second() / 30).expect("after 1970");
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let from = usize::from(tag.as_ref()[19] & 0xf);
        let four = tag.as_ref()[from..from + 4].try_into().expect("four bytes");
        format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000)
    }
}
