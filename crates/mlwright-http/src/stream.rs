//! The socket of a connection of HTTP/1.1, between the system and hyper: it tells the visit when a request begins, and keeps
//! from hyper what is refused at once.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};

use crate::shared::Shared;
use crate::shedding::{Look, Passed, look};
use crate::visits::Visit;

/// Bytes that are looked at. All connections of a thread read them to the same place, which stays in its core's cache: that
/// of a body of 30 kB that is refused would else be new memory each time.
const SEEN_BYTES: usize = 64 << 10;

thread_local! {
    static SEEN: RefCell<Vec<u8>> = RefCell::new(vec![0; SEEN_BYTES]);
}

/// A socket and what is to be done before hyper has it again.
#[derive(Debug)]
pub(crate) struct Stream<S> {
    socket: S,
    visit: Rc<Visit>,
    /// Of listeners that refuse under overload.
    shared: Option<Arc<Shared>>,
    /// What hyper is to get before it reads on.
    kept: Vec<u8>,
    /// What is left of a refusal that is being sent.
    refusal: Vec<u8>,
    /// It has left.
    is_sent: bool,
    /// Bytes that are left of the body of a request that was refused.
    refused_bytes: u64,
    /// Bytes that are left of the body of a request that was looked at and goes on to hyper.
    passed_bytes: u64,
}

impl<S> Stream<S> {
    /// A socket of a visit; without `shared` nothing is kept from hyper.
    pub(crate) fn new(socket: S, visit: Rc<Visit>, shared: Option<Arc<Shared>>) -> Self {
        Self {
            socket,
            visit,
            shared,
            kept: Vec::new(),
            refusal: Vec::new(),
            is_sent: true,
            refused_bytes: 0,
            passed_bytes: 0,
        }
    }

    /// Note that hyper gets one request, or nobody knows what.
    fn pass(&mut self, request: Option<Passed>) {
        match request {
            Some(Passed { body, rest }) => {
                self.visit.boundary.pass_request(body);
                self.passed_bytes = rest;
            }
            None => self.visit.boundary.pass(),
        }
        self.visit.begin_head();
    }

    /// Give hyper bytes that were read for it; keep what does not fit.
    fn give(&mut self, bytes: &[u8], buffer: &mut ReadBufCursor<'_>) {
        let (now, later) = bytes.split_at(bytes.len().min(buffer.remaining()));
        buffer.put_slice(now);
        self.kept.extend_from_slice(later);
    }

    /// Give hyper what was kept for it.
    fn give_kept(&mut self, buffer: &mut ReadBufCursor<'_>) {
        let kept = std::mem::take(&mut self.kept);
        self.give(&kept, buffer);
    }
}

impl<S: Read + Write + Unpin> Stream<S> {
    /// Read, look and refuse, until bytes come that hyper is to have, or the end.
    fn poll_look(
        &mut self,
        context: &mut Context<'_>,
        shared: &Shared,
        buffer: &mut ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let is_done = ready!(SEEN.with_borrow_mut(|seen| {
                // Of a request that has begun, no more than belongs to it.
                let most = match usize::try_from(self.refused_bytes.max(self.passed_bytes)) {
                    Ok(0) | Err(_) => SEEN_BYTES,
                    Ok(rest) => rest.min(SEEN_BYTES),
                };
                let mut seen = ReadBuf::new(&mut seen[..most]);
                ready!(Pin::new(&mut self.socket).poll_read(context, seen.unfilled()))?;
                let bytes = seen.filled();
                Poll::Ready(io::Result::Ok(
                    bytes.is_empty() || self.take(shared, bytes, buffer),
                ))
            }))?;
            ready!(self.poll_send(context))?;
            if is_done {
                return Poll::Ready(Ok(()));
            }
            if !self.kept.is_empty() {
                self.give_kept(buffer);
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Refuse what was read, or give it to hyper; tell whether hyper has it.
    fn take(&mut self, shared: &Shared, bytes: &[u8], buffer: &mut ReadBufCursor<'_>) -> bool {
        if self.refused_bytes > 0 {
            self.refused_bytes -= bytes.len() as u64;
            if self.refused_bytes == 0 {
                self.visit.end_refused();
            }
            return false;
        }
        if self.passed_bytes > 0 {
            self.passed_bytes -= bytes.len() as u64;
            self.give(bytes, buffer);
            return true;
        }
        match look(shared, &self.visit, bytes) {
            Look::Refused { length, answer } => {
                let here = usize::try_from(length).map_or(bytes.len(), |all| all.min(bytes.len()));
                self.refusal = answer;
                self.is_sent = false;
                self.refused_bytes = length - here as u64;
                self.visit.refuse(self.refused_bytes == 0);
                if here < bytes.len() {
                    // Hyper gets the next request when the refusal has left.
                    self.kept.extend_from_slice(&bytes[here..]);
                    self.pass(None);
                }
                false
            }
            Look::Passed(request) => {
                self.visit.calm_down();
                self.pass(request);
                self.give(bytes, buffer);
                true
            }
        }
    }

    /// Send what is left of a refusal.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_sent {
            return Poll::Ready(Ok(()));
        }
        while !self.refusal.is_empty() {
            let sent = ready!(Pin::new(&mut self.socket).poll_write(context, &self.refusal))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.refusal.drain(..sent);
        }
        ready!(Pin::new(&mut self.socket).poll_flush(context))?;
        self.is_sent = true;
        Poll::Ready(Ok(()))
    }
}

impl<S: Read + Write + Unpin> Read for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_send(context))?;
        if !self.kept.is_empty() {
            self.give_kept(&mut buffer);
            return Poll::Ready(Ok(()));
        }
        let has_begun = self.refused_bytes > 0 || self.passed_bytes > 0;
        if (has_begun || self.visit.is_looked_at())
            && let Some(shared) = self.shared.clone()
        {
            return self.poll_look(context, &shared, &mut buffer);
        }
        let polled = Pin::new(&mut self.socket).poll_read(context, buffer);
        if polled.is_ready() {
            self.pass(None);
        }
        polled
    }
}

impl<S: Read + Write + Unpin> Write for Stream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_send(context))?;
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(context))?;
        ready!(Pin::new(&mut self.socket).poll_flush(context))?;
        // Hyper flushes when it has written all it had to say.
        self.visit.boundary.send();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(context))?;
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use hyper_util::rt::TokioIo;
    use tokio::net::UnixStream;

    use super::*;
    use crate::admission::Admission;
    use crate::visits::Register;

    #[test]
    fn of_bytes_that_nobody_looked_at_nothing_is_known() -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        runtime.block_on(async {
            let (near, far) = UnixStream::pair()?;
            let register = Rc::new(Register::new(Admission::new(Duration::ZERO)));
            let guard = register.enter();
            let visit = guard.visit();
            let mut stream = Stream::new(TokioIo::new(near), Rc::clone(visit), None);
            visit.boundary.pass_request(5);
            visit.begin_body(Some(5));
            assert!(visit.boundary.is_reached());
            // While the server is at work on that, the caller sends the beginning of another one.
            visit.begin_answer();
            far.writable().await?;
            far.try_write(b"POST")?;
            let mut bytes = [0; 10];
            let mut buffer = ReadBuf::new(&mut bytes);
            poll_fn(|context| Pin::new(&mut stream).poll_read(context, buffer.unfilled())).await?;
            assert_eq!(buffer.filled(), b"POST");
            assert!(!visit.boundary.is_reached());
            Ok(())
        })
    }
}
