//! `why500 tail` outlives the server that it listens to.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod server;

use server::{Server, event, now_s};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// The lines that a program writes to one of its ends.
fn lines(from: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (out, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let _ = out.send(line);
        }
    });
    lines
}

fn until(lines: &Receiver<String>, what: &str) -> String {
    let mut all = Vec::new();
    loop {
        match lines.recv_timeout(Duration::from_secs(20)) {
            Ok(line) if line.contains(what) => return line,
            Ok(line) => all.push(line),
            Err(_) => panic!("{what}: {all:?}"),
        }
    }
}

/// Ends with the test, however that ends.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn it_goes_on_when_the_server_is_back() {
    let data = std::env::temp_dir().join(format!("why500-tail-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&data);
    let program = env!("CARGO_BIN_EXE_why500");
    let mut first = Server::on(&data, &[]).keeping();
    let address = first.address.clone();
    let mut tail = Ended(
        Command::new(program)
            .args(["tail", "--color", "never", "--server", &address])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let (out, said) = (lines(tail.0.stdout.take().unwrap()), lines(tail.0.stderr.take().unwrap()));
    // Until it listens nothing is told to it.
    std::thread::sleep(Duration::from_secs(1));
    first.post("/api/1/envelope/", "", &event(&format!("{:032x}", 1), now_s(), "KeyError", "/cart/1"));
    until(&out, "KeyError");
    first.terminate();
    assert!(until(&said, "ended the stream").contains("asked again each 2 s"));
    until(&said, "does not answer");
    let again = Command::new(program)
        .args(["serve", "--listen", &address, "--data"])
        .arg(&data)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _again = Ended(again);
    until(&said, "goes on");
    first.post("/api/1/envelope/", "", &event(&format!("{:032x}", 2), now_s(), "ValueError", "/cart/2"));
    until(&out, "ValueError");
    drop((tail, first));
    let _ = std::fs::remove_dir_all(&data);
}
