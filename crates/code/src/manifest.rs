//! What lies in a bundle that `sentry-cli` or a bundler's plug-in uploads: `manifest.json` in an archive.
//!
//! ```text
//! {"files":{"_/_/app.min.js":{"url":"~/app.min.js","type":"minified_source","headers":{"debug-id":"395835f4-…","Sourcemap":"app.min.js.map"}},
//!           "_/_/app.min.js.map":{"url":"~/app.min.js.map","type":"source_map","headers":{"debug-id":"395835f4-…"}}},
//!  "release":"shop@4.9.0","dist":"7"}
//! ```
//!
//! Written by `symbolic`'s `SourceBundleManifest` (symbolic-debuginfo, sourcebundle).

use serde::Deserialize;
use std::collections::BTreeMap;

/// Bytes of a manifest: some hundred a file.
pub const MANIFEST_BYTES_MAX: usize = 16 << 20;
/// Files of a bundle; Sentry's own limit for one is 100,000.
pub const FILES_MAX: usize = 100_000;
/// Names that one source map is kept under: scripts that refer to the same one.
const NAMES_MAX: usize = 100;

/// The manifest.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Manifest {
    files: BTreeMap<String, File>,
    /// The release that it is for, where it is for one.
    pub release: Option<String>,
    /// The build of that release.
    pub dist: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct File {
    url: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    headers: BTreeMap<String, String>,
}

/// A source map of the bundle.
#[derive(Debug, PartialEq, Eq)]
pub struct MapFile {
    /// Its path in the archive.
    pub path: String,
    /// Debug ids of it and of the scripts that refer to it, in lower case.
    pub debug_ids: Vec<String>,
    /// The scripts that refer to it: `~/app.min.js`.
    pub urls: Vec<String>,
}

impl File {
    fn header(&self, names: &[&str]) -> Option<&str> {
        let named = |name: &str| names.iter().any(|n| n.eq_ignore_ascii_case(name));
        self.headers.iter().find(|(name, _)| named(name)).map(|(_, value)| value.as_str())
    }

    fn debug_id(&self) -> Option<String> {
        self.header(&["debug-id"]).filter(|id| !id.is_empty() && id.len() <= 64).map(str::to_ascii_lowercase)
    }
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// It is none, or names too many files.
    pub fn read(bytes: &[u8]) -> Result<Manifest, String> {
        if bytes.len() > MANIFEST_BYTES_MAX {
            return Err(format!("manifest.json: more than {MANIFEST_BYTES_MAX} bytes"));
        }
        let manifest: Manifest = serde_json::from_slice(bytes).map_err(|e| format!("manifest.json: {e}"))?;
        if manifest.files.len() > FILES_MAX {
            return Err(format!("manifest.json: more than {FILES_MAX} files"));
        }
        Ok(manifest)
    }

    /// The source maps, each with all that it is asked for by.
    pub fn maps(&self) -> Vec<MapFile> {
        let kind = |f: &File, kind: &str| f.kind.as_deref() == Some(kind);
        let mut maps: BTreeMap<&str, MapFile> = BTreeMap::new();
        for (path, f) in self.files.iter().filter(|(_, f)| kind(f, "source_map")) {
            let file = MapFile {
                path: path.clone(),
                debug_ids: f.debug_id().into_iter().collect(),
                urls: Vec::new(),
            };
            maps.insert(&f.url, file);
        }
        for f in self.files.values().filter(|f| kind(f, "minified_source")) {
            let told = f.header(&["sourcemap", "x-sourcemap"]).map(|reference| resolved(&f.url, reference));
            // Where nothing is told, the map has the script's name with `.map` behind it.
            let url = told.unwrap_or_else(|| format!("{}.map", f.url));
            let Some(map) = maps.get_mut(url.as_str()) else { continue };
            if map.urls.len() < NAMES_MAX {
                map.urls.push(f.url.clone());
                map.debug_ids.extend(f.debug_id());
            }
        }
        let mut list: Vec<MapFile> = maps.into_values().collect();
        for map in &mut list {
            map.debug_ids.sort();
            map.debug_ids.dedup();
        }
        list
    }
}

/// A reference as seen from a file: `~/js/app.js` and `app.js.map` are `~/js/app.js.map`.
pub fn resolved(base: &str, reference: &str) -> String {
    if reference.contains("://") || reference.starts_with("~/") {
        return reference.to_owned();
    }
    // What must not be cut off: the scheme and host, or the `~` that stands for them.
    let root = match base.split_once("://") {
        Some((scheme, rest)) => scheme.len() + 3 + rest.find('/').unwrap_or(rest.len()),
        None if base.starts_with("~/") => 1,
        None => 0,
    };
    let (root, path) = base.split_at_checked(root).unwrap_or(("", base));
    let mut steps: Vec<&str> = if reference.starts_with('/') { vec![""] } else { path.split('/').collect() };
    if !reference.starts_with('/') {
        steps.pop();
    }
    for step in reference.trim_start_matches('/').split('/') {
        match step {
            "." | "" => {}
            ".." => {
                if steps.len() > 1 {
                    steps.pop();
                }
            }
            step => steps.push(step),
        }
    }
    format!("{root}{}", steps.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_with_all_that_they_are_asked_for_by() {
        let text = r#"{"files":{
            "_/_/js/app.js":{"url":"~/js/app.js","type":"minified_source","headers":{"debug-id":"AA-1","Sourcemap":"../maps/app.js.map"}},
            "_/_/maps/app.js.map":{"url":"~/maps/app.js.map","type":"source_map","headers":{"debug-id":"aa-1"}},
            "_/_/b.js":{"url":"~/b.js","type":"minified_source"},
            "_/_/b.js.map":{"url":"~/b.js.map","type":"source_map"},
            "_/_/c.js":{"url":"~/c.js","type":"minified_source","headers":{"sourcemap":"gone.map"}}},
            "release":"shop@1","dist":null,"org":"acme"}"#;
        let manifest = Manifest::read(text.as_bytes()).unwrap();
        assert_eq!(manifest.release.as_deref(), Some("shop@1"));
        let maps = manifest.maps();
        assert_eq!(maps.len(), 2);
        assert_eq!(
            (maps[0].path.as_str(), maps[0].urls.as_slice()),
            ("_/_/b.js.map", &["~/b.js".to_owned()][..])
        );
        assert_eq!((maps[1].debug_ids.as_slice(), maps[1].urls.len()), (&["aa-1".to_owned()][..], 1));
        for no in ["", "7", r#"{"files":[]}"#, r#"{"files":{"a":{"url":7}}}"#] {
            assert!(Manifest::read(no.as_bytes()).is_err(), "{no}");
        }
    }

    #[test]
    fn references_are_seen_from_their_file() {
        for (base, reference, whole) in [
            ("~/js/app.js", "app.js.map", "~/js/app.js.map"),
            ("~/app.js", "../../app.js.map", "~/app.js.map"),
            ("https://shop.example/js/app.js", "/m/app.js.map", "https://shop.example/m/app.js.map"),
            ("https://shop.example/app.js", "https://cdn.example/a.map", "https://cdn.example/a.map"),
            ("app.js", "app.js.map", "app.js.map"),
            ("app:///dist/a.js", "./a.js.map", "app:///dist/a.js.map"),
        ] {
            assert_eq!(resolved(base, reference), whole, "{base} {reference}");
        }
    }
}
