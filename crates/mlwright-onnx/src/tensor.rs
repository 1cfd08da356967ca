//! Tensors in the datatypes of the Open Inference Protocol that graphs for tables and texts use.

use ort::session::SessionInputValue;
use ort::value::{DynValue, Outlet, TensorElementType, TensorRef};

use crate::OnnxError;

/// The type of the elements of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Datatype {
    /// 32-bit float.
    Fp32,
    /// 64-bit float.
    Fp64,
    /// 64-bit integer.
    Int64,
    /// 32-bit integer.
    Int32,
    /// True or false.
    Bool,
    /// Text.
    Bytes,
}

impl Datatype {
    /// The word of the Open Inference Protocol: `FP32`, `BYTES`, …
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Fp32 => "FP32",
            Self::Fp64 => "FP64",
            Self::Int64 => "INT64",
            Self::Int32 => "INT32",
            Self::Bool => "BOOL",
            Self::Bytes => "BYTES",
        }
    }

    fn of_element(element: TensorElementType) -> Option<Self> {
        match element {
            TensorElementType::Float32 => Some(Self::Fp32),
            TensorElementType::Float64 => Some(Self::Fp64),
            TensorElementType::Int64 => Some(Self::Int64),
            TensorElementType::Int32 => Some(Self::Int32),
            TensorElementType::Bool => Some(Self::Bool),
            TensorElementType::String => Some(Self::Bytes),
            _ => None,
        }
    }
}

/// Name, datatype and shape of an input or output; −1 stands for any size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorSpec {
    /// Name in the graph.
    pub name: String,
    /// Type of the elements.
    pub datatype: Datatype,
    /// Sizes.
    pub shape: Vec<i64>,
}

impl TensorSpec {
    pub(crate) fn of_outlet(outlet: &Outlet) -> Result<Self, OnnxError> {
        let unusable = || OnnxError::Graph(format!("{:?} is {}", outlet.name(), outlet.dtype()));
        let shape = outlet.dtype().tensor_shape().ok_or_else(unusable)?.to_vec();
        let element = outlet.dtype().tensor_type().ok_or_else(unusable)?;
        let datatype = Datatype::of_element(element).ok_or_else(unusable)?;
        Ok(Self {
            name: outlet.name().to_owned(),
            datatype,
            shape,
        })
    }

    /// Refuse a tensor of another datatype or shape.
    pub(crate) fn check(&self, tensor: &Tensor) -> Result<(), OnnxError> {
        let name = &self.name;
        if tensor.data.datatype() != self.datatype {
            let (found, expected) = (tensor.data.datatype().word(), self.datatype.word());
            return Err(OnnxError::Tensor(format!(
                "the tensor {name:?} is {found}, the graph takes {expected}"
            )));
        }
        let fits =
            |(size, expected): (&usize, &i64)| *expected < 0 || *size as u64 == *expected as u64;
        if tensor.shape.len() != self.shape.len() || !tensor.shape.iter().zip(&self.shape).all(fits)
        {
            let (found, expected) = (&tensor.shape, &self.shape);
            return Err(OnnxError::Tensor(format!(
                "the tensor {name:?} is {found:?}, the graph takes {expected:?}"
            )));
        }
        let elements = tensor
            .shape
            .iter()
            .try_fold(1_usize, |product, size| product.checked_mul(*size));
        if elements != Some(tensor.data.len()) {
            let (found, shape) = (tensor.data.len(), &tensor.shape);
            return Err(OnnxError::Tensor(format!(
                "the tensor {name:?} has {found} elements for {shape:?}"
            )));
        }
        Ok(())
    }
}

/// The elements of a tensor, row-major.
#[derive(Debug, Clone, PartialEq)]
pub enum TensorData {
    /// 32-bit floats.
    Fp32(Vec<f32>),
    /// 64-bit floats.
    Fp64(Vec<f64>),
    /// 64-bit integers.
    Int64(Vec<i64>),
    /// 32-bit integers.
    Int32(Vec<i32>),
    /// Truth values.
    Bool(Vec<bool>),
    /// Texts.
    Bytes(Vec<String>),
}

impl TensorData {
    /// The type of the elements.
    #[must_use]
    pub fn datatype(&self) -> Datatype {
        match self {
            Self::Fp32(_) => Datatype::Fp32,
            Self::Fp64(_) => Datatype::Fp64,
            Self::Int64(_) => Datatype::Int64,
            Self::Int32(_) => Datatype::Int32,
            Self::Bool(_) => Datatype::Bool,
            Self::Bytes(_) => Datatype::Bytes,
        }
    }

    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Fp32(data) => data.len(),
            Self::Fp64(data) => data.len(),
            Self::Int64(data) => data.len(),
            Self::Int32(data) => data.len(),
            Self::Bool(data) => data.len(),
            Self::Bytes(data) => data.len(),
        }
    }

    /// Whether there is no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Numbers as a datatype, rounded to the nearest; none for texts and truth values.
    pub(crate) fn of_numbers(numbers: &[f64], datatype: Datatype) -> Option<Self> {
        match datatype {
            Datatype::Fp32 => Some(Self::Fp32(numbers.iter().map(|x| *x as f32).collect())),
            Datatype::Fp64 => Some(Self::Fp64(numbers.to_vec())),
            Datatype::Int64 => Some(Self::Int64(
                numbers.iter().map(|x| x.round() as i64).collect(),
            )),
            Datatype::Int32 => Some(Self::Int32(
                numbers.iter().map(|x| x.round() as i32).collect(),
            )),
            Datatype::Bool | Datatype::Bytes => None,
        }
    }
}

/// A tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Sizes.
    pub shape: Vec<usize>,
    /// Elements.
    pub data: TensorData,
}

impl Tensor {
    pub(crate) fn to_input(&self) -> Result<SessionInputValue<'_>, ort::Error> {
        let shape = self.shape.as_slice();
        match &self.data {
            TensorData::Fp32(data) => {
                Ok(TensorRef::from_array_view((shape, data.as_slice()))?.into())
            }
            TensorData::Fp64(data) => {
                Ok(TensorRef::from_array_view((shape, data.as_slice()))?.into())
            }
            TensorData::Int64(data) => {
                Ok(TensorRef::from_array_view((shape, data.as_slice()))?.into())
            }
            TensorData::Int32(data) => {
                Ok(TensorRef::from_array_view((shape, data.as_slice()))?.into())
            }
            TensorData::Bool(data) => {
                Ok(TensorRef::from_array_view((shape, data.as_slice()))?.into())
            }
            TensorData::Bytes(data) => {
                Ok(ort::value::Tensor::from_string_array((shape, data.as_slice()))?.into())
            }
        }
    }

    pub(crate) fn of_output(value: &DynValue, datatype: Datatype) -> Result<Self, ort::Error> {
        let (shape, data) = match datatype {
            Datatype::Fp32 => value
                .try_extract_tensor()
                .map(|(s, d)| (s, TensorData::Fp32(d.to_vec())))?,
            Datatype::Fp64 => value
                .try_extract_tensor()
                .map(|(s, d)| (s, TensorData::Fp64(d.to_vec())))?,
            Datatype::Int64 => value
                .try_extract_tensor()
                .map(|(s, d)| (s, TensorData::Int64(d.to_vec())))?,
            Datatype::Int32 => value
                .try_extract_tensor()
                .map(|(s, d)| (s, TensorData::Int32(d.to_vec())))?,
            Datatype::Bool => value
                .try_extract_tensor()
                .map(|(s, d)| (s, TensorData::Bool(d.to_vec())))?,
            Datatype::Bytes => value
                .try_extract_strings()
                .map(|(s, d)| (s, TensorData::Bytes(d)))?,
        };
        Ok(Self {
            shape: shape
                .iter()
                .map(|size| usize::try_from(*size).unwrap_or(0))
                .collect(),
            data,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(shape: Vec<usize>, data: TensorData) -> String {
        let spec = TensorSpec {
            name: "x".to_owned(),
            datatype: Datatype::Fp32,
            shape: vec![-1, 2],
        };
        let checked = spec.check(&Tensor { shape, data });
        checked.err().map_or(String::new(), |error| {
            assert_eq!(error.code(), "onnx.tensor");
            error.to_string()
        })
    }

    #[test]
    fn tensors_must_have_the_datatype_and_shape_of_the_graph() {
        let floats = |count: usize| TensorData::Fp32(vec![0.0; count]);
        assert_eq!(refusal(vec![3, 2], floats(6)), "");
        assert_eq!(refusal(vec![0, 2], floats(0)), "");
        assert!(refusal(vec![3, 2], TensorData::Fp64(vec![0.0; 6])).contains("FP64"));
        assert!(refusal(vec![3, 3], floats(9)).contains("[3, 3]"));
        assert!(refusal(vec![6], floats(6)).contains("[6]"));
        assert!(refusal(vec![3, 2], floats(5)).contains("5 elements"));
        let overflowing = refusal(vec![usize::MAX, 2], floats(6));
        assert!(overflowing.contains("6 elements"), "{overflowing}");
    }

    #[test]
    fn numbers_become_the_type_of_the_input() {
        let of = |datatype| TensorData::of_numbers(&[1.5, f64::NAN, 1e300], datatype);
        assert!(matches!(of(Datatype::Fp32), Some(TensorData::Fp32(x)) if x[2].is_infinite()));
        assert_eq!(
            of(Datatype::Int64),
            Some(TensorData::Int64(vec![2, 0, i64::MAX]))
        );
        assert_eq!(of(Datatype::Bytes), None);
        assert_eq!(of(Datatype::Bool), None);
    }
}
