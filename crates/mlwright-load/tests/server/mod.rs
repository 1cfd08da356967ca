//! A small HTTP/1.1 server whose misdeeds each test chooses.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

/// What the server does with one request.
pub(crate) enum Deed {
    /// Answer these bytes.
    Answer(Vec<u8>),
    /// Answer these bytes and close.
    AnswerAndClose(Vec<u8>),
    /// Close without a word.
    Close,
    /// Never answer.
    Silence,
}

/// A good answer with a body.
pub(crate) fn answer(status: u16, body: &str) -> Deed {
    Deed::Answer(
        format!(
            "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes(),
    )
}

type Rule = dyn Fn(u64, &str) -> Deed + Send + Sync;

/// A thread per connection; the rule hears the number of the request and its body.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) requests: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
}

impl Server {
    pub(crate) fn start(rule: impl Fn(u64, &str) -> Deed + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(AtomicU64::new(0));
        let is_over = Arc::new(AtomicBool::new(false));
        let rule: Arc<Rule> = Arc::new(rule);
        let (counted, over) = (Arc::clone(&requests), Arc::clone(&is_over));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::Relaxed) {
                    return; // the listener closes with us
                }
                let (rule, counted) = (Arc::clone(&rule), Arc::clone(&counted));
                thread::spawn(move || converse(stream.expect("a connection"), &counted, &*rule));
            }
        });
        Self {
            address,
            requests,
            is_over,
        }
    }

    /// Stop listening: new connections are refused from now on.
    pub(crate) fn close_door(&self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address); // wakes the listener
    }
}

fn converse(stream: TcpStream, counted: &AtomicU64, rule: &Rule) {
    stream.set_nodelay(true).expect("a socket");
    let mut writer = stream.try_clone().expect("a descriptor");
    let mut reader = BufReader::new(stream);
    while let Some(body) = read_request(&mut reader) {
        match rule(counted.fetch_add(1, Ordering::Relaxed), &body) {
            Deed::Answer(bytes) => {
                if writer.write_all(&bytes).is_err() {
                    return;
                }
            }
            Deed::AnswerAndClose(bytes) => {
                let _ = writer.write_all(&bytes);
                return;
            }
            Deed::Close => return,
            Deed::Silence => {}
        }
    }
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut length = 0;
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    String::from_utf8(body).ok()
}
