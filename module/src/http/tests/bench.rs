//! A door on a free port, and a client that writes its requests by hand.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use image::{ImageFormat, RgbImage};
use ledger::{AttemptLog, Ledger, LedgerOptions, Totals};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::app::{Loaded, load_model};
use crate::health::{Health, Hub};
use crate::http::{Door, Supplies};
use crate::in_force::InForce;
use crate::judge::Gate;
use crate::labels::default_in_force;
use crate::metrics::Metrics;
use crate::settings::{CountMode, HttpSettings, Layout};
use crate::watchdog::Hands;
use crate::{SharedLedger, clock};

/// How long a condition may take on two busy cores.
const PATIENCE: Duration = Duration::from_secs(60);

/// The kernel's name for the boot, as far as the notes know.
pub(super) const BOOT: &str = "a boot";

pub(super) struct Bench {
    pub(super) folder: TempDir,
    pub(super) ledger: SharedLedger,
    pub(super) gate: Gate,
    in_force: watch::Sender<Arc<InForce>>,
    pub(super) door: Door,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Bench {
    pub(super) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With settings that differ from the defaults.
    pub(super) async fn with(change: impl FnOnce(&mut HttpSettings)) -> Self {
        Self::on(tempfile::tempdir().unwrap(), change).await
    }

    /// As a new process on the same folder, after a crash, which writes nothing.
    pub(super) async fn crash(self) -> Self {
        let Bench {
            folder,
            ledger,
            door,
            ..
        } = self;
        door.close(Duration::ZERO).await;
        let last = ledger.clone();
        drop(ledger);
        // The threads of the old door let go of the ledger in their own time.
        wait_for(|| last.is_the_only_one()).await;
        drop(last);
        Self::on(folder, |_| {}).await
    }

    async fn on(folder: TempDir, change: impl FnOnce(&mut HttpSettings)) -> Self {
        let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model");
        let Loaded {
            package,
            model,
            classifier,
        } = load_model(&model, Layout::Auto, &vision::RuntimeOptions::default()).unwrap();
        let ledger = Ledger::open(folder.path(), LedgerOptions::default(), clock::now()).unwrap();
        let ledger = SharedLedger::new(ledger);
        let gate = Gate::default();
        let mut settings = HttpSettings {
            address: "127.0.0.1:0".parse().unwrap(),
            ..HttpSettings::default()
        };
        change(&mut settings);
        let health = Arc::new(Health::new(&model.name));
        health.set_hub(Hub::Standalone);
        let in_force = watch::Sender::new(Arc::clone(&default_in_force(&classifier).borrow()));
        let door = Door::open(Supplies {
            settings,
            package: Arc::new(package),
            model,
            in_force: in_force.subscribe(),
            workers: 2,
            attempts: Arc::new(AttemptLog::open(folder.path(), BOOT).unwrap()),
            gate: gate.clone(),
            hands: Hands::default(),
            room: crate::decode_room::DecodeRoom::default(),
            ledger: ledger.clone(),
            health: Arc::clone(&health),
            metrics: Metrics::unheard(&ledger),
        })
        .await
        .unwrap();
        Bench {
            folder,
            ledger,
            gate,
            in_force,
            door,
        }
    }

    /// Sets which pictures count from now on, as the twin does.
    pub(super) fn count_by(&self, mode: CountMode) {
        self.in_force.send_modify(|in_force| {
            Arc::make_mut(in_force).behaviour.http_count = mode;
        });
    }

    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.door.address()).await.unwrap()
    }

    /// `POST` with these header lines, on a connection of its own.
    pub(super) fn post(
        &self,
        path: &str,
        headers: &[&str],
        body: &[u8],
    ) -> impl Future<Output = Answer> + Send + 'static {
        let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nHost: box\r\nConnection: close\r\nContent-Length: {}\r\n{lines}\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        exchange(self.door.address(), request)
    }

    pub(super) async fn get(&self, path: &str, header: &str) -> Answer {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: box\r\nConnection: close\r\n{header}\r\n");
        exchange(self.door.address(), request.into_bytes()).await
    }

    pub(super) fn totals(&self) -> Totals {
        self.ledger.lock().totals().unwrap()
    }

    /// Received, duplicates and rejected of one camera.
    pub(super) fn counted(&self, camera: &str) -> (u64, u64, u64) {
        let totals = self.totals();
        let sums = totals.cameras.get(camera);
        sums.map_or((0, 0, 0), |sums| {
            let frames = &sums.frames;
            (
                frames.received,
                frames.duplicate,
                frames.rejected.values().sum(),
            )
        })
    }

    /// Waits until so many pictures are in hand.
    pub(super) async fn in_hand(&self, pictures: usize) {
        let house = &self.door.house;
        wait_for(|| house.settings.queue - house.hands_free() == pictures).await;
    }

    /// Waits until there is no room for one more byte of a body.
    pub(super) async fn bodies_fill_their_room(&self) {
        let house = &self.door.house;
        wait_for(|| house.bodies_free() == 0).await;
    }
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(super) fn was_replayed(&self) -> bool {
        self.header("idempotency-replayed") == Some("true")
    }
}

/// Asks until it holds; the test's own time-out is the end of the patience.
pub(super) async fn wait_for(mut condition: impl FnMut() -> bool) {
    timeout(PATIENCE, async {
        while !condition() {
            sleep(Duration::from_millis(2)).await;
        }
    })
    .await
    .expect("waited in vain");
}

async fn exchange(address: std::net::SocketAddr, request: Vec<u8>) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&request).await.unwrap();
    answer(&read_to_end(&mut stream).await)
}

/// Everything until the other side closes.
pub(super) async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut bytes))
        .await
        .expect("the connection stays open")
        .unwrap();
    bytes
}

/// One answer of a connection that stays open.
pub(super) async fn read_one(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    loop {
        let read = timeout(PATIENCE, stream.read_buf(&mut bytes)).await;
        assert_ne!(read.expect("no answer").unwrap(), 0, "closed");
        if !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
            continue;
        }
        let so_far = answer(&bytes);
        let length = so_far.header("content-length").unwrap().parse().unwrap();
        if so_far.body.len() >= length {
            return so_far;
        }
    }
}

pub(super) fn answer(bytes: &[u8]) -> Answer {
    let end = bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(bytes)));
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(':').unwrap();
        (name.to_ascii_lowercase(), value.trim().to_owned())
    });
    Answer {
        status: status.parse().unwrap(),
        headers: headers.collect(),
        body: bytes[end + 4..].to_vec(),
    }
}

/// A small picture; another number is another one.
pub(super) fn picture(number: u8) -> Vec<u8> {
    let picture = RgbImage::from_fn(64, 48, |x, y| image::Rgb([x as u8, y as u8, number]));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}
