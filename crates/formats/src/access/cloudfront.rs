//! Amazon CloudFront's standard log: the W3C format parted by tabs, here without its `#Fields:` directive in
//! sight.
//!
//! ```text
//! 2024-03-12	15:22:28	CDG50-P2	703	203.0.113.4	GET	d6rcaj0q1hys9.cloudfront.net	/testseb	502	-	curl/7.81.0	query_param=42	-	Error	375WZmnR4hhhnlZKNn0D_LvkWhAqvWvBsUqySq8f==	shop.example.com	https	62	0.113	-	TLSv1.3	TLS_AES_128_GCM_SHA256	Error	HTTP/2.0	-	-	51754	0.113	OriginConnectError	text/plain	20	-	-
//! ```
//!
//! Status 000 is a viewer that left. Source: CloudFront documentation, "Standard logging (access logs): log
//! file fields".

use super::w3c;
use crate::{Context, Entry, LineFormat};

/// CloudFront's standard log.
pub(super) struct CloudFront;

/// Its columns, in the order that does not change; later ones were added at the end.
const COLUMNS: &str = "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) \
    cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for \
    ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port \
    time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end";

impl LineFormat for CloudFront {
    fn name(&self) -> &'static str {
        "cloudfront"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let mut front = line.splitn(7, '\t');
        let (date, clock) = (front.next()?, front.next()?);
        if date.len() != 10 || clock.len() != 8 || !crate::mention::is_method(front.nth(3)?) {
            return None;
        }
        w3c::columns(COLUMNS, line, context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::Ending;

    #[test]
    fn an_origin_that_could_not_be_reached() {
        let line = "2026-11-24\t15:22:28\tCDG50-P2\t703\t203.0.113.4\tGET\td6rc.cloudfront.net\t/x\t502\t-\tcurl/7.81.0\tq=42\t-\tError\t375WZm==\tshop.example.com\thttps\t62\t0.113\t-\tTLSv1.3\tTLS_AES\tError\tHTTP/2.0\t-\t-\t51754\t0.113\tOriginConnectError\ttext/plain\t20\t-\t-";
        let e = CloudFront.read(line, &Context::default()).unwrap();
        assert_eq!(e.at.unwrap().0.to_string(), "2026-11-24T15:22:28Z");
        let r = e.request.unwrap();
        assert_eq!((r.method.as_ref(), r.target.as_ref(), r.status), ("GET", "/x?q=42", Some(502)));
        assert_eq!((r.host.as_deref(), r.id.as_deref()), (Some("shop.example.com"), Some("375WZm==")));
        assert_eq!((r.flags.as_deref(), r.duration_us), (Some("OriginConnectError"), Some(113_000)));
        let left = line.replace("\t502\t", "\t000\t");
        assert_eq!(
            CloudFront.read(&left, &Context::default()).unwrap().request.unwrap().ending,
            Ending::ClientLeft
        );
        assert!(CloudFront.read("2026-11-24\t07:00:00\tINFO\ta\tb\tc\td", &Context::default()).is_none());
    }
}
