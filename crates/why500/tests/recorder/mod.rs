//! The other side of channels: servers on loopback that write down what they are sent, and answer as they are told.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A request that came.
#[derive(Clone, Debug)]
pub struct Came {
    pub method: String,
    pub path: String,
    /// Names in small letters.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Came {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }
}

/// Status, headers each with its line's end, body.
pub type Answer = (u16, &'static str, String);

/// Says what is answered to a request.
type Say = Box<dyn Fn(&Came) -> Answer + Send>;

/// An HTTP server.
pub struct Recorder {
    pub address: String,
    came: Arc<Mutex<Vec<Came>>>,
    say: Arc<Mutex<Say>>,
}

impl Recorder {
    pub fn start(say: impl Fn(&Came) -> Answer + Send + 'static) -> Recorder {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (came, say): (Arc<Mutex<Vec<Came>>>, Arc<Mutex<Say>>) =
            (Arc::default(), Arc::new(Mutex::new(Box::new(say))));
        let (to, answers) = (Arc::clone(&came), Arc::clone(&say));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (to, answers) = (Arc::clone(&to), Arc::clone(&answers));
                std::thread::spawn(move || serve(stream, &to, &answers));
            }
        });
        Recorder { address, came, say }
    }

    pub fn ok() -> Recorder {
        Recorder::start(|_| (200, "", "ok".into()))
    }

    pub fn say(&self, say: impl Fn(&Came) -> Answer + Send + 'static) {
        *self.say.lock().unwrap() = Box::new(say);
    }

    pub fn came(&self) -> Vec<Came> {
        self.came.lock().unwrap().clone()
    }

    /// Waits until so many came.
    pub fn wait(&self, n: usize) -> Vec<Came> {
        let began = Instant::now();
        loop {
            let came = self.came();
            if came.len() >= n {
                return came;
            }
            assert!(began.elapsed() < Duration::from_secs(40), "{n} were to come: {came:#?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn serve(mut stream: TcpStream, to: &Mutex<Vec<Came>>, say: &Mutex<Say>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    while lines.read_line(&mut line).is_ok_and(|n| n > 0) {
        let mut first = line.split(' ');
        let (method, path) = (first.next().unwrap().to_owned(), first.next().unwrap_or("").to_owned());
        let mut headers = Vec::new();
        loop {
            let mut header = String::new();
            lines.read_line(&mut header).unwrap();
            let Some((name, value)) = header.trim_end().split_once(": ") else { break };
            headers.push((name.to_lowercase(), value.to_owned()));
        }
        let length =
            headers.iter().find(|(n, _)| n == "content-length").map_or(0, |(_, v)| v.parse().unwrap());
        let mut body = vec![0; length];
        lines.read_exact(&mut body).unwrap();
        let came = Came { method, path, headers, body: String::from_utf8(body).unwrap() };
        let (status, more, text) = say.lock().unwrap()(&came);
        to.lock().unwrap().push(came);
        if status == 0 {
            // It hangs until the other side is gone.
            std::thread::sleep(Duration::from_secs(60));
            return;
        }
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n{more}\r\n{text}", text.len());
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
        line.clear();
    }
}

/// A mail server that takes one mail; gives its port and where the mail will be.
pub fn mail_server() -> (u16, Arc<Mutex<String>>) {
    secure_mail_server(None)
}

/// How a mail server comes to TLS, and what it proves itself by.
pub struct MailTls {
    pub config: Arc<ServerConfig>,
    /// From the first byte (port 465), not upon STARTTLS.
    pub whole: bool,
}

/// A mail server that takes mails, over TLS if told so: what it was told in clear stands behind `clear: `.
pub fn secure_mail_server(tls: Option<MailTls>) -> (u16, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mail: Arc<Mutex<String>> = Arc::default();
    let to = Arc::clone(&mail);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let wrap = |stream, tls: &MailTls| {
                StreamOwned::new(ServerConnection::new(Arc::clone(&tls.config)).unwrap(), stream)
            };
            let greeting = "220 mail.example ESMTP\r\n";
            match &tls {
                None => drop(talk(stream, greeting, "", "250-8BITMIME", &to)),
                Some(tls) if tls.whole => {
                    drop(talk(wrap(stream, tls), greeting, "", "250-AUTH PLAIN", &to));
                }
                Some(tls) => {
                    if let Some(stream) = talk(stream, greeting, "clear: ", "250-STARTTLS", &to) {
                        drop(talk(wrap(stream, tls), "", "", "250-AUTH PLAIN", &to));
                    }
                }
            }
        }
    });
    (port, mail)
}

/// Speaks SMTP and writes down what it is told; gives the stream back when the client says STARTTLS.
fn talk<S: Read + Write>(
    mut stream: S,
    greeting: &str,
    mark: &str,
    offers: &str,
    to: &Mutex<String>,
) -> Option<S> {
    stream.write_all(greeting.as_bytes()).ok()?;
    stream.flush().ok()?;
    let mut lines = BufReader::new(stream);
    let (mut data, mut line) = (false, String::new());
    while lines.read_line(&mut line).is_ok_and(|n| n > 0) {
        to.lock().unwrap().push_str(&format!("{mark}{line}"));
        let answer = match line.trim_end() {
            "." if data => {
                data = false;
                "250 2.0.0 queued as 4711\r\n".to_owned()
            }
            _ if data => String::new(),
            l if l.starts_with("EHLO") => format!("250-mail.example\r\n{offers}\r\n250 SIZE 10240000\r\n"),
            l if l.starts_with("RCPT TO:<gone@") => "550 5.1.1 no such mailbox\r\n".to_owned(),
            l if l.starts_with("AUTH") => "235 2.7.0 welcome\r\n".to_owned(),
            "STARTTLS" => "220 go on\r\n".to_owned(),
            "DATA" => {
                data = true;
                "354 go on\r\n".to_owned()
            }
            "QUIT" => "221 bye\r\n".to_owned(),
            _ => "250 ok\r\n".to_owned(),
        };
        lines.get_mut().write_all(answer.as_bytes()).ok()?;
        lines.get_mut().flush().ok()?;
        if line.trim_end() == "STARTTLS" {
            return Some(lines.into_inner());
        }
        line.clear();
    }
    None
}
