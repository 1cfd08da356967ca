//! Threads and sockets: one listener shared by all workers, an admin listener, signals, and a drain that loses nobody.

use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use mlwright_serve::{Engine, EngineConfig};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::LocalSet;

use crate::admission::Admission;
use crate::config::{ServerConfig, ServerError};
use crate::connection::answer;
use crate::grpc;
use crate::http2;
use crate::inherit;
use crate::mirror::Mirror;
use crate::paths::Door;
use crate::shared::{Attached, Shared};
use crate::stream::Stream;
use crate::tls::Tls;
use crate::visits::{GRACE, Guard, Register, SWEEP, Visit};

const BACKLOG: i32 = 4096;
/// How long connections may take to finish what they have begun.
pub(crate) const DRAIN: Duration = Duration::from_secs(10);
/// How long a kept connection may still send its next request while the server drains; it is answered with
/// `Connection: close`.
pub(crate) const LAST_REQUESTS: Duration = Duration::from_millis(500);
const TICK: Duration = Duration::from_secs(1);
pub(crate) const HEAD_BYTES: usize = 64 << 10;
/// Listeners, logs, packages being read.
const OTHER_DESCRIPTORS: usize = 128;
/// Room in the system's table of open files that is made at once: 256 KiB of its memory.
const MOST_READY: u64 = 1 << 15;

/// Serve until SIGTERM or SIGINT, then drain.
///
/// # Errors
/// [`ServerError`] when the configuration, the address or a folder cannot be used. A deployment document that cannot
/// be served is no error: the server says it is not ready and waits for a better one.
pub fn run(config: &ServerConfig) -> Result<(), ServerError> {
    let connections = allow_descriptors(config);
    let tls = config.tls.as_ref().map(Tls::acceptor).transpose()?;
    let listeners = match config.inherited {
        Some(inherited) => Listeners {
            serving: inherit::take(inherited.serving)?,
            grpc: inherited.grpc.map(inherit::take).transpose()?,
            admin: inherit::take(inherited.admin)?,
        },
        None => Listeners {
            serving: bind(config.address()?)?,
            grpc: config.grpc_address()?.map(bind).transpose()?,
            admin: bind(SocketAddr::from(([127, 0, 0, 1], config.admin_port)))?,
        },
    };
    let engine = Engine::new(EngineConfig {
        packages: config.packages.clone(),
        log: config.log.clone(),
        log_inputs: config.log_inputs,
        onnxruntime: config.onnxruntime.clone(),
        max_in_flight: config.limits.in_flight,
        longest_wait: Duration::from_millis(config.limits.queue_ms),
    })
    .map_err(|error| ServerError::Engine(error.to_string()))?;
    let (mirror, backstage) = Mirror::new();
    let shared = Arc::new(Shared::new(
        engine,
        config,
        connections,
        Attached { mirror, tls },
    ));
    backstage.start(&shared)?;
    let applied = shared.apply_document();
    if let Some(problem) = applied.problem {
        if config.must_serve {
            return Err(ServerError::Engine(problem));
        }
        eprintln!("the deployment document is not served: {problem}");
    }
    let (stop, stopped) = watch::channel(false);
    let workers: Vec<_> = (0..config.worker_count())
        .map(|number| {
            let listener = listeners.serving.try_clone()?;
            let grpc = listeners
                .grpc
                .as_ref()
                .map(std::net::TcpListener::try_clone)
                .transpose()?;
            let (shared, stopped) = (Arc::clone(&shared), stopped.clone());
            std::thread::Builder::new()
                .name(format!("worker-{number}"))
                .spawn(move || on_own_runtime(work(listener, grpc, shared, stopped)))
        })
        .collect::<Result<_, _>>()?;
    on_own_runtime(control(config, &shared, listeners, stop, stopped))?;
    for worker in workers {
        worker
            .join()
            .map_err(|_| std::io::Error::other("a worker panicked"))??;
    }
    shared.engine.flush();
    Ok(())
}

/// Raise the soft limit of open files to what the connections need, as far as the system lets us; give the connections
/// that each worker has room for.
fn allow_descriptors(config: &ServerConfig) -> usize {
    let workers = config.worker_count();
    let needed = (config.limits.connections * workers + OTHER_DESCRIPTORS) as u64;
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(needed, |most| most.min(needed));
    let mut allowed = limit.current.unwrap_or(needed);
    if allowed < wanted {
        let raised = Rlimit {
            current: Some(wanted),
            maximum: limit.maximum,
        };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            allowed = wanted;
        }
    }
    make_room(allowed.min(needed).min(MOST_READY));
    let kept = OTHER_DESCRIPTORS.min(allowed as usize / 2);
    let room = (allowed as usize - kept) / workers;
    room.clamp(1, config.limits.connections)
}

/// Let the system make its table of open files large enough at once. It doubles it when it is full, and the thread that
/// accepts connections stood still for up to 20 ms each time. Where that fails, it grows as before.
fn make_room(descriptors: u64) {
    let highest = descriptors.saturating_sub(1) as std::os::fd::RawFd;
    drop(rustix::io::fcntl_dupfd_cloexec(std::io::stderr(), highest));
}

pub(crate) fn on_own_runtime<T>(
    task: impl Future<Output = Result<T, std::io::Error>>,
) -> Result<T, std::io::Error> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, task)
}

fn bind(address: SocketAddr) -> Result<std::net::TcpListener, ServerError> {
    let open = || -> std::io::Result<std::net::TcpListener> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    };
    open().map_err(|error| ServerError::Bind(format!("cannot listen on {address}: {error}")))
}

/// Where the server listens.
#[derive(Debug)]
struct Listeners {
    serving: std::net::TcpListener,
    grpc: Option<std::net::TcpListener>,
    admin: std::net::TcpListener,
}

/// The main thread: the admin listener, signals, and a look at the document each second.
async fn control(
    config: &ServerConfig,
    shared: &Arc<Shared>,
    listeners: Listeners,
    stop: watch::Sender<bool>,
    stopped: watch::Receiver<bool>,
) -> Result<(), std::io::Error> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    write_server_file(config, shared, &listeners)?;
    let Listeners {
        serving,
        grpc,
        admin,
    } = listeners;
    let admission = Admission::new(Duration::from_millis(config.limits.queue_ms));
    let door = (Door::Admin, Rc::new(Register::new(admission)));
    let admin = tokio::task::spawn_local(serve(admin, Arc::clone(shared), door, stopped));
    let mut ticks = tokio::time::interval(TICK);
    let mut last_problem = None;
    loop {
        tokio::select! {
            _ = terminated.recv() => break,
            _ = interrupted.recv() => break,
            _ = ticks.tick() => {
                let applied = shared.poll_document();
                if applied.problem != last_problem {
                    if let Some(problem) = &applied.problem {
                        eprintln!("the deployment document is not served: {problem}");
                    }
                    last_problem = applied.problem;
                }
                shared.engine.flush_due();
            }
        }
    }
    shared.start_draining();
    drop((serving, grpc));
    // Workers may be gone already only when they failed; join reports that.
    let _ = stop.send(true);
    admin.await.map_err(std::io::Error::other)?
}

fn write_server_file(
    config: &ServerConfig,
    shared: &Shared,
    listeners: &Listeners,
) -> Result<(), std::io::Error> {
    let facts = serde_json::json!({
        "pid": std::process::id(),
        "host": config.host,
        "port": port_of(&listeners.serving)?,
        "admin_port": port_of(&listeners.admin)?,
        "grpc_port": listeners.grpc.as_ref().map(port_of).transpose()?,
        "epoch": shared.engine.snapshot().epoch(),
        "started_us": shared.started_us,
        "tls": shared.tls.is_some(),
    });
    let partial = config
        .server_file
        .with_extension(format!("{}.partial", std::process::id()));
    std::fs::write(&partial, facts.to_string())?;
    std::fs::rename(&partial, &config.server_file)
}

fn port_of(listener: &std::net::TcpListener) -> Result<u16, std::io::Error> {
    Ok(listener.local_addr()?.port())
}

/// A worker: requests, and remote calls if they are offered.
async fn work(
    listener: std::net::TcpListener,
    grpc: Option<std::net::TcpListener>,
    shared: Arc<Shared>,
    stopped: watch::Receiver<bool>,
) -> Result<(), std::io::Error> {
    let admission = Admission::new(Duration::from_millis(shared.limits.queue_ms));
    let register = || Rc::new(Register::new(Rc::clone(&admission)));
    let requests = serve(
        listener,
        Arc::clone(&shared),
        (Door::Serving, register()),
        stopped.clone(),
    );
    let Some(grpc) = grpc else {
        return requests.await;
    };
    let calls = serve(grpc, shared, (Door::Grpc, register()), stopped);
    let (requests, calls) = tokio::join!(requests, calls);
    requests.and(calls)
}

/// Accept and serve connections until told to stop, then drain.
async fn serve(
    listener: std::net::TcpListener,
    shared: Arc<Shared>,
    (door, register): (Door, Rc<Register>),
    mut stopped: watch::Receiver<bool>,
) -> Result<(), std::io::Error> {
    let listener = TcpListener::from_std(listener)?;
    let places = Places {
        free: Arc::new(Semaphore::new(shared.connections)),
        register,
    };
    let register = Rc::clone(&places.register);
    let limits = shared.limits.clone();
    let sweeper = tokio::task::spawn_local(async move {
        let mut sweeps = tokio::time::interval(SWEEP);
        loop {
            sweeps.tick().await;
            register.sweep(&limits);
        }
    });
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => break,
        };
        let Ok((stream, _)) = accepted else {
            // Out of descriptors, or the caller left: breathe, then go on.
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let place = places.take().await;
        tokio::task::spawn_local(connection(stream, Arc::clone(&shared), door, place));
    }
    // Who was let in by the system before is served too.
    while let Ok(Ok((stream, _))) = tokio::time::timeout(Duration::ZERO, listener.accept()).await {
        let place = places.take().await;
        tokio::task::spawn_local(connection(stream, Arc::clone(&shared), door, place));
    }
    drop(listener);
    places.register.stop();
    let until = Instant::now() + DRAIN;
    while places.register.len() > 0 && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    sweeper.abort();
    Ok(())
}

/// Room for connections.
#[derive(Debug)]
struct Places {
    free: Arc<Semaphore>,
    register: Rc<Register>,
}

/// The room of one connection.
struct Place {
    guard: Guard,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Places {
    /// Take a place; when all are taken, that of the connection that kept this server waiting for the longest time. When all
    /// have just come, who is next waits a little: a flood is not to end those who are about to ask.
    async fn take(&self) -> Place {
        let permit = loop {
            if self.free.available_permits() == 0 {
                self.register.end_longest_wait();
            }
            let free = Arc::clone(&self.free).acquire_owned();
            if let Ok(permit) = tokio::time::timeout(GRACE, free).await {
                // The semaphore is never closed.
                break permit.ok();
            }
        };
        Place {
            guard: self.register.enter(),
            _permit: permit,
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>, door: Door, place: Place) {
    // A socket that cannot be tuned still works.
    let _ = stream.set_nodelay(true);
    let visit = place.guard.visit();
    match shared.tls.clone().filter(|_| door != Door::Admin) {
        Some(acceptor) => {
            let greeted = tokio::select! {
                greeted = acceptor.greet(stream) => greeted,
                _ = visit.ending() => return,
            };
            if let Some((stream, is_http2)) = greeted {
                speak(stream, is_http2, shared, door, visit).await;
            }
        }
        None => {
            if let Some(is_http2) = http2::is_spoken(&stream, visit).await {
                speak(stream, is_http2, shared, door, visit).await;
            }
        }
    }
}

/// Serve a connection in the version of HTTP that its caller speaks.
async fn speak<S>(stream: S, is_http2: bool, shared: Arc<Shared>, door: Door, visit: &Rc<Visit>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    if is_http2 {
        return converse(stream, shared, door, visit).await;
    }
    if door == Door::Grpc {
        // Remote calls need HTTP/2.
        return;
    }
    let service = service_fn(|request| answer(Arc::clone(&shared), door, request, visit));
    let refuses = (door == Door::Serving).then(|| Arc::clone(&shared));
    let connection = http1::Builder::new()
        .max_buf_size(HEAD_BYTES)
        // Not `pipeline_flush`: it keeps an answer back while bytes of the next request are there, and loses it when they
        // are no request. One copy of an answer leaves in one write.
        .writev(false)
        .serve_connection(
            Stream::new(TokioIo::new(stream), Rc::clone(visit), refuses),
            service,
        );
    let mut connection = pin!(connection);
    // What a caller does wrong on the wire concerns that caller alone.
    if !visit.drive(connection.as_mut()).await {
        return;
    }
    tokio::select! {
        _ = connection.as_mut() => return,
        () = tokio::time::sleep(LAST_REQUESTS) => connection.as_mut().graceful_shutdown(),
    }
    let _ = tokio::time::timeout(DRAIN, connection).await;
}

/// Serve a connection that carries several requests at once; each has a visit of its own.
async fn converse<S>(stream: S, shared: Arc<Shared>, door: Door, visit: &Rc<Visit>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let connection = Rc::clone(visit);
    if door == Door::Grpc {
        let service = service_fn(move |request| {
            let (shared, stream) = (Arc::clone(&shared), connection.begin_stream());
            // In a box at once: what is moved on its way to its task is a pointer, not the kilobytes of the work.
            Box::pin(grpc::answer(shared, request, stream))
        });
        return http2::serve(stream, service, door, visit).await;
    }
    let service = service_fn(move |request| {
        let (shared, stream) = (Arc::clone(&shared), connection.begin_stream());
        async move {
            let answered = pin!(answer(shared, door, request, &stream));
            stream.attend(answered).await
        }
    });
    http2::serve(stream, service, door, visit).await;
}
