//! The listener over TLS on loopback: certificates that change, requests that are open at the end.

use std::net::SocketAddr;
use std::sync::Arc;

use certs::{Issued, LiveCertificate, issue_ca, issue_leaf, server_config};
use jiff::Timestamp;
use mcp_webhook::{Departure, serve};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::app::{routes, yaml};

pub(crate) const NAME: &str = "mcp-runtime-webhook.mcp-runtime.svc";

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    live: Arc<LiveCertificate>,
    pub(crate) departure: Departure,
    pub(crate) done: JoinHandle<()>,
}

async fn start() -> Running {
    let live = Arc::new(LiveCertificate::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let departure = Departure::default();
    let tls = server_config(live.clone()).unwrap();
    let done = tokio::spawn(serve(listener, tls, routes(), departure.clone()));
    Running {
        address,
        live,
        departure,
        done,
    }
}

/// A server with a certificate, and the CA to trust it by.
pub(crate) async fn start_with_certificate() -> (Running, String) {
    let running = start().await;
    let (ca, leaf) = pair();
    running.load(&leaf);
    (running, ca)
}

fn pair() -> (String, Issued) {
    let ca = issue_ca(Timestamp::now()).unwrap();
    let leaf = issue_leaf(&ca, &[NAME.to_owned()], Timestamp::now()).unwrap();
    (ca.certificate, leaf)
}

impl Running {
    fn load(&self, leaf: &Issued) {
        let loaded = self
            .live
            .load(leaf.certificate.as_bytes(), leaf.key.as_bytes());
        loaded.unwrap();
    }

    /// As API servers do.
    pub(crate) async fn connect(&self, ca: &str) -> std::io::Result<TlsStream<TcpStream>> {
        self.connect_over(ca, "http/1.1").await
    }

    pub(crate) async fn connect_over(
        &self,
        ca: &str,
        protocol: &str,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap())
            .unwrap();
        let mut config =
            ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        TlsConnector::from(Arc::new(config))
            .connect(
                NAME.try_into().unwrap(),
                TcpStream::connect(self.address).await?,
            )
            .await
    }
}

pub(crate) fn head(length: usize) -> String {
    format!(
        "POST /inject HTTP/1.1\r\nhost: {NAME}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
}

/// Reads one answer from a connection that stays open.
pub(crate) async fn answer(stream: &mut TlsStream<TcpStream>) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer).await.unwrap();
        text.push_str(std::str::from_utf8(&buffer[..n]).unwrap());
        let length = text
            .split_once("content-length: ")
            .and_then(|(_, rest)| rest.split_once("\r\n")?.0.parse::<usize>().ok());
        let body = text.split_once("\r\n\r\n").map(|(_, body)| body.len());
        if n == 0 || (body.is_some() && body == length) {
            return text;
        }
    }
}

pub(crate) async fn ask(stream: &mut TlsStream<TcpStream>) -> String {
    let body = yaml("reviews/pod.yaml").to_string();
    let request = head(body.len()) + &body;
    stream.write_all(request.as_bytes()).await.unwrap();
    answer(stream).await
}

#[tokio::test]
async fn a_review_is_answered_over_tls() {
    let (running, ca) = start_with_certificate().await;
    let mut stream = running.connect(&ca).await.unwrap();
    let answer = ask(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains(r#""code":"Injected""#), "{answer}");
}

#[tokio::test]
async fn a_new_certificate_takes_over_without_a_failed_call() {
    let running = start().await;
    let (old_ca, old) = pair();
    let (new_ca, new) = pair();
    assert!(running.connect(&old_ca).await.is_err());
    running.load(&old);
    let mut before = running.connect(&old_ca).await.unwrap();
    assert!(ask(&mut before).await.starts_with("HTTP/1.1 200"));
    running.load(&new);
    assert!(running.connect(&old_ca).await.is_err());
    let mut after = running.connect(&new_ca).await.unwrap();
    assert!(ask(&mut after).await.starts_with("HTTP/1.1 200"));
    assert!(ask(&mut before).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_request_that_is_open_at_the_end_is_answered() {
    let (running, ca) = start_with_certificate().await;
    let mut idle = running.connect(&ca).await.unwrap();
    assert!(ask(&mut idle).await.starts_with("HTTP/1.1 200"));
    let mut open = running.connect(&ca).await.unwrap();
    let body = yaml("reviews/pod.yaml").to_string();
    // The server says when it waits for the body: the request is under way then.
    let head = head(body.len()).replace("host:", "expect: 100-continue\r\nhost:");
    open.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    open.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    running.departure.stop.cancel();

    let mut end = Vec::new();
    idle.read_to_end(&mut end).await.unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
    open.write_all(body.as_bytes()).await.unwrap();
    let answer = answer(&mut open).await;
    assert!(answer.contains(r#""code":"Injected""#), "{answer}");
    running.done.await.unwrap();
}
