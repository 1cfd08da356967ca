//! The few functions of Triton's public backend API that are needed, declared by hand: the wheel of the server brings
//! no headers. They are resolved when Triton loads this library.

use std::ffi::{c_char, c_void};

/// A type of Triton that is only seen from behind a pointer.
macro_rules! opaque {
    ($($(#[$meta:meta])* $name:ident),* $(,)?) => {
        $($(#[$meta])* #[repr(C)] pub struct $name { _private: [u8; 0] })*
    };
}

opaque! {
    /// `TRITONSERVER_Error`.
    Failure,
    /// `TRITONBACKEND_Model`.
    BackendModel,
    /// `TRITONBACKEND_ModelInstance`.
    Instance,
    /// `TRITONBACKEND_Request`.
    Request,
    /// `TRITONBACKEND_Response`.
    Response,
    /// `TRITONBACKEND_Input`.
    Input,
    /// `TRITONBACKEND_Output`.
    Output,
}

/// `TRITONSERVER_Error_Code`, as far as used.
#[repr(C)]
pub(crate) enum ErrorCode {
    Internal = 1,
}

/// `TRITONSERVER_DataType`, as far as used.
#[repr(C)]
pub(crate) enum Data {
    Fp64 = 12,
}

/// `TRITONSERVER_MEMORY_CPU`.
pub(crate) const MEMORY_CPU: u32 = 0;
/// `TRITONSERVER_RESPONSE_COMPLETE_FINAL`.
pub(crate) const SEND_FINAL: u32 = 1;
/// `TRITONSERVER_REQUEST_RELEASE_ALL`.
pub(crate) const RELEASE_ALL: u32 = 1;

unsafe extern "C" {
    pub(crate) fn TRITONSERVER_ErrorNew(code: ErrorCode, message: *const c_char) -> *mut Failure;
    pub(crate) fn TRITONBACKEND_ModelRepository(
        model: *mut BackendModel,
        artifact: *mut u32,
        location: *mut *const c_char,
    ) -> *mut Failure;
    pub(crate) fn TRITONBACKEND_ModelState(
        model: *mut BackendModel,
        state: *mut *mut c_void,
    ) -> *mut Failure;
    pub(crate) fn TRITONBACKEND_ModelSetState(
        model: *mut BackendModel,
        state: *mut c_void,
    ) -> *mut Failure;
    pub(crate) fn TRITONBACKEND_ModelInstanceModel(
        instance: *mut Instance,
        model: *mut *mut BackendModel,
    ) -> *mut Failure;
    pub(crate) fn TRITONBACKEND_RequestInputByIndex(
        request: *mut Request,
        index: u32,
        input: *mut *mut Input,
    ) -> *mut Failure;
    pub(crate) fn TRITONBACKEND_InputBuffer(
        input: *mut Input,
        index: u32,
        data: *mut *const c_void,
        bytes: *mut u64,
        memory: *mut u32,
        device: *mut i64,
    ) -> *mut Failure;
    pub(crate) fn TRITONBACKEND_ResponseNew(
        response: *mut *mut Response,
        request: *mut Request,
    ) -> *mut Failure;
    pub(crate) fn TRITONBACKEND_ResponseOutput(
        response: *mut Response,
        output: *mut *mut Output,
        name: *const c_char,
        kind: Data,
        shape: *const i64,
        dimensions: u32,
    ) -> *mut Failure;
    pub(crate) fn TRITONBACKEND_OutputBuffer(
        output: *mut Output,
        data: *mut *mut c_void,
        bytes: u64,
        memory: *mut u32,
        device: *mut i64,
    ) -> *mut Failure;
    pub(crate) fn TRITONBACKEND_ResponseSend(
        response: *mut Response,
        flags: u32,
        error: *mut Failure,
    ) -> *mut Failure;
    pub(crate) fn TRITONBACKEND_RequestRelease(request: *mut Request, flags: u32) -> *mut Failure;
}

/// Triton's way to say that all went well is no error.
pub(crate) fn check(error: *mut Failure) -> Result<(), *mut Failure> {
    if error.is_null() { Ok(()) } else { Err(error) }
}
