//! The other side of channels: servers on loopback that write down what they are sent, and answer as they are told.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

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
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mail: Arc<Mutex<String>> = Arc::default();
    let to = Arc::clone(&mail);
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap());
        stream.write_all(b"220 mail.example ESMTP\r\n").unwrap();
        let (mut data, mut line) = (false, String::new());
        while lines.read_line(&mut line).is_ok_and(|n| n > 0) {
            to.lock().unwrap().push_str(&line);
            let answer = match line.trim_end() {
                "." if data => {
                    data = false;
                    "250 2.0.0 queued as 4711\r\n"
                }
                _ if data => "",
                l if l.starts_with("EHLO") => "250-mail.example\r\n250 8BITMIME\r\n",
                "DATA" => {
                    data = true;
                    "354 go on\r\n"
                }
                "QUIT" => "221 bye\r\n",
                _ => "250 ok\r\n",
            };
            stream.write_all(answer.as_bytes()).unwrap();
            line.clear();
        }
    });
    (port, mail)
}
