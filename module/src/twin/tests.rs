use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::settings::Behaviour;

/// Carries every change out but those of one property.
#[derive(Debug, Default)]
struct Obedient {
    refuses: &'static str,
    applied: Vec<Change>,
}

impl Apply for &mut Obedient {
    fn without_http(&mut self) {}

    async fn apply(&mut self, change: Change) -> Outcome {
        if change.name == self.refuses {
            return Err("it cannot be done".to_owned());
        }
        self.applied.push(change);
        Ok(None)
    }
}

fn state(version: u64, properties: Value) -> DesiredState {
    DesiredState {
        version: Some(version),
        properties: Arc::new(match properties {
            Value::Object(members) => members,
            other => panic!("{other} is no object"),
        }),
        ..DesiredState::default()
    }
}

fn follower<'a>(folder: &TempDir, applier: &'a mut Obedient) -> Follower<&'a mut Obedient> {
    let following = Following::new(Behaviour::on(2));
    Follower::new(following, applier, folder.path().to_owned())
}

async fn follow(folder: &TempDir, applier: &mut Obedient, version: u64, properties: Value) {
    let mut follower = follower(folder, applier);
    follower.take_up().await;
    follower.take(state(version, properties)).await;
    follower.keep(Some(version)).await;
}

#[tokio::test]
async fn the_last_good_settings_are_in_force_after_a_start_without_the_hub() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Obedient::default();
    let wanted = json!({"threads": 3, "heartbeat": "soon", "reportInterval": "5s"});
    follow(&folder, &mut first, 7, wanted).await;
    let kept = kept::read(folder.path()).unwrap();
    assert_eq!(kept.version, Some(7));
    // The refused one is not among them.
    assert_eq!(
        Value::Object(kept.properties),
        json!({"threads": 3, "reportInterval": "5s"})
    );

    let mut second = Obedient::default();
    follower(&folder, &mut second).take_up().await;
    let in_force = &second.applied.last().unwrap().behaviour;
    assert_eq!(
        (in_force.threads, in_force.report_interval.as_secs()),
        (3, 5)
    );
}

#[tokio::test]
async fn what_is_kept_and_does_not_fit_any_more_leaves_the_environments_value() {
    let folder = tempfile::tempdir().unwrap();
    follow(
        &folder,
        &mut Obedient::default(),
        7,
        json!({"threads": 3, "labels": {"good": ["ripe"]}}),
    )
    .await;
    let mut with_another_model = Obedient {
        refuses: "labels",
        ..Obedient::default()
    };
    follower(&folder, &mut with_another_model).take_up().await;
    let in_force = &with_another_model.applied.last().unwrap().behaviour;
    assert_eq!(in_force.threads, 3);
    assert_eq!(in_force.labels, Behaviour::on(2).labels);
}

#[tokio::test]
async fn what_the_hub_does_not_desire_any_more_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    follow(&folder, &mut Obedient::default(), 7, json!({"threads": 3})).await;
    let mut later = Obedient::default();
    follow(&folder, &mut later, 8, json!({})).await;
    assert_eq!(later.applied.last().unwrap().behaviour, Behaviour::on(2));
    assert!(kept::read(folder.path()).unwrap().properties.is_empty());
}

#[tokio::test]
async fn a_hub_that_does_not_know_the_twin_yet_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    follow(&folder, &mut Obedient::default(), 7, json!({"threads": 3})).await;
    let mut later = Obedient::default();
    let mut follower = follower(&folder, &mut later);
    follower.take_up().await;
    follower.take(DesiredState::default()).await;
    follower.keep(None).await;
    assert_eq!(later.applied.last().unwrap().behaviour.threads, 3);
    let kept = kept::read(folder.path()).unwrap();
    assert_eq!(
        (kept.version, &kept.properties["threads"]),
        (Some(7), &json!(3))
    );
}

#[tokio::test]
async fn what_failed_at_the_start_is_tried_again_when_the_hub_asks_for_it() {
    let folder = tempfile::tempdir().unwrap();
    follow(&folder, &mut Obedient::default(), 7, json!({"threads": 3})).await;
    let mut busy = Obedient {
        refuses: "threads",
        ..Obedient::default()
    };
    let mut follower = follower(&folder, &mut busy);
    follower.take_up().await;
    follower.applier.refuses = "";
    follower.take(state(7, json!({"threads": 3}))).await;
    assert_eq!(busy.applied.last().unwrap().behaviour.threads, 3);
}

#[tokio::test]
async fn a_damaged_file_and_a_folder_that_cannot_be_written_hold_up_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(kept::FILE), "garbage").unwrap();
    std::fs::create_dir(folder.path().join(format!("{}.new", kept::FILE))).unwrap();
    let mut applier = Obedient::default();
    follow(&folder, &mut applier, 7, json!({"threads": 3})).await;
    assert_eq!(applier.applied.last().unwrap().behaviour.threads, 3);
}
