//! robots.txt (RFC 9309): what a site asks crawlers to leave alone.

/// Bytes that are read of it (RFC 9309 §2.5 asks for 500 KiB at least).
const BYTES_MAX: usize = 512 << 10;
/// Rules that are kept.
const RULES_MAX: usize = 10_000;

/// The rules for one crawler.
#[derive(Clone, Debug, Default)]
pub struct Robots {
    /// Pattern, and whether it allows.
    rules: Vec<(String, bool)>,
    /// Addresses of site maps.
    pub sitemaps: Vec<String>,
}

impl Robots {
    /// The rules for a crawler of this name, else those for all.
    pub fn read(text: &str, name: &str) -> Robots {
        let end = (0..=BYTES_MAX.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
        let text = text.get(..end).unwrap_or_default();
        let mut out = Robots::default();
        let mut own: Vec<(String, bool)> = Vec::new();
        let mut all: Vec<(String, bool)> = Vec::new();
        let mut is_own_known = false;
        // Whom the lines since the last rule are for.
        let (mut for_own, mut for_all, mut in_rules) = (false, false, false);
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let Some((key, value)) = line.split_once(':') else { continue };
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
            match key.as_str() {
                "user-agent" => {
                    if in_rules {
                        (for_own, for_all, in_rules) = (false, false, false);
                    }
                    let is_own = !value.is_empty()
                        && value != "*"
                        && name.to_ascii_lowercase().contains(&value.to_ascii_lowercase());
                    is_own_known |= is_own;
                    for_own |= is_own;
                    for_all |= value == "*";
                }
                "allow" | "disallow" => {
                    in_rules = true;
                    if value.is_empty() {
                        continue;
                    }
                    let rule = (value.to_owned(), key == "allow");
                    if for_own && own.len() < RULES_MAX {
                        own.push(rule.clone());
                    }
                    if for_all && all.len() < RULES_MAX {
                        all.push(rule);
                    }
                }
                "sitemap" => out.sitemaps.push(value.to_owned()),
                _ => {}
            }
        }
        out.rules = if is_own_known { own } else { all };
        out
    }

    /// May this path with its query be asked for? The longest rule that matches says so; of two as long, the one that allows
    /// (RFC 9309 §2.2.2).
    pub fn allows(&self, target: &str) -> bool {
        let matching = self.rules.iter().filter(|(pattern, _)| matches(pattern, target));
        matching.max_by_key(|(pattern, allows)| (pattern.len(), *allows)).is_none_or(|(_, allows)| *allows)
    }
}

/// Does a pattern with `*` and a final `$` match the begin of a target?
fn matches(pattern: &str, target: &str) -> bool {
    let (pattern, to_end) = pattern.strip_suffix('$').map_or((pattern, false), |p| (p, true));
    let mut parts = pattern.split('*');
    let Some(rest) = target.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut rest = rest;
    let parts: Vec<&str> = parts.collect();
    for (i, part) in parts.iter().enumerate() {
        let last = i + 1 == parts.len();
        if last && to_end {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    !to_end || rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_rule_says_what_is_allowed() {
        let r = Robots::read(
            "Sitemap: http://a/sitemap.xml\nUser-agent: *\nUser-agent: other\nDisallow: /private # not this\nAllow: /private/open\n\
             Disallow: /*.php$\n\nUser-agent: badbot\nDisallow: /",
            "why500-probe",
        );
        assert_eq!(r.sitemaps, ["http://a/sitemap.xml"]);
        for (target, may) in [
            ("/", true),
            ("/private/x", false),
            ("/private/open/x", true),
            ("/a.php", false),
            ("/a.php?x", true),
        ] {
            assert_eq!(r.allows(target), may, "{target}");
        }
    }

    #[test]
    fn rules_of_its_own_come_before_those_for_all() {
        let r =
            Robots::read("User-agent: *\nDisallow: /\n\nUser-agent: Why500\nDisallow: /x\n", "why500-probe");
        assert!(r.allows("/y") && !r.allows("/x"));
        assert!(Robots::read("Disallow: /", "why500-probe").allows("/"));
    }
}
