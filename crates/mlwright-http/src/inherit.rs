//! Listening sockets that the parent process opened and keeps: callers that connect while one server ends and the next
//! begins wait in their backlog and are refused by nobody.
#![expect(unsafe_code, reason = "only a raw number can be inherited")]

use std::net::TcpListener;
use std::os::fd::{FromRawFd as _, OwnedFd, RawFd};

use serde::Deserialize;
use socket2::Socket;

use crate::config::ServerError;

/// Descriptors of listening sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inherited {
    /// For predictions.
    pub serving: RawFd,
    /// For operators.
    pub admin: RawFd,
    /// For gRPC, if it is spoken.
    #[serde(default)]
    pub grpc: Option<RawFd>,
}

/// Take a listening socket over.
pub(crate) fn take(descriptor: RawFd) -> Result<TcpListener, ServerError> {
    const FIRST_INHERITABLE: RawFd = 3;
    let unusable =
        |what: &str| ServerError::Bind(format!("the inherited descriptor {descriptor} {what}"));
    if descriptor < FIRST_INHERITABLE {
        return Err(unusable("is one of the standard streams"));
    }
    // SAFETY: the parent opened this descriptor for this process alone to own, and `run` takes each number once at its
    // start, before anything else opens or closes descriptors. A number that is not open is found by the next call.
    let socket = Socket::from(unsafe { OwnedFd::from_raw_fd(descriptor) });
    match socket.is_listener() {
        Ok(true) => {}
        Ok(false) => return Err(unusable("does not listen")),
        Err(error) => {
            // It is not ours to close: nothing is there.
            std::mem::forget(socket);
            return Err(unusable(&error.to_string()));
        }
    }
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}
