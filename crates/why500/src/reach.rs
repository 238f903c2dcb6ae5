//! How the terminal commands reach a server: its address, and over TLS whom they trust.

use crate::explain::Usage;
use crate::report::plain;
use clap::Args;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::rustls::crypto::ring;
use ureq::config::ConfigBuilder;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::typestate::AgentScope;
use ureq::{Agent, Error};

/// The server's own default.
const SERVER: &str = "http://127.0.0.1:8500";
/// A server that is there accepts at once.
const CONNECT_TIME: Duration = Duration::from_secs(5);

/// Where to ask.
#[derive(Args, Debug, Default)]
pub struct At {
    /// The server's address, http:// or https:// (default: http://127.0.0.1:8500); its token is in WHY500_TOKEN
    #[arg(long, value_name = "URL", env = "WHY500_SERVER")]
    pub server: Option<String>,
    /// Over https trust these authorities too, or this certificate (PEM); the system's are trusted anyway
    #[arg(long, value_name = "FILE", env = "WHY500_CA")]
    pub ca: Option<PathBuf>,
}

impl At {
    /// `http://127.0.0.1:8500`: without a slash at its end.
    ///
    /// # Errors
    /// It is of a scheme that is not spoken.
    pub fn address(&self) -> Result<String, Usage> {
        let named = self.server.as_deref().map(str::trim).filter(|s| !s.is_empty()).unwrap_or(SERVER);
        let address = if named.contains("://") { named.to_owned() } else { format!("http://{named}") };
        if !address.starts_with("http://") && !address.starts_with("https://") {
            return Err(Usage(format!(
                "{}: http:// and https:// are spoken; write the server as https://HOST:PORT",
                plain(&address)
            )));
        }
        Ok(address.trim_end_matches('/').to_owned())
    }

    /// Asks the server of this address. What a refusal says is to be read: it is no error.
    ///
    /// # Errors
    /// The file of authorities cannot be read.
    pub fn agent(&self, address: &str) -> Result<Agent, Usage> {
        let config: ConfigBuilder<AgentScope> =
            Agent::config_builder().timeout_connect(Some(CONNECT_TIME)).http_status_as_error(false);
        if !address.starts_with("https://") {
            // In clear the server is here or in the next room: proxies are for what lies beyond.
            return Ok(config.proxy(None).build().into());
        }
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
            .root_certs(roots(self.ca.as_deref())?);
        Ok(config.tls_config(tls.build()).build().into())
    }
}

/// The system's authorities (`SSL_CERT_FILE` and `SSL_CERT_DIR` name others), and those of a file.
pub fn roots(ca: Option<&Path>) -> Result<RootCerts, Usage> {
    // Some of them may be unreadable; one that is missed is told as an unknown issuer.
    let mut all = rustls_native_certs::load_native_certs().certs;
    if let Some(file) = ca.filter(|f| !f.as_os_str().is_empty()) {
        all.extend(crate::serve::certificates("--ca", file).map_err(Usage)?);
    }
    Ok(all.iter().map(|c| Certificate::from_der(c).to_owned()).into())
}

/// What to do about a server that was not reached.
pub fn hint(e: &Error) -> &'static str {
    let said = e.to_string();
    // rustls names them so; ureq hands them on as text or inside of an I/O error.
    if said.contains("CaUsedAsEndEntity") {
        return "its certificate is an authority's, which none may show as its own (RFC 5280 §4.2.1.9): make it anew, with \
                openssl by -addext basicConstraints=critical,CA:FALSE";
    }
    if said.contains("UnknownIssuer") || said.contains("BadSignature") {
        return "its certificate is of no authority that this machine trusts: name the authority's file, or a self-signed \
                certificate itself, with --ca or WHY500_CA";
    }
    if said.contains("certificate") {
        return "its certificate does not hold: look at its names and dates (openssl s_client -connect HOST:PORT)";
    }
    match e {
        Error::Timeout(_) => "it did not answer in time: look whether it is busy or its disk is full",
        Error::BadUri(_) | Error::Http(_) => "write the server as http://HOST:PORT",
        _ => "start it with `why500 serve`, or name another with --server or WHY500_SERVER",
    }
}
