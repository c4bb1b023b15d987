//! A text as a QR code, which phones read.

use maud::{Markup, html};
use qrcode::{Color, QrCode};

/// The free border around a code, in its squares (ISO/IEC 18004).
const BORDER: usize = 4;

/// A picture of a text. Empty, where the text is too long for one. `label` says what it is to who does not see it.
pub(crate) fn picture(text: &str, label: &str) -> Markup {
    let Ok(code) = QrCode::new(text) else { return html! {} };
    let width = code.width();
    let dark = code.to_colors().into_iter().enumerate().filter(|(_, color)| *color == Color::Dark);
    let squares: String =
        dark.map(|(at, _)| format!("M{} {}h1v1h-1z", at % width + BORDER, at / width + BORDER)).collect();
    let side = width + 2 * BORDER;
    html! {
        // dark on light in both schemes: apps do not read it the other way
        svg.qr role="img" aria-label=(label) viewBox={ "0 0 " (side) " " (side) } shape-rendering="crispEdges" {
            rect width=(side) height=(side) fill="#fff" {}
            path d=(squares) fill="#000" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_a_square_and_one_that_is_too_long_nothing() {
        let uri = "otpauth://totp/Koine:ana%40school.example?secret=JBSWY3DPEHPK3PXP&issuer=Koine";
        let picture = picture(uri, "For your app").into_string();
        assert!(picture.contains("aria-label=\"For your app\"") && picture.contains("h1v1h-1z"), "{picture}");
        assert!(!picture.contains("JBSWY3DPEHPK3PXP"));
        assert_eq!(super::picture(&"x".repeat(8000), "").into_string(), "");
    }
}
