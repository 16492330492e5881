//! The sender against a scripted hub, in virtual time.

use super::super::picture::{Content, Origin, PictureError};
use super::super::source::SkipReason;
use super::*;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use time::macros::datetime;
use tokio::sync::oneshot;

/// What the hub does with the next message.
#[derive(Debug, Clone)]
enum Answer {
    Acknowledge,
    After(Duration),
    Lose,
    Refuse,
    Never,
}

#[derive(Default)]
struct Seen {
    messages: Vec<OutgoingMessage>,
    open: usize,
    most_open: usize,
}

/// A hub that follows a script and acknowledges everything after its end.
#[derive(Clone, Default)]
struct ScriptedHub {
    script: Arc<Mutex<VecDeque<Answer>>>,
    seen: Arc<Mutex<Seen>>,
}

impl ScriptedHub {
    fn new(script: impl IntoIterator<Item = Answer>) -> Self {
        let script = Arc::new(Mutex::new(script.into_iter().collect()));
        Self {
            script,
            ..Self::default()
        }
    }

    fn messages(&self) -> Vec<OutgoingMessage> {
        self.seen.lock().unwrap().messages.clone()
    }

    fn ids(&self) -> Vec<String> {
        self.messages()
            .into_iter()
            .map(|message| message.message_id)
            .collect()
    }
}

impl Publisher for ScriptedHub {
    async fn publish(&self, message: OutgoingMessage) -> Result<(), PublishFailure> {
        {
            let mut seen = self.seen.lock().unwrap();
            seen.messages.push(message);
            seen.open += 1;
            seen.most_open = seen.most_open.max(seen.open);
        }
        let answer = self
            .script
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or(Answer::Acknowledge);
        let result = match answer {
            Answer::Acknowledge => Ok(()),
            Answer::After(time) => {
                sleep(time).await;
                Ok(())
            }
            Answer::Lose => Err(PublishFailure::ConnectionLost),
            Answer::Refuse => Err(PublishFailure::Refused("too large".to_owned())),
            Answer::Never => std::future::pending().await,
        };
        self.seen.lock().unwrap().open -= 1;
        result
    }
}

fn plan() -> Plan {
    Plan {
        device_id: "cam-1".to_owned(),
        output: None,
        start: 0xAB,
        pause: Duration::ZERO,
        count: None,
        in_flight: 1,
        grace: Duration::from_secs(10),
        clock: || datetime!(2031-02-03 04:05:06.007_9 +1),
    }
}

fn picture(index: u64) -> Picture {
    Picture {
        bytes: Bytes::from(format!("picture {index}")),
        content: Content::Jpeg,
        truth: Some("ripe".to_owned()),
        origin: Origin::Rendered { seed: 5, index },
        size: Some((4, 3)),
        means: None,
        reencoded: None,
    }
}

/// A queue that already holds `count` pictures; open for more if `open`.
fn pictures(count: u64, open: bool) -> (mpsc::Receiver<Item>, Option<mpsc::Sender<Item>>) {
    let (sender, receiver) = mpsc::channel(64);
    for index in 0..count {
        sender.try_send(Item::Picture(picture(index))).unwrap();
    }
    (receiver, open.then_some(sender))
}

/// Runs the sender to its end without a stop; gives its tally and the events in short.
async fn run(hub: &ScriptedHub, count: u64, plan: &Plan) -> (Tally, Vec<String>) {
    let (items, _) = pictures(count, false);
    let mut events = Vec::new();
    let never = std::future::pending();
    let tally = send_all(hub.clone(), items, plan, never, |event| {
        events.push(short(&event));
    })
    .await;
    (tally, events)
}

fn short(event: &Event) -> String {
    let number = |id: &str| id.rsplit('-').next().unwrap_or_default().to_owned();
    match event {
        Event::Skipped(what) => format!("skipped {}", what.what),
        Event::Reencoded(picture) => format!("reencoded {:?}", picture.origin),
        Event::SentAgain { message_id } => format!("again {}", number(message_id)),
        Event::Confirmed(line) => {
            assert!(line.confirmed);
            format!("confirmed {}", number(&line.message_id))
        }
        Event::GivenUp { line, reason } => {
            assert!(!line.confirmed);
            let why = if reason.is_some() { "refused" } else { "grace" };
            format!("given up {} {why}", number(&line.message_id))
        }
        Event::Stopping { in_flight } => format!("stopping {in_flight}"),
    }
}

#[tokio::test(start_paused = true)]
async fn every_frame_is_sent_once_in_order_and_confirmed() {
    let hub = ScriptedHub::default();
    let (tally, events) = run(&hub, 3, &plan()).await;
    assert_eq!(
        tally,
        Tally {
            sent: 3,
            confirmed: 3,
            reencoded: 0,
            skipped: 0
        }
    );
    assert_eq!(
        hub.ids(),
        ["cam-1-000000ab-1", "cam-1-000000ab-2", "cam-1-000000ab-3"]
    );
    assert_eq!(events, ["confirmed 1", "confirmed 2", "confirmed 3"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_has_the_agreed_properties() {
    let hub = ScriptedHub::default();
    run(&hub, 1, &plan()).await;
    let message = hub.messages().remove(0);
    assert_eq!(message.content_type.as_deref(), Some("image/jpeg"));
    let stamp = message.properties.get("iothub-creation-time-utc");
    assert_eq!(stamp, Some("2031-02-03T03:05:06.007Z"));
    assert_eq!((message.output, message.content_encoding), (None, None));
    assert_eq!(message.payload.as_ref(), b"picture 0");
}

#[tokio::test(start_paused = true)]
async fn a_module_sends_on_its_output() {
    let hub = ScriptedHub::default();
    let plan = Plan {
        output: Some("pictures".to_owned()),
        ..plan()
    };
    run(&hub, 1, &plan).await;
    let message = hub.messages().remove(0);
    assert_eq!(message.output.as_deref(), Some("pictures"));
}

#[tokio::test(start_paused = true)]
async fn a_lost_frame_is_sent_again_with_the_same_bytes_id_and_stamp() {
    let hub = ScriptedHub::new([Answer::Lose, Answer::Lose]);
    let (tally, events) = run(&hub, 2, &plan()).await;
    assert_eq!((tally.sent, tally.confirmed), (2, 2));
    let messages = hub.messages();
    assert_eq!(messages.len(), 4);
    assert_eq!(messages[0], messages[1]);
    assert_eq!(messages[0], messages[2]);
    assert_ne!(messages[0], messages[3]);
    assert_eq!(events, ["again 1", "again 1", "confirmed 1", "confirmed 2"]);
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_loses_everything_is_not_asked_in_a_tight_loop() {
    let hub = ScriptedHub::new(vec![Answer::Lose; 100]);
    let started = Instant::now();
    run(&hub, 1, &plan()).await;
    assert!(started.elapsed() >= RETRY_PAUSE * 100);
}

#[tokio::test(start_paused = true)]
async fn no_more_frames_than_asked_for_are_on_their_way_and_never_more_than_four() {
    for (asked, expected) in [(1, 1), (3, 3), (4, 4), (9, 4)] {
        let hub = ScriptedHub::new(vec![Answer::After(Duration::from_secs(1)); 20]);
        let (tally, _) = run(
            &hub,
            20,
            &Plan {
                in_flight: asked,
                ..plan()
            },
        )
        .await;
        assert_eq!(tally.confirmed, 20);
        assert_eq!(hub.seen.lock().unwrap().most_open, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn frames_are_paced_and_held_up_frames_are_not_made_up_for() {
    let hub = ScriptedHub::new([Answer::After(Duration::from_secs(10))]);
    let started = Instant::now();
    run(
        &hub,
        3,
        &Plan {
            pause: Duration::from_secs(2),
            ..plan()
        },
    )
    .await;
    // Frame 1 takes 10 s, frame 2 goes at once, frame 3 two seconds later.
    assert_eq!(started.elapsed().as_secs(), 12);
}

#[tokio::test(start_paused = true)]
async fn the_count_ends_it_though_the_source_goes_on() {
    let hub = ScriptedHub::default();
    let (items, _open) = pictures(10, true);
    let plan = Plan {
        count: Some(4),
        ..plan()
    };
    let tally = send_all(hub.clone(), items, &plan, std::future::pending(), |_| ()).await;
    assert_eq!((tally.sent, tally.confirmed, hub.ids().len()), (4, 4, 4));
}

#[tokio::test(start_paused = true)]
async fn a_stop_takes_no_more_frames_and_waits_for_those_on_their_way() {
    let hub = ScriptedHub::new([Answer::After(Duration::from_secs(8))]);
    let (items, _open) = pictures(10, true);
    let mut events = Vec::new();
    let stop = sleep(Duration::from_secs(1));
    let tally = send_all(hub.clone(), items, &plan(), stop, |event| {
        events.push(short(&event));
    })
    .await;
    assert_eq!((tally.sent, tally.unconfirmed()), (1, 0));
    assert_eq!(events, ["stopping 1", "confirmed 1"]);
}

#[tokio::test(start_paused = true)]
async fn frames_that_stay_unconfirmed_are_given_up_after_the_grace_and_said() {
    let hub = ScriptedHub::new([Answer::Never, Answer::Never]);
    let (items, _open) = pictures(10, true);
    let mut events = Vec::new();
    let (stop, stopped) = oneshot::channel::<()>();
    let started = Instant::now();
    let stopped = async {
        let _ = stopped.await;
    };
    drop(stop);
    let plan = Plan {
        in_flight: 2,
        grace: Duration::from_secs(7),
        ..plan()
    };
    let tally = send_all(hub.clone(), items, &plan, stopped, |event| {
        events.push(short(&event));
    });
    let tally = tally.await;
    assert_eq!(
        started.elapsed().as_secs(),
        0,
        "nothing was on its way, so there is no wait"
    );
    assert_eq!(tally, Tally::default());
    assert_eq!(events, ["stopping 0"]);

    let (items, _open) = pictures(10, true);
    let mut events = Vec::new();
    let stop = sleep(Duration::from_secs(1));
    let tally = send_all(hub, items, &plan, stop, |event| events.push(short(&event))).await;
    assert_eq!(started.elapsed().as_secs(), 8);
    assert_eq!((tally.sent, tally.unconfirmed()), (2, 2));
    assert_eq!(
        events,
        ["stopping 2", "given up 1 grace", "given up 2 grace"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_frame_is_given_up_and_the_next_one_flows() {
    let hub = ScriptedHub::new([Answer::Refuse]);
    let (tally, events) = run(&hub, 2, &plan()).await;
    assert_eq!((tally.sent, tally.confirmed), (2, 1));
    assert_eq!(events, ["given up 1 refused", "confirmed 2"]);
}

#[tokio::test(start_paused = true)]
async fn what_the_source_leaves_out_is_counted() {
    let (sender, items) = mpsc::channel(4);
    let reason = SkipReason::Unsendable(PictureError::NotAPicture);
    sender
        .try_send(Item::Skipped(Skipped {
            what: "notes.txt".to_owned(),
            reason,
        }))
        .unwrap();
    sender.try_send(Item::Picture(picture(0))).unwrap();
    drop(sender);
    let mut events = Vec::new();
    let hub = ScriptedHub::default();
    let never = std::future::pending();
    let tally = send_all(hub, items, &plan(), never, |event| {
        events.push(short(&event));
    })
    .await;
    assert_eq!(
        tally,
        Tally {
            sent: 1,
            confirmed: 1,
            reencoded: 0,
            skipped: 1
        }
    );
    assert_eq!(events, ["skipped notes.txt", "confirmed 1"]);
}

#[test]
fn a_picture_of_the_greatest_size_passes_both_gates() {
    for device in ["cam-1", "c".repeat(128).as_str()] {
        let identity = edge_protocol::Identity::new("hub.example", device, None).unwrap();
        let plan = Plan {
            device_id: device.to_owned(),
            ..plan()
        };
        let most = most_picture_bytes(&plan, &identity);
        assert!(
            (200_000..=crate::encode::MOST_BYTES).contains(&most),
            "{most}"
        );
        let mut picture = picture(0);
        picture.content = Content::Other;
        picture.bytes = Bytes::from(vec![0; most]);
        let id = message_id(device, u32::MAX, u64::MAX);
        message(&plan, &id, &picture)
            .unwrap()
            .prepare(&identity)
            .unwrap();
    }
}
