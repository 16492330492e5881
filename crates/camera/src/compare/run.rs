//! The order of a comparison.
//!
//! Each picture goes to one side and then to the other, and who is first changes with every
//! sending, so that neither always finds the machine and the network as the other left them.

use super::client::{Client, ClientError, Exchange};
use super::pictures::{LeftOut, Picture};
use super::summary::{Connections, Detail, SideSummary, Summary, Traffic};
use super::tally::Tally;
use super::timing::Timing;
use super::{Both, Side};
use bytes::Bytes;
use std::pin::pin;

/// How much is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// How often each picture is sent to be timed, at least once; the first time is compared.
    pub repeat: u32,
    /// How often the first picture is sent before that.
    pub warm_up: u32,
}

/// What happens meanwhile.
#[derive(Debug)]
pub enum Event<'a> {
    /// A picture is compared.
    Compared(&'a Detail<'a>),
    /// A file is not sent.
    LeftOut(&'a LeftOut),
}

/// What came of it.
#[derive(Debug)]
pub struct Done {
    /// What was found, until the end or until an endpoint failed.
    pub summary: Summary,
    /// Why it ended early.
    pub failure: Option<ClientError>,
    /// Whether it was stopped.
    pub stopped: bool,
}

/// Sends the pictures to both and compares what they say, until the end or until `stop` is done;
/// a picture that is on its way then is given up.
pub async fn compare(
    plan: Plan,
    clients: &mut Both<Client>,
    pictures: impl Iterator<Item = Result<Picture, LeftOut>>,
    stop: impl Future<Output = ()>,
    mut observe: impl FnMut(Event<'_>),
) -> Done {
    let mut stop = pin!(stop);
    let mut course = Course {
        plan,
        clients,
        tally: Tally::default(),
        pictures: 0,
        left_out: 0,
        left_first: true,
    };
    let (mut failure, mut stopped) = (None, false);
    for picture in pictures {
        match picture {
            Ok(picture) => {
                let compared = tokio::select! {
                    compared = course.picture(&picture, &mut observe) => compared,
                    () = &mut stop => {
                        stopped = true;
                        break;
                    }
                };
                if let Err(error) = compared {
                    failure = Some(error);
                    break;
                }
            }
            Err(left_out) => {
                course.left_out += 1;
                observe(Event::LeftOut(&left_out));
            }
        }
    }
    Done {
        summary: course.summary(),
        failure,
        stopped,
    }
}

/// A comparison under way.
struct Course<'a> {
    plan: Plan,
    clients: &'a mut Both<Client>,
    tally: Tally,
    pictures: u64,
    left_out: u64,
    left_first: bool,
}

impl Course<'_> {
    async fn picture(
        &mut self,
        picture: &Picture,
        observe: &mut impl FnMut(Event<'_>),
    ) -> Result<(), ClientError> {
        if self.pictures == 0 {
            for _ in 0..self.plan.warm_up {
                self.ask_both(&picture.bytes).await?;
            }
        }
        // However often each is sent, half of the first times are the left side's to begin.
        self.left_first = self.pictures.is_multiple_of(2);
        let first = self.ask_both(&picture.bytes).await?;
        self.measure(&first);
        for _ in 1..self.plan.repeat {
            let again = self.ask_both(&picture.bytes).await?;
            self.measure(&again);
        }
        self.pictures += 1;
        let detail = self.tally.compare(&picture.name, &first);
        observe(Event::Compared(&detail));
        Ok(())
    }

    async fn ask_both(&mut self, picture: &Bytes) -> Result<Both<Exchange>, ClientError> {
        let Both { left, right } = &mut *self.clients;
        let left_first = self.left_first;
        self.left_first = !left_first;
        if left_first {
            let left = left.ask(picture).await?;
            let right = right.ask(picture).await?;
            Ok(Both { left, right })
        } else {
            let right = right.ask(picture).await?;
            let left = left.ask(picture).await?;
            Ok(Both { left, right })
        }
    }

    fn measure(&mut self, said: &Both<Exchange>) {
        for side in [Side::Left, Side::Right] {
            self.tally.measure(side, said.of(side));
        }
    }

    fn summary(&self) -> Summary {
        Summary {
            pictures: self.pictures,
            left_out: self.left_out,
            repeat: self.plan.repeat,
            warm_up: self.plan.warm_up,
            agreement: self.tally.agreement(),
            difference: self.tally.difference(),
            labels: self.tally.labels(),
            tops: self.tally.tops(),
            left: self.side(Side::Left),
            right: self.side(Side::Right),
        }
    }

    fn side(&self, side: Side) -> SideSummary {
        let client = self.clients.of(side);
        let tcp: Vec<_> = client.openings().iter().map(|o| o.tcp).collect();
        let tls: Vec<_> = client.openings().iter().filter_map(|o| o.tls).collect();
        let (sent_per_picture, received_per_picture) = self.tally.per_picture(side);
        SideSummary {
            url: client.endpoint().to_string(),
            key_sent: client.sends_key(),
            milliseconds: self.tally.timing(side),
            connections: Connections {
                opened: tcp.len() as u64,
                tcp_milliseconds: Timing::of(&tcp).p50,
                tls_milliseconds: (!tls.is_empty()).then(|| Timing::of(&tls).p50),
            },
            bytes: Traffic {
                sent: client.bytes().sent,
                received: client.bytes().received,
                sent_per_picture,
                received_per_picture,
            },
            waits: client.waits(),
            refused: self.tally.refused(side),
        }
    }
}
