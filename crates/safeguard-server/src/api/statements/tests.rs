//! Who asked for a statement, and so does not approve it.

use safeguard_api::guard::Principal;
use safeguard_api::statement::Outcome;

use super::*;

#[test]
fn nobody_approves_what_an_own_login_asked_also_by_a_credential_for_minutes() {
    let approver = Approver {
        person: "Kim Doe".to_owned(),
        roles: Vec::new(),
        emails: Vec::new(),
        owner_names: vec!["@kim".to_owned()],
        keys: Vec::new(),
        passkey: false,
    };
    let asked = |login: &str, person: Option<&str>| StatementDecision {
        decision: DecisionId::new(1, 1),
        at: Timestamp(1),
        login: login.to_owned(),
        person: person.map(str::to_owned),
        principal: Principal::Agent,
        outcome: Outcome::Refused,
        rule: None,
        sqlstate: None,
        classes: Vec::new(),
        relations: Vec::new(),
        effect: None,
        approved: None,
        undo: None,
        unkept: false,
        frozen: false,
        repeated: 0,
    };
    for (login, person, own) in [
        ("kim", None, true),
        ("Kim~k7f3q2ab", None, true),
        ("coder~k7f3q2ab", Some("kim doe"), true),
        ("coder", None, false),
        ("lee~k7f3q2ab", Some("Lee Roe"), false),
    ] {
        assert_eq!(
            is_own(&approver, &asked(login, person)),
            own,
            "{login} {person:?}"
        );
    }
}
