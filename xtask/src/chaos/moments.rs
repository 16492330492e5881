//! Which moment a fault hit, told from the records afterwards.

use super::journal::Frame;
use super::run::Run;

impl Run {
    /// Whether a delivery is out.
    pub(super) fn delivery_moment(&self) -> &'static str {
        match self.records.journal.out() {
            Some(_) => "deliveryOut",
            None => "noDeliveryOut",
        }
    }

    /// What a killed module left: `out` is the delivery that was out when it died, `unsent` the
    /// sealed reports of its ledger.
    pub(super) fn moments_of_module(
        &self,
        out: Option<&(u64, Frame)>,
        unsent: &[String],
    ) -> Vec<&'static str> {
        let journal = &self.records.journal;
        let mut moments = vec![match out {
            None => "noDeliveryOut",
            Some((number, _)) if !journal.is_open(*number) => "pubackOnItsWay",
            Some((_, frame)) if self.is_commit_unheard(frame) => "committedNotPubacked",
            Some(_) => "deliveryNotCommitted",
        }];
        if unsent.iter().any(|id| !journal.reports.contains(id)) {
            moments.push("reportSealedNotAtHub");
        }
        if unsent.iter().any(|id| journal.reports.contains(id)) {
            moments.push("reportAtHubNotMarkedSent");
        }
        moments
    }

    /// What a killed hub left.
    pub(super) fn moments_of_hub(&self) -> Vec<&'static str> {
        let journal = &self.records.journal;
        let mut moments = Vec::new();
        match journal.out() {
            Some((_, frame)) if self.is_commit_unheard(frame) => {
                moments.push("deliveryCommittedPubackNotRead");
            }
            Some(_) => moments.push("deliveryOut"),
            None => {}
        }
        if journal.camera_waits() {
            moments.push("pictureQueuedNotPubacked");
        }
        if journal.report_waits() {
            moments.push("reportQueuedNotPubacked");
        }
        if moments.is_empty() {
            moments.push("idle");
        }
        moments
    }

    /// Whether this picture has more outcomes than the hub has read PUBACKs.
    fn is_commit_unheard(&self, frame: &Frame) -> bool {
        let known = self.records.journal.frames.get(frame);
        known.is_some_and(|known| self.records.committed(frame) > known.acknowledged)
    }
}
