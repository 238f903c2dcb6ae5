//! Protocols over bare sockets: syslog, GELF, Fluent forward, DogStatsD.

use super::tls::{self, Tls};
use super::{App, Serve, now};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use wires::{Session, Socket, Taken};

/// Connections of one protocol at once.
const CONNECTIONS_MAX: usize = 1_024;
/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;
/// A connection that is silent for so long is dead; shippers keep theirs open between bursts.
const IDLE_TIME: Duration = Duration::from_secs(3_600);
/// Datagrams that wait are put together to one batch, up to so many.
const DATAGRAMS_MAX: usize = 1_000;

/// A connection that ends says so over TLS (RFC 5425 §4.4), to whom listens no longer than so.
const CLOSE_TIME: Duration = Duration::from_secs(1);

/// How a socket is spoken to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Over {
    Udp,
    Tcp,
    UdpAndTcp,
    Tls,
}

impl Over {
    fn name(self) -> &'static str {
        match self {
            Over::Udp => "UDP",
            Over::Tcp => "TCP",
            Over::UdpAndTcp => "UDP and TCP",
            Over::Tls => "TLS",
        }
    }
}

/// Listens on all sockets that are asked for.
///
/// # Errors
/// An address cannot be listened on.
pub async fn listen(
    app: &Arc<App>,
    options: &Serve,
    tls: Option<&Arc<Tls>>,
    stopped: &watch::Receiver<bool>,
) -> Result<(), String> {
    let asked = [
        ("syslog", options.syslog, Over::UdpAndTcp),
        ("syslog-tls", options.syslog_tls, Over::Tls),
        ("gelf", options.gelf, Over::UdpAndTcp),
        ("fluent", options.fluent, Over::Tcp),
        ("dogstatsd", options.dogstatsd, Over::Udp),
    ];
    for (name, address, over) in asked {
        let protocol = name.strip_suffix("-tls").unwrap_or(name);
        let wire = wires::sockets().find(|s| s.name().starts_with(protocol));
        let (Some(address), Some(wire)) = (address, wire) else { continue };
        let Some(project) = app.sockets_project else {
            return Err(format!("{name} shows no key: it is taken in only without --keys-required"));
        };
        let acceptor = match (over, tls) {
            (Over::Tls, Some(tls)) => Some(tls.acceptor(&[])?),
            // The command line asks for a certificate with it.
            (Over::Tls, None) => return Err(format!("{name}: give --tls-cert and --tls-key")),
            _ => None,
        };
        let cannot = |e: std::io::Error| format!("{name}: {address}: {e}; name another address");
        let (listener, socket) = bind(address, over).await.map_err(cannot)?;
        let bound = listener.as_ref().map(TcpListener::local_addr);
        let bound = bound.or(socket.as_ref().map(UdpSocket::local_addr)).unwrap_or(Ok(address));
        println!("{name} on {} ({})", bound.map_err(cannot)?, over.name());
        if !address.ip().is_loopback() {
            let clear = if acceptor.is_some() { "" } else { ", unencrypted" };
            eprintln!(
                "why500: WARNING: {name} shows no key: whoever can connect to {address} sends to project {project}{clear}"
            );
        }
        if let Some(listener) = listener {
            tokio::spawn(streams(Arc::clone(app), wire, project, listener, acceptor, stopped.clone()));
        }
        if let Some(socket) = socket {
            tokio::spawn(datagrams(Arc::clone(app), wire, project, socket, stopped.clone()));
        }
    }
    Ok(())
}

/// Ports tried where any will do: one that is free over TCP may be taken over UDP.
const PORTS_TRIED: usize = 20;

/// Binds an address over both, at the same port; port 0 is any that is free.
async fn bind(address: SocketAddr, over: Over) -> std::io::Result<(Option<TcpListener>, Option<UdpSocket>)> {
    let mut tried = 0;
    loop {
        let listener = if over != Over::Udp { Some(TcpListener::bind(address).await?) } else { None };
        let port = listener.as_ref().map_or(Ok(address), TcpListener::local_addr)?;
        if matches!(over, Over::Tcp | Over::Tls) {
            return Ok((listener, None));
        }
        tried += 1;
        match UdpSocket::bind(port).await {
            Ok(socket) => return Ok((listener, Some(socket))),
            Err(e) if address.port() != 0 || tried >= PORTS_TRIED => return Err(e),
            Err(_) => {}
        }
    }
}

async fn streams(
    app: Arc<App>,
    wire: &'static dyn Socket,
    project: i64,
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    mut stopped: watch::Receiver<bool>,
) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (app, stopped, acceptor) = (Arc::clone(&app), stopped.clone(), acceptor.clone());
                tokio::spawn(async move {
                    let followed = match acceptor {
                        None => stream_of(&app, wire, project, stream, peer, stopped).await,
                        Some(acceptor) => match tls::shake(&acceptor, stream, false).await {
                            Some(stream) => stream_of(&app, wire, project, stream, peer, stopped).await,
                            None => {
                                app.counters.unshaken.fetch_add(1, Ordering::Relaxed);
                                Ok(())
                            }
                        },
                    };
                    if let Err(why) = followed {
                        eprintln!("why500: {} from {peer}: {why}", wire.name());
                    }
                    drop(permit);
                });
            }
            Err(e) => {
                eprintln!("why500: {}: {e}", wire.name());
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn stream_of(
    app: &App,
    wire: &'static dyn Socket,
    project: i64,
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: SocketAddr,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), String> {
    let peer = peer.ip().to_string();
    let mut session = wire.open(&peer);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let read = tokio::select! {
            read = tokio::time::timeout(IDLE_TIME, stream.read(&mut buffer)) => read,
            _ = stopped.changed() => Ok(Ok(0)),
        };
        let n = match read {
            Err(_) => 0,
            // Closed without saying so, as shippers do: over TLS, or with something unread.
            Ok(Err(e)) if matches!(e.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => 0,
            Ok(n) => n.map_err(|e| e.to_string())?,
        };
        let mut taken = Taken::default();
        let followed = if n == 0 {
            session.end(now(), &mut taken);
            Ok(())
        } else {
            session.push(buffer.get(..n).unwrap_or_default(), &peer, now(), &mut taken)
        };
        keep(app, wire, project, &mut taken).await;
        if !taken.answer.body.is_empty() {
            stream.write_all(&taken.answer.body).await.map_err(|e| e.to_string())?;
            stream.flush().await.map_err(|e| e.to_string())?;
        }
        followed.map_err(|refusal| refusal.why)?;
        if n == 0 {
            // Whoever went away already hears nothing of it.
            let _ = tokio::time::timeout(CLOSE_TIME, stream.shutdown()).await;
            return Ok(());
        }
    }
}

/// Keeps what was taken. There is nobody who could be told to come again: it is tried until there is room.
async fn keep(app: &App, wire: &'static dyn Socket, project: i64, taken: &mut Taken) {
    app.counters.count(wire.name(), taken);
    while app.progress.backlog.room(project).is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let n = (taken.records.len() + taken.lines.len()) as u64;
    if app.keep(project, wire.name(), now(), taken).await.is_err() {
        // Why is said once, and by the health answer; how many is counted.
        app.counters.lost(wire.name(), "could not be written", n);
    }
}

async fn datagrams(
    app: Arc<App>,
    wire: &'static dyn Socket,
    project: i64,
    socket: UdpSocket,
    mut stopped: watch::Receiver<bool>,
) {
    let mut session: Box<dyn Session> = wire.datagrams();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let first = tokio::select! {
            first = socket.recv_from(&mut buffer) => first,
            _ = stopped.changed() => return,
        };
        let mut taken = Taken::default();
        let mut next = first;
        for _ in 0..DATAGRAMS_MAX {
            match next {
                Ok((n, peer)) => {
                    let peer = peer.ip().to_string();
                    if let Err(refusal) =
                        session.push(buffer.get(..n).unwrap_or_default(), &peer, now(), &mut taken)
                    {
                        taken.drop(&refusal.why);
                    }
                }
                Err(_) => break,
            }
            next = socket.try_recv_from(&mut buffer);
        }
        keep(&app, wire, project, &mut taken).await;
    }
}
