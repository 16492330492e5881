//! Endpoints that nothing can be compared with.

use std::time::Duration;

use camera::compare::Side;
use camera::compare::client::{ClientError, Problem};
use camera::compare::dial::DialError;
use camera::compare::run::Done;
use camera::compare::{Refusal, Unusable};
use tokio::net::TcpListener;

use crate::server::{Act, Log, Server, cloud, container, reply};
use crate::{ONCE, certificates, client, client_within, run};

/// What the right side fails with, and what was found until then.
async fn failing(
    url: &str,
    limit: Duration,
    number: usize,
) -> (ClientError, camera::compare::summary::Summary) {
    let left = Server::start("left", &Log::default(), |_| container(0.75)).await;
    let right = client_within(Side::Right, url, Some("the-key"), limit);
    let left = client(Side::Left, &left.url(""), None);
    let Done {
        summary, failure, ..
    } = run(ONCE, left, right, number).await;
    (failure.unwrap(), summary)
}

const LONG: Duration = Duration::from_secs(60);

async fn failing_with(act: Act) -> ClientError {
    let log = Log::default();
    let server = Server::start("right", &log, move |_| act.clone()).await;
    let (error, _) = failing(&server.url("/image?code=hidden"), LONG, 1).await;
    // The address and the side are named, the query and the key are not.
    let text = error.to_string();
    assert_eq!(
        text,
        format!("the right endpoint {}?…", server.url("/image"))
    );
    assert!(!format!("{error:?}").contains("the-key"));
    assert_eq!(server.seen().len(), 1);
    error
}

#[tokio::test]
async fn replies_that_no_picture_would_change_end_it_at_once() {
    let page = "<html>\u{1b}[2J<body>Hello</body></html>";
    let error = failing_with(Act::Say(reply(200, "", page))).await;
    let Problem::Unusable(Unusable::Foreign { excerpt }) = error.problem else {
        panic!("{error:?}")
    };
    assert_eq!(excerpt, "<html> [2J<body>Hello</body></html>");
    let error = failing_with(Act::Say(reply(
        401,
        "",
        r#"{"message":"the-key is wrong"}"#,
    )))
    .await;
    let Problem::Unusable(Unusable::Key { status: 401, said }) = error.problem else {
        panic!("{error:?}")
    };
    assert_eq!(said, "[key] is wrong");
    let error = failing_with(Act::Say(reply(404, "", ""))).await;
    assert!(
        matches!(error.problem, Problem::Unusable(Unusable::Path { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_redirect_is_told_and_not_followed() {
    let log = Log::default();
    let elsewhere = Server::start("elsewhere", &log, |_| cloud(0.75)).await;
    let location = elsewhere.url("/image");
    let moved = reply(307, &format!("Location: {location}\r\n"), "");
    let error = failing_with(Act::Say(moved)).await;
    let Problem::Unusable(Unusable::Moved {
        status: 307,
        location: told,
    }) = error.problem
    else {
        panic!("{error:?}")
    };
    assert_eq!(told, location);
    assert_eq!(elsewhere.seen(), []);
}

#[tokio::test]
async fn a_reply_without_an_end_is_not_read_to_it() {
    let endless = reply(200, "", &"[".repeat(3 << 20));
    let error = failing_with(Act::Say(endless)).await;
    let Problem::Unusable(Unusable::Foreign { excerpt }) = error.problem else {
        panic!("{error:?}")
    };
    assert!(excerpt.len() < 200, "{}", excerpt.len());
}

#[tokio::test]
async fn where_nobody_listens_the_address_and_a_cure_are_named() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let (error, summary) = failing(&format!("http://127.0.0.1:{port}"), LONG, 1).await;
    assert_eq!(
        error.to_string(),
        format!("the right endpoint http://127.0.0.1:{port}/image")
    );
    let Problem::Dial(problem @ DialError::Connect { .. }) = error.problem else {
        panic!("{error:?}")
    };
    assert!(
        problem.to_string().contains("check that it runs"),
        "{problem}"
    );
    assert_eq!(summary.pictures, 0);
}

#[tokio::test]
async fn a_certificate_under_an_unknown_authority_is_not_believed() {
    let (_, certificate, key) = certificates();
    let log = Log::default();
    let server = Server::start_secure("right", &log, &certificate, &key, |_| cloud(0.75)).await;
    let url = format!("https://localhost:{}", server.port);
    let (error, _) = failing(&url, LONG, 1).await;
    let Problem::Dial(problem @ DialError::Certificate(_)) = error.problem else {
        panic!("{error:?}")
    };
    assert!(problem.to_string().contains("--ca-file"), "{problem}");
    assert_eq!(server.seen(), []);
}

#[tokio::test]
async fn a_port_without_tls_is_told_as_such() {
    let log = Log::default();
    let server = Server::start("right", &log, |_| cloud(0.75)).await;
    // The hello of TLS has no end of a head; the server must not wait for one.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        let answer = reply(400, "", "");
        let _ = tokio::io::AsyncWriteExt::write_all(&mut tcp, answer.as_bytes()).await;
        std::future::pending::<()>().await;
    });
    let (error, _) = failing(&format!("https://127.0.0.1:{port}"), LONG, 1).await;
    assert!(
        matches!(error.problem, Problem::Dial(DialError::Tls(_))),
        "{error:?}"
    );
    assert_eq!(server.seen(), []);
}

#[tokio::test]
async fn an_endpoint_that_falls_silent_is_given_up_after_three_pictures() {
    let log = Log::default();
    let server = Server::start("right", &log, |number| match number {
        // Two without an answer may happen, and the count begins anew after one with.
        2 => cloud(0.75),
        _ => Act::HangUp,
    })
    .await;
    let (error, summary) = failing(&server.url(""), LONG, 9).await;
    assert!(matches!(&error.problem, Problem::Silent(_)), "{error:?}");
    // What was found until then is not lost.
    assert_eq!(summary.pictures, 5);
    let agreement = summary.agreement;
    assert_eq!(
        (agreement.same, agreement.both, agreement.left_only),
        (1, 1, 4)
    );
}

#[tokio::test]
async fn a_late_answer_is_no_answer() {
    let log = Log::default();
    let server = Server::start("right", &log, |number| match number {
        0 => Act::Nothing,
        _ => cloud(0.75),
    })
    .await;
    let left = Server::start("left", &Log::default(), |_| container(0.75)).await;
    let limit = Duration::from_secs(2);
    let done = run(
        ONCE,
        client(Side::Left, &left.url(""), None),
        client_within(Side::Right, &server.url(""), None, limit),
        2,
    )
    .await;
    assert!(done.failure.is_none(), "{:?}", done.failure);
    let refused: Vec<_> = done
        .summary
        .right
        .refused
        .iter()
        .map(|r| &r.refusal)
        .collect();
    let late = Refusal {
        status: None,
        code: None,
        message: "no answer within 2 s".to_owned(),
    };
    assert_eq!(refused, [&late]);
    assert_eq!(done.summary.right.connections.opened, 2);
    assert_eq!(done.summary.agreement.same, 1);
}

#[tokio::test]
async fn an_endpoint_that_wants_an_hour_is_not_waited_for() {
    let log = Log::default();
    let busy = reply(429, "Retry-After: 3600\r\n", r#"{"message":"quota"}"#);
    let server = Server::start("right", &log, move |_| Act::Say(busy.clone())).await;
    let (error, summary) = failing(&server.url(""), LONG, 5).await;
    let Problem::Silent(last) = error.problem else {
        panic!("{error:?}")
    };
    assert_eq!(last, "429: quota");
    assert_eq!(summary.pictures, 2);
    assert_eq!(server.seen().len(), 3);
}
