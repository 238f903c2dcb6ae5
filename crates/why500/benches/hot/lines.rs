//! The lines that are measured on, from a seeded generator: the same in each run, and nothing large in the tree.

use std::fmt::Write;

/// xorshift64*, with a fixed seed.
pub struct Seeded(u64);

impl Seeded {
    pub fn new() -> Seeded {
        Seeded(0x5003_2027_0307_0001)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % n
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of.get(self.below(of.len() as u64) as usize).copied().unwrap_or_default()
    }

    pub fn client(&mut self) -> String {
        format!("93.{}.{}.{}", self.below(8), self.below(256), 1 + self.below(254))
    }

    pub fn target(&mut self) -> String {
        let n = self.below(5_000);
        match self.below(5) {
            0 => "/events".to_owned(),
            1 => format!("/events/{n}"),
            2 => format!("/search?q=jazz+{n}&page=2"),
            3 => format!("/images/{:08x}.webp", n * 859_433),
            _ => format!("/api/v2/events/{n}"),
        }
    }
}

const AGENTS: [&str; 3] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/134.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:136.0) Gecko/20100101 Firefox/136.0",
    "okhttp/4.12.0",
];

fn clock(second: usize) -> String {
    format!("{:02}:{:02}:{:02}", second / 3600 % 24, second / 60 % 60, second % 60)
}

/// nginx' stock format.
pub fn combined(n: usize) -> String {
    access(n, |_| "\n".to_owned())
}

/// With times, upstream and request id behind it, as people add them.
pub fn timed(n: usize) -> String {
    access(n, |r| {
        let ms = r.below(900);
        format!(
            " rt=0.{ms:03} urt=0.{ms:03} ua=unix:/run/php/php8.3-fpm.sock rid={:016x}{:016x}\n",
            r.below(u64::MAX),
            r.below(u64::MAX)
        )
    })
}

fn access(n: usize, tail: impl Fn(&mut Seeded) -> String) -> String {
    let (mut r, mut out) = (Seeded::new(), String::new());
    for i in 0..n {
        let (client, target, agent) = (r.client(), r.target(), r.pick(&AGENTS));
        let (status, size) = (r.pick(&["200", "200", "200", "200", "304", "302", "404"]), r.below(90_000));
        let at = clock(i / 10);
        let _ = write!(
            out,
            r#"{client} - - [07/Mar/2027:{at} +0000] "GET {target} HTTP/1.1" {status} {size} "-" "{agent}""#
        );
        out.push_str(&tail(&mut r));
    }
    out
}

/// The same as one JSON object a line.
pub fn json(n: usize) -> String {
    let (mut r, mut out) = (Seeded::new(), String::new());
    for i in 0..n {
        let (client, target, agent) = (r.client(), r.target(), r.pick(&AGENTS));
        let (status, size) = (r.pick(&["200", "200", "200", "200", "304", "302", "404"]), r.below(90_000));
        let (at, ms) = (clock(i / 10), r.below(900));
        let _ = writeln!(
            out,
            r#"{{"time":"2027-03-07T{at}+00:00","remote_addr":"{client}","request_method":"GET","request_uri":"{target}","status":{status},"body_bytes_sent":{size},"http_user_agent":"{agent}","request_time":0.{ms:03}}}"#
        );
    }
    out
}

/// Errors of Laravel, each with a trace; there are three different ones, as one bug is logged again and again.
pub fn laravel(n: usize) -> String {
    let (mut r, mut out) = (Seeded::new(), String::new());
    for i in 0..n {
        let (id, controller) = (r.below(90_000), r.pick(&["Event", "Basket", "Venue"]));
        let at = clock(i * 7);
        let said = format!(
            "SQLSTATE[HY000] [2002] Connection refused (Connection: mysql, SQL: select * from `events` where `id` = {id} limit 1)"
        );
        let _ = write!(
            out,
            "[2027-03-07 {at}] production.ERROR: {said} {{\"url\":\"/events/{id}\",\"exception\":\"[object] (Illuminate\\\\Database\\\\QueryException(code: 2002): {said} at /srv/tickets/vendor/laravel/framework/src/Illuminate/Database/Connection.php:825)\n[stacktrace]\n"
        );
        for k in 0..8 {
            let _ = writeln!(
                out,
                "#{k} /srv/tickets/vendor/laravel/framework/src/Illuminate/Database/Step{k}.php({}): Illuminate\\Database\\Step{k}->run('select * from `...', Array, Object(Closure))",
                700 + k
            );
        }
        let _ = writeln!(
            out,
            "#8 /srv/tickets/app/Http/Controllers/{controller}Controller.php(41): App\\Http\\Controllers\\{controller}Controller->show()"
        );
        for k in 9..28 {
            let _ = writeln!(
                out,
                "#{k} /srv/tickets/vendor/laravel/framework/src/Illuminate/Pipeline/Pipeline.php({}): Illuminate\\Pipeline\\Pipeline->Illuminate\\Pipeline\\{{closure}}(Object(Illuminate\\Http\\Request))",
                100 + k
            );
        }
        out.push_str("#28 {main}\n\"} \n");
    }
    out
}

/// Errors of Spring Boot with a cause. No two traces are the same to the byte: the line numbers of one frame differ.
pub fn java(n: usize) -> String {
    let (mut r, mut out) = (Seeded::new(), String::new());
    for i in 0..n {
        let (id, at) = (r.below(90_000), clock(i * 7));
        let _ = writeln!(
            out,
            "2027-03-07T{at}.{:03}Z ERROR 1 --- [nio-8080-exec-{}] o.a.c.c.C.[.[.[/].[dispatcherServlet] : Servlet.service() for servlet [dispatcherServlet] threw exception\n\njava.lang.IllegalStateException: no price for event {id}",
            r.below(1000),
            r.below(10)
        );
        for k in 0..24 {
            let _ = writeln!(
                out,
                "\tat org.springframework.web.servlet.Step{k}.handle(Step{k}.java:{}) ~[spring-webmvc-6.2.3.jar!/:6.2.3]",
                if k == 11 { r.below(400) } else { 100 + k }
            );
        }
        out.push_str("Caused by: java.sql.SQLTransientConnectionException: HikariPool-1 - Connection is not available, request timed out after 30001ms.\n");
        for k in 0..6 {
            let _ =
                writeln!(out, "\tat com.zaxxer.hikari.pool.HikariPool.step{k}(HikariPool.java:{})", 180 + k);
        }
        out.push_str("\t... 21 common frames omitted\n");
    }
    out
}

/// What servers say when requests fail: one line each.
pub const SAID: [&str; 6] = [
    "2027/03/07 20:05:11 [error] 2301#2301: *4711 connect() failed (111: Connection refused) while connecting to upstream, client: 93.4.17.9, server: tickets.example, request: \"GET /seats/44 HTTP/1.1\", upstream: \"http://127.0.0.1:9102/seats/44\", host: \"tickets.example\"",
    "2027/03/07 20:05:12 [error] 2301#2301: *4712 upstream timed out (110: Connection timed out) while reading response header from upstream, client: 93.4.17.9, server: tickets.example, request: \"POST /pay HTTP/1.1\", upstream: \"http://127.0.0.1:9101/pay\", host: \"tickets.example\"",
    "2027-03-07 20:05:13.207 UTC [812] ERROR:  deadlock detected",
    "[07-Mar-2027 20:05:14 UTC] PHP Fatal error:  Allowed memory size of 268435456 bytes exhausted (tried to allocate 65536 bytes) in /srv/tickets/app/Exports/SalesExport.php on line 118",
    "{\"level\":\"error\",\"time\":\"2027-03-07T20:05:15Z\",\"msg\":\"connect ECONNREFUSED 127.0.0.1:6379\",\"url\":\"/basket/7\"}",
    "2027-03-07 20:05:16 ERROR the seat map of hall 7 has no row for seat 2211, order 90125 is left as it was",
];
