//! Conditions of a status.

use serde_json::Value;

static NONE: Value = Value::Null;

/// The condition of this type; null where there is none, or no status.
pub fn of<'a>(status: &'a Value, kind: &str) -> &'a Value {
    status["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == kind)
        .unwrap_or(&NONE)
}

/// Whether it is true.
pub fn holds(status: &Value, kind: &str) -> bool {
    of(status, kind)["status"] == "True"
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_there_is_null_and_does_not_hold() {
        let status = json!({"conditions": [
            {"type": "Ready", "status": "True"},
            {"type": "Enforced", "status": "False", "reason": "ProxyBehind"},
        ]});
        assert!(holds(&status, "Ready"));
        assert!(!holds(&status, "Enforced"));
        assert_eq!(of(&status, "Enforced")["reason"], "ProxyBehind");
        assert_eq!(of(&status, "Other"), &NONE);
        assert_eq!(of(&NONE, "Ready"), &NONE);
    }
}
