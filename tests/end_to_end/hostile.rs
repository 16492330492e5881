//! Pictures that want too much, from many sides at once, with ordinary ones between them: the process
//! stays, keeps within its memory, and accounts for each.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;

use end_to_end::{CameraSums, HttpAnswer, Site, peak_memory, post, wait_for};
use hostile::{Bomb, bombs};

use crate::http::address_of;
use crate::refusals::png;

/// Clients by HTTP, each with a camera's name of its own.
const CLIENTS: usize = 4;
/// The most that the whole process may ever have had, in bytes: on two cores, with three sessions of
/// the model and compiled as the tests are (`docs/hostile.md`).
const MEMORY: u64 = 240_000_000;
/// The longest picture that edgeHub takes.
const MESSAGE: usize = 255 * 1024;

/// What a camera sent, as its sums must be in the end.
#[derive(Debug, Default)]
struct Sent {
    pictures: u64,
    /// The ordinary ones, and the bombs that the model sees.
    seen: u64,
    rejected: BTreeMap<String, u64>,
}

impl Sent {
    fn add(&mut self, reason: Option<&str>) {
        self.pictures += 1;
        match reason {
            None => self.seen += 1,
            Some(reason) => *self.rejected.entry(reason.to_owned()).or_default() += 1,
        }
    }

    fn assert_is(&self, camera: &str, sums: &CameraSums) {
        let seen = sums.counts.values().sum::<u64>() + sums.unsure + sums.ignored;
        assert_eq!(sums.received, self.pictures, "{camera}: {sums:?}");
        assert_eq!(sums.duplicate, 0, "{camera}: {sums:?}");
        assert_eq!(sums.rejected, self.rejected, "{camera}: {sums:?}");
        assert_eq!(seen, self.seen, "{camera}: {sums:?}");
    }
}

/// Posts until there is room for the picture.
fn answered(address: SocketAddr, path: &str, picture: &[u8]) -> HttpAnswer {
    wait_for("room for a picture", || {
        // A refusal for want of room may come before the body is read, and break its sending off.
        let answer = post(address, path, &[], picture).ok();
        Ok(answer.filter(|answer| answer.status != 429))
    })
    .unwrap()
}

/// All bombs, each client beginning with another one, and an ordinary picture after each.
fn by_http(address: SocketAddr, client: usize) -> Sent {
    let path = format!("/image?camera=client-{client}");
    let mut sent = Sent::default();
    let mut bombs = bombs();
    let first = bombs.len() * client / CLIENTS;
    bombs.rotate_left(first);
    for (number, bomb) in (0..).zip(bombs) {
        let reason = bomb.ending.reason();
        let answer = answered(address, &path, &bomb.bytes());
        let expected = match reason {
            None => 200,
            Some("too_large") => 413,
            Some(_) => 400,
        };
        assert_eq!(answer.status, expected, "{}: {answer:?}", bomb.name);
        sent.add(reason);
        let answer = answered(address, &path, &png(64 + number, 48));
        assert_eq!(answer.status, 200, "after {}: {answer:?}", bomb.name);
        sent.add(None);
    }
    sent
}

/// Bombs as edgeHub's cameras can send them, an ordinary picture after each.
fn write_messages(folder: &Path) -> Sent {
    fs::create_dir(folder).unwrap();
    let mut sent = Sent::default();
    let mut write = |picture: &[u8], reason| {
        fs::write(folder.join(format!("{:04}.png", sent.pictures)), picture).unwrap();
        sent.add(reason);
    };
    for (number, bomb) in (0..).zip(bombs()) {
        let bytes = bomb.bytes();
        if bytes.len() <= MESSAGE {
            write(&bytes, reason_at_the_hub(&bomb));
            write(&png(64 + number, 50), None);
        }
    }
    sent
}

/// Cameras send JPEG and PNG alone.
fn reason_at_the_hub(bomb: &Bomb) -> Option<&'static str> {
    let is_taken = ["jpeg", "png"]
        .iter()
        .any(|format| bomb.name.starts_with(format));
    if is_taken {
        bomb.ending.reason()
    } else {
        Some("unsupported_format")
    }
}

#[test]
fn bombs_by_http_and_edgehub_at_once_end_in_their_names_and_nothing_is_lost() {
    let site = Site::builder().device("cam-01").start().unwrap();
    let folder = site.folder().join("pictures");
    let messages = write_messages(&folder);
    let address = address_of(&site);
    site.wait_for_module_line("connected").unwrap();
    let module = site.module_pid().unwrap();

    let folder = folder.display().to_string();
    let arguments = ["--pictures", &folder, "--raw", "--rate", "50"];
    let mut camera = site.camera("cam-01", &arguments).unwrap();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| thread::spawn(move || by_http(address, client)))
        .collect();
    let clients: Vec<Sent> = clients
        .into_iter()
        .map(|client| client.join().unwrap())
        .collect();
    assert_eq!(camera.confirmed().unwrap(), messages.pictures);

    let names = (0..CLIENTS).map(|client| format!("http:client-{client}"));
    let mut all: Vec<(String, Sent)> = names.zip(clients).collect();
    all.push(("cam-01".to_owned(), messages));
    for (name, sent) in &all {
        site.wait_until_counted(name, sent.pictures).unwrap();
        sent.assert_is(name, &site.upstream().camera(name).unwrap());
    }
    assert_eq!(site.module_pid().unwrap(), module, "{}", site.logs());
    let peak = peak_memory(module).unwrap();
    println!("peak memory {:.1} MB", peak as f64 / 1e6);
    assert!(peak <= MEMORY, "{peak} bytes, {MEMORY} are allowed");
}
