//! One question to one address, by hand: a request, an answer, within a time.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

/// More than the module ever says.
const LONGEST_ANSWER: usize = 64 << 10;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    Alive,
    Ready,
}

impl Question {
    fn path(self) -> &'static str {
        match self {
            Question::Alive => "/healthz",
            Question::Ready => "/readyz",
        }
    }
}

/// What the module says; of its readiness as it says it.
#[derive(Debug, PartialEq)]
pub(super) enum Asked {
    Alive,
    Ready(Map<String, Value>),
    NotReady(Map<String, Value>),
}

/// No answer, or not the module's.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("nothing came within {0:?}")]
    Late(Duration),
    #[error("what answers there is not the module")]
    Stranger,
}

/// Asks, and waits no longer than `patience` altogether.
pub(super) fn ask(
    question: Question,
    address: SocketAddr,
    patience: Duration,
) -> Result<Asked, Failure> {
    let deadline = Instant::now() + patience;
    let late = |error: io::Error| match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Failure::Late(patience),
        _ => Failure::Io(error),
    };
    let mut stream = TcpStream::connect_timeout(&address, patience).map_err(late)?;
    stream.set_write_timeout(Some(patience))?;
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n",
        question.path()
    );
    stream.write_all(request.as_bytes()).map_err(late)?;
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Failure::Late(patience));
        }
        stream.set_read_timeout(Some(left))?;
        let length = stream.read(&mut piece).map_err(late)?;
        if length == 0 {
            break;
        }
        answer.extend_from_slice(&piece[..length]);
        if answer.len() > LONGEST_ANSWER {
            return Err(Failure::Stranger);
        }
    }
    understand(question, &answer).ok_or(Failure::Stranger)
}

/// `None`: it is nothing that the module says.
fn understand(question: Question, answer: &[u8]) -> Option<Asked> {
    let text = std::str::from_utf8(answer).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut first = head.lines().next()?.split(' ');
    if !first.next()?.starts_with("HTTP/1.") {
        return None;
    }
    let status = first.next()?;
    match question {
        Question::Alive => (status == "200" && body == "alive\n").then_some(Asked::Alive),
        Question::Ready => {
            let said: Map<String, Value> = serde_json::from_str(body).ok()?;
            match (status, said.get("ready")?) {
                ("200", Value::Bool(true)) => Some(Asked::Ready(said)),
                ("503", Value::Bool(false)) => Some(Asked::NotReady(said)),
                _ => None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_not_the_modules_is_none() {
        let check = |question, answer: &str| understand(question, answer.as_bytes());
        let ok = "HTTP/1.1 200 OK\r\ncontent-type: x\r\n\r\n";
        let page = format!("{ok}<html>welcome</html>");
        assert_eq!(check(Question::Alive, &page), None);
        assert_eq!(check(Question::Ready, &page), None);
        let claims = format!("{ok}{{\"ready\":false}}");
        assert_eq!(check(Question::Ready, &claims), None);
        assert_eq!(check(Question::Ready, "SSH-2.0-x\r\n\r\n"), None);
        let alive = format!("{ok}alive\n");
        assert_eq!(check(Question::Alive, &alive), Some(Asked::Alive));
        let ready = format!("{ok}{{\"ready\":true}}");
        assert!(matches!(
            check(Question::Ready, &ready),
            Some(Asked::Ready(_))
        ));
    }
}
