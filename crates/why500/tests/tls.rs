//! TLS through the front door: HTTP, syslog (RFC 5425), the terminal commands; and what comes without it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod server;

use serde_json::Value;
use server::{Server, event, now_s};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// A folder with `cert.pem` and `key.pem` for this machine's names, and a server that shows them.
struct Secure {
    server: Server,
    folder: PathBuf,
}

/// Writes a new pair; gives the certificate.
fn pair(folder: &Path) -> CertificateDer<'static> {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    made.cert.der().clone()
}

impl Secure {
    fn start(name: &str) -> Secure {
        let folder = std::env::temp_dir().join(format!("why500-tls-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        pair(&folder);
        let [cert, key] = ["cert.pem", "key.pem"].map(|f| folder.join(f).to_string_lossy().into_owned());
        let options = ["--tls-cert", &cert, "--tls-key", &key, "--syslog-tls", "127.0.0.1:0"];
        let server = Server::on(&folder.join("data"), &options);
        Secure { server, folder }
    }

    /// A connection that trusts the certificate which lies in the folder.
    fn connect(&self, address: &str, alpn: &[&str]) -> std::io::Result<Tls> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.folder.join("cert.pem")).unwrap()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|p| p.as_bytes().to_vec()).collect();
        let name = ServerName::try_from("localhost").unwrap();
        let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(Duration::from_secs(10)))?;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket)?;
        }
        Ok(StreamOwned::new(connection, socket))
    }

    /// Status, head and body of an answer over TLS.
    fn ask(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> (u16, String, Vec<u8>) {
        let mut stream = self.connect(&self.server.address, &["http/1.1"]).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n",
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let mut answer = Vec::new();
        // To its very end: the server says that it closes (close_notify), else this is an error.
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|w| w == b"\r\n\r\n").expect("an answer");
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), head, answer[end + 4..].to_vec())
    }

    /// Waits until a problem's title holds these words.
    fn wait(&self, words: &str) {
        let began = Instant::now();
        loop {
            let (status, _, body) = self.ask("GET", "/api/v1/problems", "", b"");
            assert_eq!(status, 200);
            let list: Value = serde_json::from_slice(&body).unwrap();
            let titles = list["problems"].as_array().unwrap().iter().filter_map(|p| p["title"].as_str());
            if titles.into_iter().any(|t| t.contains(words)) {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(10), "{words}: {list:#}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Connections that came to nothing, as the metrics say.
    fn failed(&self) -> u64 {
        let (_, _, body) = self.ask("GET", "/metrics", "", b"");
        let text = String::from_utf8(body).unwrap();
        let line = text.lines().find(|l| l.starts_with("why500_tls_handshakes_failed_total ")).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    fn run(&self, args: &[&str], ca: bool) -> Output {
        let port = self.server.address.rsplit(':').next().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_why500"));
        command.args(args).args(["--server", &format!("https://localhost:{port}")]);
        if ca {
            command.env("WHY500_CA", self.folder.join("cert.pem"));
        }
        command.output().unwrap()
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn what_comes_over_tls_is_explained() {
    let secure = Secure::start("http");
    let failed = event("0123456789abcdef0123456789abcdef", now_s(), "EmptyCart", "/cart/1");
    let (status, _, body) = secure.ask("POST", "/api/1/envelope/", "", &failed);
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    secure.wait("EmptyCart");
    let (_, head, _) = secure.ask("POST", "/logout", "Sec-Fetch-Site: same-origin\r\n", b"");
    let cookie = head.lines().find(|l| l.starts_with("set-cookie: ")).unwrap();
    assert!(cookie.ends_with("; Secure"), "{cookie}");

    // As gRPC clients do: HTTP/2 by ALPN, whose first frame of the server is SETTINGS (RFC 9113 §3.4).
    let mut h2 = secure.connect(&secure.server.address, &["h2"]).unwrap();
    assert_eq!(h2.conn.alpn_protocol(), Some(&b"h2"[..]));
    h2.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let mut frame = [0; 9];
    h2.read_exact(&mut frame).unwrap();
    assert_eq!(frame[3], 4, "{frame:?}");
}

#[test]
fn syslog_over_tls_is_explained() {
    let secure = Secure::start("syslog");
    let trace = |cause: &str| {
        format!(
            "Traceback (most recent call last):\n  File \"/srv/shop/cart.py\", line 88, in total\n    return sum(prices)\n{cause}: cart is empty"
        )
    };
    let mut stream = secure.connect(&secure.server.syslog_tls, &[]).unwrap();
    // Octet counting, as RFC 5425 §4.3 has it; what it counts may come in pieces.
    let message = format!(
        "<11>1 2026-11-24T07:10:44Z web1 shop 77 - - GET /cart/17 failed\n{}",
        trace("ZeroDivisionError")
    );
    let framed = format!("{} {message}", message.len());
    let (first, rest) = framed.split_at(40);
    stream.write_all(first.as_bytes()).unwrap();
    stream.flush().unwrap();
    stream.write_all(rest.as_bytes()).unwrap();
    stream.flush().unwrap();
    secure.wait("ZeroDivisionError");
    // By lines, as over plain TCP (RFC 6587 §3.4.2), and closed without a word.
    let mut stream = secure.connect(&secure.server.syslog_tls, &[]).unwrap();
    let line = "<11>1 2026-11-24T07:10:45Z web1 nginx 78 - - 2026/11/24 07:10:45 [error] 31#31: *9 connect() failed (111: Connection \
                refused) while connecting to upstream, client: 198.51.100.7, server: shop.example, request: \"GET /pay HTTP/1.1\", \
                upstream: \"http://10.0.0.9:9000/pay\", host: \"shop.example\"\n";
    stream.write_all(line.as_bytes()).unwrap();
    stream.flush().unwrap();
    drop(stream.sock);
    secure.wait("10.0.0.9:9000");
    assert!(!secure.server.said().contains("syslog from"), "{}", secure.server.said());
}

#[test]
fn what_comes_without_tls_is_answered_or_closed() {
    let secure = Secure::start("clear");
    // Who says nothing holds a place, and keeps nobody waiting.
    let silent: Vec<TcpStream> =
        (0..20).map(|_| TcpStream::connect(&secure.server.address).unwrap()).collect();
    let (status, body) = secure.server.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(status, 400);
    assert!(String::from_utf8_lossy(&body).contains("ask it by https://"));
    let mut plain = TcpStream::connect(&secure.server.syslog_tls).unwrap();
    plain.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    plain.write_all(b"<11>Nov 24 07:10:44 web1 shop: boom\n").unwrap();
    // The end, or a reset: what was sent had not been read.
    assert!(matches!(plain.read(&mut [0; 16]), Ok(0) | Err(_)));
    let mut broken = TcpStream::connect(&secure.server.address).unwrap();
    broken.write_all(b"\x16\x03\x01\0\x05hello").unwrap();
    let _ = broken.read_to_end(&mut Vec::new());
    let began = Instant::now();
    while secure.failed() < 3 {
        assert!(began.elapsed() < Duration::from_secs(5), "{}", secure.failed());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(secure.failed(), 3);
    drop(silent);
    assert_eq!(secure.server.said(), "", "nothing is said of single connections");
}

#[test]
fn a_renewed_certificate_is_taken_over() {
    let secure = Secure::start("renewed");
    let hangup = |said: &str| {
        Command::new("kill").args(["-HUP", &secure.server.pid().to_string()]).status().unwrap();
        let began = Instant::now();
        while !secure.server.said().contains(said) {
            assert!(began.elapsed() < Duration::from_secs(10), "{said}: {}", secure.server.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let before = std::fs::read(secure.folder.join("cert.pem")).unwrap();
    std::fs::write(secure.folder.join("cert.pem"), "half of it").unwrap();
    hangup("the certificate of before is kept");
    std::fs::write(secure.folder.join("cert.pem"), before).unwrap();
    secure.connect(&secure.server.address, &[]).unwrap();
    let new = pair(&secure.folder);
    assert!(secure.connect(&secure.server.address, &[]).is_err(), "the old one is shown still");
    hangup("the certificate was read anew");
    for address in [&secure.server.address, &secure.server.syslog_tls] {
        let stream = secure.connect(address, &[]).unwrap();
        assert_eq!(stream.conn.peer_certificates().unwrap()[0], new);
    }
}

#[test]
fn a_terminal_asks_over_tls() {
    let secure = Secure::start("terminal");
    let said = |out: &Output| String::from_utf8_lossy(&[&out.stdout[..], &out.stderr].concat()).into_owned();
    let list = secure.run(&["problems"], true);
    assert!(list.status.success() && said(&list).contains("0 problems at https://localhost:"), "{list:?}");
    let marked = secure.run(&["deploy", "shop@3.8.0", "--environment", "production"], true);
    assert!(marked.status.success(), "{marked:?}");
    for command in [&["problems"][..], &["deploy", "shop@3.8.0"]] {
        let distrusted = secure.run(command, false);
        assert!(!distrusted.status.success());
        assert!(said(&distrusted).contains("--ca or WHY500_CA"), "{distrusted:?}");
    }
}

#[test]
fn half_of_the_options_is_refused() {
    for (options, word) in [
        (&["--tls-cert", "cert.pem"][..], "--tls-key"),
        (&["--tls-key", "key.pem"], "--tls-cert"),
        (&["--syslog-tls", "127.0.0.1:0"], "--tls-cert"),
        (
            &["--tls-cert", "/nowhere/cert.pem", "--tls-key", "/nowhere/key.pem"],
            "/nowhere/cert.pem: No such file",
        ),
    ] {
        let folder = std::env::temp_dir().join(format!("why500-tls-half-{}", std::process::id()));
        let out = Command::new(env!("CARGO_BIN_EXE_why500"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(&folder)
            .args(options)
            .output()
            .unwrap();
        assert_eq!(out.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&out.stderr).contains(word), "{out:?}");
    }
}

/// Where others can connect, the start says what that means.
#[test]
fn listening_elsewhere_without_tls_is_warned_of() {
    let folder = std::env::temp_dir().join(format!("why500-tls-elsewhere-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    pair(&folder);
    let [cert, key] = ["cert.pem", "key.pem"].map(|f| folder.join(f).to_string_lossy().into_owned());
    let warnings = |options: &[&str]| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_why500"))
            .args(["serve", "--listen", "0.0.0.0:0", "--data"])
            .arg(folder.join("data"))
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // All of it is said before it accepts; the last line on standard output is the link.
        let out = BufReader::new(child.stdout.take().unwrap());
        assert!(out.lines().map_while(Result::ok).any(|l| l.contains("/sign-in?token=")));
        std::thread::sleep(Duration::from_millis(200));
        Command::new("kill").arg(child.id().to_string()).status().unwrap();
        let out = child.wait_with_output().unwrap();
        String::from_utf8(out.stderr).unwrap()
    };
    assert!(warnings(&[]).contains("WARNING: others than this machine can connect"));
    let syslog = warnings(&["--syslog", "0.0.0.0:0"]);
    assert!(syslog.contains("WARNING: syslog shows no key") && syslog.contains("unencrypted"), "{syslog}");
    assert_eq!(warnings(&["--tls-cert", &cert, "--tls-key", &key]), "");
    assert_eq!(warnings(&["--trusted-proxy", "10.0.0.0/8"]), "");
    std::fs::remove_dir_all(folder).unwrap();
}

/// Behind a proxy on this machine nobody is taken for somebody of this machine, and guessing is slowed down for each client.
#[test]
fn who_asks_through_a_proxy_is_told_apart() {
    let data = std::env::temp_dir().join(format!("why500-tls-proxy-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&data);
    let server = Server::on(&data, &["--trusted-proxy", "127.0.0.1"]);
    assert_eq!(server.ask("/api/v1/problems").0, 401);
    let failed = event("0123456789abcdef0123456789abcdef", now_s(), "EmptyCart", "/cart/1");
    assert_eq!(server.post("/api/1/envelope/", "", &failed).0, 401, "no key");
    let login = |client: &str| {
        let headers =
            format!("X-Forwarded-For: {client}\r\nContent-Type: application/x-www-form-urlencoded\r\n");
        server.post("/login", &headers, b"name=ada&password=wrong").0
    };
    let tries: Vec<u16> = (0..6).map(|_| login("203.0.113.9")).collect();
    assert_eq!(tries, [401, 401, 401, 401, 401, 429]);
    assert_eq!(login("203.0.113.10"), 401);
}
