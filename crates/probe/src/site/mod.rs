//! Crawls one site: every address of its host once, as links, resources, site maps and redirects lead; and tells of its forms.

pub mod page;
pub mod robots;

use crate::checks;
use crate::explore::{Server, Stage};
use crate::operation::{Description, Operation};
use crate::request::{Answer, End, Request};
use crate::targets::{Sample, samples};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use url::Url;

/// Pages that lead to one address and are kept with it.
const INLINKS_MAX: usize = 20;
/// Addresses that wait, for each page that may be asked for: a site that makes up links does not fill the memory.
const WAITING_FACTOR: usize = 8;
/// Addresses of one path with other parameters each: calendars, filters, sessions.
const QUERIES_MAX: usize = 50;
/// Bytes of an address.
const URL_BYTES_MAX: usize = 4_096;
/// Site maps that are read, those of an index included.
const SITEMAPS_MAX: usize = 50;
/// Requests on their way at once; a browser has six.
const AT_ONCE: usize = 4;
/// An answer that takes longer is worth waiting for beside others.
const SLOW_US: u64 = 10_000;
/// Redirects after each other; browsers follow 20.
const REDIRECTS_MAX: usize = 10;
/// Operations out of addresses with parameters.
const PARAMETERS_MAX: usize = 200;

/// How a crawl goes.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Addresses asked for at most.
    pub pages_max: usize,
    /// robots.txt and `nofollow` are obeyed.
    pub robots: bool,
    /// Headers of every request.
    pub headers: Vec<(String, String)>,
}

/// One address that was asked for.
#[derive(Clone, Debug)]
pub struct Visit {
    /// Path and query.
    pub target: String,
    /// What came.
    pub answer: Answer,
    /// Targets that lead to it, the first one first; empty for where it began.
    pub inlinks: Vec<String>,
    /// Links from where it began.
    pub depth: usize,
    /// Where it redirects to.
    pub redirect: Option<String>,
    /// The page's title.
    pub title: Option<String>,
    /// What it leaks.
    pub leaks: Vec<checks::Leak>,
    /// An error page under a good status: what it says.
    pub soft_error: Option<String>,
}

/// A crawl as a whole.
#[derive(Clone, Debug, Default)]
pub struct Crawl {
    /// In the order in which they were asked for.
    pub visits: Vec<Visit>,
    /// Forms, and addresses with parameters.
    pub description: Description,
    /// Links to other hosts, not followed.
    pub elsewhere: usize,
    /// Addresses that robots.txt asks to leave alone.
    pub disallowed: usize,
    /// Whole sentences.
    pub notes: Vec<String>,
    /// Addresses that were still waiting when it ended.
    pub waiting: Vec<String>,
    /// Redirects that lead back to themselves or do not end: where they begin.
    pub loops: Vec<String>,
}

/// A crawl under way.
pub struct Crawler<'a> {
    settings: &'a Settings,
    host: String,
    waiting: VecDeque<(String, usize)>,
    known: HashSet<String>,
    inlinks: HashMap<String, Vec<String>>,
    queries: HashMap<String, usize>,
    robots: robots::Robots,
    /// Redirects: from, to.
    redirects: BTreeMap<String, String>,
    forms: BTreeSet<String>,
    crawl: Crawl,
    folded: usize,
}

impl<'a> Crawler<'a> {
    /// A crawl that begins at `start`.
    pub fn new(start: &Url, settings: &'a Settings) -> Crawler<'a> {
        let host = start.origin().ascii_serialization();
        let mut crawler = Crawler {
            settings,
            host,
            waiting: VecDeque::new(),
            known: HashSet::new(),
            inlinks: HashMap::new(),
            queries: HashMap::new(),
            robots: robots::Robots::default(),
            redirects: BTreeMap::new(),
            forms: BTreeSet::new(),
            crawl: Crawl::default(),
            folded: 0,
        };
        crawler.found(start.as_str(), None, 0);
        crawler
    }

    /// Takes up where an earlier crawl ended.
    pub fn resume(&mut self, visited: &[String], waiting: &[String]) {
        self.waiting.clear();
        self.known.extend(visited.iter().cloned());
        for target in waiting {
            if self.known.insert(target.clone()) {
                self.waiting.push_back((target.clone(), 1));
            }
        }
    }

    /// Crawls until nothing waits, the pages are used up or the run is to end.
    pub fn run(mut self, server: &mut dyn Server) -> Crawl {
        server.stage(Stage::Crawling);
        self.read_robots(server);
        let mut took_us = 0;
        while !self.waiting.is_empty()
            && !server.stopped()
            && self.crawl.visits.len() < self.settings.pages_max
        {
            // Several at once hide a slow server's waits; a fast one on one core only loses by them.
            let at_once = if took_us > SLOW_US { AT_ONCE } else { 1 };
            let room = at_once.min(self.settings.pages_max - self.crawl.visits.len());
            let n = room.min(self.waiting.len());
            let wave: Vec<(String, usize)> = self.waiting.drain(..n).collect();
            let requests: Vec<Request> = wave.iter().map(|(t, _)| self.request(t)).collect();
            let answers = server.send(&requests);
            took_us = answers.iter().map(|a| a.took_us).max().unwrap_or(0);
            let mut lost = false;
            for ((target, depth), answer) in wave.into_iter().zip(answers) {
                lost |= matches!(answer.end, End::NotReached(_));
                self.visited(target, depth, answer);
            }
            if lost {
                break;
            }
        }
        self.finish()
    }

    fn request(&self, target: &str) -> Request {
        Request { headers: self.settings.headers.clone(), ..Request::new("GET", target) }
    }

    fn read_robots(&mut self, server: &mut dyn Server) {
        let answers = server.send(&[self.request("/robots.txt")]);
        if let Some(a) = answers.first().filter(|a| a.is_ok()) {
            let read = robots::Robots::read(&a.text(), "why500-probe");
            let maps = read.sitemaps.clone();
            if self.settings.robots {
                self.robots = read;
            }
            for map in maps {
                self.read_sitemap(&map, server, 0);
            }
        }
        if answers.first().is_some_and(|a| a.failed()) {
            // A robots.txt that cannot be had forbids everything (RFC 9309 §2.3.1.4); to a probe of one's own site it is a finding.
            let answer = answers.into_iter().next().unwrap_or_default();
            self.visited("/robots.txt".to_owned(), 0, answer);
        }
    }

    fn read_sitemap(&mut self, url: &str, server: &mut dyn Server, depth: usize) {
        let Some(target) = self.own_target(url) else { return };
        if depth > 2
            || server.stopped()
            || self.crawl.visits.len() > SITEMAPS_MAX
            || !self.known.insert(target.clone())
        {
            return;
        }
        let Some(answer) = server.send(&[self.request(&target)]).into_iter().next() else { return };
        let text = answer.text().into_owned();
        let is_index = text.contains("<sitemapindex");
        // sitemaps.org/protocol.html: `<loc>` holds one address, escaped.
        let places: Vec<String> = text
            .split("<loc>")
            .skip(1)
            .filter_map(|r| r.split_once("</loc>").map(|(l, _)| l.trim().replace("&amp;", "&")))
            .take(self.settings.pages_max * WAITING_FACTOR)
            .collect();
        self.visited(target, 0, answer);
        for place in places {
            if is_index {
                self.read_sitemap(&place, server, depth + 1);
            } else {
                self.found(&place, None, 1);
            }
        }
    }

    /// Path and query of an address, if it is this host's.
    fn own_target(&self, url: &str) -> Option<String> {
        let url = Url::parse(url).ok()?;
        (url.origin().ascii_serialization() == self.host).then(|| {
            let query = url.query().map(|q| format!("?{q}")).unwrap_or_default();
            format!("{}{query}", url.path())
        })
    }

    /// An address was found on a page.
    fn found(&mut self, url: &str, on: Option<&str>, depth: usize) {
        let Some(target) = self.own_target(url) else {
            self.crawl.elsewhere += 1;
            return;
        };
        if let Some(on) = on {
            let from = self.inlinks.entry(target.clone()).or_default();
            if from.len() < INLINKS_MAX && !from.iter().any(|f| f == on) {
                from.push(on.to_owned());
            }
        }
        if target.len() > URL_BYTES_MAX || self.known.contains(&target) {
            return;
        }
        if !self.robots.allows(&target) {
            self.known.insert(target);
            self.crawl.disallowed += 1;
            return;
        }
        let path = target.split('?').next().unwrap_or_default();
        if target.contains('?') {
            let n = self.queries.entry(path.to_owned()).or_default();
            *n += 1;
            if *n > QUERIES_MAX {
                self.folded += 1;
                return;
            }
        }
        if self.waiting.len() >= self.settings.pages_max * WAITING_FACTOR {
            self.folded += 1;
            return;
        }
        self.known.insert(target.clone());
        self.waiting.push_back((target, depth));
    }

    fn visited(&mut self, target: String, depth: usize, answer: Answer) {
        self.known.insert(target.clone());
        let mut visit = Visit {
            redirect: None,
            title: None,
            leaks: checks::leaks(&answer),
            soft_error: checks::soft_error(&answer),
            inlinks: Vec::new(),
            target: target.clone(),
            depth,
            answer,
        };
        let Ok(here) = Url::parse(&format!("{}{target}", self.host)) else { return };
        if (300..400).contains(&visit.answer.status)
            && let Some(to) = visit.answer.header("location").and_then(|l| here.join(l).ok())
        {
            visit.redirect = Some(to.to_string());
            if let Some(own) = self.own_target(to.as_str()) {
                self.redirects.insert(target.clone(), own);
            }
            self.found(to.as_str(), Some(&target), depth);
        }
        let media = visit.answer.media();
        let page = if media.contains("html") || media.is_empty() {
            page::read(&visit.answer.text(), &here)
        } else if media.contains("css") {
            page::read_style(&visit.answer.text(), &here)
        } else {
            page::Page::default()
        };
        visit.title = page.title;
        if !(page.nofollow && self.settings.robots) {
            for link in &page.links {
                self.found(link, Some(&target), depth + 1);
            }
        }
        for form in page.forms {
            self.form(form);
        }
        self.crawl.visits.push(visit);
    }

    fn form(&mut self, mut form: Operation) {
        if form.id.take().as_deref() != Some(self.host.as_str()) {
            self.crawl.elsewhere += 1;
            return;
        }
        let names: Vec<&str> = form.params.iter().map(|p| p.name.as_str()).collect();
        let fields = form.body.as_ref().map(|b| b.schema.to_string()).unwrap_or_default();
        let shape = format!("{} {names:?} {fields}", form.name);
        if self.robots.allows(&form.path) && self.forms.insert(shape) {
            self.crawl.description.operations.push(form);
        }
    }

    fn finish(mut self) -> Crawl {
        for v in &mut self.crawl.visits {
            v.inlinks = self.inlinks.remove(&v.target).unwrap_or_default();
        }
        for from in self.redirects.keys() {
            let mut at = from;
            let mut n = 0;
            while let Some(to) = self.redirects.get(at).filter(|_| n <= REDIRECTS_MAX) {
                n += 1;
                at = to;
            }
            if n > REDIRECTS_MAX {
                self.crawl.loops.push(from.clone());
            }
        }
        // Addresses with parameters are operations, too: one of each path and set of names.
        let with_query: Vec<Sample> = self
            .crawl
            .visits
            .iter()
            .filter(|v| v.target.contains('?') && v.answer.is_ok() && v.answer.media().contains("html"))
            .map(|v| Sample { method: "GET".into(), url: v.target.clone(), ..Sample::default() })
            .collect();
        let told = samples::describe(&with_query, None);
        for op in told.operations.into_iter().take(PARAMETERS_MAX) {
            let known = |o: &Operation| o.method == op.method && o.path == op.path;
            if !self.crawl.description.operations.iter().any(known) {
                self.crawl.description.operations.push(op);
            }
        }
        self.crawl.waiting = self.waiting.into_iter().map(|(t, _)| t).collect();
        if self.folded > 0 {
            self.crawl.notes.push(format!(
                "{} addresses were left out: more than {QUERIES_MAX} of one path with other parameters, or more than could wait.",
                self.folded
            ));
        }
        if !self.crawl.waiting.is_empty() {
            self.crawl.notes.push(format!(
                "{} addresses were not asked for any more; --max-pages sets how many are.",
                self.crawl.waiting.len()
            ));
        }
        if self.crawl.disallowed > 0 {
            self.crawl.notes.push(format!(
                "{} addresses are left alone as robots.txt asks; --no-robots asks for them all the same.",
                self.crawl.disallowed
            ));
        }
        self.crawl
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A site without end: each page leads to ten others, and to another host.
    struct Endless {
        asked: Vec<String>,
    }

    impl Server for Endless {
        fn send(&mut self, requests: &[Request]) -> Vec<Answer> {
            let one = |r: &Request| {
                if r.target == "/robots.txt" {
                    return Answer {
                        status: 200,
                        body: b"User-agent: *\nDisallow: /no\n".to_vec(),
                        ..Answer::default()
                    };
                }
                if r.target == "/loop" {
                    let headers = vec![("location".to_owned(), "/loop".to_owned())];
                    return Answer { status: 302, headers, ..Answer::default() };
                }
                let links: String = (0..10).map(|i| format!("<a href='{}x{i}/'>", r.target)).collect();
                let body = format!(
                    "{links}<a href=/no/x><a href=/loop><a href=/?s={}><a href=http://other.example/>",
                    r.target.len()
                );
                let headers = vec![("content-type".to_owned(), "text/html".to_owned())];
                Answer { status: 200, headers, body: body.into_bytes(), ..Answer::default() }
            };
            self.asked.extend(requests.iter().map(|r| r.target.clone()));
            requests.iter().map(one).collect()
        }

        fn stopped(&self) -> bool {
            false
        }

        fn stage(&mut self, _: Stage) {}
    }

    #[test]
    fn a_site_without_end_is_left_after_so_many_pages_each_asked_for_once() {
        let mut server = Endless { asked: Vec::new() };
        let settings = Settings { pages_max: 200, robots: true, headers: Vec::new() };
        let crawl = Crawler::new(&Url::parse("http://shop.example/").unwrap(), &settings).run(&mut server);
        assert_eq!(crawl.visits.len(), 200);
        let once: BTreeSet<&String> = server.asked.iter().collect();
        assert_eq!(once.len(), server.asked.len());
        assert!(
            server.asked.iter().all(|t| t.starts_with('/') && !t.starts_with("/no")),
            "{:?}",
            server.asked
        );
        assert!(crawl.elsewhere > 0 && crawl.disallowed == 1 && crawl.waiting.len() <= 1_600);
        assert_eq!(crawl.loops, ["/loop"]);
        assert!(crawl.visits.iter().find(|v| v.target == "/loop").unwrap().inlinks.contains(&"/".to_owned()));
        assert!(crawl.description.operations.iter().any(|o| o.name == "GET /"));
    }
}
