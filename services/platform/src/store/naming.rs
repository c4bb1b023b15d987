//! Whether an answer that is kept names somebody. Its bytes are a message of some method; what is looked at are the texts in it, each by
//! itself, so that `ana@x.it` does not name `a@x.it`.

/// How deep messages stand in messages, at most.
const DEPTH: usize = 32;

/// Whether `name` stands by itself in a text of a message, whatever its type.
pub(super) fn names(message: &[u8], name: &str) -> bool {
    within(message, name, DEPTH)
}

fn within(bytes: &[u8], name: &str, depth: usize) -> bool {
    if !bytes.windows(name.len().max(1)).any(|window| window == name.as_bytes()) {
        return false;
    }
    // what bytes are is in the type of the message alone: a text, or another message. Where they can be both, either is enough
    let is_text = std::str::from_utf8(bytes).is_ok_and(|text| stands(text, name));
    is_text || depth > 0 && parts(bytes).is_some_and(|parts| parts.iter().any(|part| within(part, name, depth - 1)))
}

/// Whether a name stands in a text, and not as a part of a longer one.
fn stands(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, found)| {
        let begins = !text[..at].chars().next_back().is_some_and(is_of_name);
        let mut after = text[at + found.len()..].chars();
        let goes_on = match after.next() {
            // the end of a sentence, or a longer domain
            Some('.') => after.next().is_some_and(char::is_alphanumeric),
            Some(next) => is_of_name(next) || next == '@',
            None => false,
        };
        begins && !goes_on
    })
}

fn is_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '.' | '_' | '-' | '+' | '%')
}

/// The fields of a message that have a length: texts, bytes and messages. None, where the bytes are no message.
fn parts(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut parts = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let skipped = match tag & 7 {
            0 => {
                varint(&mut bytes)?;
                0
            }
            1 => 8,
            2 => usize::try_from(varint(&mut bytes)?).ok()?,
            5 => 4,
            _ => return None,
        };
        let (part, rest) = bytes.split_at_checked(skipped).filter(|_| tag >> 3 > 0)?;
        bytes = rest;
        if tag & 7 == 2 {
            parts.push(part);
        }
    }
    Some(parts)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for place in 0..10 {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use proto::subject::v1::{SubjectHolding, SubjectRecord};

    use super::*;

    /// A message with a text in a message in it, of which nothing but the text says where it begins and ends.
    fn message(text: &str) -> Vec<u8> {
        let values = [("email".to_owned(), text.to_owned())].into();
        SubjectHolding {
            place: "identity.account".to_owned(),
            kept_until: "a".repeat(200),
            records: vec![SubjectRecord { values }],
            ..SubjectHolding::default()
        }
        .encode_to_vec()
    }

    #[test]
    fn who_is_named_is_found_however_the_text_goes_on() {
        for text in
            ["a@x.it", "Write to a@x.it.", "<a@x.it>", "a@x.it, b@x.it", "mailto:a@x.it", "\"a@x.it\"", "ž a@x.it"]
        {
            assert!(names(&message(text), "a@x.it"), "{text}");
        }
        // whatever the byte is that says how long the text is
        for length in 0..300 {
            let text = format!("{} a@x.it", "b".repeat(length));
            assert!(names(&message(&text), "a@x.it"), "{length}");
        }
    }

    #[test]
    fn who_has_a_longer_name_is_not() {
        for text in
            ["ana@x.it", "x.a@x.it", "b+a@x.it", "ža@x.it", "a@x.it.example", "a@x.italy", "a@x.it-b.it", "A@x.it", ""]
        {
            assert!(!names(&message(text), "a@x.it"), "{text}");
        }
        // an address as long as the byte that stands before it says
        for length in 7..300 {
            let text = format!("{}a@x.it", "b".repeat(length - 6));
            assert!(!names(&message(&text), "a@x.it"), "{length}");
        }
    }

    #[test]
    fn what_is_no_message_is_looked_at_as_a_text() {
        assert!(names(b"a@x.it", "a@x.it") && !names(b"\xff", "a@x.it") && !names(b"", "a@x.it"));
        assert!(!names(b"\xff\xffa@x.it", "a@x.it"), "neither a message nor a text");
    }
}
