//! Linear models: one weighted sum per output, then a link.

use serde::Deserialize;

use crate::model::{Model, check_shape};
use crate::{Link, ModelError};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: u32,
    features: usize,
    link: Link,
    coefficients: Vec<Vec<f64>>,
    intercept: Vec<f64>,
}

/// A linear model read from `model.linear.json`.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    features: usize,
    link: Link,
    /// Output-major: the coefficients of output k start at k · features.
    coefficients: Box<[f64]>,
    intercept: Box<[f64]>,
}

impl Linear {
    /// Read and check a model.
    ///
    /// # Errors
    /// [`ModelError::Format`] when the JSON, a size or a number is wrong.
    ///
    /// ```
    /// use mlwright_model::{Linear, Model};
    /// let json = br#"{"format":1,"features":2,"link":"identity","coefficients":[[2.0,3.0]],"intercept":[1.0]}"#;
    /// let mut out = [0.0];
    /// Linear::from_json(json).unwrap().predict(&[10.0, 100.0], 1, &mut out).unwrap();
    /// assert_eq!(out, [321.0]);
    /// ```
    pub fn from_json(bytes: &[u8]) -> Result<Self, ModelError> {
        let document: Document =
            serde_json::from_slice(bytes).map_err(|e| ModelError::format(e.to_string()))?;
        if document.format != 1 {
            return Err(ModelError::format(format!(
                "format {}, this version reads 1",
                document.format
            )));
        }
        let outputs = document.intercept.len();
        if outputs == 0 || document.coefficients.len() != outputs {
            return Err(ModelError::format(format!(
                "{} rows of coefficients and {outputs} intercepts",
                document.coefficients.len()
            )));
        }
        if let Some(row) = document
            .coefficients
            .iter()
            .find(|row| row.len() != document.features)
        {
            return Err(ModelError::format(format!(
                "a row of {} coefficients for {} features",
                row.len(),
                document.features
            )));
        }
        // JSON cannot write NaN; an overflowing number is refused by the parser. So every number is finite.
        Ok(Self {
            features: document.features,
            link: document.link,
            coefficients: document.coefficients.concat().into(),
            intercept: document.intercept.into(),
        })
    }
}

impl Model for Linear {
    fn inputs(&self) -> usize {
        self.features
    }

    fn outputs(&self) -> usize {
        self.intercept.len()
    }

    fn predict(&self, rows: &[f64], n: usize, out: &mut [f64]) -> Result<(), ModelError> {
        check_shape(self, rows, n, out)?;
        let outputs = self.outputs();
        for (index, result) in out.chunks_exact_mut(outputs).enumerate() {
            let row = &rows[index * self.features..(index + 1) * self.features];
            for (k, value) in result.iter_mut().enumerate() {
                let weights = &self.coefficients[k * self.features..(k + 1) * self.features];
                *value =
                    row.iter().zip(weights).map(|(x, w)| x * w).sum::<f64>() + self.intercept[k];
            }
            self.link.apply(1.0, result);
        }
        Ok(())
    }

    fn memory_bytes(&self) -> usize {
        size_of_val(&*self.coefficients) + size_of_val(&*self.intercept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_outputs_and_rows_are_scored() {
        let json = br#"{"format":1,"features":1,"link":"softmax","coefficients":[[1.0],[-1.0]],"intercept":[0.0,0.0]}"#;
        let model = Linear::from_json(json).expect("valid");
        let mut out = [0.0; 4];
        model.predict(&[0.0, 700.0], 2, &mut out).expect("fits");
        assert!((out[0] - 0.5).abs() < 1e-15 && (out[2] - 1.0).abs() < 1e-15 && out[3] < 1e-300);
    }

    #[test]
    fn malformed_models_are_refused() {
        for json in [
            "",
            "[]",
            r#"{"format":2,"features":1,"link":"identity","coefficients":[[1.0]],"intercept":[0.0]}"#,
            r#"{"format":1,"features":2,"link":"identity","coefficients":[[1.0]],"intercept":[0.0]}"#,
            r#"{"format":1,"features":1,"link":"identity","coefficients":[[1.0]],"intercept":[]}"#,
            r#"{"format":1,"features":1,"link":"identity","coefficients":[],"intercept":[]}"#,
            r#"{"format":1,"features":1,"link":"cube","coefficients":[[1.0]],"intercept":[0.0]}"#,
            r#"{"format":1,"features":1,"link":"identity","coefficients":[[1e999]],"intercept":[0.0]}"#,
            r#"{"format":1,"features":1,"link":"identity","coefficients":[[null]],"intercept":[0.0]}"#,
        ] {
            assert_eq!(
                Linear::from_json(json.as_bytes()).expect_err(json).code(),
                "model.format",
                "{json}"
            );
        }
    }

    #[test]
    fn slices_of_the_wrong_size_are_refused() {
        let json = br#"{"format":1,"features":2,"link":"identity","coefficients":[[1.0,1.0]],"intercept":[0.0]}"#;
        let model = Linear::from_json(json).expect("valid");
        assert_eq!(
            model
                .predict(&[1.0], 1, &mut [0.0])
                .expect_err("short")
                .code(),
            "model.shape"
        );
        assert_eq!(
            model
                .predict(&[1.0, 1.0], 1, &mut [])
                .expect_err("short")
                .code(),
            "model.shape"
        );
        assert_eq!(
            model
                .predict(&[], usize::MAX, &mut [])
                .expect_err("overflow")
                .code(),
            "model.shape"
        );
    }
}
