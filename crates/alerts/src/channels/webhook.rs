//! Any program that takes JSON over HTTP, signed as the Standard Webhooks have it.
//!
//! ```text
//! POST /why500 HTTP/1.1
//! webhook-id: msg_17-1
//! webhook-timestamp: 1795910400
//! webhook-signature: v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=
//!
//! {"type":"alert.opened","timestamp":"2026-11-29T10:00:00Z","data":{…the notice…}}
//! ```
//!
//! Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md: HMAC-SHA256 of `id.timestamp.body`, the key
//! being what stands behind `whsec_` in base64. A message that is tried again keeps its id.

use super::{Channel, Delivery, Outgoing, Request, Resolve, address, settings};
use crate::config::{Secret, Text};
use crate::notice::Notice;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde_json::json;
use sha2::Sha256;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    url: Text,
    secret: Option<Secret>,
}

/// Bytes of a key, as the specification has it.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

struct Webhook {
    url: String,
    key: Option<Vec<u8>>,
}

pub(super) fn build(table: toml::Table, resolve: Resolve<'_>) -> Result<Box<dyn Channel>, String> {
    let set: Settings = settings(table)?;
    let key = match &set.secret {
        Some(secret) => {
            let text = resolve(secret)?;
            let text = text.trim();
            // As the libraries of receivers read it: base64, with the prefix or without.
            let bytes = STANDARD.decode(text.strip_prefix("whsec_").unwrap_or(text)).unwrap_or_default();
            if !KEY_BYTES.contains(&bytes.len()) {
                return Err(format!(
                    "`secret` is not {} to {} bytes in base64: `openssl rand -base64 32`, with whsec_ before it, makes one",
                    KEY_BYTES.start(),
                    KEY_BYTES.end()
                ));
            }
            Some(bytes)
        }
        None => None,
    };
    Ok(Box::new(Webhook { url: address("url", &set.url.get(resolve)?)?, key }))
}

impl Channel for Webhook {
    fn outgoing(&self, notice: &Notice, delivery: &Delivery) -> Vec<Outgoing> {
        let kind = format!("alert.{}", notice.event.name());
        let body = json!({ "type": kind, "timestamp": notice.at, "data": notice }).to_string();
        let (id, at) = (format!("msg_{}", delivery.id), delivery.at.secs());
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("webhook-id", id.clone()),
            ("webhook-timestamp", at.to_string()),
        ];
        if let Some(key) = &self.key
            // An HMAC takes a key of any length.
            && let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key)
        {
            for part in [id.as_bytes(), b".", at.to_string().as_bytes(), b".", body.as_bytes()] {
                mac.update(part);
            }
            headers
                .push(("webhook-signature", format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))));
        }
        vec![Outgoing::Http(Request {
            method: "POST",
            url: self.url.clone(),
            headers,
            body,
            optional: false,
        })]
    }

    /// "The rest of the status codes should be treated as a failure"; 410 asks not to come again, and a redirect is not followed.
    fn passes(&self, status: u16) -> bool {
        status >= 400 && status != 410
    }
}
