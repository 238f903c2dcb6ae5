//! Reports made by hand, for the tests of the outputs: a shop on a bad morning, a calm day, a log full of
//! traps.

use diagnosis::*;
use record::{Cause, Class, Exception, Frame, Role, SECOND, Time, TriggerKind};
use std::collections::BTreeMap;

fn at(hour: i64, minute: i64, second: i64) -> Time {
    // 2026-11-24T00:00:00Z
    Time::from_secs(1_795_478_400 + hour * 3600 + minute * 60 + second)
}

fn quote(source: &str, line: u64, at: Time, role: Role, text: &str, why: &str) -> Evidence {
    Evidence { source: source.into(), line, at: Some(at), role, text: text.into(), why: why.into() }
}

fn hop(name: &str, address: Option<&str>, state: HopState) -> Hop {
    Hop { name: name.into(), address: address.map(str::to_owned), state }
}

fn endpoint(method: &str, route: &str, count: u64, requests: Option<u64>, example: &str) -> Endpoint {
    Endpoint { method: method.into(), route: route.into(), count, requests, example: example.into() }
}

fn source(path: &str, format: &str, lines: u64, parsed: u64) -> Source {
    Source {
        path: path.into(),
        format: format.into(),
        lines,
        parsed,
        range: Some((at(6, 30, 0), at(7, 45, 10))),
        bytes: lines * 160,
        trouble: None,
    }
}

fn failures_at(minutes: &[(usize, u64)]) -> Timeline {
    let mut failed = vec![0; 76];
    for (minute, n) in minutes {
        failed[*minute] = *n;
    }
    Timeline { start: at(6, 30, 0), step_us: 60 * SECOND, failed, requests: Vec::new() }
}

/// A shop whose database was stopped, whose new release adds up wrongly, and two requests that nobody
/// explains.
pub fn shop() -> Report {
    let database = failures_at(&[(42, 31), (43, 38), (44, 35), (45, 33), (46, 34), (47, 22), (48, 5)]);
    let code = failures_at(&[
        (15, 2),
        (18, 1),
        (20, 3),
        (25, 1),
        (30, 2),
        (37, 1),
        (50, 2),
        (55, 1),
        (60, 1),
        (66, 1),
        (70, 1),
    ]);
    let unknown = failures_at(&[(3, 1), (61, 1)]);
    let mut traffic = failures_at(&[]);
    traffic.requests = (0..76).map(|i| 150 + (i * 37 % 29) as u64).collect();
    for (i, n) in traffic.failed.iter_mut().enumerate() {
        *n = database.failed[i] + code.failed[i] + unknown.failed[i];
    }
    Report {
        range: Some((at(6, 30, 0), at(7, 45, 10))),
        totals: Totals {
            requests: Some(12_480),
            failures: 216,
            records: 15_102,
            lines: 18_204,
            bytes: 2_913_000,
            unparsed_lines: 12,
        },
        problems: vec![database_down(database), wrong_sum(code), no_answer(unknown)],
        sources: vec![
            source("nginx/access.log", "nginx access", 12_480, 12_480),
            source("nginx/error.log", "nginx error", 61, 61),
            source("shop/laravel.log", "laravel", 5_630, 5_618),
            source("mariadb/error.log", "mysql error", 31, 31),
            Source {
                trouble: Some("gzip: ended in the middle, 40 kB were read".into()),
                ..source("nginx/access.log.1.gz", "nginx access", 2, 2)
            },
        ],
        source_ranges: Vec::new(),
        nothing_new: false,
        probed: false,
        notes: vec!["nginx/error.log states no zone: it was aligned with nginx/access.log (UTC).".into()],
        traffic,
    }
}

fn database_down(timeline: Timeline) -> Problem {
    Problem {
        id: "4f1d0c2b9a7e6d58".into(),
        title: "The database does not accept connections (127.0.0.1:3306)".into(),
        count: 198,
        counts_inferred: false,
        first_seen: Some(at(7, 12, 4)),
        last_seen: Some(at(7, 18, 14)),
        statuses: BTreeMap::from([(500, 150), (502, 48)]),
        endpoints: vec![
            endpoint("GET", "/cart/{id}", 104, Some(2_310), "/cart/17"),
            endpoint("POST", "/orders", 51, Some(420), "/orders"),
            endpoint("GET", "/", 30, Some(5_104), "/"),
            endpoint("GET", "/search", 9, Some(1_200), "/search?q=t%C3%A9"),
            endpoint("GET", "/account", 4, Some(310), "/account"),
        ],
        verdict: Verdict {
            cause: Cause::new(Class::Database, "connection-refused"),
            culprit: Some("127.0.0.1:3306".into()),
            trigger: Trigger {
                kind: TriggerKind::Dependency,
                at: Some(at(7, 12, 1)),
                what: Some("mariadb: Normal shutdown".into()),
            },
            confidence: 0.93,
            summary: "198 requests failed since nothing listened at 127.0.0.1:3306: MariaDB was shut down \
                      at 07:12:01 and came back at 07:18:15."
                .into(),
            next_steps: vec![
                "Find out who stopped MariaDB at 07:12: journalctl -u mariadb --since 07:10, and the \
                 package manager's log."
                    .into(),
                "Check that it listens again: ss -ltnp | grep 3306.".into(),
                "Let it restart by itself: systemctl edit mariadb, Restart=on-failure.".into(),
            ],
        },
        alternatives: vec![Alternative {
            cause: Cause::new(Class::Upstream, "timeout"),
            culprit: Some("unix:/run/php/php8.3-fpm.sock".into()),
            confidence: 0.12,
        }],
        hops: vec![
            hop("client", None, HopState::Ok),
            hop("nginx", None, HopState::Ok),
            hop("php-fpm", Some("unix:/run/php/php8.3-fpm.sock"), HopState::Symptom),
            hop("mariadb", Some("127.0.0.1:3306"), HopState::Broken),
        ],
        evidence: vec![
            quote(
                "shop/laravel.log",
                8_841,
                at(7, 12, 4),
                Role::Cause,
                "[2026-11-24 07:12:04] production.ERROR: SQLSTATE[HY000] [2002] Connection refused \
                 (Connection: mysql, SQL: select * from `carts` where `id` = 17 limit 1) \
                 {\"userId\":204,\"exception\":\"[object] (Illuminate\\\\Database\\\\QueryException(code: \
                 2002)",
                "same request, 12 ms before its 500",
            ),
            quote(
                "mariadb/error.log",
                18,
                at(7, 12, 1),
                Role::Cause,
                "2026-11-24  7:12:01 0 [Note] /usr/sbin/mariadbd (initiated by: unknown): Normal shutdown",
                "the database's own log, 3 s before the first failure",
            ),
            quote(
                "nginx/access.log",
                9_102,
                at(7, 12, 4),
                Role::Symptom,
                "203.0.113.7 - - [24/Nov/2026:07:12:04 +0000] \"GET /cart/17 HTTP/1.1\" 500 \
                 1203 \"-\" \"Mozilla/5.0\"",
                "the first failed request",
            ),
            quote(
                "nginx/error.log",
                40,
                at(7, 13, 40),
                Role::Symptom,
                "2026/11/24 07:13:40 [error] 812#812: *5120 connect() to unix:/run/php/php8.3-fpm.sock \
                 failed (11: Resource temporarily unavailable) while connecting to upstream",
                "symptom of something deeper",
            ),
            quote(
                "mariadb/error.log",
                31,
                at(7, 18, 15),
                Role::Context,
                "2026-11-24  7:18:15 0 [Note] /usr/sbin/mariadbd: ready for connections.",
                "what ended it",
            ),
        ],
        exception: Some(Exception {
            kind: "Illuminate\\Database\\QueryException".into(),
            message: "SQLSTATE[HY000] [2002] Connection refused".into(),
            frames: vec![
                frame(
                    "/srv/shop/vendor/laravel/framework/src/Illuminate/Database/Connection.php",
                    829,
                    "runQueryCallback",
                    false,
                ),
                frame("/srv/shop/app/Http/Controllers/CartController.php", 31, "show", true),
            ]
            .into(),
        }),
        reproduce: Some("curl -sS -i 'http://shop.example/cart/17'".into()),
        timeline,
        inputs: Vec::new(),
        ended: Some(Ended { at: at(7, 18, 15), what: Some("mariadb: ready for connections".into()) }),
        code: None,
    }
}

fn frame(file: &str, line: u32, function: &str, in_app: bool) -> Frame {
    Frame { file: file.into(), line: Some(line), function: function.into(), in_app, ..Frame::default() }
}

fn wrong_sum(timeline: Timeline) -> Problem {
    Problem {
        id: "a90b3317c2d4e5f6".into(),
        title: "TypeError: Unsupported operand types: string + int (app/Services/Tax.php:41)".into(),
        count: 16,
        counts_inferred: false,
        first_seen: Some(at(6, 45, 12)),
        last_seen: Some(at(7, 40, 31)),
        statuses: BTreeMap::from([(500, 16)]),
        endpoints: vec![endpoint("POST", "/orders", 16, Some(420), "/orders")],
        verdict: Verdict {
            cause: Cause::new(Class::Code, "type-mismatch"),
            culprit: Some("app/Services/Tax.php:41".into()),
            trigger: Trigger {
                kind: TriggerKind::Deploy,
                at: Some(at(6, 45, 0)),
                what: Some("release=shop@3.8.0".into()),
            },
            confidence: 0.86,
            summary:
                "16 orders failed since Tax::add adds a string to a number; all of them carry a voucher."
                    .into(),
            next_steps: vec!["Compare shop@3.8.0 with the release before at app/Services/Tax.php:41.".into()],
        },
        alternatives: Vec::new(),
        hops: vec![
            hop("client", None, HopState::Ok),
            hop("nginx", None, HopState::Ok),
            hop("php-fpm", Some("unix:/run/php/php8.3-fpm.sock"), HopState::Broken),
        ],
        evidence: vec![quote(
            "shop/laravel.log",
            6_120,
            at(6, 45, 12),
            Role::Cause,
            "[2026-11-24 06:45:12] production.ERROR: Unsupported operand types: string + int \
             {\"exception\":\"[object] (TypeError(code: 0): Unsupported operand types: string + int at \
             /srv/shop/app/Services/Tax.php:41)",
            "same request",
        )],
        exception: Some(Exception {
            kind: "TypeError".into(),
            message: "Unsupported operand types: string + int".into(),
            frames: vec![
                frame(
                    "/srv/shop/vendor/brick/math/src/BigNumber.php",
                    88,
                    "Brick\\Math\\BigNumber::of",
                    false,
                ),
                frame("/srv/shop/app/Services/Tax.php", 41, "App\\Services\\Tax->add", true),
                frame("/srv/shop/app/Http/Controllers/OrderController.php", 67, "store", true),
                frame(
                    "/srv/shop/vendor/laravel/framework/src/Illuminate/Routing/Controller.php",
                    54,
                    "callAction",
                    false,
                ),
                frame("/srv/shop/public/index.php", 17, "", true),
            ]
            .into(),
        }),
        reproduce: Some("curl -sS -i -X POST --data '…' 'http://shop.example/orders'".into()),
        timeline,
        inputs: vec!["All 16 failing requests have voucher=…; 0 of 404 that succeeded have it.".into()],
        ended: None,
        code: None,
    }
}

fn no_answer(timeline: Timeline) -> Problem {
    Problem {
        id: "00c0ffee00c0ffee".into(),
        title: "Failures that nothing in these logs explains".into(),
        count: 2,
        counts_inferred: false,
        first_seen: Some(at(6, 33, 9)),
        last_seen: Some(at(7, 31, 50)),
        statuses: BTreeMap::from([(0, 2)]),
        endpoints: vec![endpoint("GET", "/export.csv", 2, None, "/export.csv?year=2026")],
        verdict: Verdict {
            cause: Cause::new(Class::Unknown, "unexplained"),
            culprit: None,
            trigger: Trigger::default(),
            confidence: 0.3,
            summary: "2 requests failed and no line in these logs says why.".into(),
            next_steps: vec![
                "php-fpm: set catch_workers_output = yes and log_errors = On, so that fatal \
                              errors reach a log."
                    .into(),
            ],
        },
        alternatives: vec![Alternative {
            cause: Cause::new(Class::Resource, "execution-timeout"),
            culprit: Some("/export.csv".into()),
            confidence: 0.25,
        }],
        hops: vec![hop("client", None, HopState::Ok), hop("nginx", None, HopState::Symptom)],
        evidence: vec![quote(
            "nginx/access.log",
            311,
            at(6, 33, 9),
            Role::Context,
            "198.51.100.4 - - [24/Nov/2026:06:33:09 +0000] \"GET /export.csv?year=2026 HTTP/1.1\" 000 \
             0 \"-\" \"curl/8.5.0\"",
            "one of the failed requests",
        )],
        exception: None,
        reproduce: None,
        timeline,
        inputs: Vec::new(),
        ended: None,
        code: None,
    }
}

/// Logs that were read and hold no failure.
pub fn calm() -> Report {
    Report {
        range: Some((at(6, 30, 0), at(7, 45, 10))),
        totals: Totals {
            requests: Some(5_204),
            lines: 5_204,
            records: 5_204,
            bytes: 832_640,
            ..Totals::default()
        },
        sources: vec![source("access.log", "combined", 5_204, 5_204)],
        ..Report::default()
    }
}

/// A log written by somebody who wants to break its reader.
pub fn hostile() -> Report {
    let mut r = shop();
    let trap = "\x1b[2J\x1b]0;pwned\x07\u{9b}2J<script>alert(1)</script> | `whoami` **bold** \
                [x](javascript:alert(1)) @admin #12 ``` ]]> \u{202e}gnp\r\n& \"q\" 'q'";
    r.range = None;
    r.notes = vec![trap.into()];
    r.sources = vec![Source { trouble: Some(trap.into()), ..source(trap, trap, 3, 1) }];
    for p in &mut r.problems {
        p.id = trap.into();
        p.title = trap.into();
        p.endpoints = vec![endpoint(trap, trap, 0, Some(0), trap); 5];
        p.verdict.culprit = Some(trap.into());
        p.verdict.cause.name = trap.into();
        p.verdict.summary = trap.into();
        p.verdict.next_steps = vec![trap.into()];
        p.verdict.trigger.what = Some(trap.into());
        p.hops = vec![hop(trap, Some(trap), HopState::Broken); 3];
        p.evidence = vec![quote(trap, 0, at(7, 0, 0), Role::Cause, trap, trap); 12];
        p.exception = Some(Exception {
            kind: trap.into(),
            message: trap.into(),
            frames: vec![frame(trap, 0, trap, true); 9].into(),
        });
        p.reproduce = Some(trap.into());
        p.inputs = vec![trap.into()];
        p.ended = Some(Ended { at: Time(i64::MIN), what: Some(trap.into()) });
        p.timeline = Timeline {
            start: Time(i64::MAX),
            step_us: i64::MAX,
            failed: vec![u64::MAX, 1],
            requests: vec![1],
        };
        p.alternatives = vec![Alternative {
            cause: p.verdict.cause.clone(),
            culprit: Some(trap.into()),
            confidence: -1.0,
        }];
        p.count = u64::MAX;
    }
    r
}
