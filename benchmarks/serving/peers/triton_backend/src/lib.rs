//! A backend of Triton Inference Server that scores `model.trees` with mlwright's kernel.
//!
//! One tensor `input` FP64 `[n, features]` in, one tensor `probabilities` FP64 `[n, 2]` out, without the optional
//! statistics calls: what is left of a request's cost is Triton's own front end, scheduler and answer.
//! Triton looks the `TRITONBACKEND_…` functions up by name.

mod triton;

use std::ffi::{CStr, CString, c_char, c_void};
use std::path::Path;
use std::ptr::{null, null_mut};

use mlwright_model::{Model as _, Trees};
use triton::{
    BackendModel, Data, ErrorCode, Failure, Input, Instance, MEMORY_CPU, Output, Request, Response,
    SEND_FINAL, check,
};

const OUTPUT: &CStr = c"probabilities";

/// Load `1/model.trees` of the model's folder.
///
/// # Safety
/// Triton calls it with a model that lives until `TRITONBACKEND_ModelFinalize`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TRITONBACKEND_ModelInitialize(model: *mut BackendModel) -> *mut Failure {
    let (mut kind, mut location) = (0, null());
    // SAFETY: both places are valid for writing; the text belongs to the model and outlives this call.
    let folder = unsafe {
        if let Err(error) = check(triton::TRITONBACKEND_ModelRepository(
            model,
            &raw mut kind,
            &raw mut location,
        )) {
            return error;
        }
        CStr::from_ptr(location).to_string_lossy().into_owned()
    };
    match load(Path::new(&folder)) {
        Ok(trees) => {
            let state = Box::into_raw(Box::new(trees)).cast::<c_void>();
            // SAFETY: the state is taken back in `TRITONBACKEND_ModelFinalize` and nowhere else.
            unsafe { triton::TRITONBACKEND_ModelSetState(model, state) }
        }
        Err(message) => failure(&message),
    }
}

/// Drop the forest.
///
/// # Safety
/// Triton calls it once per model, after its last request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TRITONBACKEND_ModelFinalize(model: *mut BackendModel) -> *mut Failure {
    let mut state = null_mut();
    // SAFETY: the state is null or the box of `TRITONBACKEND_ModelInitialize`, which nobody uses any more.
    unsafe {
        if let Err(error) = check(triton::TRITONBACKEND_ModelState(model, &raw mut state)) {
            return error;
        }
        if !state.is_null() {
            drop(Box::from_raw(state.cast::<Trees>()));
        }
    }
    null_mut()
}

/// Answer requests one by one; a failure is the answer of its own request.
///
/// # Safety
/// Triton calls it with `count` requests, which are this function's until it releases them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TRITONBACKEND_ModelInstanceExecute(
    instance: *mut Instance,
    requests: *mut *mut Request,
    count: u32,
) -> *mut Failure {
    let (mut model, mut state) = (null_mut(), null_mut());
    // SAFETY: the places are valid for writing; the state lives as long as the model, so during this call.
    let trees = unsafe {
        let found = check(triton::TRITONBACKEND_ModelInstanceModel(
            instance,
            &raw mut model,
        ))
        .and_then(|()| check(triton::TRITONBACKEND_ModelState(model, &raw mut state)));
        if let Err(error) = found {
            return error;
        }
        &*state.cast::<Trees>()
    };
    for place in 0..count as usize {
        // SAFETY: Triton hands over `count` requests, each to be released once.
        unsafe {
            let request = *requests.add(place);
            answer(trees, request);
            triton::TRITONBACKEND_RequestRelease(request, triton::RELEASE_ALL);
        }
    }
    null_mut()
}

/// # Safety
/// The request is valid until the caller releases it.
unsafe fn answer(trees: &Trees, request: *mut Request) {
    let mut response = null_mut();
    // SAFETY: the response is made here and sent once; sending gives it back to Triton.
    unsafe {
        if check(triton::TRITONBACKEND_ResponseNew(
            &raw mut response,
            request,
        ))
        .is_err()
        {
            return;
        }
        let error = score(trees, request, response).err().unwrap_or(null_mut());
        triton::TRITONBACKEND_ResponseSend(response, SEND_FINAL, error);
    }
}

/// # Safety
/// Request and response are valid.
unsafe fn score(
    trees: &Trees,
    request: *mut Request,
    response: *mut Response,
) -> Result<(), *mut Failure> {
    // SAFETY: see above; the row slices are used only while the request lives.
    unsafe {
        let rows = rows_of(request)?;
        let count = rows.len() / trees.inputs();
        let out = probabilities_of(response, count)?;
        // Scored into the front half, then spread to pairs from the back, so that nothing is allocated.
        trees
            .predict(rows, count, &mut out[..count])
            .map_err(|error| failure(&error.to_string()))?;
        for row in (0..count).rev() {
            let positive = out[row];
            out[2 * row] = 1.0 - positive;
            out[2 * row + 1] = positive;
        }
    }
    Ok(())
}

/// # Safety
/// The slice is valid until the request is released.
unsafe fn rows_of<'a>(request: *mut Request) -> Result<&'a [f64], *mut Failure> {
    let mut input: *mut Input = null_mut();
    let (mut data, mut bytes, mut memory, mut device) = (null(), 0, MEMORY_CPU, 0);
    // SAFETY: every place is valid for writing; Triton keeps tensors aligned for their type.
    unsafe {
        check(triton::TRITONBACKEND_RequestInputByIndex(
            request,
            0,
            &raw mut input,
        ))?;
        check(triton::TRITONBACKEND_InputBuffer(
            input,
            0,
            &raw mut data,
            &raw mut bytes,
            &raw mut memory,
            &raw mut device,
        ))?;
        if memory != MEMORY_CPU || !data.cast::<f64>().is_aligned() {
            return Err(failure(
                "the input is not in aligned memory of the processor",
            ));
        }
        Ok(std::slice::from_raw_parts(
            data.cast(),
            bytes as usize / size_of::<f64>(),
        ))
    }
}

/// # Safety
/// The slice is valid until the response is sent.
unsafe fn probabilities_of<'a>(
    response: *mut Response,
    rows: usize,
) -> Result<&'a mut [f64], *mut Failure> {
    let shape = [rows as i64, 2];
    let bytes = (2 * rows * size_of::<f64>()) as u64;
    let mut output: *mut Output = null_mut();
    let (mut data, mut memory, mut device) = (null_mut(), MEMORY_CPU, 0);
    // SAFETY: every place is valid for writing; the buffer has the size asked for and is all ours.
    unsafe {
        check(triton::TRITONBACKEND_ResponseOutput(
            response,
            &raw mut output,
            OUTPUT.as_ptr(),
            Data::Fp64,
            shape.as_ptr(),
            2,
        ))?;
        check(triton::TRITONBACKEND_OutputBuffer(
            output,
            &raw mut data,
            bytes,
            &raw mut memory,
            &raw mut device,
        ))?;
        if memory != MEMORY_CPU || !data.cast::<f64>().is_aligned() {
            return Err(failure(
                "the output is not in aligned memory of the processor",
            ));
        }
        Ok(std::slice::from_raw_parts_mut(data.cast(), 2 * rows))
    }
}

fn load(folder: &Path) -> Result<Trees, String> {
    let path = folder.join("1").join("model.trees");
    let bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let trees = Trees::from_bytes(&bytes).map_err(|error| error.to_string())?;
    if trees.outputs() == 1 {
        Ok(trees)
    } else {
        Err(format!(
            "the model has {} outputs, not one",
            trees.outputs()
        ))
    }
}

fn failure(message: &str) -> *mut Failure {
    let text = CString::new(message.replace('\0', " ")).unwrap_or_default();
    let text: *const c_char = text.as_ptr();
    // SAFETY: Triton copies the text.
    unsafe { triton::TRITONSERVER_ErrorNew(ErrorCode::Internal, text) }
}
