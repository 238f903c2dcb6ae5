//! A repository made by git itself, read without it.

#![allow(clippy::unwrap_used)]

mod made;

use code::look::{Ask, Eyes, Release};
use code::repo::{Place, Repo};
use made::Made;
use record::{CodeView, Frame, Time};
use std::path::Path;
use std::process::Command;

fn look(folder: &Path, ask: &Ask) -> CodeView {
    Eyes::new(vec![Place { folder: folder.to_owned(), prefix: None }]).look(ask, &|| true)
}

fn frame(file: &str, line: u32) -> Frame {
    Frame { file: file.into(), line: Some(line), function: "total".into(), in_app: true, ..Frame::default() }
}

fn named(name: &str) -> Option<Release> {
    Some(Release { name: name.into(), ..Release::default() })
}

const FIRST: &str = "def total(order):\n    # sum up\n    return order.price * order.count\n";

#[test]
fn who_changed_the_line_last_and_what_the_release_brought() {
    let made = Made::new("history");
    made.commit(1_790_000_100, "app/tax.py", FIRST, "Totals");
    made.git(1_790_000_100, &["tag", "v1.0.0"]);
    let broke = made.commit(
        1_790_000_200,
        "app/tax.py",
        &FIRST.replace("order.price", "order.tax.rate"),
        "Taxes by rate",
    );
    made.commit(1_790_000_300, "README", "shop\n", "Says what it is");
    // Above the line something is added, and the file moves: it is followed through both.
    let text = format!("# taxes\n\n{}", FIRST.replace("order.price", "order.tax.rate"));
    made.commit(1_790_000_400, "app/tax.py", &text, "A heading");
    made.git(1_790_000_450, &["mv", "app/tax.py", "app/taxes.py"]);
    made.git(1_790_000_450, &["commit", "-q", "-m", "Moved"]);
    // An annotated tag, and all of it packed.
    made.git(1_790_000_500, &["tag", "-a", "-m", "x", "1.1.0"]);
    made.commit(1_790_009_000, "app/taxes.py", &text.replace("order.count", "1"), "Later than the failure");
    for packed in [false, true] {
        if packed {
            made.git(1_790_009_000, &["gc", "-q"]);
            made.git(1_790_009_000, &["pack-refs", "--all"]);
        }
        let ask = Ask {
            frames: vec![frame("/srv/releases/7/app/taxes.py", 5)],
            release: named("shop@1.1.0"),
            before: named("shop@1.0.0"),
            first_seen: Some(Time::from_secs(1_790_000_600)),
            deployed: true,
            suspects: true,
        };
        let seen = look(&made.0, &ask);
        assert_eq!(seen.unmapped, Vec::<String>::new());
        let suspect = seen.suspect.unwrap();
        assert_eq!((suspect.told.commit.as_str(), suspect.told.author.as_str()), (broke.as_str(), "Ada"));
        assert_eq!(
            (suspect.told.subject.as_str(), suspect.path.as_str(), suspect.line),
            ("Taxes by rate", "app/tax.py", 3)
        );
        assert!(suspect.why.contains("came with shop@1.1.0, with whose deploy"), "{}", suspect.why);
        let subjects: Vec<&str> = seen.brought.iter().map(|t| t.subject.as_str()).collect();
        assert_eq!(subjects, ["Moved", "A heading", "Says what it is", "Taxes by rate"]);
        let lines = &seen.frames[0];
        assert_eq!(lines.path.as_deref(), Some("app/taxes.py"));
        assert_eq!(lines.line_text, "    return order.tax.rate * order.count");
        assert_eq!(lines.before.first().map(String::as_str), Some("# taxes"));

        // Without a release: as the main line was when it failed first.
        let blind = look(&made.0, &Ask { release: None, before: None, ..ask.clone() });
        assert_eq!(blind.suspect.unwrap().told.commit, broke);
        assert!(blind.brought.is_empty());
        // The release before is the tag before, where nobody tells it; by number, it is the commit itself.
        let by_tag = look(&made.0, &Ask { before: None, ..ask.clone() });
        assert_eq!(by_tag.brought.len(), 4);
        let by_number = look(
            &made.0,
            &Ask {
                release: named(&format!("shop@{}", &broke[..12])),
                frames: vec![frame("tax.py", 3)],
                ..ask.clone()
            },
        );
        assert_eq!(by_number.suspect.unwrap().told.commit, broke);
        // No line, no such file, no such release: each says so, and nobody is suspected.
        for (frames, release, said) in [
            (vec![frame("app/taxes.py", 99)], "1.1.0", "has no line 99"),
            (vec![frame("/usr/lib/other.py", 1)], "1.1.0", "no such file"),
            (vec![frame("app/taxes.py", 5)], "9.9", "no commit is known of the release 9.9"),
        ] {
            let seen = look(&made.0, &Ask { frames, release: named(release), ..ask.clone() });
            assert!(seen.unmapped.iter().any(|why| why.contains(said)), "{said}: {:?}", seen.unmapped);
        }
        // A class of its own: what is down is nobody's line.
        assert!(look(&made.0, &Ask { suspects: false, ..ask.clone() }).suspect.is_none());
        // Told to stop, it stops.
        let stopped = Eyes::new(vec![Place { folder: made.0.clone(), prefix: None }]).look(&ask, &|| false);
        assert!(stopped.suspect.is_none() && !stopped.unmapped.is_empty());
    }
}

#[test]
fn merges_are_followed_to_who_wrote_it() {
    let made = Made::new("merges");
    made.commit(1_790_000_100, "a.rb", "one\ntwo\nthree\n", "One");
    made.git(1_790_000_100, &["checkout", "-q", "-b", "side"]);
    let side = made.commit(1_790_000_200, "a.rb", "one\nTWO\nthree\n", "Two, on the side");
    made.git(1_790_000_250, &["checkout", "-q", "main"]);
    made.commit(1_790_000_300, "a.rb", "one\ntwo\nthree\nfour\n", "Four");
    made.git(1_790_000_400, &["merge", "-q", "--no-ff", "-m", "Merge", "side"]);
    let seen = look(&made.0, &Ask { frames: vec![frame("a.rb", 2)], suspects: true, ..Ask::default() });
    assert_eq!(seen.suspect.unwrap().told.commit, side);
}

/// A repository made to harm runs nothing and keeps nobody waiting.
#[test]
fn hostile_repositories_are_only_read() {
    let made = Made::new("hostile");
    made.commit(1_790_000_100, "a.rb", "one\n", "One\u{1b}[31m");
    let mark = made.0.join("ran");
    let touch = format!("touch {}", mark.display());
    let config = format!(
        "[core]\n\tfsmonitor = \"{touch}\"\n\tpager = \"{touch}\"\n[diff]\n\texternal = \"{touch}\"\n[filter \"x\"]\n\tsmudge = \"{touch}\"\n[diff \"x\"]\n\ttextconv = \"{touch}\"\n"
    );
    std::fs::write(made.0.join(".git/config"), config).unwrap();
    std::fs::write(made.0.join(".gitattributes"), "* filter=x diff=x\n").unwrap();
    let ask =
        Ask { frames: vec![frame("a.rb", 1)], suspects: true, release: named("../../x"), ..Ask::default() };
    let seen = look(&made.0, &ask);
    assert_eq!(seen.suspect.unwrap().path, "a.rb");
    assert!(!mark.exists());
    // HEAD that leads in circles, to a pipe, to what is no commit, to what is not there.
    for head in [
        "ref: HEAD",
        "ref: refs/heads/../../../etc/passwd",
        "0000000000000000000000000000000000000000",
        "nonsense",
        "",
    ] {
        std::fs::write(made.0.join(".git/HEAD"), head).unwrap();
        assert!(look(&made.0, &Ask { release: None, ..ask.clone() }).suspect.is_none(), "{head}");
    }
    assert!(Repo::open(Path::new("/nonexistent")).is_err());
}

/// What a look costs in a long history: `cargo test --release -p code --test history -- --ignored --nocapture`.
#[test]
#[ignore = "prints figures; takes some seconds"]
fn figures() {
    use std::fmt::Write as _;
    use std::io::Write as _;
    let made = Made::new("figures");
    let mut stream = String::new();
    for n in 1..=5_000 {
        let mut text: String = (0..400).map(|i| format!("line {i} of the file\n")).collect();
        // Each commit changes another line than the one that is asked for.
        text = text.replace(&format!("line {} of", 10 + n % 380), &format!("line {n}, changed, of"));
        let at = 1_790_000_000 + n;
        let _ = write!(
            stream,
            "commit refs/heads/main\ncommitter CI <ci@x> {at} +0000\ndata 3\nc{:02}\nM 100644 inline src/app.py\ndata {}\n{text}\n",
            n % 100,
            text.len()
        );
    }
    let mut import = Command::new("git")
        .args(["fast-import", "--quiet"])
        .current_dir(&made.0)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    import.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
    assert!(import.wait().unwrap().success());
    let ask = Ask { frames: vec![frame("src/app.py", 3)], suspects: true, ..Ask::default() };
    let mut eyes = Eyes::new(vec![Place { folder: made.0.clone(), prefix: None }]);
    for what in ["first", "again"] {
        let began = std::time::Instant::now();
        let seen = eyes.look(&ask, &|| began.elapsed().as_secs() < 20);
        println!(
            "{what}: {:?}, {:?} {:?}",
            began.elapsed(),
            seen.suspect.map(|s| s.told.subject),
            seen.unmapped
        );
    }
    let began = std::time::Instant::now();
    made.git(1, &["blame", "-L", "3,3", "-p", "main", "--", "src/app.py"]);
    println!("git blame: {:?}", began.elapsed());
}
