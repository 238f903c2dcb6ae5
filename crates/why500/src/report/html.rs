//! The report as one self-contained page: style and drawings inside, no script, nothing loaded from anywhere.
//!
//! `<!doctype html><html lang="en">…<article id="p1" class="card database">…`. Every text from a log is
//! escaped (WHATWG HTML §13.3), and a Content-Security-Policy forbids scripts and requests besides.

use super::chart::{Bars, Mark, way};
use super::phrase::{
    Clock, certainty, certainty_percent, class, counted, number, percent, plain, range, span, trigger,
    trigger_flag,
};
use super::source::{changes, excerpt};
use super::{Look, by_role, foremost, is_unexplained, needed, read, statuses};
use diagnosis::{Endpoint, Evidence, Problem, Report};
use record::{Class, Exception, TriggerKind};
use std::fmt::Write as _;
use std::io;

/// The style sheet.
const STYLE: &str = include_str!("html.css");
/// Quoted records shown at once; the rest is folded away.
const EVIDENCE_MAX: usize = 4;
/// Routes shown at once.
const ROUTES_MAX: usize = 6;
/// Routes in all; the JSON has every one.
const ROUTES_ALL: usize = 100;
/// Percent of a chart's width that a numbered dot takes; nearer ones are put into the next row.
const DOT_WIDTH: f64 = 4.0;
/// Pixels of a row of dots or flags.
const ROW: usize = 22;

/// Writes the page.
pub(super) fn write(out: &mut dyn io::Write, report: &Report, look: &Look) -> io::Result<()> {
    let clock = Clock::of(report);
    let mut h = String::with_capacity(32 * 1024);
    head(&mut h, report);
    h.push_str("<main>");
    overview(&mut h, report, clock);
    if report.problems.is_empty() {
        nothing_found(&mut h, report);
    }
    for (i, p) in report.problems.iter().enumerate() {
        problem(&mut h, report, i + 1, p, look, clock);
    }
    sources(&mut h, report);
    h.push_str("</main>");
    let _ = write!(
        h,
        "<footer>All times are UTC. Made by why500 {}.</footer></body></html>",
        env!("CARGO_PKG_VERSION")
    );
    h.push('\n');
    out.write_all(h.as_bytes())
}

/// Text for elements and quoted attributes.
pub(super) fn text(raw: &str) -> String {
    let raw = plain(raw);
    let mut out = String::with_capacity(raw.len() + 16);
    for c in raw.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

fn verdict_in_short(report: &Report) -> (String, String) {
    let t = &report.totals;
    match t.requests {
        _ if t.failures == 0 => (String::new(), "No failure found".to_owned()),
        Some(n) if n >= t.failures => (number(t.failures), format!(" of {} failed", counted(n, "request"))),
        _ => {
            (number(t.failures), if t.failures == 1 { " failure".to_owned() } else { " failures".to_owned() })
        }
    }
}

fn head(h: &mut String, report: &Report) {
    let (count, rest) = verdict_in_short(report);
    let _ = write!(
        h,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src \
         'unsafe-inline'; base-uri 'none'; form-action 'none'\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta \
         name=\"color-scheme\" content=\"light dark\">\
         <meta name=\"referrer\" content=\"no-referrer\"><meta name=\"robots\" content=\"noindex\">\
         <title>why500: {}</title><style>{STYLE}</style></head><body>",
        text(&format!("{count}{rest}"))
    );
    h.push_str(
        "<header class=\"top\"><div class=\"brand\"><svg viewBox=\"0 0 20 20\" aria-hidden=\"true\">\
         <rect class=\"hop broken\" x=\"1.5\" y=\"1.5\" width=\"17\" height=\"17\" rx=\"5\"/>\
         <path class=\"sign broken\" d=\"M6.5 6.5 l7 7 m0 -7 l-7 7\"/></svg>why500</div>",
    );
    let _ = write!(
        h,
        "<h1>{}{}</h1>",
        if count.is_empty() { String::new() } else { format!("<em>{count}</em>") },
        text(&rest)
    );
    let t = &report.totals;
    let mut facts = Vec::new();
    if let Some(n) = t.requests.filter(|n| t.failures > 0 && *n >= t.failures) {
        facts.push(percent(t.failures, n));
    }
    if !report.problems.is_empty() {
        facts.push(counted(report.problems.len() as u64, "problem"));
    }
    if let Some((from, to)) = report.range {
        facts.push(range(from, to, "–"));
    }
    facts.extend(read(report));
    let _ = write!(h, "<p class=\"sub\">{}</p></header>", text(&facts.join(" · ")));
}

fn overview(h: &mut String, report: &Report, clock: Clock) {
    let bars = Bars::of(&report.traffic);
    if bars.is_none() && report.problems.len() < 2 {
        return;
    }
    h.push_str("<section class=\"card\" aria-label=\"Overview\">");
    if let Some(bars) = bars {
        traffic(h, report, &bars, clock);
    }
    if report.problems.len() > 1 {
        index(h, report, clock);
    }
    h.push_str("</section>");
}

fn traffic(h: &mut String, report: &Report, bars: &Bars, clock: Clock) {
    let marks: Vec<(usize, Mark)> = report
        .problems
        .iter()
        .enumerate()
        .filter(|(_, p)| p.verdict.trigger.kind != TriggerKind::None)
        .filter_map(|(i, p)| Some((i + 1, Mark { at: p.verdict.trigger.at?, end: false })))
        .collect();
    h.push_str("<figure><p class=\"legend\"><span><span class=\"key bad\"></span>failed</span>");
    if bars.has_requests() {
        h.push_str("<span><span class=\"key\"></span>all requests (below, on their own scale)</span>");
    }
    if !marks.is_empty() {
        h.push_str("<span>dashed: what set problem 1, 2, … off</span>");
    }
    h.push_str("</p>");
    let lines: Vec<Mark> = marks.iter().map(|(_, m)| Mark { at: m.at, end: m.end }).collect();
    let label = format!("Failures over time, {}", bars.peak());
    let _ = write!(
        h,
        "<div class=\"plot tall\"><span class=\"peak\">{}</span>{}</div>",
        text(&bars.peak()),
        bars.failures(&label, &lines, clock, true)
    );
    if bars.has_requests() {
        let _ = write!(
            h,
            "<div class=\"plot low\">{}</div>",
            bars.traffic("All requests over time, failed ones at the foot", &lines, clock)
        );
    }
    axis(h, bars, clock);
    if !marks.is_empty() {
        dots(h, bars, &marks, clock);
    }
    h.push_str("</figure>");
}

fn axis(h: &mut String, bars: &Bars, clock: Clock) {
    let (from, to) = (bars.from(), bars.to());
    let middle = from.plus(to.since(from) / 2);
    let _ = write!(
        h,
        "<div class=\"axis\"><span>{}</span><span>{}</span><span>{}</span></div>",
        clock.short(from),
        clock.short(middle),
        clock.short(to)
    );
}

/// Numbered dots under the chart, one per problem that has a trigger; where they would hide each other, in a
/// further row.
fn dots(h: &mut String, bars: &Bars, marks: &[(usize, Mark)], clock: Clock) {
    let mut list: Vec<(f64, usize, String)> =
        marks.iter().map(|(n, m)| (bars.percent(m.at), *n, clock.at(m.at))).collect();
    list.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut rows: Vec<f64> = Vec::new();
    let mut html = String::new();
    for (x, n, at) in list {
        let free = rows.iter().position(|last| x - last >= DOT_WIDTH);
        let row = free.unwrap_or(rows.len());
        match rows.get_mut(row) {
            Some(last) => *last = x,
            None => rows.push(x),
        }
        let top = 4 + row * ROW;
        let _ = write!(
            html,
            "<a class=\"dot\" style=\"left:{x:.2}%;top:{top}px\" href=\"#p{n}\" aria-label=\"problem {n} \
             was set off at {at}\">{n}</a>"
        );
    }
    let _ = write!(h, "<div class=\"flags\" style=\"height:{}px\">{html}</div>", rows.len() * ROW + 8);
}

fn index(h: &mut String, report: &Report, clock: Clock) {
    h.push_str(
        "<table class=\"index\" style=\"margin-top:18px\"><thead><tr><th scope=\"col\">#</th><th \
         scope=\"col\">Problem</th>\
         <th scope=\"col\" class=\"right\">Failures</th><th scope=\"col\">Over time</th></tr></thead><tbody>",
    );
    for (i, p) in report.problems.iter().enumerate() {
        let n = i + 1;
        let class = p.verdict.cause.class.name();
        let spark = Bars::of(&p.timeline)
            .map(|b| b.failures(&format!("Problem {n} over time, {}", b.peak()), &[], clock, false))
            .unwrap_or_default();
        let _ = write!(
            h,
            "<tr><td class=\"right\">{n}</td><td class=\"what\"><a href=\"#p{n}\">{}</a><div><span \
             class=\"badge {class}\">{class}</span> \
             <span class=\"soft\">{}</span></div></td><td class=\"right\">{}<div class=\"share\"><span \
             style=\"width:{}%\"></span></div></td>\
             <td class=\"spark\">{spark}</td></tr>",
            text(&p.title),
            text(&p.verdict.cause.name),
            number(p.count),
            share(p.count, report.totals.failures)
        );
    }
    h.push_str("</tbody></table>");
}

fn share(part: u64, whole: u64) -> u64 {
    let percent = u128::from(part) * 100 / u128::from(whole.max(1));
    u64::try_from(percent.min(100)).unwrap_or(100).max(u64::from(part > 0))
}

fn problem(h: &mut String, report: &Report, n: usize, p: &Problem, look: &Look, clock: Clock) {
    let v = &p.verdict;
    let name = v.cause.class.name();
    let all = report.totals.failures;
    let mut below = Vec::new();
    if all > p.count {
        below.push(format!("{} of all", percent(p.count, all)));
    }
    let codes = statuses(p, "×");
    if !codes.is_empty() {
        below.push(codes);
    }
    if p.counts_inferred {
        below.push("counted from error records".to_owned());
    }
    let noun = if p.count == 1 { "failure" } else { "failures" };
    let _ = write!(
        h,
        "<article id=\"p{n}\" class=\"card {name}\" aria-labelledby=\"t{n}\"><header><div><span \
         class=\"badge {name}\">{name}</span> \
         <span class=\"soft\">{} · {}</span><h2 id=\"t{n}\">{n}. {}</h2></div><div \
         class=\"count\"><strong>{}</strong> {noun}\
         <div class=\"soft\">{}</div><div class=\"soft\"><code>{}</code></div></div></header>",
        text(&v.cause.name),
        text(class(v.cause.class)),
        text(&p.title),
        number(p.count),
        text(&below.join(" · ")),
        text(&p.id)
    );
    why(h, p, clock);
    timeline(h, p, clock);
    if p.hops.len() > 1 {
        let _ = write!(h, "<section><h3>The way of the request</h3>{}</section>", way(&p.hops));
    }
    evidence(h, p, look, clock);
    next(h, p);
    routes(h, p);
    h.push_str("</article>");
}

fn why(h: &mut String, p: &Problem, clock: Clock) {
    let v = &p.verdict;
    let _ = write!(h, "<section><h3>Why</h3><p class=\"why\">{}</p><dl class=\"facts\">", text(&v.summary));
    let mut fact = |name: &str, html: &str| {
        let _ = write!(h, "<div><dt>{name}</dt><dd>{html}</dd></div>");
    };
    if let Some(c) = v.culprit.as_deref() {
        fact("Where", &format!("<strong><code>{}</code></strong>", text(c)));
    }
    if let Some(first) = p.first_seen {
        let until = match p.last_seen {
            Some(last) if last > first => {
                format!(" to {} <span class=\"soft\">({})</span>", clock.at(last), span(last.since(first)))
            }
            _ => String::new(),
        };
        fact("Since", &format!("{}{until}", clock.at(first)));
    }
    let set_off = trigger(&v.trigger, p.first_seen, clock)
        .unwrap_or_else(|| "nothing in these logs shows it".to_owned());
    fact("Set off", &text(&set_off));
    if let Some(e) = &p.ended {
        let what = e.what.as_deref().map(|w| format!(": {}", text(w))).unwrap_or_default();
        fact("Ended", &format!("{}{what}", clock.at(e.at)));
    }
    let sure = certainty_percent(v.confidence);
    fact(
        "How sure",
        &format!(
            "<span class=\"sure\" aria-hidden=\"true\"><span style=\"width:{sure}%\"></span></span>{} \
             ({sure}%)",
            certainty(v.confidence)
        ),
    );
    for (i, a) in p.alternatives.iter().take(3).enumerate() {
        let culprit =
            a.culprit.as_deref().map(|c| format!(" at <code>{}</code>", text(c))).unwrap_or_default();
        let name = match (is_unexplained(p), i) {
            (true, 0) => "Best lead",
            _ => "Else",
        };
        fact(
            name,
            &format!(
                "{}{culprit} <span class=\"soft\">({}%)</span>",
                text(&a.cause.to_string()),
                certainty_percent(a.confidence)
            ),
        );
    }
    h.push_str("</dl>");
    if !p.inputs.is_empty() {
        h.push_str("<div style=\"margin-top:16px\"><h3>Which inputs fail</h3><ul>");
        for i in &p.inputs {
            let _ = write!(h, "<li>{}</li>", text(i));
        }
        h.push_str("</ul></div>");
    }
    h.push_str("</section>");
}

fn timeline(h: &mut String, p: &Problem, clock: Clock) {
    let Some(bars) = Bars::of(&p.timeline) else { return };
    let t = &p.verdict.trigger;
    let mut marks = Vec::new();
    let mut flags = Vec::new();
    if let Some(at) = t.at.filter(|_| t.kind != TriggerKind::None) {
        marks.push(Mark { at, end: false });
        flags.push((bars.percent(at), format!("▲ {} {}", trigger_flag(t), clock.at(at)), ""));
    }
    if let Some(e) = &p.ended {
        marks.push(Mark { at: e.at, end: true });
        flags.push((bars.percent(e.at), format!("△ ended {}", clock.at(e.at)), " end"));
    }
    let label = format!("Failures of this problem over time, {}", bars.peak());
    let _ = write!(
        h,
        "<section><h3>Over time <span class=\"soft\" \
         style=\"text-transform:none;letter-spacing:0\">{}</span></h3><figure>\
         <div class=\"plot line\">{}</div>",
        text(&bars.peak()),
        bars.failures(&label, &marks, clock, true)
    );
    axis(h, &bars, clock);
    if !flags.is_empty() {
        let _ = write!(h, "<div class=\"flags\" style=\"height:{}px\">", flags.len() * ROW);
        for (row, (x, words, class)) in flags.iter().enumerate() {
            // Far to the right the words stand to the left of their place.
            let side = if *x > 65.0 { format!("right:{:.2}%", 100.0 - x) } else { format!("left:{x:.2}%") };
            let words = if *x > 65.0 {
                words.split_once(' ').map_or(words.clone(), |(sign, rest)| format!("{rest} {sign}"))
            } else {
                words.clone()
            };
            let _ = write!(
                h,
                "<span class=\"flag{class}\" style=\"{side};top:{}px\">{}</span>",
                row * ROW,
                text(&words)
            );
        }
        h.push_str("</div>");
    }
    h.push_str("</figure></section>");
}

fn evidence(h: &mut String, p: &Problem, look: &Look, clock: Clock) {
    if p.evidence.is_empty() && p.exception.is_none() {
        return;
    }
    h.push_str("<section><h3>Proof</h3>");
    let (first, rest) = if look.all_evidence { (by_role(p), Vec::new()) } else { foremost(p, EVIDENCE_MAX) };
    if !first.is_empty() {
        quotes(h, &first, clock);
    }
    if !rest.is_empty() {
        let _ = write!(h, "<details><summary>{}</summary>", counted(rest.len() as u64, "more line"));
        quotes(h, &rest, clock);
        h.push_str("</details>");
    }
    if let Some(e) = &p.exception {
        exception(h, e, p.verdict.cause.class == Class::Code);
    }
    source(h, p);
    h.push_str("</section>");
}

fn quotes(h: &mut String, list: &[&Evidence], clock: Clock) {
    h.push_str(
        "<table class=\"evidence\"><thead><tr><th scope=\"col\">Role</th><th \
                scope=\"col\">Line</th></tr></thead><tbody>",
    );
    for e in list {
        let role = e.role.name();
        let at = e.at.map(|t| format!(" · {}", clock.at(t))).unwrap_or_default();
        let why = if e.why.is_empty() { String::new() } else { format!(" · {}", text(&e.why)) };
        let _ = write!(
            h,
            "<tr><td><span class=\"role {role}\">{role}</span></td><td><span class=\"place \
             mono\">{}:{}</span>\
             <span class=\"soft\">{at}{why}</span><pre>{}</pre></td></tr>",
            text(&e.source),
            e.line,
            text(e.text.trim_end())
        );
    }
    h.push_str("</tbody></table>");
}

/// Source lines around the culprit, and whose change it probably was.
fn source(h: &mut String, p: &Problem) {
    if let Some(e) = excerpt(p) {
        let _ = write!(h, "<h3>Source</h3><p class=\"mono\">{}</p><pre>", text(&e.title));
        for (row, (_, _, own)) in e.rows().iter().zip(&e.lines) {
            let row = text(row);
            let _ = if *own { writeln!(h, "<b>{row}</b>") } else { writeln!(h, "{row}") };
        }
        h.push_str("</pre>");
    }
    let rows = changes(p);
    if !rows.is_empty() {
        let _ = write!(h, "<h3>Changed by</h3><pre>{}</pre>", text(&rows.join("\n")));
    }
}

fn exception(h: &mut String, e: &Exception, open: bool) {
    let open = if open { " open" } else { "" };
    let message = if e.message.is_empty() { e.kind.clone() } else { format!("{}: {}", e.kind, e.message) };
    let _ = write!(
        h,
        "<details{open}><summary>Stack trace, {}</summary><pre>{}</pre>",
        counted(e.frames.len() as u64, "frame"),
        text(&message)
    );
    if !e.frames.is_empty() {
        h.push_str("<ol class=\"frames mono\">");
        for f in &e.frames {
            let (class, word) = if f.in_app {
                (" class=\"app\"", " <span class=\"soft\">(own code)</span>")
            } else {
                ("", "")
            };
            let function =
                if f.function.is_empty() { String::new() } else { format!(" {}", text(&f.function)) };
            let _ = write!(h, "<li{class}>{}{function}{word}</li>", text(&f.place()));
        }
        h.push_str("</ol>");
    }
    h.push_str("</details>");
}

fn next(h: &mut String, p: &Problem) {
    if p.verdict.next_steps.is_empty() && p.reproduce.is_none() {
        return;
    }
    h.push_str("<section>");
    if !p.verdict.next_steps.is_empty() {
        let _ =
            write!(h, "<h3>{}</h3><ol>", if is_unexplained(p) { "To see more" } else { "What to do next" });
        for s in &p.verdict.next_steps {
            let _ = write!(h, "<li>{}</li>", text(s));
        }
        h.push_str("</ol>");
    }
    if let Some(curl) = p.reproduce.as_deref() {
        let _ = write!(
            h,
            "<div style=\"margin-top:16px\"><h3>Reproduce</h3><pre class=\"curl\">{}</pre></div>",
            text(curl)
        );
    }
    h.push_str("</section>");
}

fn routes(h: &mut String, p: &Problem) {
    if p.endpoints.is_empty() {
        return;
    }
    h.push_str("<section><h3>Routes</h3>");
    let shown = p.endpoints.len().min(ROUTES_MAX);
    let (first, rest) = p.endpoints.split_at(shown);
    route_table(h, first, p.count);
    if !rest.is_empty() {
        let _ = write!(h, "<details><summary>{}</summary>", counted(rest.len() as u64, "more route"));
        route_table(h, rest.get(..ROUTES_ALL).unwrap_or(rest), p.count);
        h.push_str("</details>");
    }
    h.push_str("</section>");
}

fn route_table(h: &mut String, list: &[Endpoint], all: u64) {
    h.push_str(
        "<table><thead><tr><th scope=\"col\">Route</th><th scope=\"col\" class=\"right\">Failures</th>\
         <th scope=\"col\" class=\"right\">Requests</th></tr></thead><tbody>",
    );
    for e in list {
        let name = format!("{} {}", e.method, e.route);
        let example = if e.example.is_empty() || e.example == e.route {
            String::new()
        } else {
            format!(" <span class=\"soft\">such as <code>{}</code></span>", text(&e.example))
        };
        let requests = e.requests.map(number).unwrap_or_default();
        let _ = write!(
            h,
            "<tr><td><code>{}</code>{example}<div class=\"share\"><span \
             style=\"width:{}%\"></span></div></td>\
             <td class=\"right\">{}</td><td class=\"right\">{requests}</td></tr>",
            text(name.trim()),
            share(e.count, all),
            number(e.count)
        );
    }
    h.push_str("</tbody></table>");
}

fn nothing_found(h: &mut String, report: &Report) {
    h.push_str("<section class=\"card\"><h3>What would show more</h3><ul>");
    for n in needed(report) {
        let _ = write!(h, "<li>{}</li>", text(n));
    }
    h.push_str("</ul></section>");
}

fn sources(h: &mut String, report: &Report) {
    if report.sources.is_empty() && report.notes.is_empty() {
        return;
    }
    h.push_str("<section class=\"card\">");
    if !report.notes.is_empty() {
        h.push_str("<h3>Notes</h3><ul>");
        for n in &report.notes {
            let _ = write!(h, "<li>{}</li>", text(n));
        }
        h.push_str("</ul>");
    }
    if !report.sources.is_empty() {
        let trouble = report.sources.iter().any(|s| s.trouble.is_some());
        let open = if trouble || report.problems.is_empty() { " open" } else { "" };
        let _ = write!(
            h,
            "<details{open}><summary>What was read: {}</summary>",
            counted(report.sources.len() as u64, "file")
        );
        h.push_str(
            "<table><thead><tr><th scope=\"col\">File</th><th scope=\"col\">Format</th><th scope=\"col\" \
             class=\"right\">Lines</th>\
             <th scope=\"col\" class=\"right\">Not understood</th></tr></thead><tbody>",
        );
        for s in &report.sources {
            let trouble = s
                .trouble
                .as_deref()
                .map(|t| format!("<div class=\"role symptom\">{}</div>", text(t)))
                .unwrap_or_default();
            let format = if s.format.is_empty() { "none known".to_owned() } else { text(&s.format) };
            let _ = write!(
                h,
                "<tr><td><code>{}</code>{trouble}</td><td>{format}</td><td class=\"right\">{}</td><td \
                 class=\"right\">{}</td></tr>",
                text(&s.path),
                number(s.lines),
                number(s.lines.saturating_sub(s.parsed))
            );
        }
        h.push_str("</tbody></table></details>");
    }
    h.push_str("</section>");
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn html(report: &Report) -> String {
        let mut out = Vec::new();
        let look = Look { width: 100, colour: false, top: None, all_evidence: false, unicode: true };
        write(&mut out, report, &look).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_page_tells_the_whole_story() {
        let page = html(&sample::shop());
        for said in [
            "<title>why500: 216 of 12,480 requests failed</title>",
            "<h1><em>216</em> of 12,480 requests failed</h1>",
            "<a href=\"#p1\">The database does not accept connections (127.0.0.1:3306)</a>",
            "<article id=\"p1\" class=\"card database\" aria-labelledby=\"t1\">",
            "<dt>Where</dt><dd><strong><code>127.0.0.1:3306</code></strong></dd>",
            "when a dependency changed: mariadb: Normal shutdown (07:12:01, 3 s before)",
            "aria-label=\"Way of the request: client, then nginx (did its part), then php-fpm (passed the \
             failure on), then mariadb (broke here)\"",
            "▲ dependency 07:12:01",
            "<span class=\"role cause\">cause</span></td><td><span class=\"place \
             mono\">shop/laravel.log:8841</span>",
            "<li class=\"app\">/srv/shop/app/Services/Tax.php:41 App\\Services\\Tax-&gt;add <span \
             class=\"soft\">(own code)</span></li>",
            "<pre class=\"curl\">curl -sS -i &#39;http://shop.example/cart/17&#39;</pre>",
            "All 16 failing requests have voucher=…",
            "Best lead",
            "aria-label=\"problem 1 was set off at 07:12:01\">1</a>",
            "gzip: ended in the middle",
        ] {
            assert!(page.contains(said), "{said}");
        }
    }

    #[test]
    fn the_page_loads_and_runs_nothing() {
        for report in [sample::shop(), sample::hostile()] {
            let page = html(&report);
            assert!(page.contains("default-src 'none'"));
            for bad in [
                "<script",
                "<img",
                "<link",
                "<iframe",
                "src=",
                "url(",
                "@import",
                "onload=",
                "href=\"http",
                "href=\"javascript",
            ] {
                assert!(!page.contains(bad), "{bad}");
            }
        }
    }

    #[test]
    fn tags_are_balanced_whatever_the_log_holds() {
        for report in [sample::shop(), sample::calm(), sample::hostile(), Report::default()] {
            let page = html(&report);
            let mut open: Vec<String> = Vec::new();
            let mut rest = page.as_str();
            while let Some((_, after)) = rest.split_once('<') {
                let (tag, after) = after.split_once('>').unwrap();
                rest = after;
                let name: String =
                    tag.trim_start_matches('/').chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
                if tag.starts_with('/') {
                    assert_eq!(open.pop().as_deref(), Some(name.as_str()));
                } else if !tag.ends_with('/') && !matches!(name.as_str(), "" | "meta") {
                    open.push(name);
                }
            }
            assert!(open.is_empty(), "{open:?}");
        }
    }

    #[test]
    fn nothing_found_is_said() {
        let page = html(&sample::calm());
        assert!(page.contains("<h1>No failure found</h1>"));
        assert!(page.contains("show no answer 500 to 599"));
        assert!(page.contains("<code>access.log</code>"));
    }

    #[test]
    fn near_dots_are_put_into_another_row() {
        let bars = Bars::of(&sample::shop().traffic).unwrap();
        let at = sample::shop().problems[0].verdict.trigger.at.unwrap();
        let mut h = String::new();
        dots(&mut h, &bars, &[(1, Mark { at, end: false }), (2, Mark { at, end: false })], Clock::dated());
        assert!(h.contains("top:4px") && h.contains("top:26px") && h.contains("height:52px"), "{h}");
    }
}
