//! The `parameters` of a request, an input or an output. Those that change what the answer means are obeyed or refused;
//! hints such as `priority` are read and forgotten.

use crate::errors::ApiError;
use crate::json::{Reader, Scalar};
use crate::keys::Keys;

/// What an object `parameters` says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Parameters {
    /// `binary_data_size` of an input.
    pub(crate) binary_size: Option<u64>,
    /// `binary_data` of an output, `binary_data_output` of a request.
    pub(crate) is_binary: Option<bool>,
}

/// Read an object of parameters, or null.
pub(crate) fn read_parameters(reader: &mut Reader<'_>) -> Result<Parameters, ApiError> {
    let mut parameters = Parameters::default();
    if reader.peek()? != b'{' {
        return match reader.scalar()? {
            Scalar::Null => Ok(parameters),
            _ => Err(ApiError::Shape(
                "`parameters` has to be an object".to_owned(),
            )),
        };
    }
    reader.open()?;
    let mut keys = Keys::default();
    while let Some(key) = reader.next_new_key(&mut keys)? {
        match (key.as_ref(), reader.scalar()?) {
            ("binary_data_size", Scalar::Number(number)) if number.integer >= Some(0) => {
                parameters.binary_size = number.integer.map(i64::unsigned_abs);
            }
            ("binary_data" | "binary_data_output", Scalar::Bool(flag)) => {
                parameters.is_binary = Some(flag);
            }
            ("binary_data_size" | "binary_data" | "binary_data_output", _) => {
                return Err(ApiError::Type(format!(
                    "the parameter {key:?} has a value of the wrong type"
                )));
            }
            ("classification", Scalar::Number(number)) if number.integer == Some(0) => {}
            ("classification" | "shared_memory_region", _) => {
                return Err(ApiError::Shape(format!(
                    "this server does not know the parameter {key:?}"
                )));
            }
            _ => {}
        }
    }
    Ok(parameters)
}
