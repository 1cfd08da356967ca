//! Messages in a body: a flag, four bytes of length, and the message, again and again.

use std::time::{Duration, Instant};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use prost::Message;

use crate::connection::Held;
use crate::errors::ApiError;
use crate::shared::Shared;

/// Flag and length.
const HEAD: usize = 5;

/// Write a message with its head.
pub(crate) fn frame(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut out = BytesMut::with_capacity(HEAD + length);
    out.put_u8(0);
    // An answer is made of a request of at most `body_bytes`, far below 4 GiB.
    out.put_u32(length as u32);
    message.encode_raw(&mut out);
    out.freeze()
}

/// The messages that a caller sends.
#[derive(Debug)]
pub(crate) struct Messages<'s> {
    body: Incoming,
    pending: BytesMut,
    held: Held<'s>,
    limit: usize,
    patience: Duration,
    /// When the message that has begun has to be there.
    until: Option<Instant>,
}

impl<'s> Messages<'s> {
    /// Read the messages of a body; the first one has to come at once.
    pub(crate) fn new(shared: &'s Shared, body: Incoming) -> Self {
        let patience = Duration::from_millis(shared.limits.body_timeout_ms);
        Self {
            body,
            pending: BytesMut::new(),
            held: Held::new(shared),
            limit: shared.limits.body_bytes,
            patience,
            until: Some(Instant::now() + patience),
        }
    }

    /// The only message of a call.
    pub(crate) async fn only(&mut self) -> Result<Bytes, ApiError> {
        let none = || ApiError::Shape("the call has no message".to_owned());
        let message = self.next().await?.ok_or_else(none)?;
        self.until = Some(Instant::now() + self.patience);
        match self.next().await? {
            None => Ok(message),
            Some(_) => Err(ApiError::Shape(
                "the call takes one message, there are more".to_owned(),
            )),
        }
    }

    /// The next message; none at the end. Between messages a caller may wait as long as it likes.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        loop {
            if let Some(message) = self.split()? {
                self.until = None;
                return Ok(Some(message));
            }
            let Some(data) = self.receive().await? else {
                return if self.pending.is_empty() {
                    Ok(None)
                } else {
                    Err(ApiError::Shape("the message is cut off".to_owned()))
                };
            };
            self.held.add(data.len())?;
            self.pending.extend_from_slice(&data);
            self.until = self.until.or_else(|| Some(Instant::now() + self.patience));
        }
    }

    /// Forget the bytes of the messages that were read.
    pub(crate) fn release(&mut self) {
        self.held.keep(self.pending.len());
    }

    /// Take a whole message from what has come.
    fn split(&mut self) -> Result<Option<Bytes>, ApiError> {
        let Some((head, rest)) = self.pending.split_first_chunk::<HEAD>() else {
            return Ok(None);
        };
        let [flag, length @ ..] = *head;
        let length = u32::from_be_bytes(length) as usize;
        if flag != 0 {
            return Err(ApiError::Encoding("a compressed message".to_owned()));
        }
        if length > self.limit {
            return Err(ApiError::TooLarge(format!(
                "the message has more than {} bytes",
                self.limit
            )));
        }
        if rest.len() < length {
            return Ok(None);
        }
        self.pending.advance(HEAD);
        Ok(Some(self.pending.split_to(length).freeze()))
    }

    /// More bytes; none at the end.
    async fn receive(&mut self) -> Result<Option<Bytes>, ApiError> {
        loop {
            let frame = match self.until {
                None => self.body.frame().await,
                Some(until) => tokio::time::timeout_at(until.into(), self.body.frame())
                    .await
                    .map_err(|_| ApiError::Timeout(self.patience.as_millis() as u64))?,
            };
            match frame {
                None => return Ok(None),
                Some(Err(_)) => return Err(ApiError::Shape("the body broke off".to_owned())),
                Some(Ok(frame)) => {
                    // Trailers of a caller say nothing.
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }
}
