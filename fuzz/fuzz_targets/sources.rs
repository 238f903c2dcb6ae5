//! No source map, bundle's manifest or source makes its reader panic, and what is found of it is of sane size. The first byte chooses.

#![no_main]

use code::manifest::{Manifest, resolved};
use code::map::{Map, Place, readable};
use code::scope::function_at;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&choice, rest)) = data.split_first() else { return };
    let rest = fuzz::stretch(rest);
    let text = String::from_utf8_lossy(&rest);
    match choice % 4 {
        0 => whole(&rest),
        // Mappings alone, so that what is beside them need not be guessed.
        1 => {
            let mappings: String = text.chars().filter(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\')).collect();
            whole(format!(r#"{{"version":3,"sources":["a","b"],"names":["n"],"mappings":"{mappings}"}}"#).as_bytes());
        }
        2 => {
            if let Ok(manifest) = Manifest::read(&rest) {
                for map in manifest.maps() {
                    assert!(map.urls.iter().all(|u| u.len() <= rest.len()));
                }
            }
            let (base, reference) = text.split_once('\n').unwrap_or((&text, ""));
            assert!(resolved(base, reference).len() <= text.len() + 2);
            assert!(readable(base, reference).len() <= 1_000);
        }
        _ => {
            for (line, column) in [(1, 1), (2, 9), (7, 200), (u32::MAX, u32::MAX)] {
                if let Some(name) = function_at(&text, line, column) {
                    assert!(name.len() <= text.len() + 1);
                }
            }
        }
    }
});

fn whole(bytes: &[u8]) {
    let Ok(map) = Map::read(bytes) else { return };
    let places = [(1, 1), (1, 22), (1, u32::MAX), (2, 1), (3, 40), (0, 0), (u32::MAX, 1)];
    let places = places.map(|(line, column)| Place { line, column });
    let Ok(found) = map.origins(&places) else { return };
    assert_eq!(found.len(), places.len());
    for origin in found.into_iter().flatten() {
        assert!(origin.line > 0 && origin.column > 0);
        let _ = map.text(origin.source).map(|t| function_at(&t, origin.line, origin.column));
    }
    // What can be read as a whole can be read in part.
    for place in places {
        assert!(map.origins(&[place]).is_ok());
    }
}
