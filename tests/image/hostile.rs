//! Pictures that want too much, in the least memory that the template may give.

use std::net::SocketAddr;
use std::thread;

use end_to_end::{HttpAnswer, peak_memory, post, wait_for};
use hostile::bombs;

use crate::container::{Container, image};
use crate::running::png;

/// Clients at once.
const CLIENTS: usize = 4;

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
fn send_all(address: SocketAddr, client: usize) -> u64 {
    let path = format!("/image?camera=client-{client}");
    let mut bombs = bombs();
    let first = bombs.len() * client / CLIENTS;
    bombs.rotate_left(first);
    let mut sent = 0;
    for (number, bomb) in (0..).zip(bombs) {
        let expected = match bomb.ending.reason() {
            None => 200,
            Some("too_large") => 413,
            Some(_) => 400,
        };
        let answer = answered(address, &path, &bomb.bytes());
        assert_eq!(answer.status, expected, "{}: {answer:?}", bomb.name);
        let answer = answered(address, &path, &png(64 + number, 48));
        assert_eq!(answer.status, 200, "after {}: {answer:?}", bomb.name);
        sent += 2;
    }
    sent
}

#[test]
fn hostile_pictures_from_many_sides_do_not_end_it_in_256_mb() {
    let Some(image) = image() else { return };
    let container = Container::start(&image, &[]).unwrap();
    let address = container.address().unwrap();
    let process = container.process().unwrap();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| thread::spawn(move || send_all(address, client)))
        .collect();
    let sent: u64 = clients
        .into_iter()
        .map(|client| client.join().unwrap())
        .sum();
    assert_eq!(container.process().unwrap(), process, "{}", container.log());
    let frames = container.frames().unwrap();
    assert_eq!(frames["received"], sent, "{frames}");
    assert_eq!(frames["duplicate"], 0, "{frames}");
    let peak = peak_memory(process).unwrap();
    println!("{sent} pictures, peak memory {:.1} MB", peak as f64 / 1e6);
    assert_eq!(container.stop().unwrap(), 0, "{}", container.log());
}
