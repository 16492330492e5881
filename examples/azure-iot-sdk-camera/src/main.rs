//! A camera on the crate `azure_iot_sdk` 0.8: an independent leaf device for the development
//! hub. It sends pictures from files or folders, each as one message.
//!
//! It shows what the crate can do behind a gateway, and so also what it cannot: every message
//! goes out at QoS 0, so "written" below means handed to the operating system and nothing
//! more. The README says what can be lost, `docs/decisions/0001` what follows from it.

mod connection;
mod options;
mod pictures;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use azure_iot_sdk::{DeviceKeyTokenSource, IoTHubClient, Message};

use connection::Connection;
use options::Options;
use pictures::Picture;

/// Connecting has no deadline inside the crate.
const CONNECT_WITHIN: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Options::parse(std::env::args_os().skip(1)) {
        Ok(Some(options)) => run(options).await,
        Ok(None) => {
            print!("{}", options::HELP);
            Ok(())
        }
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("azure-iot-sdk-camera: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> anyhow::Result<()> {
    let connection = Connection::read(&options.connection)?;
    let pictures = pictures::find(&options.paths)?;
    let mut client = connect(&connection).await?;
    println!("connected to {}:8883", connection.dial);
    // Taken and read, or the hub's answers to pings lie unread in the socket; closing such a
    // socket resets the connection, and a reset may overtake the last pictures.
    let mut received = client.get_receiver().await;
    tokio::spawn(async move { while received.recv().await.is_some() {} });

    for (number, picture) in pictures.iter().enumerate() {
        if number > 0 && !options.pause.is_zero() {
            tokio::time::sleep(options.pause).await;
        }
        send(&client, message(picture, &options)?)
            .await
            .with_context(|| format!("cannot write {}", picture.id))?;
        println!("written {}", picture.id);
    }
    // The crate closes nothing and waits for nothing: without this pause the end of the
    // process races with the last bytes.
    tokio::time::sleep(options.linger).await;
    Ok(())
}

/// Connects to the gateway. The crate has one name for what is dialled, for the user name
/// and, if it makes the token itself, for the audience; the token is therefore made apart,
/// for the IoT Hub that the connection string names.
async fn connect(connection: &Connection) -> anyhow::Result<IoTHubClient> {
    let token = DeviceKeyTokenSource::new(&connection.hub, &connection.device, &connection.key)
        .map_err(|error| anyhow!("the key in the connection string: {error:?}"))?;
    let client = IoTHubClient::new(&connection.dial, connection.device.clone(), token);
    tokio::time::timeout(CONNECT_WITHIN, client)
        .await
        .context("the hub did not accept us in time")?
        .map_err(|error| anyhow!("{error}"))
        .with_context(|| format!("cannot connect to {}:8883", connection.dial))
}

/// Writes one message. In a task of its own, because the crate panics on a topic that its MQTT
/// library refuses: it encodes properties as a form does, so a space becomes `+`, and that
/// is a wildcard.
async fn send(client: &IoTHubClient, message: Message) -> anyhow::Result<()> {
    let mut client = client.clone();
    let written = tokio::spawn(async move {
        let written = client.send_message(message).await;
        written.map_err(|error| error.to_string())
    });
    match written.await {
        Ok(written) => written.map_err(|error| anyhow!(error)),
        Err(_) => bail!("azure_iot_sdk panicked, as it does on a space in a property"),
    }
}

fn message(picture: &Picture, options: &Options) -> anyhow::Result<Message> {
    let mut message = Message::builder()
        .set_body(picture.bytes()?)
        .set_message_id(picture.id.clone())
        .set_content_type(picture.content_type().to_owned());
    for (name, value) in &options.properties {
        message = message.add_message_property(name.clone(), value.clone());
    }
    Ok(message.build())
}
