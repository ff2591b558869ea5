//! Specs that the API server admits and the operator cannot carry out, out of the one table of cases.

#[allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::panic,
    clippy::unwrap_used,
    reason = "each test reads a part of the table"
)]
#[path = "../../../api/tests/admission/cases.rs"]
mod cases;

use cases::Expect;
use sei_api::conditions::{ConditionType, Reason};
use sei_plan::Outcome;

use crate::life::Life;

#[test]
fn what_only_the_operator_can_refuse_gets_no_plan_and_is_told() {
    let mut told = 0;
    for case in cases::all() {
        let spec = case.object["spec"].clone();
        match case.expect {
            Expect::Stalled(part) => {
                let mut life = Life::new(spec);
                life.pass(Vec::new(), &Outcome::Done).unwrap();
                let status = life.node.status.as_ref().unwrap();
                let said = status.condition(ConditionType::Stalled).unwrap();
                assert_eq!(said.reason, Reason::InvalidSpec.as_str(), "{}", case.name);
                assert!(said.message.contains(&part), "{}: {}", case.name, said.message);
                assert_eq!(status.plan, None, "{}", case.name);
                told += 1;
            }
            Expect::Admitted if case.old.is_none() => {
                let mut life = Life::new(spec);
                life.pass(Vec::new(), &Outcome::Done).unwrap();
                assert!(life.node.status.as_ref().unwrap().plan.is_some(), "{} gets its plan", case.name);
            }
            _ => {}
        }
    }
    assert!(told >= 15, "{told}");
}
