//! Twins and direct methods, both sides whole.

use std::time::Duration;

use devhub::hub::{DesiredError, Fault, MethodCall, MethodOutcome, Twins};
use devhub::server::RemoteError;
use devhub::testing::TestHub;
use edge_client::{ReportError, Setting, Started, Status, TwinStatus, Value, json};

use crate::site::{MODULE, PATIENCE, hub, module, status, within};

async fn patch(hub: &TestHub, patch: Value) -> Result<Value, RemoteError> {
    let id = hub.identities().module_id(MODULE);
    let members = patch.as_object().unwrap().clone();
    hub.remote().patch_desired(id, members).await
}

fn call(hub: &TestHub, name: &str) -> MethodCall {
    MethodCall {
        target: hub.identities().module_id(MODULE),
        name: name.to_owned(),
        payload: json!({"n": 1}),
        response_timeout: Duration::from_secs(30),
        connect_timeout: Duration::from_secs(30),
    }
}

#[tokio::test]
async fn checklist_38_desired_properties_come_whole_at_each_version_and_after_a_reconnect() {
    let hub = hub()
        .desired(MODULE, json!({"limit": 3}))
        .start()
        .await
        .unwrap();
    let mut module = edge_client::start(module(&hub));
    let first = within("a state", module.desired.next()).await.unwrap();
    assert_eq!(
        Value::Object((*first.properties).clone()),
        json!({"limit": 3})
    );
    patch(&hub, json!({"more": {"a": 1}})).await.unwrap();
    let second = within("a state", module.desired.next()).await.unwrap();
    assert_eq!(second.version, first.version.map(|version| version + 1));
    assert_eq!(
        Value::Object((*second.properties).clone()),
        json!({"limit": 3, "more": {"a": 1}})
    );
    // Nothing is queued for a module that is away: it asks when it is back.
    module.client.hold().await;
    status(&module.client, |status| matches!(status, Status::Held)).await;
    patch(&hub, json!({"limit": null})).await.unwrap();
    patch(&hub, json!({"more": {"b": 2}})).await.unwrap();
    module.client.resume().await;
    let third = within("a state", module.desired.next()).await.unwrap();
    assert_eq!(
        Value::Object((*third.properties).clone()),
        json!({"more": {"a": 1, "b": 2}})
    );
    assert_eq!(third.version, first.version.map(|version| version + 3));
    let refused = patch(&hub, json!({"$x": 1})).await;
    assert!(matches!(
        refused,
        Err(RemoteError::Desired(DesiredError::Patch(_)))
    ));
}

#[tokio::test]
async fn checklist_38_a_bad_value_keeps_the_old_one_and_says_so_in_the_twin() {
    let hub = hub()
        .desired(MODULE, json!({"limit": 3}))
        .start()
        .await
        .unwrap();
    let Started {
        client,
        mut desired,
        ..
    } = edge_client::start(module(&hub));
    let mut limit = Setting::new("limit", 1);
    let read = |value: &Value| value.as_i64().ok_or("expected a whole number");
    for (wanted, value, code) in [(None, 3, 200), (Some(json!({"limit": "many"})), 3, 400)] {
        if let Some(wanted) = wanted {
            patch(&hub, wanted).await.unwrap();
        }
        let state = within("a state", desired.next()).await.unwrap();
        let answer = limit.follow(&state, read);
        assert_eq!(*limit.value(), value);
        within(
            "an answer",
            client.report(&json!({ limit.name(): answer.to_value() })),
        )
        .await
        .unwrap();
        let twin = hub.twin(MODULE).await.unwrap();
        let reported = &twin["reported"]["limit"];
        assert_eq!(
            (&reported["value"], &reported["ac"]),
            (&json!(value), &json!(code))
        );
        assert_eq!(reported["av"].as_u64(), state.version);
    }
}

#[tokio::test]
async fn checklist_37_a_twin_that_fails_or_stays_silent_is_asked_again() {
    for twins in [Twins::Failing, Twins::Ignored] {
        let hub = hub()
            .desired(MODULE, json!({"limit": 3}))
            .start()
            .await
            .unwrap();
        hub.remote().inject(Fault::Twins(twins)).await.unwrap();
        let mut config = module(&hub);
        config.timings.twin_deadline = Duration::from_millis(200);
        let Started {
            client,
            mut desired,
            ..
        } = edge_client::start(config);
        let mut known = client.twin_status();
        within(
            "a failed request",
            known.wait_for(|status| {
                matches!(
                    status,
                    TwinStatus::Unknown {
                        last_failure: Some(_),
                        ..
                    }
                )
            }),
        )
        .await
        .unwrap();
        let report = within("an answer", client.report(&json!({"a": 1}))).await;
        match twins {
            Twins::Failing => assert!(matches!(
                report,
                Err(ReportError::Refused { status: 500, .. })
            )),
            _ => assert!(
                matches!(report, Err(ReportError::TimedOut { .. })),
                "{report:?}"
            ),
        }
        // The connection was never at fault.
        assert_eq!(hub.counters().await.connections, 1);
        hub.remote()
            .inject(Fault::Twins(Twins::Answered))
            .await
            .unwrap();
        let state = within("a state", desired.next()).await.unwrap();
        assert_eq!(state.properties["limit"], 3);
        within("an answer", client.report(&json!({"a": 1})))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn checklist_39_a_method_is_answered_once_and_one_without_a_handler_is_501() {
    let hub = hub().start().await.unwrap();
    let Started {
        client,
        mut methods,
        deliveries,
        desired,
    } = edge_client::start(module(&hub));
    status(&client, Status::is_connected).await;
    let asked = hub.remote().invoke(call(&hub, "total"));
    let answered = async {
        let call = within("a call", methods.next()).await.unwrap();
        assert_eq!((call.name(), call.payload()), ("total", &json!({"n": 1})));
        call.answer(207, &json!({"total": 12})).unwrap();
    };
    let (outcome, ()) = tokio::join!(asked, answered);
    let payload = json!({"total": 12});
    assert_eq!(
        outcome.unwrap(),
        MethodOutcome::Answered {
            status: 207,
            payload
        }
    );

    // Dropped without an answer.
    let asked = hub.remote().invoke(call(&hub, "total"));
    let (outcome, call) = tokio::join!(asked, async {
        drop(within("a call", methods.next()).await);
    });
    let (
        (),
        MethodOutcome::Answered {
            status: dropped,
            payload,
        },
    ) = (call, outcome.unwrap())
    else {
        panic!("no answer");
    };
    assert!(dropped == 500 && payload.is_object(), "{dropped} {payload}");

    // Nobody takes methods any more.
    drop(methods);
    let outcome = hub.remote().invoke(call_of(&hub)).await.unwrap();
    let MethodOutcome::Answered {
        status: unknown,
        payload,
    } = outcome
    else {
        panic!("{outcome:?}");
    };
    assert_eq!(unknown, 501);
    assert!(payload.to_string().contains("total"), "{payload}");
    drop((client, deliveries, desired));
}

fn call_of(hub: &TestHub) -> MethodCall {
    call(hub, "total")
}

#[tokio::test]
async fn a_call_that_came_while_the_module_was_away_reaches_it_when_it_is_back() {
    let hub = hub().start().await.unwrap();
    let remote = hub.remote().clone();
    let parked = call(&hub, "total");
    let asked = tokio::spawn(async move { remote.invoke(parked).await });
    let mut module = edge_client::start(module(&hub));
    // edgeHub gives the module 3 s after its subscription.
    let call = within("a call", module.methods.next()).await.unwrap();
    call.answer(200, &json!(null)).unwrap();
    let outcome = tokio::time::timeout(PATIENCE, asked)
        .await
        .unwrap()
        .unwrap();
    assert!(matches!(
        outcome,
        Ok(MethodOutcome::Answered { status: 200, .. })
    ));
}
