//! Bodies of answers: messages, then trailers with the status.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc::Receiver;

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum Reply {
    /// Nothing: the head says it all.
    Empty,
    /// One message and the trailers.
    Message(Bytes, HeaderMap),
    /// The trailers.
    Trailers(HeaderMap),
    /// Messages as they come; the task that sends them ends with the trailers.
    Stream(Receiver<Frame<Bytes>>),
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        if let Self::Stream(frames) = this {
            return frames.poll_recv(context).map(|frame| frame.map(Ok));
        }
        let (frame, rest) = match std::mem::replace(this, Self::Empty) {
            Self::Message(message, trailers) => {
                (Some(Frame::data(message)), Self::Trailers(trailers))
            }
            Self::Trailers(trailers) => (Some(Frame::trailers(trailers)), Self::Empty),
            Self::Empty | Self::Stream(_) => (None, Self::Empty),
        };
        *this = rest;
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Empty)
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Message(..) | Self::Trailers(_) | Self::Stream(_) => SizeHint::default(),
        }
    }
}
