//! One request before the load: what cannot be answered once is not worth measuring.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::answer::AnswerReader;
use crate::error::LoadError;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::report::FirstAnswer;

/// Bytes of a body that are shown.
const SHOWN_BYTES: usize = 2_000;

/// Send one request and demand a good answer.
pub(crate) fn ask(
    plan: &Plan,
    address: SocketAddr,
    request: &[u8],
) -> Result<FirstAnswer, LoadError> {
    let patience = Duration::from_millis(plan.timeout_ms);
    let unreachable = |source| LoadError::Unreachable {
        address: plan.address(),
        source,
    };
    let mut stream = TcpStream::connect_timeout(&address, patience).map_err(unreachable)?;
    stream
        .set_read_timeout(Some(patience))
        .map_err(unreachable)?;
    stream
        .set_write_timeout(Some(patience))
        .map_err(unreachable)?;
    stream.write_all(request).map_err(unreachable)?;
    let mut reader = AnswerReader::new(plan.method == "HEAD", true);
    let mut buffer = vec![0; 64 * 1024];
    let malformed = |message: &str| LoadError::Protocol {
        message: message.to_owned(),
    };
    let answer = loop {
        let count = stream.read(&mut buffer).map_err(unreachable)?;
        let found = if count == 0 {
            reader
                .close()
                .ok_or_else(|| malformed("the connection was closed before its end"))?
        } else {
            match reader.feed(&buffer[..count]).map_err(malformed)? {
                Some(answer) => answer,
                None => continue,
            }
        };
        break found;
    };
    let body = show(reader.body());
    judge(
        plan,
        answer.status,
        Outcome::of_status(answer.status) == Outcome::Ok,
        body,
    )
}

/// The beginning of a body as text.
pub(crate) fn show(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(SHOWN_BYTES)]).into_owned()
}

/// A first answer if it is good and holds what is expected.
pub(crate) fn judge(
    plan: &Plan,
    status: u16,
    is_good: bool,
    body: String,
) -> Result<FirstAnswer, LoadError> {
    if !is_good {
        return Err(LoadError::Refused {
            answer: format!("{status}: {body}"),
        });
    }
    match &plan.expect {
        Some(text) if !body.contains(text.as_str()) => Err(LoadError::Refused {
            answer: format!("{status} without {text:?}: {body}"),
        }),
        Some(_) | None => Ok(FirstAnswer { status, body }),
    }
}
