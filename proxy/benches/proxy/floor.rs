//! A reverse proxy on the same libraries that reads, decides and records nothing: what the
//! hop itself costs.

use http::Uri;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;

/// Passes everything that comes to `address` on to `upstream`, for ever.
pub(crate) async fn run(address: &str, upstream: &str) {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<HttpConnector, Incoming> =
        Client::builder(TokioExecutor::new()).build(connector);
    let listener = TcpListener::bind(address).await.unwrap();
    let authority = upstream.to_owned();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (client, authority) = (client.clone(), authority.clone());
        let service = service_fn(move |mut request: http::Request<Incoming>| {
            let target = request.uri().path_and_query().unwrap();
            *request.uri_mut() = Uri::try_from(format!("http://{authority}{target}")).unwrap();
            client.request(request)
        });
        tokio::spawn(async move {
            let builder = auto::Builder::new(TokioExecutor::new());
            let served = builder.serve_connection(TokioIo::new(stream), service);
            if let Err(error) = served.await {
                eprintln!("floor: {error}");
            }
        });
    }
}
