//! Variables of a collection, and texts with `{{name}}` in which their values are put.

use super::notes::Notes;
use std::collections::BTreeMap;

/// Variables whose value names further variables are followed so deep; people nest two or three.
const NESTED_MAX: usize = 12;
/// Bytes that one text may grow to; beyond it nothing more is put in.
const TEXT_BYTES_MAX: usize = 1 << 20;
/// Bytes that are put in altogether, so that a value that names itself twice does not fill memory.
const FILLED_BYTES_MAX: usize = 16 << 20;
/// Bytes of a name; what is longer between braces is no name.
const NAME_BYTES_MAX: usize = 200;

/// What puts values in place of names. What the user gave comes before what the collection says; inner scopes before outer ones.
pub(super) struct Filler<'a> {
    given: &'a BTreeMap<String, String>,
    scopes: Vec<BTreeMap<String, String>>,
    bytes_left: usize,
}

impl<'a> Filler<'a> {
    pub fn new(given: &'a BTreeMap<String, String>) -> Filler<'a> {
        Filler { given, scopes: Vec::new(), bytes_left: FILLED_BYTES_MAX }
    }

    /// Values that hold until [`Filler::leave`]: those of a collection, a folder.
    pub fn enter(&mut self, scope: BTreeMap<String, String>) {
        self.scopes.push(scope);
    }

    /// The innermost values hold no longer.
    pub fn leave(&mut self) {
        self.scopes.pop();
    }

    /// The value of one name, as it is written.
    pub fn value(&self, name: &str) -> Option<&str> {
        let own = || self.scopes.iter().rev().find_map(|s| s.get(name));
        self.given.get(name).or_else(own).map(String::as_str)
    }

    /// The text with values in place of names; names without a value stay and are noted.
    pub fn fill(&mut self, text: &str, notes: &mut Notes) -> String {
        if !text.contains("{{") {
            return text.to_owned();
        }
        let mut out = text.to_owned();
        for _ in 0..NESTED_MAX {
            let (next, changed) = self.once(&out);
            out = next;
            if !changed || out.len() > TEXT_BYTES_MAX {
                break;
            }
        }
        for_each_name(&out, |name| notes.missing(name));
        out
    }

    fn once(&mut self, text: &str) -> (String, bool) {
        let mut out = String::with_capacity(text.len());
        let mut changed = false;
        let mut rest = text;
        while let Some(end) = rest.find("}}") {
            let head = rest.get(..end).unwrap_or_default();
            let whole = rest.get(..end + 2).unwrap_or_default();
            rest = rest.get(end + 2..).unwrap_or_default();
            // The last opening one: names may be made of names, and JSON has braces of its own.
            let found = head.rfind("{{").and_then(|start| {
                let name = named(head.get(start + 2..)?)?;
                let value =
                    self.value(name).map(str::to_owned).or_else(|| plausible(name, |n| self.value(n)))?;
                Some((head.get(..start)?, value))
            });
            match found {
                Some((before, value)) if value.len() <= self.bytes_left && out.len() <= TEXT_BYTES_MAX => {
                    self.bytes_left -= value.len();
                    out.push_str(before);
                    out.push_str(&value);
                    changed = true;
                }
                _ => out.push_str(whole),
            }
        }
        out.push_str(rest);
        (out, changed)
    }
}

fn for_each_name(text: &str, mut told: impl FnMut(&str)) {
    let mut rest = text;
    while let Some(end) = rest.find("}}") {
        let head = rest.get(..end).unwrap_or_default();
        rest = rest.get(end + 2..).unwrap_or_default();
        if let Some(name) = head.rfind("{{").and_then(|s| named(head.get(s + 2..)?)) {
            told(name);
        }
    }
}

/// The name between braces, as the tools write it: `name`, `_.name` and `_['name']` (Insomnia), `$random.integer(1, 5)`.
fn named(between: &str) -> Option<&str> {
    let name = between.trim();
    let name = name.strip_prefix("_.").unwrap_or(name);
    let name = ["_['", "_[\""]
        .iter()
        .find_map(|p| name.strip_prefix(p)?.strip_suffix(']')?.strip_suffix(['\'', '"']))
        .unwrap_or(name);
    let is_name = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && !name.starts_with(['"', '\''])
        && !name.contains(['\n', '{', '}', '\\']);
    is_name.then_some(name)
}

/// A value for what tools make up at sending; always the same one, so that a run can be played again. Postman's dynamic variables
/// (learning.postman.com, "Postman dynamic variables"), those of the HTTP clients of JetBrains and of VS Code's REST Client.
fn plausible<'v>(name: &str, value: impl Fn(&str) -> Option<&'v str>) -> Option<String> {
    let name = name.strip_prefix('$')?;
    let (word, rest) = name.split_once([' ', '(']).unwrap_or((name, ""));
    let rest = rest.trim_end_matches(')').trim();
    if let Some(env) = word.strip_prefix("env.").filter(|_| rest.is_empty()) {
        return value(env).map(str::to_owned);
    }
    if word == "processEnv" || word == "dotenv" {
        return value(rest.trim_start_matches('%')).map(str::to_owned);
    }
    let known = match word.to_ascii_lowercase().as_str() {
        "guid" | "uuid" | "randomuuid" | "random.uuid" => "8f14e45f-ceea-467f-a0e6-1f0c2b6d9a3e",
        "timestamp" => "1767225600",
        "isotimestamp" | "datetime" | "localdatetime" => "2026-01-01T00:00:00.000Z",
        "randomint" | "random.integer" => {
            // A range is told: its least value lies within it.
            let least = rest.split([',', ' ']).next().unwrap_or_default().trim();
            return Some(if least.parse::<i64>().is_ok() { least.to_owned() } else { "42".into() });
        }
        "random.float" | "randomprice" => "42.5",
        "randomboolean" => "true",
        "randomemail" | "randomexampleemail" | "random.email" => "ada@example.com",
        "randomfirstname" | "randomusername" => "Ada",
        "randomlastname" => "Lovelace",
        "randomfullname" => "Ada Lovelace",
        "randomphonenumber" | "randomphonenumberext" => "555-0100",
        "randomcity" => "London",
        "randomcountry" => "Norway",
        "randomcountrycode" => "NO",
        "randomip" => "192.0.2.1",
        "randomipv6" => "2001:db8::1",
        "randomurl" | "randomimageurl" | "randomavatarimage" => "http://example.com/",
        "randomdomainname" => "example.com",
        "randomdatepast" | "randomdatefuture" | "randomdaterecent" => "2026-01-01",
        "randomcolor" => "teal",
        "randomhexcolor" => "#008080",
        "randomcurrencycode" => "EUR",
        "randompassword"
        | "random.alphanumeric"
        | "randomalphanumeric"
        | "random.alphabetic"
        | "random.hexadecimal" => "a1b2c3d4",
        w if w.starts_with("random") => "lorem",
        _ => return None,
    };
    Some(known.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    fn filled(text: &str, given: &[(&str, &str)], own: &[(&str, &str)]) -> (String, Vec<String>) {
        let given = map(given);
        let mut filler = Filler::new(&given);
        filler.enter(map(own));
        let mut notes = Notes::default();
        (filler.fill(text, &mut notes), notes.sentences())
    }

    #[test]
    fn values_stand_in_place_of_names() {
        let own = [("host", "http://{{name}}:80"), ("name", "shop"), ("env", "dev"), ("key_dev", "k")];
        for (text, want) in [
            ("{{host}}/a", "http://shop:80/a"),
            ("{{ host }}/a", "http://shop:80/a"),
            ("{{_.name}} {{ _['name'] }} {{_[\"name\"]}}", "shop shop shop"),
            ("{{key_{{env}}}}", "k"),
            (r#"{"a":{"b":{{env}}}}"#, r#"{"a":{"b":dev}}"#),
            (r#"{"a":{"b":{"c":1}}}"#, r#"{"a":{"b":{"c":1}}}"#),
            ("{{$guid}}", "8f14e45f-ceea-467f-a0e6-1f0c2b6d9a3e"),
            ("{{$randomInt 5 9}} {{$random.integer(7, 9)}} {{$randomInt}}", "5 7 42"),
            ("{{$dotenv name}} {{$env.name}} {{$processEnv %name}}", "shop shop shop"),
            ("{{}} }} {{", "{{}} }} {{"),
        ] {
            assert_eq!(filled(text, &[], &own), (want.to_owned(), vec![]), "{text}");
        }
    }

    #[test]
    fn what_the_user_gives_comes_first_and_what_is_missing_is_told() {
        let (text, notes) = filled("{{a}} {{b}} {{b}} {{$nothing}}", &[("a", "mine")], &[("a", "theirs")]);
        assert_eq!(text, "mine {{b}} {{b}} {{$nothing}}");
        assert_eq!(notes, ["Variables without a value stay as they are written: $nothing, b."]);
    }

    #[test]
    fn a_value_that_names_itself_ends() {
        let long = format!("{{{{a}}}}{{{{a}}}}{}", "x".repeat(100_000));
        let (text, notes) = filled("{{a}}", &[], &[("a", &long), ("b", "{{b}}")]);
        assert!(text.len() < 2 * TEXT_BYTES_MAX + long.len(), "{}", text.len());
        assert_eq!(notes, ["Variables without a value stay as they are written: a."]);
        assert_eq!(filled("{{b}}", &[], &[("b", "{{b}}")]).0, "{{b}}");
    }
}
