//! A proxy is refused: was it the panic that the app's own log shows just before? Only one that ended the process.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod explained;

use serde_json::Value;
use std::process::Command;

/// Caddy's own words for what it is refused and for the request, a second apart from the app's.
const CADDY: &str = r#"{"level":"info","ts":1795937402.12,"logger":"http.log.access.log0","msg":"handled request","request":{"remote_ip":"203.0.113.9","client_ip":"203.0.113.9","proto":"HTTP/2.0","method":"GET","host":"notes.example","uri":"/api/notes/17"},"duration":0.012,"size":612,"status":200}
{"level":"error","ts":1795937410.5521,"logger":"http.log.error.log0","msg":"dial tcp 127.0.0.1:9000: connect: connection refused","request":{"remote_ip":"203.0.113.9","client_ip":"203.0.113.9","proto":"HTTP/2.0","method":"GET","host":"notes.example","uri":"/api/notes/18"},"duration":0.0012,"status":502,"err_id":"k2j3h4","err_trace":"reverseproxy.statusError (reverseproxy.go:1373)"}
{"level":"error","ts":1795937410.5524,"logger":"http.log.access.log0","msg":"handled request","request":{"remote_ip":"203.0.113.9","client_ip":"203.0.113.9","proto":"HTTP/2.0","method":"GET","host":"notes.example","uri":"/api/notes/18"},"duration":0.0013,"size":0,"status":502}
"#;

fn verdict(name: &str, app: &str) -> Value {
    let folder = std::env::temp_dir().join(format!("why500-last-words-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("caddy.log"), CADDY).unwrap();
    std::fs::write(folder.join("app.log"), format!("2026/11/29 07:29:58 listening on 127.0.0.1:9000\n{app}"))
        .unwrap();
    let out = Command::new(env!("CARGO_BIN_EXE_why500"))
        .args(["explain", "--format", "json", "--tz", "UTC"])
        .arg(&folder)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(report["problems"].as_array().unwrap().len(), 1, "{report:#}");
    std::fs::remove_dir_all(&folder).unwrap();
    report["problems"][0]["verdict"].clone()
}

#[test]
fn a_panic_that_ended_the_process_explains_the_refusals() {
    let v = verdict(
        "died",
        "2026/11/29 07:30:05 notes loaded: 312
panic: runtime error: index out of range [5] with length 3

goroutine 34 [running]:
main.(*Store).Page(0xc0000b4000, 0x5, 0xa)
\t/srv/notes/store.go:88 +0x1c5
main.worker(0xc0000b4000)
\t/srv/notes/worker.go:31 +0x8b
created by main.main in goroutine 1
\t/srv/notes/main.go:22 +0x10f
exit status 2
",
    );
    assert_eq!(
        (&v["cause"], &v["culprit"]),
        (&"missing-key".into(), &"/srv/notes/store.go:88".into()),
        "{v:#}"
    );
}

#[test]
fn a_panic_that_was_recovered_does_not() {
    let v = verdict(
        "recovered",
        "2026/11/29 07:30:05 job 7 failed: runtime error: index out of range [5] with length 3
goroutine 34 [running]:
runtime/debug.Stack()
\t/usr/local/go/src/runtime/debug/stack.go:24 +0x65
main.worker.func1()
\t/srv/notes/worker.go:27 +0x5e
panic({0x6b2f40?, 0xc00001c0d8?})
\t/usr/local/go/src/runtime/panic.go:884 +0x212
main.(*Store).Page(0xc0000b4000, 0x5, 0xa)
\t/srv/notes/store.go:88 +0x1c5
2026/11/29 07:30:06 job 8 done
",
    );
    assert_eq!((&v["class"], &v["culprit"]), (&"upstream".into(), &"127.0.0.1:9000".into()), "{v:#}");
}

/// systemd gave up on a unit (`start-limit-hit`): what ended its last start explains the refusals of the next minutes, until it is
/// started again.
#[test]
fn a_unit_that_does_not_start_explains_what_is_refused_minutes_later() {
    let access = |minute: u32, second: u32, status: u16| {
        format!(
            "203.0.113.9 - - [24/Nov/2026:05:{minute:02}:{second:02} +0000] \"GET /feed HTTP/1.1\" {status} 157 \"-\" \"curl/8.5.0\"\n"
        )
    };
    let refused = |minute: u32| {
        format!(
            "2026/11/24 05:{minute:02}:05 [error] 77#77: *9 connect() failed (111: Connection refused) while connecting to upstream, client: \
             203.0.113.9, server: api, request: \"GET /feed HTTP/1.1\", upstream: \"http://127.0.0.1:3000/feed\", host: \"api\"\n"
        )
    };
    let unit = "Nov 24 05:19:53 api1 systemd[1]: Started api.service - Feed API.\n\
        Nov 24 05:19:54 api1 api[900]: /srv/api/dist/config.js:14\n\
        Nov 24 05:19:54 api1 api[900]:     throw new Error(`Missing required environment variable: ${name}`);\n\
        Nov 24 05:19:54 api1 api[900]:     ^\nNov 24 05:19:54 api1 api[900]: \n\
        Nov 24 05:19:54 api1 api[900]: Error: Missing required environment variable: STRIPE_SECRET_KEY\n\
        Nov 24 05:19:54 api1 api[900]:     at required (/srv/api/dist/config.js:14:11)\n\
        Nov 24 05:19:54 api1 systemd[1]: api.service: Main process exited, code=exited, status=1/FAILURE\n\
        Nov 24 05:19:54 api1 systemd[1]: api.service: Failed with result 'exit-code'.\n\
        Nov 24 05:20:31 api1 systemd[1]: Started session-12.scope - Session 12 of User root.\n";
    let again = "Nov 24 05:30:00 api1 systemd[1]: Started api.service - Feed API.\n";
    let explain = |name: &str, minutes: &[u32], unit: &str| {
        let well: String = (0..19).map(|m| access(m, 5, 200)).collect();
        let failed: String = minutes.iter().map(|m| access(*m, 5, 502)).collect();
        let errors: String = minutes.iter().map(|m| refused(*m)).collect();
        let files = [("access.log", &*(well + &failed)), ("error.log", &*errors), ("syslog", unit)];
        explained::explain(name, &files)["problems"][0]["verdict"]["cause"].clone()
    };
    assert_eq!(explain("limit", &[20, 22, 25, 28], unit), "missing-setting");
    // Started again, it is refused for something else.
    assert_eq!(explain("again", &[32, 33, 34], &format!("{unit}{again}")), "connection-refused");
}

/// An hour of a unit that is started every five seconds and fails, and of requests that are refused: thousands of each, which are not
/// held against each other one by one.
#[test]
fn a_crash_loop_is_explained_whole() {
    let clock = |s: usize| format!("05:{:02}:{:02}", s / 60, s % 60);
    let unit: String = (0..3_590)
        .step_by(5)
        .map(|s| {
            let (start, end) = (clock(s), clock(s + 1));
            format!(
                "Nov 24 {start} api1 systemd[1]: Started api.service - Feed API.\n\
                 Nov 24 {end} api1 api[{s}]: Error: Missing required environment variable: STRIPE_SECRET_KEY\n\
                 Nov 24 {end} api1 api[{s}]:     at required (/srv/api/dist/config.js:14:11)\n\
                 Nov 24 {end} api1 systemd[1]: api.service: Main process exited, code=exited, status=1/FAILURE\n"
            )
        })
        .collect();
    let (mut access, mut errors) = (String::new(), String::new());
    for i in 0..7_000 {
        let at = clock(i / 2);
        access += &format!(
            "203.0.113.9 - - [24/Nov/2026:{at} +0000] \"GET /feed/{i} HTTP/1.1\" 502 157 \"-\" \"curl/8.5.0\"\n"
        );
        errors += &format!(
            "2026/11/24 {at} [error] 77#77: *{i} connect() failed (111: Connection refused) while connecting to upstream, client: 203.0.113.9, \
             server: api, request: \"GET /feed/{i} HTTP/1.1\", upstream: \"http://127.0.0.1:3000/feed/{i}\", host: \"api\"\n"
        );
    }
    let files = [("access.log", &*access), ("error.log", &*errors), ("syslog", &*unit)];
    let report = explained::explain("loop", &files);
    let told: Vec<_> = report["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (&p["count"], &p["verdict"]["cause"]))
        .collect();
    assert_eq!(told, [(&7_000.into(), &"missing-setting".into())]);
}
