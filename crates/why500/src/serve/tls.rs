//! TLS of the ports: certificate and key from disk, taken over anew when they are renewed there.
//!
//! ```text
//! why500 serve --tls-cert fullchain.pem --tls-key privkey.pem --syslog-tls 0.0.0.0:6514
//! ```
//!
//! rustls with ring: TLS 1.2 and 1.3 (RFC 8446), HTTP/2 by ALPN (RFC 7301).

use clap::Args;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;

/// A handshake takes two round trips; who has not ended his within this only holds a place.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// The files are looked at so often: certificates are renewed days before they end.
const LOOK_TIME: Duration = Duration::from_secs(60);
/// Bytes of a file: a chain has some kilobytes, and whoever names a log by mistake is told so soon.
const PEM_BYTES_MAX: u64 = 1 << 20;
/// The first byte of each TLS connection: a record of the type handshake (RFC 8446 §5.1).
const HANDSHAKE: u8 = 22;
/// What comes in clear is read so far, lest the answer is lost with the connection's reset.
const CLEAR_BYTES_MAX: usize = 64 << 10;
/// … and for so long.
const CLEAR_TIME: Duration = Duration::from_secs(1);
/// What who speaks plain HTTP to the port is told.
const SPEAK_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\ncontent-length: 110\r\nconnection: close\r\n\r\n\
    {\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,\"detail\":\"this port speaks TLS: ask it by https://\"}\n";

/// Options of TLS.
#[derive(Args, Debug)]
pub struct Options {
    /// Speak TLS with this certificate (PEM, with the intermediate ones behind it); renewed on disk, it is taken over
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM, not encrypted)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
}

/// What the files were like when they were read: time of modification and bytes of each.
type Seen = [Option<(SystemTime, u64)>; 2];

/// The certificate in force.
#[derive(Debug)]
pub struct Tls {
    cert: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for Tls {
    fn resolve(&self, _: ClientHello) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Tls {
    /// The certificate of the options; `None` where none is named.
    ///
    /// # Errors
    /// A file cannot be read, is no PEM, or the key is another certificate's: which, and what to do.
    pub fn open(options: &Options) -> Result<Option<Arc<Tls>>, String> {
        let (Some(cert), Some(key)) = (&options.tls_cert, &options.tls_key) else { return Ok(None) };
        let provider = Arc::new(ring::default_provider());
        let current = RwLock::new(Arc::new(load(cert, key, &provider)?));
        Ok(Some(Arc::new(Tls { cert: cert.clone(), key: key.clone(), provider, current })))
    }

    /// Shakes hands on a port whose protocol ALPN names so; none for a protocol that has no name there.
    ///
    /// # Errors
    /// The provider has none of the versions.
    pub fn acceptor(self: &Arc<Tls>, alpn: &[&[u8]]) -> Result<TlsAcceptor, String> {
        let builder = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|e| e.to_string())?;
        let mut config =
            builder.with_no_client_auth().with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        if alpn.is_empty() {
            // Shippers do not read. What they were sent and have not read makes a reset of their close (RFC 9293 §3.6.1), and they
            // keep their connections too long to want tickets.
            config.send_tls13_tickets = 0;
        }
        config.alpn_protocols = alpn.iter().map(|p| p.to_vec()).collect();
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    fn seen(&self) -> Seen {
        [&self.cert, &self.key].map(|file| {
            let known = std::fs::metadata(file).ok()?;
            Some((known.modified().ok()?, known.len()))
        })
    }

    /// Takes over what lies in the files now; what is in force stays where that is broken.
    fn renew(&self) {
        match load(&self.cert, &self.key, &self.provider) {
            Ok(new) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
                eprintln!("why500: {}: the certificate was read anew", self.cert.display());
            }
            Err(why) => eprintln!("why500: {why}; the certificate of before is kept"),
        }
    }

    /// Looks at the files now and then, and at once on SIGHUP, which certbot's and others' hooks send. Certificate and key are
    /// written one after the other: one that does not fit yet is tried again once the other has changed too.
    ///
    /// # Errors
    /// The signal cannot be listened to.
    pub fn watch(self: Arc<Tls>) -> Result<(), String> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut hangup = signal(SignalKind::hangup()).map_err(|e| format!("SIGHUP: {e}"))?;
        tokio::spawn(async move {
            let mut before = self.seen();
            loop {
                let told = tokio::select! {
                    _ = hangup.recv() => true,
                    () = tokio::time::sleep(LOOK_TIME) => false,
                };
                let seen = self.seen();
                if told || seen != before {
                    before = seen;
                    tokio::task::block_in_place(|| self.renew());
                }
            }
        });
        Ok(())
    }
}

/// Shakes hands; `None` where that fails or takes too long. What is spoken in clear to the port is closed, with an answer first
/// where it is `http`.
pub async fn shake(
    acceptor: &TlsAcceptor,
    mut stream: TcpStream,
    http: bool,
) -> Option<TlsStream<TcpStream>> {
    let shaken = tokio::time::timeout(HANDSHAKE_TIME, async {
        let mut first = [0];
        if stream.peek(&mut first).await.ok()? == 1 && first == [HANDSHAKE] {
            return acceptor.accept(stream).await.ok();
        }
        if http {
            answer_in_clear(&mut stream).await;
        }
        None
    });
    shaken.await.ok().flatten()
}

async fn answer_in_clear(stream: &mut TcpStream) {
    if stream.write_all(SPEAK_TLS).await.is_err() || stream.shutdown().await.is_err() {
        return;
    }
    let rest = async {
        let (mut buffer, mut read) = (vec![0; 4_096], 0);
        while read < CLEAR_BYTES_MAX {
            match stream.read(&mut buffer).await {
                Ok(n) if n > 0 => read += n,
                _ => return,
            }
        }
    };
    let _ = tokio::time::timeout(CLEAR_TIME, rest).await;
}

/// Certificates of a PEM file.
///
/// # Errors
/// It cannot be read, or holds none.
pub fn certificates(option: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = read(option, file)?;
    let all: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&text).collect();
    match all {
        Ok(list) if !list.is_empty() => Ok(list),
        Ok(_) => Err(format!(
            "{option} {}: there is no certificate in it; PEM has -----BEGIN CERTIFICATE----- (openssl x509 -inform DER makes it of DER)",
            file.display()
        )),
        Err(e) => Err(format!("{option} {}: it is no PEM: {e}", file.display())),
    }
}

fn load(cert: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, String> {
    let chain = certificates("--tls-cert", cert)?;
    let text = read("--tls-key", key)?;
    let private = PrivateKeyDer::from_pem_slice(&text).map_err(|e| {
        let encrypted = memchr::memmem::find(&text, b"ENCRYPTED").is_some();
        match e {
            _ if encrypted => format!(
                "--tls-key {}: the key is encrypted; `openssl pkey -in {} -out PLAIN` takes the passphrase off",
                key.display(),
                key.display()
            ),
            pem::Error::NoItemsFound => format!(
                "--tls-key {}: there is no private key in it; PEM has -----BEGIN PRIVATE KEY-----",
                key.display()
            ),
            e => format!("--tls-key {}: it is no PEM: {e}", key.display()),
        }
    })?;
    CertifiedKey::from_der(chain, private, provider).map_err(|e| match e {
        rustls::Error::InconsistentKeys(_) => format!(
            "--tls-key {}: it is not the key of the first certificate in {}; name the key that belongs to it",
            key.display(),
            cert.display()
        ),
        e => format!("--tls-cert {}, --tls-key {}: {e}", cert.display(), key.display()),
    })
}

fn read(option: &str, file: &Path) -> Result<Vec<u8>, String> {
    let cannot = |e: std::io::Error| format!("{option} {}: {e}; name a PEM file", file.display());
    let mut bytes = Vec::new();
    std::fs::File::open(file)
        .and_then(|f| f.take(PEM_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(cannot)?;
    if bytes.len() as u64 > PEM_BYTES_MAX {
        return Err(format!(
            "{option} {}: it is longer than {PEM_BYTES_MAX} bytes; name a PEM file",
            file.display()
        ));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_in_clear_is_as_long_as_it_says() {
        let end = memchr::memmem::find(SPEAK_TLS, b"\r\n\r\n").unwrap() + 4;
        let head = std::str::from_utf8(&SPEAK_TLS[..end]).unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", SPEAK_TLS.len() - end)), "{head}");
    }

    #[test]
    fn files_that_will_not_do_say_why() {
        let folder = std::env::temp_dir().join(format!("why500-tls-files-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, text: &str| {
            let file = folder.join(name);
            std::fs::write(&file, text).unwrap();
            file
        };
        let pair = || rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (ours, other) = (pair(), pair());
        let cert = write("cert.pem", &ours.cert.pem());
        let key = write("key.pem", &ours.signing_key.serialize_pem());
        let wrong = write("wrong.pem", &other.signing_key.serialize_pem());
        let text = write("text.pem", "no PEM\n");
        let encrypted = write(
            "encrypted.pem",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        );
        let why = |cert: &Path, key: &Path| {
            let options = Options { tls_cert: Some(cert.into()), tls_key: Some(key.into()) };
            Tls::open(&options).map(|tls| assert!(tls.is_some())).unwrap_err()
        };
        assert!(Tls::open(&Options { tls_cert: Some(cert.clone()), tls_key: Some(key.clone()) }).is_ok());
        for (cert, key, part) in [
            (&folder.join("none.pem"), &key, "--tls-cert"),
            (&text, &key, "there is no certificate in it"),
            (&cert, &text, "there is no private key in it"),
            (&cert, &cert, "there is no private key in it"),
            (&cert, &wrong, "it is not the key of the first certificate"),
            (&cert, &encrypted, "the key is encrypted"),
        ] {
            let said = why(cert, key);
            assert!(said.contains(part), "{said}");
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
