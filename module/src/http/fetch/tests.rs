//! Fetching from web servers on loopback that are scripts.

mod server;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use rustls::RootCertStore;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::Instant;

use http_body_util::BodyExt as _;

use super::address::Special;
use super::network::Network;
use super::*;
use crate::http::refusal::Refusal;
use server::{Secret, Server, answer, moved};

/// How long something may take that should come at once.
const PATIENCE: Duration = Duration::from_secs(20);

const ANY: FetchLimits = FetchLimits {
    access: UrlAccess::Any,
    max_body: 1000,
    share: None,
};
const PUBLIC: FetchLimits = FetchLimits {
    access: UrlAccess::Public,
    max_body: 1000,
    share: None,
};

/// An address of the Internet; nothing is ever sent there.
const OUTSIDE: &str = "8.8.8.8";

/// An Internet of its own: names lead where a test says, one answer after the other, and whatever
/// address is connected to, it is the one server.
struct Pretend {
    names: HashMap<&'static str, Vec<&'static str>>,
    server: SocketAddr,
    roots: RootCertStore,
    resolved: Mutex<Vec<String>>,
    connected: Mutex<Vec<String>>,
}

impl Pretend {
    fn new(server: &Server, names: &[(&'static str, &[&'static str])]) -> Self {
        Pretend {
            names: names.iter().map(|(n, a)| (*n, a.to_vec())).collect(),
            server: server.address,
            roots: RootCertStore::empty(),
            resolved: Mutex::default(),
            connected: Mutex::default(),
        }
    }

    async fn fetch(&self, url: &str, limits: &FetchLimits) -> Result<Fetched, FetchError> {
        fetch_over(self, url, limits, Instant::now() + PATIENCE).await
    }

    fn connected(&self) -> Vec<String> {
        self.connected.lock().unwrap().clone()
    }
}

impl Network for Pretend {
    fn roots(&self) -> RootCertStore {
        self.roots.clone()
    }

    /// The nth question for a name has the nth answer; a comma parts the addresses in one.
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let asked = {
            let mut resolved = self.resolved.lock().unwrap();
            resolved.push(host.to_owned());
            resolved.iter().filter(|name| *name == host).count()
        };
        let answers = self.names.get(host).ok_or(io::ErrorKind::NotFound)?;
        let answer = answers[(asked - 1).min(answers.len() - 1)];
        let parse = |text: &str| SocketAddr::new(text.parse().unwrap(), port);
        Ok(answer.split(',').map(parse).collect())
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        self.connected.lock().unwrap().push(address.to_string());
        TcpStream::connect(self.server).await
    }
}

async fn get(url: &str, limits: &FetchLimits) -> Result<Fetched, FetchError> {
    fetch(url, limits, Instant::now() + PATIENCE).await
}

fn too_long(host: &str) -> FetchError {
    FetchError::TooLong {
        host: host.to_owned(),
        limit: 1000,
    }
}

fn not_public(host: &str, special: Special) -> FetchError {
    FetchError::NotPublic {
        host: host.to_owned(),
        special,
    }
}

#[tokio::test]
async fn a_picture_is_fetched_and_the_server_is_told_no_more_than_it_must_know() {
    let server = Server::start(|_path| answer(&[7; 1000])).await;
    let fetched = get(&server.url("/a.jpg?sig=b"), &ANY).await.unwrap();
    assert_eq!((fetched.length, &fetched.bytes[..]), (1000, &[7; 1000][..]));
    let [head] = &server.heads()[..] else {
        panic!("one request")
    };
    let mut lines: Vec<String> = head.lines().map(str::to_ascii_lowercase).collect();
    lines.sort();
    let expected = [
        "accept: */*".to_owned(),
        "connection: close".to_owned(),
        "get /a.jpg?sig=b http/1.1".to_owned(),
        format!("host: {}", server.address),
        format!("user-agent: fruit-counter/{}", env!("CARGO_PKG_VERSION")),
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn under_public_no_connection_goes_to_loopback_however_it_is_written() {
    let server = Server::start(|_path| answer(b"secret")).await;
    let port = server.address.port();
    // The resolver of the box knows the short and the numeric forms of an IPv4 address, too.
    for host in [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ] {
        let found = get(&format!("http://{host}:{port}/"), &PUBLIC).await;
        let name = host.trim_matches(['[', ']']);
        let refused = found == Err(not_public(name, Special::Loopback));
        // Not every resolver takes them.
        let unknown = found == Err(FetchError::Resolve { host: name.into() });
        assert!(
            refused || (unknown && !host.contains("0.0.1")),
            "{host}: {found:?}"
        );
    }
    assert!(server.heads().is_empty());
}

#[tokio::test]
async fn a_name_with_one_private_address_among_others_is_refused() {
    let server = Server::start(|_path| answer(b"secret")).await;
    let net = Pretend::new(&server, &[("mixed", &["8.8.8.8,10.0.0.1"])]);
    let found = net.fetch("http://mixed/", &PUBLIC).await;
    assert_eq!(found, Err(not_public("mixed", Special::Private)));
    assert!(net.connected().is_empty());
    assert!(net.fetch("http://mixed/", &ANY).await.is_ok());
}

#[tokio::test]
async fn a_name_that_turns_inside_after_its_check_is_asked_for_once_and_stays_outside() {
    let server = Server::start(|_path| answer(b"picture")).await;
    let net = Pretend::new(&server, &[("turning", &[OUTSIDE, "127.0.0.1"])]);
    assert!(net.fetch("http://turning/", &PUBLIC).await.is_ok());
    assert_eq!(*net.resolved.lock().unwrap(), ["turning"]);
    assert_eq!(net.connected(), ["8.8.8.8:80"]);
    // Asked a second time it would have led inside, and that is seen.
    let found = net.fetch("http://turning/", &PUBLIC).await;
    assert_eq!(found, Err(not_public("turning", Special::Loopback)));
}

#[tokio::test]
async fn a_redirect_is_checked_like_the_first_address() {
    for (location, host, special) in [
        ("http://inside/", "inside", Special::Private),
        (
            "http://169.254.169.254/metadata",
            "169.254.169.254",
            Special::LinkLocal,
        ),
        ("//[::1]/", "::1", Special::Loopback),
        // The same name, which leads elsewhere by now.
        ("/again", "outside", Special::Loopback),
    ] {
        let server = Server::start(move |_path| moved(location)).await;
        let names: &[(_, &[_])] = &[
            ("outside", &[OUTSIDE, "127.0.0.1"]),
            ("inside", &["192.168.1.1"]),
        ];
        let net = Pretend::new(&server, names);
        let found = net.fetch("http://outside/", &PUBLIC).await;
        assert_eq!(found, Err(not_public(host, special)), "{location}");
        assert_eq!(net.connected(), ["8.8.8.8:80"], "{location}");
    }
}

#[tokio::test]
async fn five_redirects_are_followed_and_a_sixth_is_not() {
    let server = Server::start(|path| match path.trim_start_matches('/').parse() {
        Ok(0) => answer(b"here"),
        Ok(left) => moved(&(left - 1_u32).to_string()),
        Err(_loop) => moved(path),
    })
    .await;
    let fetched = get(&server.url("/5"), &ANY).await.unwrap();
    assert_eq!(&fetched.bytes[..], b"here");
    let error = FetchError::Redirects {
        host: "127.0.0.1".to_owned(),
        limit: 5,
    };
    assert_eq!(get(&server.url("/6"), &ANY).await, Err(error.clone()));
    let before = server.heads().len();
    assert_eq!(get(&server.url("/loop"), &ANY).await, Err(error));
    assert_eq!(server.heads().len() - before, 6);
}

#[tokio::test]
async fn a_redirect_that_leads_nowhere_is_told_as_such() {
    let server = Server::start(|_path| moved("file:///etc/passwd")).await;
    let problem = TargetError::Scheme;
    let host = "127.0.0.1".to_owned();
    let error = FetchError::Location { host, problem };
    assert_eq!(get(&server.url("/"), &ANY).await, Err(error));
}

#[tokio::test]
async fn only_an_answer_of_2xx_is_a_picture() {
    for status in [
        "404 Not Found",
        "500 Oh",
        "304 Not Modified",
        "302 No Location",
    ] {
        let server = Server::start(move |_path| {
            format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").into_bytes()
        })
        .await;
        let error = FetchError::Status {
            host: "127.0.0.1".to_owned(),
            status: status[..3].parse().unwrap(),
        };
        assert_eq!(get(&server.url("/"), &ANY).await, Err(error));
    }
}

#[tokio::test]
async fn a_body_has_its_limit_with_and_without_a_length() {
    let server = Server::start(|path| match path {
        "/announced" => b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n".to_vec(),
        "/until-close" => [&b"HTTP/1.1 200 OK\r\n\r\n"[..], &[1; 1001]].concat(),
        "/chunked" => {
            let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            for _ in 0..143 {
                bytes.extend_from_slice(b"7\r\n7777777\r\n");
            }
            bytes
        }
        _ => [&b"HTTP/1.1 200 OK\r\n\r\n"[..], &[1; 1000]].concat(),
    })
    .await;
    for path in ["/announced", "/until-close", "/chunked"] {
        let found = get(&server.url(path), &ANY).await;
        assert_eq!(found, Err(too_long("127.0.0.1")), "{path}");
    }
    let fits = get(&server.url("/fits"), &ANY).await.unwrap();
    assert_eq!(fits.length, 1000);
}

#[tokio::test]
async fn the_longest_picture_there_is_arrives_whole() {
    let picture: Vec<u8> = (0..16_u32 << 20).map(|at| (at % 251) as u8).collect();
    let sent = picture.clone();
    let server = Server::start(move |_path| answer(&sent)).await;
    let limits = FetchLimits {
        max_body: 16 << 20,
        ..ANY
    };
    let fetched = get(&server.url("/"), &limits).await.unwrap();
    assert!(fetched.bytes == picture);
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_is_none_is_no_picture() {
    let server = Server::start(|path| match path {
        "/short" => b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort".to_vec(),
        "/mute" => Vec::new(),
        "/head" => {
            let mut bytes = b"HTTP/1.1 200 OK\r\nX: ".to_vec();
            bytes.resize(40_000, b'x');
            bytes
        }
        _ => b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(),
    })
    .await;
    let host = "127.0.0.1".to_owned();
    for path in ["/short", "/mute", "/head", "/ssh"] {
        let found = get(&server.url(path), &ANY).await;
        assert_eq!(
            found,
            Err(FetchError::Broken { host: host.clone() }),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_body_that_stops_on_its_way_is_given_up_at_the_deadline() {
    let (begun, begins) = oneshot::channel();
    let server = Server::stalling(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nslow", begun).await;
    let deadline = Instant::now() + Duration::from_millis(500);
    let found = fetch(&server.url("/"), &ANY, deadline).await;
    let host = "127.0.0.1".to_owned();
    assert_eq!(found, Err(FetchError::Late { host }));
    assert!(Instant::now() >= deadline);
    begins.await.expect("the beginning was sent");
}

#[tokio::test]
async fn nothing_is_asked_when_it_is_off() {
    let server = Server::start(|_path| answer(b"picture")).await;
    let limits = FetchLimits {
        access: UrlAccess::Off,
        ..ANY
    };
    let net = Pretend::new(&server, &[]);
    assert_eq!(
        net.fetch(&server.url("/"), &limits).await,
        Err(FetchError::Off)
    );
    assert!(net.connected().is_empty());
}

#[tokio::test]
async fn a_port_without_a_server_and_a_name_without_an_address_are_told_apart() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = FetchError::Connect {
        host: "127.0.0.1".to_owned(),
        port,
        kind: io::ErrorKind::ConnectionRefused,
    };
    assert_eq!(
        get(&format!("http://127.0.0.1:{port}/"), &ANY).await,
        Err(error)
    );
    let server = Server::start(|_path| answer(b"")).await;
    let net = Pretend::new(&server, &[]);
    let host = "nowhere".to_owned();
    let found = net.fetch("http://nowhere/", &ANY).await;
    assert_eq!(found, Err(FetchError::Resolve { host }));
}

#[tokio::test]
async fn https_needs_a_certificate_under_a_root_and_for_the_name() {
    let secret = Secret::new("fruit.example");
    let server = Server::secure(&secret, |_path| answer(b"picture")).await;
    let names: &[(_, &[_])] = &[("fruit.example", &[OUTSIDE]), ("other.example", &[OUTSIDE])];
    let certificate = |host: &str| {
        Err(FetchError::Certificate {
            host: host.to_owned(),
        })
    };

    let mut net = Pretend::new(&server, names);
    net.roots = Internet.roots();
    let found = net.fetch("https://fruit.example/", &PUBLIC).await;
    assert_eq!(found, certificate("fruit.example"), "nobody knows its root");

    net.roots = secret.roots();
    let fetched = net.fetch("https://fruit.example/", &PUBLIC).await.unwrap();
    assert_eq!(&fetched.bytes[..], b"picture");
    let found = net.fetch("https://other.example/", &PUBLIC).await;
    assert_eq!(found, certificate("other.example"), "another's name");
}

#[tokio::test]
async fn https_is_not_left_for_http() {
    let secret = Secret::new("fruit.example");
    let server = Server::secure(&secret, |_path| moved("http://fruit.example/")).await;
    let mut net = Pretend::new(&server, &[("fruit.example", &[OUTSIDE])]);
    net.roots = secret.roots();
    let host = "fruit.example".to_owned();
    let found = net.fetch("https://fruit.example/", &PUBLIC).await;
    assert_eq!(found, Err(FetchError::Downgrade { host }));
    assert_eq!(net.connected(), ["8.8.8.8:443"]);
}

#[tokio::test]
async fn a_server_without_tls_is_told_as_such() {
    let server = Server::start(|_path| answer(b"picture")).await;
    let net = Pretend::new(&server, &[("plain", &[OUTSIDE])]);
    let host = "plain".to_owned();
    let found = net.fetch("https://plain/", &PUBLIC).await;
    assert_eq!(found, Err(FetchError::Tls { host }));
}

#[tokio::test]
async fn whoever_sent_the_address_reads_what_to_do() {
    let error = named_in(b"http://a/b").unwrap_err();
    let response = Refusal::from(error).into_response();
    assert_eq!(response.status(), 400);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let said: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(said["code"], "BadRequestImageUrl");
    let message = said["message"].as_str().unwrap();
    assert!(message.contains(r#"{"url":"https://"#), "{message}");

    let inside = get("http://10.0.0.1/a?sig=secret", &PUBLIC).await;
    let message = Refusal::from(inside.unwrap_err()).to_string();
    for part in ["10.0.0.1", "a private address", "FRUIT_COUNTER_HTTP_URL"] {
        assert!(message.contains(part), "{message}");
    }
    assert!(!message.contains("secret"), "{message}");
}
