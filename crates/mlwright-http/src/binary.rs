//! Triton's binary tensors: the JSON of a request or answer, then the elements of its tensors as raw little-endian bytes.
//!
//! Every size is checked before anything is allocated. NaN means what null means in JSON, a missing value; infinity is
//! refused as JSON has no way to say it either.

use std::borrow::Cow;

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use mlwright_onnx::TensorData;

use crate::errors::ApiError;
use crate::infer::{InferAnswer, InferRequest};
use crate::json::{Number, Scalar};
use crate::reply::Reply;
use crate::tensor_values::{Datatype, ELEMENTS, GivenTensor, misfit};
use crate::tensors::render_with;
use crate::values::Values;

/// Says how many bytes of a body are JSON.
pub(crate) const JSON_LENGTH: HeaderName =
    HeaderName::from_static("inference-header-content-length");

/// The raw part of a request's body; the tensors take their bytes from it one after the other.
#[derive(Debug)]
pub(crate) struct RawBytes<'a> {
    rest: &'a [u8],
}

impl<'a> RawBytes<'a> {
    /// Part a body into its JSON and what follows it.
    pub(crate) fn split(headers: &HeaderMap, body: &'a [u8]) -> Result<(&'a [u8], Self), ApiError> {
        let mut values = headers.get_all(JSON_LENGTH).iter();
        let Some(value) = values.next() else {
            return Ok((body, Self { rest: &[] }));
        };
        let wrong = || {
            ApiError::Shape(format!(
                "`{JSON_LENGTH}` has to say once how many of the {} bytes are JSON",
                body.len()
            ))
        };
        let digits = value.as_bytes();
        let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        let length = value.to_str().ok().filter(|_| is_number);
        let length: usize = length
            .and_then(|text| text.parse().ok())
            .filter(|length| *length <= body.len() && values.next().is_none())
            .ok_or_else(wrong)?;
        let (json, rest) = body.split_at(length);
        Ok((json, Self { rest }))
    }

    /// The bytes of the next tensor.
    pub(crate) fn take(&mut self, count: u64) -> Result<&'a [u8], ApiError> {
        let found = self.rest.len();
        let taken = usize::try_from(count).ok();
        let taken = taken.and_then(|count| self.rest.split_at_checked(count));
        let (bytes, rest) = taken.ok_or_else(|| {
            ApiError::Shape(format!(
                "a tensor says it has {count} binary bytes, the body has {found} left"
            ))
        })?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Refuse bytes that belong to no tensor.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(ApiError::Shape(format!(
                "{count} bytes after the JSON belong to no tensor"
            ))),
        }
    }
}

/// How the elements of a datatype lie in raw bytes.
#[derive(Debug, Clone, Copy)]
struct Layout {
    datatype: &'static str,
    size: usize,
    read: fn(&[u8]) -> Option<Element>,
}

/// An element as its bytes say it.
enum Element {
    Bool(bool),
    Integer(i64),
    Float(f64),
}

macro_rules! layout {
    ($word:literal, $kind:ty, $element:expr) => {
        Layout {
            datatype: $word,
            size: size_of::<$kind>(),
            read: |bytes| {
                let value = <$kind>::from_le_bytes(bytes.try_into().ok()?);
                $element(value)
            },
        }
    };
}

fn whole(value: impl TryInto<i64>) -> Option<Element> {
    value.try_into().ok().map(Element::Integer)
}

/// Half floats become float32, which holds all of them.
const LAYOUTS: [Layout; 13] = [
    layout!("FP32", f32, |value| Some(Element::Float(f64::from(value)))),
    layout!("FP64", f64, |value| Some(Element::Float(value))),
    layout!("INT64", i64, whole),
    layout!("INT32", i32, whole),
    layout!("INT16", i16, whole),
    layout!("INT8", i8, whole),
    layout!("UINT64", u64, whole),
    layout!("UINT32", u32, whole),
    layout!("UINT16", u16, whole),
    layout!("UINT8", u8, whole),
    layout!("BOOL", u8, |value| match value {
        0 | 1 => Some(Element::Bool(value == 1)),
        _ => None,
    }),
    layout!("FP16", u16, |value| Some(Element::Float(f64::from(half(
        value
    ))))),
    layout!("BF16", u16, |value| Some(Element::Float(f64::from(
        f32::from_bits(u32::from(value) << 16)
    )))),
];

/// IEEE 754 binary16.
fn half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff));
    match exponent {
        0 => sign * fraction * 2_f32.powi(-24),
        0x1f if fraction == 0.0 => sign * f32::INFINITY,
        0x1f => f32::NAN,
        _ => sign * (1024.0 + fraction) * 2_f32.powi(exponent - 25),
    }
}

/// A tensor whose elements are raw bytes.
pub(crate) fn raw_tensor<'a>(
    name: Cow<'a, str>,
    datatype: &str,
    shape: Vec<usize>,
    bytes: &'a [u8],
) -> Result<GivenTensor<'a>, ApiError> {
    let elements = shape
        .iter()
        .try_fold(1_usize, |product, size| product.checked_mul(*size));
    let elements = elements.ok_or_else(|| misfit(&name, bytes.len(), &shape))?;
    if elements > ELEMENTS {
        return Err(ApiError::TooLarge(format!(
            "more than {ELEMENTS} values in one request"
        )));
    }
    if datatype == Datatype::Bytes.word() {
        let values = read_texts(&name, bytes, elements)?;
        return GivenTensor::new(name, datatype, shape, Values::Scalars(values));
    }
    let layout = LAYOUTS.iter().find(|layout| layout.datatype == datatype);
    let layout = layout
        .ok_or_else(|| ApiError::Type(format!("{name:?} has the unknown datatype {datatype:?}")))?;
    if elements.checked_mul(layout.size) != Some(bytes.len()) {
        let found = bytes.len();
        return Err(ApiError::Shape(format!(
            "{name:?} has {found} binary bytes for {datatype} of the shape {shape:?}"
        )));
    }
    if let Some(floats) = read_floats(datatype, bytes) {
        return GivenTensor::new(name, datatype, shape, Values::Floats(floats));
    }
    let read = |(place, bytes): (usize, &[u8])| {
        (layout.read)(bytes)
            .and_then(Element::into_scalar)
            .ok_or_else(|| {
                ApiError::Type(format!(
                    "value {place} of {name:?} is no finite {datatype} that this server holds"
                ))
            })
    };
    let values = bytes.chunks_exact(layout.size).enumerate().map(read);
    let values = values.collect::<Result<Vec<_>, _>>()?;
    let held_as = match datatype {
        "FP16" | "BF16" => Datatype::Fp32.word(),
        other => other,
    };
    GivenTensor::new(name, held_as, shape, Values::Scalars(values))
}

/// The elements of a tensor of floats; none for another datatype, and for infinite ones, which are refused by their place.
fn read_floats(datatype: &str, bytes: &[u8]) -> Option<Vec<f64>> {
    let floats: Vec<f64> = match datatype {
        "FP32" => {
            let singles = bytes.as_chunks().0.iter();
            singles
                .map(|bytes| f64::from(f32::from_le_bytes(*bytes)))
                .collect()
        }
        "FP64" => {
            let doubles = bytes.as_chunks().0.iter();
            doubles.map(|bytes| f64::from_le_bytes(*bytes)).collect()
        }
        _ => return None,
    };
    let has_infinite = floats
        .iter()
        .fold(false, |any, value| any | value.is_infinite());
    (!has_infinite).then_some(floats)
}

impl Element {
    fn into_scalar<'a>(self) -> Option<Scalar<'a>> {
        match self {
            Self::Bool(flag) => Some(Scalar::Bool(flag)),
            Self::Integer(integer) => Some(Scalar::Number(Number {
                value: integer as f64,
                integer: Some(integer),
            })),
            Self::Float(value) if value.is_nan() => Some(Scalar::Null),
            Self::Float(value) => value.is_finite().then_some(Scalar::Number(Number {
                value,
                integer: None,
            })),
        }
    }
}

/// Texts, each after its length in four bytes.
fn read_texts<'a>(
    name: &str,
    bytes: &'a [u8],
    elements: usize,
) -> Result<Vec<Scalar<'a>>, ApiError> {
    let wrong = || {
        ApiError::Shape(format!(
            "the binary bytes of {name:?} are not {elements} texts with their lengths"
        ))
    };
    if elements > bytes.len() / 4 {
        return Err(wrong());
    }
    let mut values = Vec::with_capacity(elements);
    let mut rest = bytes;
    for place in 0..elements {
        let (length, after) = rest.split_first_chunk().ok_or_else(wrong)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok();
        let (text, after) = length
            .and_then(|length| after.split_at_checked(length))
            .ok_or_else(wrong)?;
        let text = std::str::from_utf8(text)
            .map_err(|_| ApiError::Type(format!("value {place} of {name:?} is no UTF-8")))?;
        values.push(Scalar::Text(Cow::Borrowed(text)));
        rest = after;
    }
    if rest.is_empty() {
        Ok(values)
    } else {
        Err(wrong())
    }
}

/// Append the elements of an output.
pub(crate) fn push_raw(out: &mut Vec<u8>, data: &TensorData) {
    match data {
        TensorData::Fp32(data) => out.extend(data.iter().flat_map(|value| value.to_le_bytes())),
        TensorData::Fp64(data) => out.extend(data.iter().flat_map(|value| value.to_le_bytes())),
        TensorData::Int64(data) => out.extend(data.iter().flat_map(|value| value.to_le_bytes())),
        TensorData::Int32(data) => out.extend(data.iter().flat_map(|value| value.to_le_bytes())),
        TensorData::Bool(data) => out.extend(data.iter().map(|flag| u8::from(*flag))),
        TensorData::Bytes(data) => {
            for text in data {
                let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
                out.extend(length.to_le_bytes());
                out.extend_from_slice(text.as_bytes());
            }
        }
    }
}

/// Write an answer with those of its outputs as raw bytes that the caller wants so.
pub(crate) fn reply(request: &InferRequest<'_>, answer: &InferAnswer<'_>) -> Reply {
    let mut raws: Vec<Option<Vec<u8>>> = Vec::with_capacity(answer.outputs.len());
    for (place, output) in answer.outputs.iter().enumerate() {
        let raw = request.is_binary(place).then(|| {
            let mut raw = Vec::new();
            push_raw(&mut raw, &output.tensor.data);
            raw
        });
        raws.push(raw);
    }
    let mut body = render_with(answer, |place| raws[place].as_ref().map(Vec::len));
    if raws.iter().all(Option::is_none) {
        return Reply::json(body);
    }
    let length = body.len();
    body.extend(raws.into_iter().flatten().flatten());
    Reply {
        content_type: HeaderValue::from_static("application/octet-stream"),
        headers: vec![(JSON_LENGTH, HeaderValue::from(length))],
        ..Reply::json(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_floats_have_their_published_values() {
        // Values of the table in IEEE 754-2008's binary16.
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0400, 6.103_515_6e-5),
            (0x0001, 5.960_464_5e-8),
            (0x3555, 0.333_251_95),
            (0x7c00, f32::INFINITY),
        ] {
            assert_eq!(half(bits).to_bits(), f32::to_bits(value), "{bits:x}");
        }
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn every_datatype_with_a_layout_is_one_of_the_protocol() {
        for layout in LAYOUTS {
            let bytes = vec![0; layout.size];
            let read = raw_tensor("x".into(), layout.datatype, vec![1], &bytes);
            assert!(read.is_ok(), "{}", layout.datatype);
            let short = raw_tensor("x".into(), layout.datatype, vec![2], &bytes);
            assert!(short.is_err(), "{}", layout.datatype);
        }
    }

    #[test]
    fn sizes_are_refused_before_anything_is_allocated() {
        for shape in [vec![usize::MAX, 2], vec![ELEMENTS + 1], vec![1 << 31; 2]] {
            for datatype in ["FP32", "BYTES"] {
                assert!(raw_tensor("x".into(), datatype, shape.clone(), &[0; 4]).is_err());
            }
        }
    }
}
