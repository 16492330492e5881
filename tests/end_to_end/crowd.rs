//! Many at the HTTP door, and edgeHub's pictures all the same.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use end_to_end::{Camera, Site, post, wait_for};
use rustix::process::{Pid, Resource, getrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::faults::send_steadily;
use crate::http::address_of;
use crate::refusals::png;

/// Connections that are wanted.
const CROWD: usize = 1000;
/// File handles that this process wants for itself and for tests beside this one.
const OURS: usize = 256;
/// The pause between two that come.
const APART: Duration = Duration::from_millis(3);
/// File handles that the module may open beside those of connections while pictures come.
const SPARE: usize = 16;
/// A slow sender's pause between two bytes.
const PAUSE: Duration = Duration::from_millis(100);

/// The open file handles of a process.
fn handles(process: Pid) -> usize {
    let folder = format!("/proc/{}/fd", process.as_raw_nonzero());
    fs::read_dir(folder).unwrap().count()
}

/// Connections that are never of any use; every third says nothing, the others are slow. Those that
/// the kernel's queue has no room for go on asking.
struct Crowd {
    leave: oneshot::Sender<()>,
    life: JoinHandle<usize>,
}

impl Crowd {
    /// As many as wanted, or as this machine allows.
    fn size() -> usize {
        let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let allowed = usize::try_from(allowed).unwrap_or(usize::MAX);
        let size = CROWD.min(allowed.saturating_sub(OURS));
        if size < CROWD {
            println!("{size} connections in place of {CROWD}: more handles are not allowed here");
        }
        size
    }

    fn at(address: SocketAddr, module: Pid) -> Self {
        let (leave, mut left) = oneshot::channel();
        let life = thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                for number in 0..Self::size() {
                    tokio::spawn(be_useless(address, number));
                }
                let mut most = 0;
                // Where the test fails, nobody is there to tell.
                while timeout(PAUSE, &mut left).await.is_err() {
                    most = most.max(handles(module));
                }
                most
            })
        });
        Crowd { leave, life }
    }

    /// Closes all, and says how many handles the module had at most meanwhile.
    fn leave(self) -> usize {
        self.leave.send(()).unwrap();
        self.life.join().unwrap()
    }
}

/// Until the other side has had enough of it.
async fn be_useless(address: SocketAddr, number: usize) -> io::Result<()> {
    // In a throng the kernel's short queue overflows, and who is turned away asks again much later.
    sleep(APART * u32::try_from(number).unwrap()).await;
    let mut stream = TcpStream::connect(address).await?;
    let begun = match number % 3 {
        0 => "",
        1 => "POST /image HTTP/1.1\r\nHost: box\r\nX-Slow: ",
        _ => "POST /image?camera=slow HTTP/1.1\r\nHost: box\r\nContent-Length: 90000\r\n\r\n",
    };
    stream.write_all(begun.as_bytes()).await?;
    if number.is_multiple_of(3) {
        let mut nothing = Vec::new();
        stream.read_to_end(&mut nothing).await?;
        return Ok(());
    }
    loop {
        sleep(PAUSE).await;
        stream.write_all(b"x").await?;
    }
}

/// Sends through edgeHub while as many connections as `served` are served at once.
fn edgehub_goes_on_beside_a_crowd(served: usize) {
    const PICTURES: u64 = 40;
    let site = Site::builder()
        .device("cam-01")
        .module_env("FRUIT_COUNTER_HTTP_CONNECTIONS", &served.to_string())
        // Nobody is sent away while the test lasts.
        .module_env("FRUIT_COUNTER_HTTP_TIMEOUT", "10m")
        .start()
        .unwrap();
    let address = address_of(&site);
    site.wait_for_module_line("connected").unwrap();
    let module = site.module_pid().unwrap();
    let before = handles(module);
    let crowd = Crowd::at(address, module);
    let inside = served.min(Crowd::size());
    // A few may have been turned away by the kernel on a busy machine.
    wait_for("the door to be full", || {
        Ok((handles(module) >= before + inside * 9 / 10).then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error:#}: {before} before, {}", handles(module)));
    let mut camera = send_steadily(&site, "cam-01", &PICTURES.to_string());
    assert_eq!(camera.confirmed().unwrap(), PICTURES);
    site.wait_until_counted("cam-01", PICTURES).unwrap();
    let most = crowd.leave();
    assert!(most <= before + inside + SPARE, "{most}, {before} before");
    let answer = wait_for("HTTP to answer again", || {
        let answer = post(address, "/image?camera=gate", &[], &png(64, 48)).ok();
        Ok(answer.filter(|answer| answer.status == 200))
    });
    answer.unwrap_or_else(|error| panic!("{error:#}\n{}", site.logs()));
    wait_for("the handles to be given back", || {
        Ok((handles(module) <= before + SPARE).then_some(()))
    })
    .unwrap();
    site.wait_until_counted("http:gate", 1).unwrap();
    let sums = site.upstream().camera("cam-01").unwrap();
    assert_eq!((sums.received, sums.duplicate), (PICTURES, 0), "{sums:?}");
    assert_eq!(site.module_pid().unwrap(), module, "{}", site.logs());
}

#[test]
fn a_thousand_slow_connections_do_not_stop_edgehub_where_few_are_served() {
    edgehub_goes_on_beside_a_crowd(64);
}

#[test]
fn a_thousand_slow_connections_do_not_stop_edgehub_where_all_are_served() {
    edgehub_goes_on_beside_a_crowd(1024);
}

/// Pictures that count, one after the other, from many senders at once.
struct Rush {
    answered: Arc<AtomicU64>,
    stop: Vec<Sender<()>>,
    senders: Vec<JoinHandle<()>>,
}

impl Rush {
    fn of(senders: usize, address: SocketAddr) -> Self {
        let answered = Arc::new(AtomicU64::new(0));
        let (stop, senders) = (0..senders)
            .map(|number| {
                let answered = Arc::clone(&answered);
                let (stop, stopped) = mpsc::channel();
                let path = format!("/image?camera=gate-{number}");
                let picture = png(320, 240);
                let sender = thread::spawn(move || {
                    while stopped.try_recv().is_err() {
                        let answer = post(address, &path, &[], &picture).unwrap();
                        assert_eq!(answer.status, 200, "{answer:?}");
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                });
                (stop, sender)
            })
            .unzip();
        Rush {
            answered,
            stop,
            senders,
        }
    }

    fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    fn end(self) -> u64 {
        for stop in &self.stop {
            stop.send(()).unwrap();
        }
        for sender in self.senders {
            sender.join().unwrap();
        }
        self.answered.load(Ordering::Relaxed)
    }
}

/// Deliveries that the module has acknowledged, as the hub noted them.
fn acknowledged(journal: &Path) -> u64 {
    let text = fs::read_to_string(journal).unwrap();
    let lines = text.lines();
    lines
        .filter(|line| line.contains(r#""event":"acknowledged""#))
        .count() as u64
}

/// Sends as fast as edgeHub takes them, so that one always waits for the module.
fn send_at_once(site: &Site, device: &str, pictures: &str) -> Camera {
    let arguments = ["--pictures", pictures, "--raw", "--rate", "100"];
    site.camera(device, &arguments).unwrap()
}

#[test]
fn edgehubs_pictures_are_counted_in_turn_with_a_flood_of_them_by_http() {
    const PICTURES: u64 = 60;
    const SENDERS: usize = 16;
    // A commit of HTTP's has at most its 16 pictures in hand, and one such commit can go before
    // each of the two times that a picture of edgeHub's waits for the ledger. 3 to 6 were seen.
    const BESIDE_ONE: u64 = 2 * SENDERS as u64;
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal.jsonl");
    let pictures = folder.path().join("pictures");
    fs::create_dir(&pictures).unwrap();
    for number in 0..PICTURES as u32 {
        let file = pictures.join(format!("{number:03}.png"));
        fs::write(file, png(320 + number, 240)).unwrap();
    }
    let pictures = pictures.display().to_string();
    let site = Site::builder()
        .device("before")
        .device("beside")
        .hub_option("--journal")
        .hub_option(journal.display().to_string())
        .start()
        .unwrap();
    let address = address_of(&site);
    let mut rounds = Vec::new();
    for (device, senders) in [("before", 0), ("beside", SENDERS)] {
        let done = acknowledged(&journal);
        let rush = Rush::of(senders, address);
        wait_for("the flood", || {
            Ok((rush.answered() >= 2 * senders as u64).then_some(()))
        })
        .unwrap();
        let mut camera = send_at_once(&site, device, &pictures);
        let reached = |deliveries| {
            let what = format!("{deliveries} acknowledged deliveries");
            wait_for(&what, || {
                Ok((acknowledged(&journal) >= done + deliveries).then_some(()))
            })
            .unwrap_or_else(|error| panic!("{error:#}\n{}", site.logs()));
            (rush.answered(), Instant::now())
        };
        let (first, started) = reached(1);
        let (last, ended) = reached(PICTURES);
        assert_eq!(camera.confirmed().unwrap(), PICTURES);
        rounds.push((ended - started, last - first));
        let by_http = rush.end();
        for number in 0..senders {
            assert!(
                site.wait_until_counted(&format!("http:gate-{number}"), 1)
                    .is_ok()
            );
        }
        site.wait_until_counted(device, PICTURES).unwrap();
        println!(
            "{device}: {PICTURES} pictures in {:?}, by HTTP meanwhile {} of {by_http}",
            ended - started,
            last - first
        );
    }
    for device in ["before", "beside"] {
        let sums = site.upstream().camera(device).unwrap();
        assert_eq!((sums.received, sums.duplicate), (PICTURES, 0), "{sums:?}");
    }
    let (_, beside) = rounds[1];
    assert!(beside <= BESIDE_ONE * PICTURES, "{rounds:?}");
    // And HTTP was not held up by edgeHub either: at the least it had as many turns.
    assert!(beside >= PICTURES / 2, "{rounds:?}");
}
