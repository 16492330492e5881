//! Sums that do not agree: refused by the store, and found by a verification.

use super::*;

#[test]
fn a_sum_that_disagrees_is_never_committed() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(&dir);
    ledger.record(&frame(1), &model()).unwrap();
    let broken = ledger.commit("break a sum", |change| {
        change.execute_batch("UPDATE frame_sum SET received = received + 1")
    });
    assert_eq!(broken.unwrap_err().kind(), LedgerErrorKind::Damaged);
    assert_eq!(received(&ledger), 1);
}

#[test]
fn verification_finds_each_kind_of_wrong_sum() {
    let check = |tamper: &str, finding: &str| {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = open(&dir);
        let mut rejected = frame(4);
        rejected.outcome = Outcome::Rejected(RejectReason::Empty);
        for taken in [frame(1), rejected] {
            ledger.record(&taken, &model()).unwrap();
        }
        ledger.seal_all(now(2), &software()).unwrap();
        ledger.record(&frame(2), &model()).unwrap();
        assert_eq!(received(&ledger), 3);
        ledger
            .connection
            .execute_batch("PRAGMA ignore_check_constraints = 1")
            .unwrap();
        ledger.connection.execute_batch(tamper).unwrap();
        let findings = ledger.verify().unwrap().findings;
        assert!(
            findings.iter().any(|f| f.contains(finding)),
            "{tamper}: {findings:#?}"
        );
    };
    check(
        "UPDATE frame_sum SET received = 9 WHERE scope = 0",
        "received 9, expected 1",
    );
    check(
        "UPDATE frame_sum SET received = 9 WHERE scope > 0",
        "open window of camera",
    );
    check(
        "DELETE FROM named_sum WHERE scope = 0 AND kind = 'rejected'",
        "received 2, expected 1",
    );
    check("DELETE FROM frame_sum WHERE scope > 0", "expected");
    check(
        "DELETE FROM frame_sum WHERE scope = -1",
        "sealed sums of camera",
    );
    check(
        "UPDATE named_sum SET number = 5 WHERE scope = 0 AND kind = 'fruit'",
        "totals of camera",
    );
    check("DELETE FROM report", "0 reports, expected 1");
    check(
        "UPDATE ledger SET next_sequence = 3",
        "1 reports, expected 2",
    );
    check(
        "UPDATE report SET body = CAST(replace(CAST(body AS TEXT), '\"received\":2', \
         '\"received\":1') AS BLOB)",
        "is not the sum of its cameras",
    );
    check("UPDATE report SET sequence = 2", "expected");
    check(
        "INSERT INTO remembered (camera, id, content)
         SELECT camera, id, content FROM remembered WHERE ordinal = 1",
        "1 frames of camera \"",
    );
}
