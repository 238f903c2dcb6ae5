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
