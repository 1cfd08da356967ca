//! What every worker and the admin listener look at.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use mlwright_serve::{Deployment, Document, Engine, Permit, now_us};

use crate::config::{Container, Limits};
use crate::counts::HttpCounters;
use crate::errors::ApiError;
use crate::mirror::Mirror;
use crate::routes::Authorisation;
use crate::tls::Acceptor;
use crate::trail::Trail;

/// When a refused document is tried again though it did not change.
const RETRY: Duration = Duration::from_secs(10);

/// The engine, the tokens and the state of this process.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) limits: Limits,
    pub(crate) container: Container,
    /// Most connections of one worker.
    pub(crate) connections: usize,
    pub(crate) counters: HttpCounters,
    pub(crate) mirror: Mirror,
    pub(crate) trail: Trail,
    /// For callers; operators are on the loopback.
    pub(crate) tls: Option<Acceptor>,
    pub(crate) started_us: u64,
    document: PathBuf,
    token: Option<String>,
    admin_token: String,
    is_draining: AtomicBool,
    requests: AtomicU64,
    refused: Mutex<Option<Refused>>,
    /// Bytes of bodies in memory.
    pub(crate) held_bytes: AtomicUsize,
}

/// What is opened before.
pub(crate) struct Attached {
    pub(crate) mirror: Mirror,
    pub(crate) tls: Option<Acceptor>,
}

/// A document that was not served.
#[derive(Debug)]
struct Refused {
    bytes: Vec<u8>,
    problem: String,
    at: Instant,
}

/// How the newest document was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) epoch: u64,
    pub(crate) problem: Option<String>,
}

impl Shared {
    pub(crate) fn new(
        engine: Engine,
        config: &crate::ServerConfig,
        connections: usize,
        attached: Attached,
    ) -> Self {
        Self {
            engine,
            limits: config.limits.clone(),
            container: config.container.clone(),
            connections,
            mirror: attached.mirror,
            trail: Trail::new(config.access_log, config.limits.slow_ms),
            counters: HttpCounters::new(attached.tls.is_some()),
            tls: attached.tls,
            started_us: now_us(),
            document: config.document.clone(),
            token: config.token.clone(),
            admin_token: config.admin_token.clone(),
            is_draining: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            refused: Mutex::new(None),
            held_bytes: AtomicUsize::new(0),
        }
    }

    /// Room to answer one more request of a deployment.
    ///
    /// # Errors
    /// [`ApiError::Overloaded`] when there is none.
    pub(crate) fn admit(&self, deployment: &Deployment) -> Result<Permit<'_>, ApiError> {
        self.engine.admit(deployment).ok_or(ApiError::Overloaded)
    }

    /// Whether a bearer token opens a route.
    pub(crate) fn allows(&self, authorisation: Authorisation, header: Option<&[u8]>) -> bool {
        let token = header.and_then(|header| {
            header
                .strip_prefix(b"Bearer ")
                .or_else(|| header.strip_prefix(b"bearer "))
        });
        self.allows_token(authorisation, token)
    }

    /// Whether a token opens a route.
    pub(crate) fn allows_token(&self, authorisation: Authorisation, token: Option<&[u8]>) -> bool {
        let wanted = match authorisation {
            Authorisation::Nobody => return true,
            Authorisation::Serving => match &self.token {
                None => return true,
                Some(token) => token,
            },
            Authorisation::Operator | Authorisation::Admin => &self.admin_token,
        };
        token.is_some_and(|given| is_equal(given, wanted.as_bytes()))
    }

    /// Serve a new document; one that was refused is tried again after a while only, its packages may be large.
    pub(crate) fn poll_document(&self) -> Applied {
        {
            let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(refused) = refused.as_ref()
                && refused.at.elapsed() < RETRY
                && std::fs::read(&self.document).is_ok_and(|bytes| bytes == refused.bytes)
            {
                return Applied {
                    epoch: self.engine.snapshot().epoch(),
                    problem: Some(refused.problem.clone()),
                };
            }
        }
        self.apply_document()
    }

    /// Read the deployment document and serve it; on failure what was served goes on.
    pub(crate) fn apply_document(&self) -> Applied {
        let read = std::fs::read(&self.document)
            .map_err(|error| format!("{}: {error}", self.document.display()));
        let bytes = read.as_ref().map_or_else(|_| Vec::new(), Clone::clone);
        let applied = self.apply_bytes(read);
        let refused = applied.problem.clone().map(|problem| Refused {
            bytes,
            problem,
            at: Instant::now(),
        });
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = refused;
        applied
    }

    fn apply_bytes(&self, read: Result<Vec<u8>, String>) -> Applied {
        let read = read
            .and_then(|bytes| {
                serde_json::from_slice::<Document>(&bytes).map_err(|error| error.to_string())
            })
            .and_then(|document| {
                self.engine
                    .apply(document)
                    .map_err(|error| error.to_string())
            });
        match read {
            Ok(epoch) => Applied {
                epoch,
                problem: None,
            },
            Err(problem) => {
                self.counters
                    .document_failures
                    .fetch_add(1, Ordering::Relaxed);
                Applied {
                    epoch: self.engine.snapshot().epoch(),
                    problem: Some(problem),
                }
            }
        }
    }

    /// A name for a request that went wrong.
    pub(crate) fn next_request_id(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        format!("{:x}-{number:x}", self.started_us)
    }

    pub(crate) fn start_draining(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }
}

/// Compare in time that depends on the lengths only.
fn is_equal(given: &[u8], wanted: &[u8]) -> bool {
    let differing = given
        .iter()
        .zip(wanted)
        .fold(0_u8, |sum, (a, b)| sum | (a ^ b));
    given.len() == wanted.len() && differing == 0
}
