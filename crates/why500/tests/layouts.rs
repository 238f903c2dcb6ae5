//! Layouts that leave out what others write: dates, times, columns.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod explained;

use serde_json::Value;

/// Thirty requests that go well and three that fail, in nginx's combined format.
fn access() -> String {
    let line = |second: u32, target: &str, status: u16| {
        format!(
            "203.0.113.9 - - [24/Nov/2026:10:{:02}:{:02} +0000] \"GET {target} HTTP/1.1\" {status} 157 \"-\" \"curl/7.88.1\"\n",
            second / 60,
            second % 60
        )
    };
    let well = (0..30).map(|i| line(7 * i, &format!("/products/{i}"), 200));
    well.chain([90, 93, 96].map(|s| line(s, "/orders", 500))).collect()
}

/// Requests, failures and the cause, culprit and count of each problem.
fn explain(name: &str, files: &[(&str, &str)]) -> (u64, u64, Vec<(String, String, u64)>) {
    let report = explained::explain(name, files);
    let of = |p: &Value| {
        let v = &p["verdict"];
        let word = |name: &str| v[name].as_str().unwrap_or("").to_owned();
        (word("cause"), word("culprit"), p["count"].as_u64().unwrap())
    };
    let totals = &report["totals"];
    let problems = report["problems"].as_array().unwrap().iter().map(of).collect();
    (totals["requests"].as_u64().unwrap(), totals["failures"].as_u64().unwrap(), problems)
}

/// Logback's own default and Micronaut's: a time of day. The files are of today, the day is that of the access log.
#[test]
fn a_time_of_day_is_of_the_day_of_the_other_logs() {
    let thrown = |at: &str| {
        format!(
            "10:01:{at}.120 [virtual-executor3] ERROR i.m.http.server.RouteExecutor - Unexpected error occurred: Client \
             'https://rates.example': Read Timeout\nio.micronaut.http.client.exceptions.ReadTimeoutException: Client \
             'https://rates.example': Read Timeout\n\tat io.micronaut.http.client.netty.DefaultHttpClient.lambda$exchange$12(DefaultHttpClient.java:812)\n\
             \tat com.acme.rates.RateClient.fetch(RateClient.java:31)\n"
        )
    };
    let app: String = ["30", "33", "36"].map(thrown).concat();
    let found = explain("logback", &[("access.log", &access()), ("rates.log", &app)]);
    assert_eq!(found, (33, 3, vec![("timeout".into(), "rates.example".into(), 3)]));
}

/// Phoenix's generator writes no dates either: its lines are the requests that the access log has, and no others.
#[test]
fn requests_of_a_time_of_day_are_those_of_the_access_log() {
    let mut app = String::new();
    for i in 0..30 {
        let at = format!("10:{:02}:{:02}.1", 7 * i / 60, 7 * i % 60);
        app += &format!(
            "{at}01 request_id=GAx{i}q [info] GET /products/{i}\n{at}02 request_id=GAx{i}q [info] Sent 200 in 1ms\n"
        );
    }
    for at in ["10:01:30", "10:01:33", "10:01:36"] {
        app += &format!(
            "{at}.100 request_id=G{} [info] GET /orders\n{at}.101 request_id=G{} [info] Sent 500 in 1ms\n",
            &at[6..],
            &at[6..]
        );
    }
    let (requests, failures, _) = explain("phoenix", &[("access.log", &access()), ("shop.log", &app)]);
    assert_eq!((requests, failures), (33, 3));
}

/// Fiber's logger has what the handler gave back in its last column.
#[test]
fn an_access_log_with_the_error_in_it() {
    let mut log = String::new();
    for second in 10..40 {
        log += &format!(
            "10:04:{second} | 200 |      12.1ms |     203.0.113.9 | GET     | /about          | -\n"
        );
    }
    log += "10:04:40 | 500 |      12.1ms |     203.0.113.9 | GET     | /orders         | failed to connect to `user=shop database=shop`: \
            10.0.3.4:5432 (db): dial error: dial tcp 10.0.3.4:5432: connect: connection refused\n";
    let found = explain("fiber", &[("fiber.log", &log)]);
    assert_eq!(found, (31, 1, vec![("connection-refused".into(), "10.0.3.4:5432".into(), 1)]));
}

/// Npgsql's errors have an `Exception data:` block below their frames; the next entry is one of its own.
#[test]
fn what_stands_below_the_frames_does_not_swallow_the_next_entry() {
    let entry = |n: u32| {
        format!(
            "fail: Microsoft.AspNetCore.Server.Kestrel[13]\n      Connection id \"0HN8000{n}\", Request id \"0HN8000{n}:00000003\": An unhandled \
             exception was thrown by the application.\n      Npgsql.PostgresException (0x80004005): 40P01: deadlock detected\n         \
             at Shop.Stock.StockService.Reserve(Guid id) in /src/Stock/StockService.cs:line 61\n        Exception data:\n          \
             Severity: ERROR\n          SqlState: 40P01\n"
        )
    };
    let report = explained::explain("npgsql", &[("app.log", &(1..=5).map(entry).collect::<String>())]);
    let problems = report["problems"].as_array().unwrap();
    assert_eq!((problems.len(), problems[0]["count"].as_u64()), (1, Some(5)), "{problems:#?}");
    assert_eq!(problems[0]["verdict"]["cause"], "deadlock");
}

/// What a Redis server refuses has frames of its client library alone: Redis is to be looked at.
#[test]
fn frames_of_a_library_alone_are_no_place_to_look_at() {
    let refused = |ms: u64| {
        format!(
            "{{\"level\":50,\"time\":{ms},\"pid\":19,\"reqId\":\"req-{ms}\",\"req\":{{\"method\":\"POST\",\"url\":\"/cart/items\"}},\"res\":{{\"statusCode\":500}},\
             \"err\":{{\"type\":\"ReplyError\",\"message\":\"READONLY You can't write against a read only replica.\",\"stack\":\"ReplyError: READONLY You can't \
             write against a read only replica.\\n    at parseError (/app/node_modules/redis-parser/lib/parser.js:179:12)\\n    at parseType \
             (/app/node_modules/redis-parser/lib/parser.js:302:14)\"}},\"msg\":\"READONLY You can't write against a read only replica.\"}}\n"
        )
    };
    let log: String = [1_795_514_400_005, 1_795_514_406_005].map(refused).concat();
    let (_, failures, problems) = explain("library", &[("app.log", &log)]);
    assert_eq!((failures, problems.len()), (2, 1));
    assert_eq!((problems[0].0.as_str(), problems[0].1.as_str()), ("read-only", "redis"));
}

/// `kubectl describe` says when the container ended below why it did.
#[test]
fn a_container_that_was_killed_has_the_time_it_finished() {
    let described = concat!(
        "Name:             shop-api-7d9c5b8f6d-x2x7k\n",
        "Containers:\n",
        "  api:\n",
        "    State:          Running\n",
        "      Started:      Tue, 24 Nov 2026 10:01:40 +0000\n",
        "    Last State:     Terminated\n",
        "      Reason:       OOMKilled\n",
        "      Exit Code:    137\n",
        "      Started:      Tue, 24 Nov 2026 06:10:05 +0000\n",
        "      Finished:     Tue, 24 Nov 2026 10:01:30 +0000\n",
        "    Ready:          True\n",
    );
    let proxy = access().replace(" 500 157", " 502 157");
    let report = explained::explain("describe", &[("access.log", &proxy), ("describe.txt", described)]);
    let problem = &report["problems"][0];
    let verdict = &problem["verdict"];
    assert_eq!((verdict["cause"].as_str(), &problem["count"]), (Some("memory-exhausted"), &3.into()));
    assert_eq!(problem["evidence"][0]["at"], "2026-11-24T10:01:30Z", "{}", problem["evidence"]);
}

/// API Gateway's requestTime is when the request came; the function that it waited for was stopped three seconds later.
#[test]
fn a_function_that_is_stopped_after_the_time_its_gateway_writes() {
    let gateway = |second: u32, status: &str, took: u32| {
        format!(
            "{{\"requestId\":\"c6af9ac6-7b61-11e6-9a41-93e8deadbe{second}\",\"requestTime\":\"24/Nov/2026:07:12:{second} +0000\",\"httpMethod\":\"GET\",\"resourcePath\":\"/orders/{{id}}\",\"path\":\"/prod/orders/17\",\"status\":\"{status}\",\"integrationLatency\":\"{took}\"}}\n"
        )
    };
    let log = gateway(11, "504", 3007) + &gateway(29, "200", 27);
    let id = "8f5f0a1e-3c1e-4b2e-9a55-0c8f2d1a7b10";
    let function = format!(
        "2026-11-24T07:12:11.010Z\tSTART RequestId: {id} Version: $LATEST\n2026-11-24T07:12:14.013Z\t2026-11-24T07:12:14.013Z {id} Task timed out after 3.00 seconds\n2026-11-24T07:12:14.013Z\tEND RequestId: {id}\n"
    );
    let found = explain("gateway", &[("apigw.log", &log), ("function.log", &function)]);
    assert_eq!(found, (2, 1, vec![("execution-timeout".into(), "Lambda function".into(), 1)]));
}

/// Cowboy's handlers end in crash reports of Erlang, which have no line of their own for a place.
#[test]
fn a_crash_report_names_the_line_of_the_service() {
    let crash = |at: &str| {
        format!(
            "=CRASH REPORT==== 24-Nov-2026::{at}.123456 ===\n  crasher:\n    initial call: cowboy_stream_h:request_process/3\n    pid: <0.812.0>\n    registered_name: []\n    exception error: no match of right hand side value {{error,enoent}}\n      in function  shop_order_h:init/2 (/srv/shop/src/shop_order_h.erl, line 27)\n      in call from cowboy_handler:execute/2 (/srv/shop/_build/default/lib/cowboy/src/cowboy_handler.erl, line 37)\n    ancestors: [<0.811.0>,ranch_sup,<0.180.0>]\n    message_queue_len: 0\n"
        )
    };
    let app: String = ["10:01:30", "10:01:33", "10:01:36"].map(crash).concat();
    let found = explain("cowboy", &[("access.log", &access()), ("erlang.log", &app)]);
    let culprit = "/srv/shop/src/shop_order_h.erl:27";
    assert_eq!(found, (33, 3, vec![("type-mismatch".into(), culprit.into(), 3)]));
}

/// nginx tells of the request behind the last frame of Lua's traceback, and OpenResty's own folder holds the service's code too.
#[test]
fn a_traceback_in_nginx_error_log() {
    let error = |at: &str| {
        format!(
            "2026/11/24 {at} [error] 31#31: *911 lua entry thread aborted: runtime error: /usr/local/openresty/nginx/lua/auth.lua:42: attempt to index local 'claims' (a nil value)\nstack traceback:\ncoroutine 0:\n\t/usr/local/openresty/nginx/lua/auth.lua:42: in function 'check'\n\taccess_by_lua(nginx.conf:58):3: in main chunk, client: 203.0.113.9, server: shop.example, request: \"GET /orders HTTP/1.1\", host: \"shop.example\"\n"
        )
    };
    let errors: String = ["10:01:30", "10:01:33", "10:01:36"].map(error).concat();
    let found = explain("openresty", &[("access.log", &access()), ("error.log", &errors)]);
    let culprit = "/usr/local/openresty/nginx/lua/auth.lua:42";
    assert_eq!(found, (33, 3, vec![("null-reference".into(), culprit.into(), 3)]));
}

/// What a cause is more closely is said where the error's words tell.
#[test]
fn the_kind_of_a_cause_is_said() {
    for (said, title) in [
        ("upstream SSL certificate verify error: (10:certificate has expired)", "certificate has expired"),
        (
            "upstream SSL certificate verify error: (18:self signed certificate)",
            "nobody whom this client trusts",
        ),
        ("upstream SSL certificate does not match \"pay.example\"", "is for another name"),
    ] {
        let errors = format!(
            "2026/11/24 10:01:30 [error] 22#22: *71 {said} while SSL handshaking to upstream, client: 203.0.113.9, server: shop.example, request: \"GET /orders HTTP/1.1\", upstream: \"https://10.0.7.2:443/orders\", host: \"shop.example\"\n"
        );
        let report = explained::explain("kinds", &[("access.log", &access()), ("error.log", &errors)]);
        let mut problems = report["problems"].as_array().unwrap().iter();
        let found = problems.find(|p| p["verdict"]["cause"] == "tls-failure").unwrap();
        assert!(found["title"].as_str().unwrap().contains(title), "{}", found["title"]);
        let next = found["verdict"]["next_steps"].to_string();
        assert_eq!(next.contains("Which names"), said.contains("match"), "{next}");
    }
}

/// What an open circuit breaker refuses is the problem that opened it.
#[test]
fn what_an_open_circuit_refuses_failed_by_what_opened_it() {
    let head = |at: &str, level: &str| {
        format!("2026-11-24 {at}.220  {level} 1 --- [nio-8080-exec-3] c.s.pay.PayClient : ")
    };
    let refused = ["10:01:30", "10:01:33"].map(|at| {
        head(at, " WARN")
            + "call failed: java.net.ConnectException: Connection refused: pay.internal/10.0.9.4:8443\n"
    });
    let open = head("10:01:36", "ERROR")
        + "Request processing failed: io.github.resilience4j.circuitbreaker.CallNotPermittedException: CircuitBreaker 'pay' is OPEN and does not permit further calls\n";
    let app = refused.concat() + &open;
    let found = explain("circuit", &[("access.log", &access()), ("app.log", &app)]);
    assert_eq!(found, (33, 3, vec![("connection-refused".into(), "pay.internal:8443".into(), 3)]));
    // Alone it is a problem of its own.
    let (_, failures, alone) = explain("circuit-alone", &[("access.log", &access()), ("app.log", &open)]);
    assert_eq!((failures, alone.iter().any(|p| p.0 == "load-shed")), (3, true), "{alone:?}");
}

/// Event Viewer's copy of an event has its time three lines below its head.
#[test]
fn events_of_windows_have_the_time_that_they_state() {
    let iis = "#Software: Microsoft Internet Information Services 10.0\n#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\n2026-11-24 07:00:01 10.0.0.5 GET /health - 443 - 10.0.5.11 curl/8.5 - 200 0 0 3\n2026-11-24 07:05:11 10.0.0.5 GET /api/orders - 443 - 10.0.5.11 curl/8.5 - 500 30 0 1203\n";
    let event = |source: &str, id: u32, what: &str| {
        format!(
            "Log Name:      Application\nSource:        {source}\nDate:          11/24/2026 7:05:11 AM\nEvent ID:      {id}\nTask Category: None\nLevel:         Error\nKeywords:      Classic\nUser:          N/A\nComputer:      WEB01\nDescription:\n{what}\n\n"
        )
    };
    let events = event(
        "IIS AspNetCore Module V2",
        1018,
        "Application '/LM/W3SVC/1/ROOT' with physical root 'C:\\inetpub\\shop\\' failed to load coreclr. Exception message:\nCLR worker thread exited prematurely",
    ) + &event(
        ".NET Runtime",
        1026,
        "Application: w3wp.exe\nCoreCLR Version: 8.0.824.36612\nDescription: The process was terminated due to an unhandled exception.\nException Info: System.InvalidOperationException: The ConnectionString property has not been initialized.\n   at Shop.Program.Main(String[] args) in C:\\src\\shop\\Program.cs:line 17",
    );
    let report = explained::explain("events", &[("u_ex261124.log", iis), ("events.txt", &events)]);
    let problem = &report["problems"][0];
    assert_eq!(problem["verdict"]["cause"], "missing-setting");
    assert_eq!(problem["evidence"][0]["at"], "2026-11-24T07:05:11Z", "{}", problem["evidence"]);
}

/// apt keeps what was printed while it installed: that asked for no request, on a machine that serves nothing.
#[test]
fn what_an_installation_printed_is_no_failure() {
    let term = "\nLog started: 2026-05-09  07:29:02\nSetting up polkitd (122-3) ...\n\
        invoke-rc.d: policy-rc.d denied execution of reload.\n\
        start-stop-daemon: unable to stat /usr/libexec/polkitd (No such file or directory)\n\
        Setting up packagekit (1.2.6-5+deb12u1) ...\n\
        Failed to open connection to \"system\" message bus: Failed to connect to socket \
        /run/dbus/system_bus_socket: No such file or directory\nLog ended: 2026-05-09  07:29:30\n";
    let report = explained::explain("term", &[("apt/term.log", term)]);
    assert_eq!((&report["totals"]["failures"], &report["problems"]), (&0.into(), &Value::Array(vec![])));
    assert_eq!(report["sources"][0]["format"], "packages");
}

/// Three requests that fail, each told of by an app's line that `line` makes of second and id.
fn told(name: &str, app: impl Fn(u32, &str) -> String) -> Value {
    let text: String = [(90, "r1"), (93, "r2"), (96, "r3")].map(|(s, id)| app(s, id)).concat();
    explained::explain(name, &[("access.log", &access()), ("shop.log", &text)])
}

/// Of the only problem: cause, culprit, and the lines and texts that prove it.
fn only(report: &Value) -> (&str, &str, Vec<(&str, u64, &str)>) {
    let problems = report["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    let word = |v: &'static str| problems[0]["verdict"][v].as_str().unwrap_or("");
    let proof = problems[0]["evidence"].as_array().unwrap().iter().filter(|e| e["role"] == "cause");
    let proof = proof
        .map(|e| (e["source"].as_str().unwrap(), e["line"].as_u64().unwrap(), e["text"].as_str().unwrap()));
    (word("cause"), word("culprit"), proof.collect())
}

/// zap and slog print an error as what it says, with the place where the logger was called; Echo's logger puts it into the
/// request's own line.
#[test]
fn an_error_value_is_a_cause() {
    let zap = told("zap", |s, id| {
        format!(
            "{{\"level\":\"error\",\"ts\":\"2026-11-24T10:01:{}.100Z\",\"caller\":\"checkout/service.go:141\",\"msg\":\"checkout failed\",\
             \"request_id\":\"{id}\",\"error\":\"compute tax: no tax rate for country \\\"XK\\\"\"}}\n",
            s - 60
        )
    });
    let (cause, culprit, proof) = only(&zap);
    assert_eq!((cause, culprit), ("unhandled-exception", "checkout/service.go:141"));
    // The telling part of a long line is quoted by itself.
    assert!(proof.contains(&("shop.log", 1, "compute tax: no tax rate for country \"XK\"")), "{proof:?}");
    let slog = told("slog", |s, _| {
        format!(
            "{{\"time\":\"2026-11-24T10:01:{}.100Z\",\"level\":\"ERROR\",\"source\":{{\"function\":\"main.insert\",\"file\":\"/src/insert.go\",\
             \"line\":61}},\"msg\":\"insert failed\",\"err\":\"pack row: 3 values for 4 columns\"}}\n",
            s - 60
        )
    });
    assert_eq!(only(&slog).0, "unhandled-exception");
    assert_eq!(only(&slog).1, "/src/insert.go:61");

    let echo = |s: u32, status: u16, error: &str| {
        format!(
            "{{\"time\":\"2026-11-24T10:{:02}:{:02}.5Z\",\"id\":\"\",\"remote_ip\":\"203.0.113.10\",\"host\":\"api.example.com\",\"method\":\"GET\",\
             \"uri\":\"/v1/prices\",\"user_agent\":\"curl/8.5.0\",\"status\":{status},\"error\":\"{error}\",\"latency\":358752000,\"bytes_out\":36}}\n",
            s / 60,
            s % 60
        )
    };
    let well: String = (0..30).map(|i| echo(i * 7, 200, "")).collect();
    let failed = echo(215, 500, "load prices: unknown currency XTS");
    let report = explained::explain("echo", &[("echo.log", &format!("{well}{failed}"))]);
    assert_eq!(only(&report).0, "unhandled-exception");
    assert_eq!(report["problems"][0]["title"], "load prices: unknown currency XTS");
    // What only repeats the answer says nothing.
    let failed = echo(215, 500, "code=500, message=Internal Server Error");
    let report = explained::explain("echo-code", &[("echo.log", &format!("{well}{failed}"))]);
    assert_eq!(only(&report).0, "unexplained");
}

/// An error of several lines in a JSON string, with zap's stack beside it: the file has one line of it.
#[test]
fn lines_within_a_string_are_none_of_the_file() {
    let report = told("lines", |s, _| {
        format!(
            "{{\"level\":\"error\",\"ts\":\"2026-11-24T10:01:{}.100Z\",\"msg\":\"cannot read key\",\"error\":\"Error making API request.\\n\\n\
             URL: GET http://vault.internal:8200/v1/x\\nCode: 400. Errors:\\n\\n* unsupported path\",\"stacktrace\":\"github.com/acme/tokens.(*Handler).Create\\n\
             \\t/src/tokens/handler.go:88\\nnet/http.HandlerFunc.ServeHTTP\\n\\t/usr/local/go/src/net/http/server.go:2220\"}}\n",
            s - 60
        )
    });
    let (_, culprit, proof) = only(&report);
    assert_eq!(culprit, "/src/tokens/handler.go:88");
    assert!(proof.iter().all(|(_, line, _)| *line == 1), "{proof:?}");
}

/// A client library's exception for a 4xx that another service answered with, which nothing caught here.
#[test]
fn what_another_service_refused_is_told() {
    let report = told("refused", |s, _| {
        format!(
            "2026-11-24 10:01:{},647 ERROR uvicorn.error: Exception in ASGI application\nTraceback (most recent call last):\n\
             \x20 File \"/app/.venv/lib/python3.12/site-packages/starlette/routing.py\", line 73, in app\n    response = await f(request)\n\
             \x20 File \"/app/summaries/service.py\", line 48, in summarize\n    r = await client.create(model=MODEL, messages=msgs)\n\
             \x20 File \"/app/.venv/lib/python3.12/site-packages/openai/_base_client.py\", line 1594, in request\n\
             \x20   raise self._make_status_error_from_response(err.response) from None\n\
             openai.BadRequestError: Error code: 400 - {{'error': {{'message': 'too long', 'code': 'context_length_exceeded'}}}}\n",
            s - 60
        )
    });
    assert_eq!(only(&report).1, "/app/summaries/service.py:48");
}

/// A disk that fails: what writes there names the file, the kernel the disk.
#[test]
fn a_file_system_made_read_only_is_the_trigger() {
    let app = |s: u32| {
        format!(
            "[2026-11-24 10:01:{},531] ERROR in app: Exception on /orders [GET]\nTraceback (most recent call last):\n\
             \x20 File \"/srv/app/orders.py\", line 12, in save\n    with open(path, 'w') as f:\n\
             OSError: [Errno 30] Read-only file system: '/srv/data/o/88.json'\n",
            s - 60
        )
    };
    let kern = "Nov 24 10:01:21 web1 kernel: [699616.102000] Aborting journal on device sdb1-8.\n\
                Nov 24 10:01:21 web1 kernel: [699616.102100] EXT4-fs (sdb1): Remounting filesystem read-only\n";
    let app: String = [90, 93, 96].map(app).concat();
    let report =
        explained::explain("readonly", &[("access.log", &access()), ("app.log", &app), ("kern.log", kern)]);
    let verdict = &report["problems"][0]["verdict"];
    assert_eq!(verdict["trigger"]["kind"], "dependency");
    assert_eq!(verdict["trigger"]["what"], "the kernel made the file system of sdb1 read-only");
    assert!(verdict["summary"].as_str().unwrap().contains("takes no writes"), "{verdict:#}");
}

/// cloudflared tells of each request that it could not hand on in two lines, of which one names it.
#[test]
fn two_lines_of_cloudflared_are_one_failure() {
    let error = "Unable to reach the origin service. The service may be down or it may not be responding to traffic from \
                 cloudflared: dial tcp 127.0.0.1:3000: connect: connection refused";
    let log: String = (10..26)
        .map(|s| {
            format!(
                "2026-11-15T17:08:{s}Z ERR  error=\"{error}\" connIndex=0 event=1 ingressRule=0 originService=http://127.0.0.1:3000\n\
                 2026-11-15T17:08:{s}Z ERR Request failed error=\"{error}\" connIndex=0 dest=https://graphs.example.org/api/dash event=0 \
                 ip=198.41.192.47 type=http\n"
            )
        })
        .collect();
    let report = explained::explain("cloudflared", &[("cloudflared.log", &log)]);
    assert_eq!(report["totals"]["failures"], 16);
    assert_eq!((only(&report).0, only(&report).1), ("connection-refused", "127.0.0.1:3000"));
    assert_eq!(report["problems"][0]["endpoints"][0]["route"], "/api/dash");
}

/// IIS' own log says 500.30; Event Viewer's text says which exception ended the app as it started.
#[test]
fn an_app_that_does_not_start_under_iis() {
    let head = "#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n#Date: 2026-11-24 08:00:00\n\
        #Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus \
        sc-win32-status time-taken\n";
    let line = |minute: u32, target: &str, status: &str| {
        format!(
            "2026-11-24 08:{minute:02}:14 10.0.0.4 GET {target} - 443 - 203.0.113.146 Mozilla/5.0 - {status} 112\n"
        )
    };
    let well: String = (0..15).map(|m| line(m, "/Home", "200 0 0")).collect();
    let failed = line(15, "/api/quote", "500 30 0") + &line(15, "/", "500 30 0");
    let iis = format!("{head}{well}{failed}");
    let event = "Level\tDate and Time\tSource\tEvent ID\tTask Category\nError\t11/24/2026 8:15:10 AM\tIIS AspNetCore Module V2\t1018\tNone\t\
        \"Application '/LM/W3SVC/2/ROOT' with physical root 'C:\\inetpub\\quote\\' hit unexpected managed exception, exception code = \
        '0xe0434352'. First 30KB characters of captured stdout and stderr logs:\n\
        Unhandled exception. System.ArgumentNullException: Value cannot be null. (Parameter 'connectionString')\n\
        \x20  at Quote.Program.<>c__DisplayClass0_0.<Main>b__1(DbContextOptionsBuilder o) in C:\\build\\Quote\\Program.cs:line 24\"\n";
    let both = explained::explain("iis", &[("u_ex261124.log", &iis), ("eventlog.txt", event)]);
    assert_eq!((only(&both).0, only(&both).1), ("missing-setting", "connectionString"));
    assert_eq!(both["totals"]["failures"], 2);
    // By its own log alone it is one problem, and says where to look.
    let alone = explained::explain("iis-alone", &[("u_ex261124.log", &iis)]);
    assert_eq!((only(&alone).0, only(&alone).1), ("unhandled-exception", "ASP.NET Core app"));
}

/// AWS' balancer: without a target, and a target that closed the connection as the kernel killed it.
#[test]
fn a_load_balancer_that_answers_itself() {
    let line = |minute: u32, target: &str, times: &str, status: &str| {
        format!(
            "https 2026-11-24T21:{minute:02}:00.186641Z app/shop/50dc6c495c0c9188 203.0.113.108:2817 {target} {times} {status} 34 366 \
             \"GET https://shop.example.com:443/p HTTP/2.0\" \"curl/8.5.0\" - TLSv1.2 arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/73e2 \
             \"Root=1-58337262-36d228ad5d99923122bbe354\" \"-\" \"-\" 0 2026-11-24T21:{minute:02}:00.186000Z \"forward\" \"-\" \"-\" \"-\" \"-\" \"-\" \"-\"\n"
        )
    };
    let well: String = (0..15).map(|m| line(m, "10.0.1.11:8080", "0.000 0.012 0.000", "200 200")).collect();
    let none = well.clone() + &line(20, "-", "-1 -1 -1", "503 -") + &line(21, "-", "-1 -1 -1", "503 -");
    let report = explained::explain("alb-none", &[("alb.log", &none)]);
    assert_eq!((only(&report).0, only(&report).1), ("connection-refused", "target group web"));
    let closed = well + &line(20, "10.0.1.11:8080", "0.000 0.612 -1", "502 -");
    let report = explained::explain("alb-closed", &[("alb.log", &closed)]);
    assert_eq!((only(&report).0, only(&report).1), ("connection-reset", "10.0.1.11:8080"));
    let killed = "2026-11-24T21:20:00+0000 ip-10-0-1-11 kernel: Memory cgroup out of memory: Killed process 4312 (node) total-vm:2241880kB, \
        anon-rss:1022100kB, file-rss:0kB, shmem-rss:0kB, UID:1000 pgtables:4312kB oom_score_adj:0\n";
    let report = explained::explain("alb-killed", &[("alb.log", &closed), ("dmesg.log", killed)]);
    assert_eq!(only(&report).0, "memory-exhausted");
}
