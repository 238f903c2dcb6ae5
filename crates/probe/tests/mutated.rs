//! Spoilt examples thrown at every reader: none panics, none takes long, whatever a file holds.

#![allow(clippy::expect_used)] // In tests a panic is the answer.

use probe::targets::{Samples, curl, graphql, har, http_file, insomnia, kind, postman};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Runs per example; each takes some 0.1 ms.
const RUNS: u64 = 400;
/// Far more than any of them takes, so that a busy machine does not fail the test.
const TIME_MAX: Duration = Duration::from_secs(5);

type Reader = fn(&str, &BTreeMap<String, String>) -> Result<Samples, String>;

const READERS: [(&str, Reader); 6] = [
    ("graphql", graphql::read),
    ("postman", postman::read),
    ("insomnia", insomnia::read),
    ("har", har::read),
    ("http", http_file::read),
    ("curl", curl::read),
];

const EXAMPLES: [&str; 8] = [
    include_str!("collections/postman.json"),
    include_str!("collections/insomnia-4.json"),
    include_str!("collections/insomnia-5.yaml"),
    include_str!("collections/session.har"),
    include_str!("collections/shop.http"),
    include_str!("collections/chrome.sh"),
    include_str!("collections/shop.graphql"),
    include_str!("collections/introspection.json"),
];

/// What means something to one reader or another.
const WORDS: [&str; 44] = [
    "{{",
    "}}",
    "{%",
    "%}",
    "{{$guid}}",
    "{{a}}",
    "\"",
    "'",
    "\\",
    "$'",
    "${",
    "$(",
    "^\"",
    "^\n",
    "\r\n",
    "\n\n",
    "###",
    "# @name x\n",
    "@a={{a}}{{a}}\n",
    "< ./f\n",
    "> {%\n",
    "curl ",
    " -F a=@b;type=",
    " -d @",
    " --next ",
    " --",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "null",
    "\"item\":",
    "\"children\":",
    "&x",
    "*x",
    "\u{0}",
    "\u{1}",
    "é",
    "\u{1f600}",
    "\u{feff}",
    "http://",
    "  - ",
];

/// xorshift64*: the same seed, the same inputs.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let r = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(r).expect("31 bits") % n.max(1)
    }

    /// An example with one to six changes.
    fn spoilt(&mut self, example: &str, other: &str) -> String {
        let mut bytes = example.as_bytes().to_vec();
        for _ in 0..=self.below(6) {
            let (a, n) = (self.below(bytes.len()), self.below(40));
            let b = (a + n).min(bytes.len());
            match self.below(7) {
                0 => drop(bytes.drain(a..b)),
                1 => bytes.truncate(a),
                2 => bytes[a..b].fill(u8::try_from(self.below(256)).expect("a byte")),
                3 => {
                    let word = WORDS[self.below(WORDS.len())];
                    bytes.splice(a..a, word.bytes());
                }
                4 => {
                    let word = WORDS[self.below(WORDS.len())].repeat(1 + self.below(300));
                    bytes.splice(a..b, word.bytes());
                }
                5 => {
                    let piece = bytes[a..b].to_vec();
                    let at = self.below(bytes.len());
                    bytes.splice(at..at, piece);
                }
                _ => {
                    let other = other.as_bytes();
                    let from = self.below(other.len());
                    let to = (from + self.below(200)).min(other.len());
                    bytes.splice(a..b, other[from..to].iter().copied());
                }
            }
            if bytes.is_empty() {
                bytes.push(b'{');
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn all(what: &str, text: &str) {
    let variables = BTreeMap::from([("b".to_owned(), "{{b}}{{a}}{{b}}".to_owned())]);
    let hold = |who: &str, begun: Instant| {
        assert!(begun.elapsed() < TIME_MAX, "{who} takes {:?} for {what}", begun.elapsed());
    };
    for (who, read) in READERS {
        let begun = Instant::now();
        if let Ok(got) = read(text, &variables) {
            for s in &got.list {
                let is_clean = |v: &str| !v.contains(['\r', '\n', '\0']);
                assert!(
                    s.headers.iter().all(|(n, v)| !n.is_empty() && is_clean(n) && is_clean(v)),
                    "{who}: {:?}",
                    s.headers
                );
                assert!(is_clean(&s.url) && !s.url.contains(' '), "{who}: {:?}", s.url);
                assert!(is_clean(&s.method) && !s.method.contains(' '), "{who}: {:?}", s.method);
            }
        }
        hold(who, begun);
    }
    let begun = Instant::now();
    let _ = kind::tell("x.json", text);
    let _ = postman::environment(text);
    hold("tell", begun);
}

#[test]
fn no_reader_panics_or_hangs_on_spoilt_examples() {
    let examples = EXAMPLES;
    for (i, example) in examples.iter().enumerate() {
        for run in 0..RUNS {
            let seed = 1 + run + 1_000_000 * u64::try_from(i).expect("few");
            let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let other = examples[chance.below(examples.len())];
            let text = chance.spoilt(example, other);
            all(&format!("example {i}, run {run}"), &text);
        }
    }
}

#[test]
fn no_reader_exhausts_the_stack_or_time_on_hostile_texts() {
    let many = 50_000;
    for (what, text) in [
        ("brackets", "[".repeat(many)),
        ("objects", "{\"item\":[".repeat(many)),
        ("flow", format!("type: collection.insomnia.rest/5.0\ncollection: {}", "[".repeat(many))),
        ("dashes", format!("type: collection.insomnia.rest/5.0\ncollection: \n{}x", "- ".repeat(many))),
        ("indents", (0..2_000).map(|i| format!("{}a:\n", " ".repeat(i))).collect()),
        ("opened", format!("GET http://h/{}\n", "{{".repeat(many))),
        ("closed", format!("GET http://h/{}\n", "}}".repeat(many))),
        ("pairs", format!("GET http://h/{}\n", "{{a}}".repeat(many))),
        ("doubling", format!("@a={{{{a}}}}{{{{a}}}}\n{}", "GET http://h/{{a}}\n###\n".repeat(2_000))),
        ("quotes", format!("curl {}", "'\"".repeat(many))),
        ("words", format!("curl http://h {}", "-d a ".repeat(many))),
        ("carets", "curl ^\"".repeat(many)),
        ("backslashes", format!("curl ^\" {}", "\\".repeat(many))),
        ("blocks", "###\nGET http://h/\n".repeat(many)),
        ("lines", "\n".repeat(many)),
        ("scripts", format!("GET http://h/\n\n{}", "> {%\n".repeat(many))),
        ("types", format!("type Query {{ a: {}", "[".repeat(many))),
        (
            "inputs",
            (0..300).map(|i| format!("input A{i} {{ a: A{}! b: A{}! }}\n", i + 1, i + 1)).collect::<String>()
                + "type Query { a(b: A0!): Int }",
        ),
        ("fields", format!("type Query {{ {} }}", "a(b: Int): Int ".repeat(many / 10))),
        ("parts", format!("curl http://h {}", "-F a=why500-boundary ".repeat(many))),
    ] {
        all(what, &text);
    }
}
