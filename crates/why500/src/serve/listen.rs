//! The port: accepts connections within bounds, speaks HTTP/1 and HTTP/2 on each, ends in an orderly way.

use super::idle::{IDLE_TIME, Idle};
use super::tls::{self, Tls};
use super::{App, Serve, api, intake, proxy, sockets};
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Semaphore, watch};

/// Connections at once: each costs some tens of kilobytes.
const CONNECTIONS_MAX: usize = 4_096;
/// What is under way when the server is told to stop may take so long.
const DRAIN_TIME: Duration = Duration::from_secs(8);

/// A connection that was idle for too long is told so, where its protocol can (HTTP/2's GOAWAY), for so long.
const LEAVE_TIME: Duration = Duration::from_secs(1);

/// Lets the process have as many descriptors as the system allows it: the usual first limit of 1,024 is for programs that use
/// `select`, and lies below the connections we take (<https://0pointer.net/blog/file-descriptor-limits.html>).
pub fn more_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// Listens; the kernel may hold as many that are not accepted yet as may be connected. With fewer, one of many that come at once
/// hears nothing and asks again after a second.
fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(u32::try_from(CONNECTIONS_MAX).unwrap_or(u32::MAX))
}

/// Serves until SIGTERM or Ctrl-C.
///
/// # Errors
/// An address cannot be listened on.
pub async fn serve(
    app: Arc<App>,
    options: &Serve,
    tls: Option<Arc<Tls>>,
    key: &str,
    link: Option<&str>,
    again: usize,
) -> Result<(), String> {
    let listener = bind(options.listen)
        .map_err(|e| format!("{}: {e}; name another address with --listen", options.listen))?;
    let address = listener.local_addr().map_err(|e| e.to_string())?;
    let (stop, stopped) = watch::channel(false);
    let acceptor = tls.as_ref().map(|t| t.acceptor(&[b"h2", b"http/1.1"])).transpose()?;
    sockets::listen(&app, options, tls.as_ref(), &stopped).await?;
    if let Some(tls) = tls {
        tls.watch()?;
    }
    let scheme = if acceptor.is_some() { "https" } else { "http" };
    println!("why500 listens on {scheme}://{address}, data in {}", options.data.display());
    println!(
        "Sentry SDKs: {scheme}://{key}@{address}/1   OpenTelemetry: OTEL_EXPORTER_OTLP_ENDPOINT={scheme}://{address}"
    );
    if let Some(secret) = link {
        println!(
            "to sign in as admin, once and within 24 hours: {scheme}://{address}/sign-in?token={secret}"
        );
    }
    if again > 0 {
        println!("{again} batches that were taken in before the last stop are read again");
    }
    if !address.ip().is_loopback() && acceptor.is_none() && options.trusted_proxy.is_empty() {
        eprintln!(
            "why500: WARNING: others than this machine can connect to http://{address}, and passwords, keys and logs go there \
             unencrypted; give --tls-cert and --tls-key, or name the proxy that speaks TLS in front of it with --trusted-proxy"
        );
    }
    let router = api::router(Arc::clone(&app));
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(IDLE_TIME).half_close(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(30))
        .max_concurrent_streams(256);
    let builder = Arc::new(builder);
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .map_err(|e| e.to_string())?;
    let mut interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())
        .map_err(|e| e.to_string())?;
    loop {
        // When there is no room, nobody is accepted: the kernel's queue holds them.
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = term.recv() => break,
            _ = interrupt.recv() => break,
        };
        let (stream, peer) = match accepted {
            Ok(pair) => pair,
            Err(e) => {
                // No descriptors left: those who are here have to leave first.
                eprintln!("why500: {e}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let (app, acceptor, stopped) = (Arc::clone(&app), acceptor.clone(), stopped.clone());
        let (router, builder) = (router.clone(), Arc::clone(&builder));
        tokio::spawn(async move {
            let peer = peer.ip();
            match acceptor {
                None => connection(app, router, &builder, stream, peer, stopped).await,
                Some(acceptor) => match tls::shake(&acceptor, stream, true).await {
                    Some(stream) => connection(app, router, &builder, stream, peer, stopped).await,
                    None => {
                        app.counters.unshaken.fetch_add(1, Ordering::Relaxed);
                    }
                },
            }
            drop(permit);
        });
    }
    drop(listener);
    let _ = stop.send(true);
    // All connections have ended when all permits are back.
    let all = u32::try_from(CONNECTIONS_MAX).unwrap_or(u32::MAX);
    let _ = tokio::time::timeout(DRAIN_TIME, room.acquire_many(all)).await;
    Ok(())
}

/// Speaks HTTP on a connection until it ends, is idle for too long, or the server stops.
async fn connection(
    app: Arc<App>,
    router: axum::Router,
    builder: &Builder<TokioExecutor>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: IpAddr,
    mut stopped: watch::Receiver<bool>,
) {
    let idle = Idle::new();
    let too_long = idle.clone().too_long();
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let (app, router) = (Arc::clone(&app), router.clone());
        let peer = proxy::client(&app.proxies, peer, request.headers()).to_string();
        let answer = async move {
            let mut request = request.map(Body::new);
            if api::is_ours(&request) {
                request.extensions_mut().insert(api::Peer(peer));
                api::answer(&app, router, request).await
            } else {
                intake::take(app, request, peer).await
            }
        };
        let answer = idle.clone().during(answer);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        _ = connection.as_mut() => None,
        _ = stopped.changed() => Some(DRAIN_TIME),
        () = too_long => Some(LEAVE_TIME),
    };
    if let Some(time) = ended {
        connection.as_mut().graceful_shutdown();
        let _ = tokio::time::timeout(time, connection).await;
    }
}
