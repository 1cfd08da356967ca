//! One HTTP/1.1 connection: a socket, what is under way on it, and the answer as far as it has come.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::answer::{Answer, AnswerReader};
use crate::tally::Sent;

/// What a connection is doing.
#[derive(Debug, Clone, Copy)]
pub(crate) enum State {
    /// The handshake is under way.
    Connecting,
    /// Nothing is under way since a time.
    Idle(u64),
    /// A request is under way.
    Busy(Sent),
    /// A request is under way that was given up: its answer frees the connection and counts for nothing else.
    Late(Sent),
    /// Broken; to be opened again at a time.
    Down(u64),
}

/// What came of reading.
#[derive(Debug)]
pub(crate) enum Received {
    /// Nothing whole yet.
    Part,
    /// An answer.
    Whole(Answer),
    /// The end of the connection, without an answer.
    Broken(String),
}

/// A connection and its state.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) state: State,
    pub(crate) reader: AnswerReader,
    stream: TcpStream,
    token: Token,
    written: usize,
}

impl Connection {
    /// Begin to connect.
    pub(crate) fn open(
        address: SocketAddr,
        registry: &Registry,
        token: Token,
        reader: AnswerReader,
    ) -> io::Result<Self> {
        let stream = begin(address, registry, token)?;
        Ok(Self {
            state: State::Connecting,
            reader,
            stream,
            token,
            written: 0,
        })
    }

    /// Drop the socket and begin to connect again.
    pub(crate) fn reopen(&mut self, address: SocketAddr, registry: &Registry) -> io::Result<()> {
        self.stream = begin(address, registry, self.token)?;
        self.reader.reset();
        self.state = State::Connecting;
        Ok(())
    }

    /// Whether the handshake has ended, well or not.
    pub(crate) fn is_connected(&mut self) -> io::Result<bool> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        match self.stream.peer_addr() {
            Ok(_) => {
                self.stream.set_nodelay(true)?;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Send a request from its beginning, as much as the socket takes.
    pub(crate) fn send(&mut self, request: &[u8], sent: Sent) -> io::Result<()> {
        self.state = State::Busy(sent);
        self.written = 0;
        self.send_rest(request)
    }

    /// Send what the socket did not take before.
    pub(crate) fn send_rest(&mut self, request: &[u8]) -> io::Result<()> {
        while self.written < request.len() {
            match self.stream.write(&request[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Read what is there, until an answer is whole. `is_last` says that nothing more will be announced: the server has
    /// closed its side.
    pub(crate) fn receive(&mut self, buffer: &mut [u8], is_last: bool) -> Received {
        loop {
            let count = match self.stream.read(buffer) {
                Ok(0) => {
                    let closed = || {
                        Received::Broken(
                            "the server closed the connection without an answer".to_owned(),
                        )
                    };
                    return self.reader.close().map_or_else(closed, Received::Whole);
                }
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Received::Part,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Received::Broken(error.to_string()),
            };
            match self.reader.feed(&buffer[..count]) {
                Ok(Some(answer)) => return Received::Whole(answer),
                Ok(None) if count < buffer.len() && !is_last => return Received::Part,
                Ok(None) => {}
                Err(problem) => {
                    return Received::Broken(format!("the answer is malformed: {problem}"));
                }
            }
        }
    }
}

fn begin(address: SocketAddr, registry: &Registry, token: Token) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
    Ok(stream)
}
