//! Counts the fields of a message before it is decoded: a field of two bytes may become a value of hundreds.

use bytes::Buf;
use prost::encoding::{WireType, decode_key, decode_varint};

use crate::errors::ApiError;
use crate::tensor_values::ELEMENTS;

/// Most fields of the message itself: its tensors, its parameters.
const OWN_FIELDS: usize = 1 << 16;

/// Field numbers whose content is a message with fields of its own, level by level.
pub(crate) type Levels = &'static [&'static [u32]];

/// Refuse a message with more fields than any good one has, or one that is no message.
pub(crate) fn check(message: &[u8], levels: Levels) -> Result<(), ApiError> {
    let mut counted = 0;
    count(message, levels, OWN_FIELDS, &mut counted)
}

fn count(
    mut bytes: &[u8],
    levels: Levels,
    limit: usize,
    counted: &mut usize,
) -> Result<(), ApiError> {
    let inner = levels.first().copied().unwrap_or(&[]);
    while bytes.has_remaining() {
        let (field, wire_type) = decode_key(&mut bytes).map_err(|error| undecodable(&error))?;
        *counted += 1;
        if *counted > limit {
            return Err(ApiError::TooLarge(format!(
                "the message has more than {limit} fields"
            )));
        }
        let content = take(&mut bytes, wire_type)?;
        if wire_type == WireType::LengthDelimited && inner.contains(&field) {
            count(content, &levels[1..], ELEMENTS, counted)?;
        }
    }
    Ok(())
}

/// The content of a field.
fn take<'a>(bytes: &mut &'a [u8], wire_type: WireType) -> Result<&'a [u8], ApiError> {
    let length = match wire_type {
        WireType::Varint => {
            decode_varint(bytes).map_err(|error| undecodable(&error))?;
            0
        }
        WireType::ThirtyTwoBit => 4,
        WireType::SixtyFourBit => 8,
        WireType::LengthDelimited => {
            let length = decode_varint(bytes).map_err(|error| undecodable(&error))?;
            usize::try_from(length).unwrap_or(usize::MAX)
        }
        WireType::StartGroup | WireType::EndGroup => {
            return Err(undecodable(&"groups are not of this protocol"));
        }
    };
    let (content, rest) = bytes
        .split_at_checked(length)
        .ok_or_else(|| undecodable(&"a field is longer than the message"))?;
    *bytes = rest;
    Ok(content)
}

/// The refusal of what is no message.
pub(crate) fn undecodable(why: &dyn std::fmt::Display) -> ApiError {
    ApiError::Shape(format!("the message cannot be decoded: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEVELS: Levels = &[&[5], &[5]];

    #[test]
    fn fields_are_counted_where_the_levels_say() {
        let many = [0x2a, 0].repeat(OWN_FIELDS);
        assert_eq!(check(&many, LEVELS), Ok(()));
        let more = [many, vec![0x2a, 0]].concat();
        assert!(matches!(check(&more, LEVELS), Err(ApiError::TooLarge(_))));
        // One field of type bytes: what is inside is not looked at.
        let mut opaque = vec![0x3a];
        prost::encoding::encode_varint(more.len() as u64, &mut opaque);
        opaque.extend_from_slice(&more);
        assert_eq!(check(&opaque, LEVELS), Ok(()));
        opaque[0] = 0x2a;
        assert_eq!(
            check(&opaque, LEVELS),
            Ok(()),
            "{ELEMENTS} are allowed inside"
        );
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for bytes in [
            &[0x0a][..],
            &[0x0a, 5, 1],
            &[0xff; 12],
            &[0x0b],
            &[0x0f, 1],
            &[0x00, 0x00],
        ] {
            assert!(
                matches!(check(bytes, LEVELS), Err(ApiError::Shape(_))),
                "{bytes:?}"
            );
        }
    }
}
