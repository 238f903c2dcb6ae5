//! Which path of a repository a path of a stack means: `/srv/releases/42/app/tax.py` is `app/tax.py`.
//!
//! By the longest end that both have in common. Where two paths of the repository share it with the stack's, none is taken: a guess
//! would send people to the wrong file.

use std::collections::HashMap;

/// Paths of a repository that are looked at; the largest (a monorepo of a large company) have some hundred thousand.
pub const PATHS_MAX: usize = 500_000;

/// The paths of one commit, by the name of the file.
#[derive(Debug, Default)]
pub struct Paths {
    by_name: HashMap<Box<str>, Vec<Box<str>>>,
}

/// Why a path of a stack is none of the repository's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unmapped {
    /// The repository has no file of this name, or only in other folders.
    Missing,
    /// So many files end alike.
    Ambiguous(usize),
}

impl Paths {
    /// Of all files of a commit.
    pub fn new(paths: impl IntoIterator<Item = String>) -> Paths {
        let mut by_name: HashMap<Box<str>, Vec<Box<str>>> = HashMap::new();
        for path in paths.into_iter().take(PATHS_MAX) {
            let name = path.rsplit('/').next().unwrap_or(&path).into();
            by_name.entry(name).or_default().push(path.into());
        }
        Paths { by_name }
    }

    /// The one path that a path of a stack means. `prefix`: where the repository's root lies for the service; what lies below it is told
    /// by its whole path. `function` names the package where a stack shows no folders (Java: `com.shop.Prices.total`, `Prices.java`).
    ///
    /// # Errors
    /// It means none, or several alike.
    pub fn find(&self, file: &str, function: &str, prefix: Option<&str>) -> Result<&str, Unmapped> {
        let file = file.replace('\\', "/");
        let name = file.rsplit('/').next().unwrap_or_default();
        let Some(candidates) = self.by_name.get(name).filter(|_| !name.is_empty()) else {
            return Err(Unmapped::Missing);
        };
        if let Some(rest) = prefix.and_then(|p| below(&file, p)) {
            return candidates.iter().find(|c| ***c == *rest).map(|c| &**c).ok_or(Unmapped::Missing);
        }
        if let Some(dotted) = package(&file, function)
            && let Ok(found) = longest(candidates, &dotted)
        {
            return Ok(found);
        }
        longest(candidates, &file)
    }
}

/// What of a path lies below a folder.
fn below<'f>(file: &'f str, folder: &str) -> Option<&'f str> {
    let folder = folder.trim_end_matches('/');
    file.strip_prefix(folder)?.strip_prefix('/')
}

/// `com/shop/Prices.java` of `com.shop.Prices.total` and `Prices.java`.
fn package(file: &str, function: &str) -> Option<String> {
    let (_, extension) = file.rsplit_once('.')?;
    if file.contains('/') || !matches!(extension, "java" | "kt" | "scala" | "groovy") {
        return None;
    }
    let (class, _) = function.rsplit_once('.')?;
    let (package, _) = class.rsplit_once('.')?;
    Some(format!("{}/{file}", package.replace('.', "/")))
}

/// How many names at the end of two paths are the same.
fn common(a: &str, b: &str) -> usize {
    a.rsplit('/').zip(b.rsplit('/')).take_while(|(x, y)| x == y).count()
}

fn longest<'p>(candidates: &'p [Box<str>], file: &str) -> Result<&'p str, Unmapped> {
    let steps: Vec<&str> = file.split('/').filter(|s| !s.is_empty() && *s != ".").collect();
    let file = steps.join("/");
    let most = candidates.iter().map(|c| common(c, &file)).max().unwrap_or(0);
    let mut best = candidates.iter().filter(|c| common(c, &file) == most);
    let found = best.next().ok_or(Unmapped::Missing)?;
    let others = best.count();
    if others > 0 {
        return Err(Unmapped::Ambiguous(others + 1));
    }
    // One of the two is whole, or they share a folder: a name alone (`index.js`) is too common to tell.
    let whole = most == found.split('/').count() || most == steps.len();
    if whole || most >= 2 { Ok(found) } else { Err(Unmapped::Missing) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(list: &[&str]) -> Paths {
        Paths::new(list.iter().map(|p| (*p).to_owned()))
    }

    #[test]
    fn the_longest_end_that_only_one_has() {
        let repo = paths(&[
            "app/tax.py",
            "lib/tax.py",
            "src/main/java/com/shop/Prices.java",
            "src/old/Prices.java",
            "web/src/cart.ts",
            "main.go",
        ]);
        assert_eq!(repo.find("/srv/releases/42/app/tax.py", "", None), Ok("app/tax.py"));
        assert_eq!(repo.find("C:\\srv\\app\\tax.py", "", None), Ok("app/tax.py"));
        assert_eq!(repo.find("tax.py", "", None), Err(Unmapped::Ambiguous(2)));
        assert_eq!(repo.find("/srv/other/tax.py", "", None), Err(Unmapped::Ambiguous(2)));
        assert_eq!(
            repo.find("Prices.java", "com.shop.Prices.total", None),
            Ok("src/main/java/com/shop/Prices.java")
        );
        assert_eq!(repo.find("./src/cart.ts", "", None), Ok("web/src/cart.ts"));
        assert_eq!(repo.find("/usr/lib/node/other/cart.ts", "", None), Err(Unmapped::Missing));
        assert_eq!(repo.find("/build/main.go", "main.main", None), Ok("main.go"));
        assert_eq!(repo.find("", "", None), Err(Unmapped::Missing));
        assert_eq!(repo.find("/app/nothing.py", "", None), Err(Unmapped::Missing));
    }

    #[test]
    fn below_a_prefix_the_whole_path_counts() {
        let repo = paths(&["tax.py", "app/tax.py"]);
        assert_eq!(repo.find("/app/tax.py", "", Some("/app/")), Ok("tax.py"));
        assert_eq!(repo.find("/app/x/tax.py", "", Some("/app")), Err(Unmapped::Missing));
        assert_eq!(repo.find("/srv/app/tax.py", "", Some("/app")), Ok("app/tax.py"));
    }

    /// Whatever the names are: what is found is a path of the repository that no other is as near to.
    #[test]
    fn nothing_ambiguous_is_ever_picked() {
        // SplitMix64 (Steele et al. 2014).
        let mut state = 500u64;
        let mut below = |n: usize| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            ((z ^ (z >> 27)) % n as u64) as usize
        };
        let mut path = |deep: usize| -> String {
            let steps: Vec<&str> = (0..=below(deep)).map(|_| ["a", "b", "src"][below(3)]).collect();
            format!("{}/{}", steps.join("/"), ["x.js", "y.js"][below(2)])
        };
        let mut found = 0;
        for _ in 0..5_000 {
            let mut list: Vec<String> = (0..6).map(|_| path(4)).collect();
            list.sort();
            list.dedup();
            let repo = Paths::new(list.clone());
            let asked = format!("/srv/{}", path(6));
            let Ok(picked) = repo.find(&asked, "", None) else { continue };
            found += 1;
            let near = common(picked, &asked);
            assert!(near >= 1 && list.iter().any(|p| p == picked));
            assert!(
                list.iter().all(|p| p == picked || common(p, &asked) < near),
                "{asked} {picked} {list:?}"
            );
        }
        assert!(found > 500, "{found}");
    }
}
