//! A proxy left running in the background of a session, and as much of `curl -s` as it takes to
//! ask it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A proxy on free ports; pages name the default ones.
pub(super) struct Running {
    child: Child,
    traffic: String,
    admin: String,
}

impl Running {
    /// Starts it and waits until it listens.
    pub(super) fn start(program: &Path, arguments: &[String], folder: &Path) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .current_dir(folder)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let listening = lines
            .by_ref()
            .map(Result::unwrap)
            .find(|line| line.contains("listening"))
            .expect("it ended before it listened");
        // Somebody has to read what it goes on to say.
        std::thread::spawn(move || lines.for_each(drop));
        let address = |name: &str| {
            let mut words = listening.split_whitespace();
            words
                .find_map(|word| word.strip_prefix(name))
                .unwrap()
                .to_owned()
        };
        Self {
            child,
            traffic: address("traffic="),
            admin: address("admin="),
        }
    }

    /// `curl -s URL [-H HEADER]… [-d BODY]`: the body of the answer, with a newline as a prompt
    /// behind it would need.
    pub(super) fn curl(&self, arguments: &[String]) -> String {
        let (mut url, mut headers, mut body) = ("", String::new(), None);
        let mut arguments = arguments.iter().map(String::as_str);
        while let Some(argument) = arguments.next() {
            match argument {
                "-s" => {}
                "-H" => headers.push_str(&format!("{}\r\n", arguments.next().unwrap())),
                "-d" => body = arguments.next(),
                _ => url = argument,
            }
        }
        let url = url.trim_start_matches("http://");
        let (host, path) = url.split_once('/').unwrap();
        let address = match host.rsplit_once(':').unwrap().1 {
            "8091" => &self.traffic,
            "9103" => &self.admin,
            other => panic!("no proxy listens on {other}"),
        };
        let method = if body.is_some() { "POST" } else { "GET" };
        let body = body.unwrap_or_default();
        let request = format!(
            "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        format!("{}\n", body.trim_end())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
