//! Write answers as JSON bytes without a tree in between.

use mlwright_package::Class;

/// Which bytes a text cannot have as they are.
const IS_ESCAPED: [bool; 256] = {
    let mut table = [false; 256];
    let mut control = 0;
    while control < 0x20 {
        table[control] = true;
        control += 1;
    }
    table[b'"' as usize] = true;
    table[b'\\' as usize] = true;
    table
};

/// Append a text with its quotes and escapes.
pub(crate) fn push_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| IS_ESCAPED[usize::from(*byte)]) {
        out.extend_from_slice(&rest[..at]);
        match rest[at] {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            other => out.extend_from_slice(format!("\\u{other:04x}").as_bytes()),
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Append a number, shortest text that reads back to the same float; null when it is not finite.
pub(crate) fn push_number(out: &mut Vec<u8>, value: f64) {
    if value.is_finite() {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    } else {
        out.extend_from_slice(b"null");
    }
}

/// Append a float32, shortest text that reads back to the same one; null when it is not finite.
pub(crate) fn push_single(out: &mut Vec<u8>, value: f32) {
    if value.is_finite() {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    } else {
        out.extend_from_slice(b"null");
    }
}

/// Append an integer.
pub(crate) fn push_integer(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Append a class in its JSON type.
pub(crate) fn push_class(out: &mut Vec<u8>, class: &Class) {
    match class {
        Class::Boolean(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        Class::Integer(value) => push_integer(out, *value),
        Class::Number(value) => push_number(out, *value),
        Class::Text(text) => push_text(out, text),
    }
}

/// The text of a class, as a key.
pub(crate) fn class_key(class: &Class) -> String {
    match class {
        Class::Boolean(flag) => flag.to_string(),
        Class::Integer(value) => value.to_string(),
        Class::Number(value) => value.to_string(),
        Class::Text(text) => text.clone(),
    }
}

/// Append items with commas between them.
pub(crate) fn push_list<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    push: impl Fn(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push(out, item);
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_numbers_read_back() {
        for text in ["", "plain", "a\"b\\c\n\u{1}é😀"] {
            let mut out = Vec::new();
            push_text(&mut out, text);
            assert_eq!(serde_json::from_slice::<String>(&out).expect("JSON"), text);
        }
        for value in [0.0, -0.1, 1e300, 5e-324, 123_456_789.125] {
            let mut out = Vec::new();
            push_number(&mut out, value);
            assert_eq!(
                serde_json::from_slice::<f64>(&out).expect("JSON").to_bits(),
                value.to_bits()
            );
        }
    }
}
