//! Typed tensors as they stand in a JSON body: datatype, shape and values have to agree before anything uses them.

use std::borrow::Cow;

use mlwright_onnx::{Datatype as GraphType, Tensor, TensorData};
use mlwright_package::Class;

use crate::binary::{RawBytes, raw_tensor};
use crate::columnar::NamedValues;
use crate::errors::ApiError;
use crate::json::{Reader, Scalar};
use crate::keys::Keys;
use crate::parameters::read_parameters;
use crate::values::{Data, Values};

/// Most dimensions of a tensor.
pub(crate) const DIMENSIONS: usize = 16;
/// Most values of all tensors of a request; they take forty bytes each while they are checked.
pub(crate) const ELEMENTS: usize = 4 << 20;

/// Datatypes of the Open Inference Protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Datatype {
    Bool,
    Integer {
        word: &'static str,
        min: i64,
        max: i64,
    },
    Fp32,
    Fp64,
    Bytes,
}

const fn integer(word: &'static str, min: i64, max: i64) -> Datatype {
    Datatype::Integer { word, min, max }
}

/// INT64 without limits of its own; UINT64 up to what 63 bits hold.
const DATATYPES: [Datatype; 12] = [
    Datatype::Bool,
    integer("INT8", -128, 127),
    integer("INT16", -32_768, 32_767),
    integer("INT32", i32::MIN as i64, i32::MAX as i64),
    integer("INT64", i64::MIN, i64::MAX),
    integer("UINT8", 0, 255),
    integer("UINT16", 0, 65_535),
    integer("UINT32", 0, u32::MAX as i64),
    integer("UINT64", 0, i64::MAX),
    Datatype::Fp32,
    Datatype::Fp64,
    Datatype::Bytes,
];

impl Datatype {
    /// The datatype of a word of the protocol.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        DATATYPES
            .into_iter()
            .find(|datatype| datatype.word() == word)
    }

    /// The protocol's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Bool => "BOOL",
            Self::Integer { word, .. } => word,
            Self::Fp32 => "FP32",
            Self::Fp64 => "FP64",
            Self::Bytes => "BYTES",
        }
    }

    /// The datatype of a tensor that can hold any of some classes.
    pub(crate) fn of_classes(classes: &[Class]) -> Self {
        let all = |is_of: fn(&Class) -> bool| classes.iter().all(is_of);
        if all(|class| matches!(class, Class::Boolean(_))) {
            Self::Bool
        } else if all(|class| matches!(class, Class::Integer(_))) {
            integer("INT64", i64::MIN, i64::MAX)
        } else if all(|class| matches!(class, Class::Integer(_) | Class::Number(_))) {
            Self::Fp64
        } else {
            Self::Bytes
        }
    }

    /// The place of a value that is not of this type.
    fn misfit_among(self, values: &Values<'_>) -> Option<usize> {
        match (self, values) {
            (Self::Fp64, Values::Numbers(_)) | (Self::Fp32 | Self::Fp64, Values::Floats(_)) => None,
            _ => values.position(|value| !self.admits(value)),
        }
    }

    /// Whether a value is one of this type; null stands for a missing value.
    fn admits(self, value: &Scalar<'_>) -> bool {
        match (self, value) {
            (_, Scalar::Null)
            | (Self::Bool, Scalar::Bool(_))
            | (Self::Bytes, Scalar::Text(_))
            | (Self::Fp64, Scalar::Number(_)) => true,
            (Self::Integer { min, max, .. }, Scalar::Number(number)) => number
                .integer
                .is_some_and(|integer| (min..=max).contains(&integer)),
            (Self::Fp32, Scalar::Number(number)) => number.value.abs() <= f64::from(f32::MAX),
            (Self::Bool | Self::Integer { .. } | Self::Fp32 | Self::Fp64 | Self::Bytes, _) => false,
        }
    }
}

/// A checked tensor of a request.
#[derive(Debug, Clone)]
pub(crate) struct GivenTensor<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) datatype: Datatype,
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Values<'a>,
    /// The values as they stand in the body, when they are one list.
    pub(crate) flat: Option<&'a [u8]>,
}

impl<'a> GivenTensor<'a> {
    /// Refuse values that are not of the datatype or too many or few for the shape; null is a missing value.
    pub(crate) fn new(
        name: Cow<'a, str>,
        datatype: &str,
        shape: Vec<usize>,
        values: Values<'a>,
    ) -> Result<Self, ApiError> {
        let datatype = Datatype::parse(datatype).ok_or_else(|| {
            ApiError::Type(format!("{name:?} has the unknown datatype {datatype:?}"))
        })?;
        let elements = shape
            .iter()
            .try_fold(1_usize, |product, size| product.checked_mul(*size));
        if elements != Some(values.len()) {
            return Err(misfit(&name, values.len(), &shape));
        }
        if let Some(place) = datatype.misfit_among(&values) {
            return Err(ApiError::Type(format!(
                "value {place} of {name:?} is no {}",
                datatype.word()
            )));
        }
        Ok(Self {
            name,
            datatype,
            shape,
            values,
            flat: None,
        })
    }

    /// As rows are made of it.
    pub(crate) fn named(&self) -> NamedValues<'_, 'a> {
        NamedValues {
            name: &self.name,
            values: &self.values,
            sizes: &self.shape,
            flat: self.flat,
            is_single: self.datatype == Datatype::Fp32,
        }
    }
}

/// Read the list `inputs`.
pub(crate) fn read_tensors<'a>(
    reader: &mut Reader<'a>,
    raw: &mut RawBytes<'a>,
) -> Result<Vec<GivenTensor<'a>>, ApiError> {
    if reader.peek()? != b'[' {
        reader.scalar()?;
        return Err(ApiError::Shape(
            "`inputs` has to be a list of tensors".to_owned(),
        ));
    }
    reader.open()?;
    let mut tensors: Vec<GivenTensor<'a>> = Vec::new();
    let (mut is_first, mut elements) = (true, 0);
    let mut names = Keys::default();
    while reader.next_item(&mut is_first)? {
        let tensor = read_tensor(reader, tensors.len(), raw)?;
        elements += tensor.values.len();
        if elements > ELEMENTS {
            return Err(ApiError::TooLarge(format!(
                "more than {ELEMENTS} values in one request"
            )));
        }
        if !names.add(tensor.name.clone()) {
            return Err(ApiError::Shape(format!(
                "the input {:?} is given twice",
                tensor.name
            )));
        }
        tensors.push(tensor);
    }
    Ok(tensors)
}

fn read_tensor<'a>(
    reader: &mut Reader<'a>,
    place: usize,
    raw: &mut RawBytes<'a>,
) -> Result<GivenTensor<'a>, ApiError> {
    let wrong = |what: &str| ApiError::Shape(format!("input {place} {what}"));
    if reader.peek()? != b'{' {
        reader.scalar()?;
        return Err(wrong("is not an object"));
    }
    reader.open()?;
    let (mut name, mut datatype, mut shape, mut data) = (None, None, None, None);
    let mut binary_size = None;
    let mut keys = Keys::default();
    while let Some(key) = reader.next_new_key(&mut keys)? {
        match key.as_ref() {
            "name" => match reader.scalar()? {
                Scalar::Text(text) => name = Some(text),
                _ => return Err(wrong("has a name that is no text")),
            },
            "datatype" => match reader.scalar()? {
                Scalar::Text(text) => datatype = Some(text),
                _ => return Err(wrong("has a datatype that is no text")),
            },
            "shape" => shape = Some(read_shape(reader, place)?),
            "data" if reader.peek()? != b'[' => {
                reader.scalar()?;
                return Err(wrong("has no list `data`"));
            }
            "data" => data = Some(Data::read(reader, shape.as_deref())?),
            "parameters" => binary_size = read_parameters(reader)?.binary_size,
            other => return Err(wrong(&format!("has an unknown key {other:?}"))),
        }
    }
    let (Some(name), Some(datatype), Some(shape)) = (name, datatype, shape) else {
        return Err(wrong("needs `name`, `datatype` and `shape`"));
    };
    match (data, binary_size) {
        (Some(data), None) => check(name, &datatype, shape, data),
        (None, Some(count)) => raw_tensor(name, &datatype, shape, raw.take(count)?),
        (Some(_), Some(_)) => Err(wrong("has both `data` and `binary_data_size`")),
        (None, None) => Err(wrong("needs `data`, or the parameter `binary_data_size`")),
    }
}

fn read_shape(reader: &mut Reader<'_>, place: usize) -> Result<Vec<usize>, ApiError> {
    let wrong = || {
        ApiError::Shape(format!(
            "the shape of input {place} has to be a list of sizes"
        ))
    };
    if reader.peek()? != b'[' {
        reader.scalar()?;
        return Err(wrong());
    }
    reader.open()?;
    let mut shape = Vec::new();
    let mut is_first = true;
    while reader.next_item(&mut is_first)? {
        let Scalar::Number(number) = reader.scalar()? else {
            return Err(wrong());
        };
        let size = number
            .integer
            .and_then(|size| usize::try_from(size).ok())
            .ok_or_else(wrong)?;
        if shape.len() == DIMENSIONS {
            return Err(wrong());
        }
        shape.push(size);
    }
    if shape.is_empty() {
        Err(wrong())
    } else {
        Ok(shape)
    }
}

fn check<'a>(
    name: Cow<'a, str>,
    datatype: &str,
    shape: Vec<usize>,
    data: Data<'a>,
) -> Result<GivenTensor<'a>, ApiError> {
    let is_flat = data.sizes.len() == 1;
    if !(is_flat || data.sizes == shape) {
        return Err(misfit(&name, data.values.len(), &shape));
    }
    let flat = data.flat();
    let tensor = GivenTensor::new(name, datatype, shape, data.values)?;
    Ok(GivenTensor { flat, ..tensor })
}

/// The values of a tensor are not as many as its shape says.
pub(crate) fn misfit(name: &str, found: usize, shape: &[usize]) -> ApiError {
    ApiError::Shape(format!(
        "{name:?} has {found} values for the shape {shape:?}"
    ))
}

/// Give a tensor the type that a graph takes; only exact conversions and rounding of floats are made.
pub(crate) fn to_onnx(given: &GivenTensor<'_>, wanted: GraphType) -> Result<Tensor, ApiError> {
    let wrong = || {
        ApiError::Type(format!(
            "{:?} is {} and holds a value that is no {} of the model",
            given.name,
            given.datatype.word(),
            wanted.word()
        ))
    };
    let number = |value: &Scalar<'_>| match value {
        Scalar::Number(number) => Ok(number.value),
        _ => Err(wrong()),
    };
    let integer = |value: &Scalar<'_>| match value {
        Scalar::Number(number) => number.integer.ok_or_else(wrong),
        _ => Err(wrong()),
    };
    let values = given.values.scalars();
    let values = values.iter();
    let data = match wanted {
        GraphType::Fp32 => TensorData::Fp32(
            values
                .map(|value| Ok(number(value)? as f32))
                .collect::<Result<_, ApiError>>()?,
        ),
        GraphType::Fp64 => TensorData::Fp64(values.map(number).collect::<Result<_, _>>()?),
        GraphType::Int64 => TensorData::Int64(values.map(integer).collect::<Result<_, _>>()?),
        GraphType::Int32 => TensorData::Int32(
            values
                .map(|value| i32::try_from(integer(value)?).map_err(|_| wrong()))
                .collect::<Result<_, _>>()?,
        ),
        GraphType::Bool => TensorData::Bool(
            values
                .map(|value| match value {
                    Scalar::Bool(flag) => Ok(*flag),
                    _ => Err(wrong()),
                })
                .collect::<Result<_, _>>()?,
        ),
        GraphType::Bytes => TensorData::Bytes(
            values
                .map(|value| match value {
                    Scalar::Text(text) => Ok(text.clone().into_owned()),
                    _ => Err(wrong()),
                })
                .collect::<Result<_, _>>()?,
        ),
    };
    Ok(Tensor {
        shape: given.shape.clone(),
        data,
    })
}
